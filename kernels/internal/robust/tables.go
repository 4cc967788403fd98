package robust

import "math"

// Tables is what a bracket's merge looks up.
type Tables struct {
	// Tone is T and Fine is F∘T at the levels: the merged luma of a scene level, and the detail law at it.
	Tone, Fine [Levels]float64
	// Law is F over [0,1], Detail segments.
	Law [Detail + 1]float64

	photos []transfer
	best   [Levels]float64 // the photos' greatest slope, at least 10⁻³
}

// level is the scene level of entry k.
func level(k int) float64 { return (float64(k) + 0.5) / Levels }

// levels are the scene levels of the entries.
var levels = func() (x [Levels]float64) {
	for k := range x {
		x[k] = level(k)
	}
	return x
}()

// NewTables makes the tables.
func NewTables(s *Summary) *Tables {
	t := &Tables{photos: transfers(s)}
	for k := range t.best {
		t.best[k] = 1e-3
		for i := range t.photos {
			t.best[k] = max(t.best[k], t.photos[i].slope[k])
		}
	}
	need := need(&s.Windows)
	share := t.tone(&need)
	t.lift(&share, &s.All)
	t.detail(&share)
	return t
}

// Curves are Tone and Fine as the pixels look them up, from half a level before the first entry on: T, its step to the next entry, F∘T, its step.
func (t *Tables) Curves() *[Levels + 1][4]float32 {
	var c [Levels + 1][4]float32
	for j := range c {
		k, next := max(j-1, 0), min(j, Levels-1)
		c[j] = [4]float32{float32(t.Tone[k]), float32(t.Tone[next] - t.Tone[k]), float32(t.Fine[k]), float32(t.Fine[next] - t.Fine[k])}
	}
	return &c
}

// LawSteps is Law as the pixels look it up: F, its step to the next entry.
func (t *Tables) LawSteps() *[Detail + 1][2]float32 {
	var c [Detail + 1][2]float32
	for k, v := range t.Law {
		c[k] = [2]float32{float32(v), float32(t.Law[min(k+1, Detail)] - v)}
	}
	return &c
}

// tone chooses the slope shares ρ in [0.05,1] of each level: Σ need·2ρ/(1+ρ²) is largest while Σ ρ·best/256
// stays within 1, and sets Tone to their cumulated sum.
func (t *Tables) tone(need *[Levels]float64) (share [Levels]float64) {
	best := &t.best
	total := func(price float64) (s float64) {
		for k := range share {
			q := 4 / (1 + math.Sqrt(1+4*price*best[k]/need[k])) // 1+ρ², where the derivative is the price
			share[k] = max(0.05, math.Sqrt(max(0, q-1)))
			s += share[k] * best[k] / Levels
		}
		return s
	}
	lo, hi := 1e-12, 1e6
	for {
		c := math.Sqrt(lo * hi)
		if over := total(c) > 1; over && c != lo {
			lo = c
		} else if !over && c != hi {
			hi = c
		} else {
			break // nothing lies between
		}
	}
	scale := min(1, 1/total(hi))
	var sum float64
	for k := range share {
		share[k] *= scale
		sum += share[k] * best[k] / Levels
		t.Tone[k] = sum
	}
	first := t.Tone[0] / 2
	shift := max(0, (1-(t.Tone[Levels-1]-first))/2) - first
	for k := range t.Tone {
		t.Tone[k] += shift
	}
	return share
}

// least is the mean luma below which a merge counts as dark.
const least = 0.36

// lift anchors the tone: a flat wall asks for slope at its own level only, and with
// nothing below it would come out black. Where the picture's mean would fall below least, the scene
// level itself, the mean of the photos, is mixed into the tone until it does not.
// Both rise, so the mixture does.
func (t *Tables) lift(share *[Levels]float64, count *[Levels]uint32) {
	var total, mean, plain float64
	for _, n := range count {
		total += float64(n)
	}
	for k, n := range count {
		mean += float64(n) * t.Tone[k] / total
		plain += float64(n) * level(k) / total
	}
	if mean >= least || plain <= mean {
		return
	}
	b := min(1, (least-mean)/(plain-mean))
	for k := range share {
		share[k] = min(1, (1-b)*share[k]+b/t.best[k])
		t.Tone[k] = (1-b)*t.Tone[k] + b*level(k)
	}
}

// detail cumulates gain·T', gain being what gives a level its best photo's contrast back, 5 at most.
func (t *Tables) detail(share *[Levels]float64) {
	s, d := smooth(share, 3), gradient(&t.Tone)
	var sum float64
	for k := range t.Fine {
		sum += min(5, 1/max(s[k], 1e-3)) * d[k]
		t.Fine[k] = sum
	}
	law := line{xs: t.Tone[:], ys: t.Fine[:]}
	for j := range t.Law {
		t.Law[j] = law.at(float64(j) / Detail)
	}
}
