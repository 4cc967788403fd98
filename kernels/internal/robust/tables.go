package robust

import "math"

// Tables is what a bracket's merge looks up.
type Tables struct {
	// Tone is T and Fine is F∘T at the levels: the merged luma of a scene level, and the detail law at it.
	Tone, Fine [Levels]float64
	// Law is F over [0,1], Detail segments.
	Law [Detail + 1]float64
	// Weights are the photos' shares of the colour by scene level, of Unit; their sum is Unit.
	Weights [][Bins]uint16
	// Back is, per photo, the scene level of a luma and how much that is to be trusted.
	Back [][Inverse + 1]Scene
}

// Scene is a scene level and its weight.
type Scene struct{ Level, Trust float64 }

// x is the scene level of entry k.
func level(k int) float64 { return (float64(k) + 0.5) / Levels }

// NewTables makes the tables from the photos' reduced lumas (16 bits) and which of the reduced pixels are valid in
// all of them (nil: all).
func NewTables(p Plan, low [][]uint16, valid []bool) *Tables {
	scene := make([]uint8, p.LW*p.LH) // mean of the photos, in levels
	for i := range scene {
		var s uint64
		for _, l := range low {
			s += uint64(l[i])
		}
		scene[i] = uint8(s / uint64(len(low)) >> 8)
	}
	if !any(valid) {
		valid = nil
	}
	phi := transfers(low, scene, valid)
	slope := make([][]float64, len(phi))
	best := make([]float64, Levels)
	for i, f := range phi {
		slope[i] = gradient(smooth(f, 2.5))
		for k := range slope[i] {
			slope[i][k] = max(0, slope[i][k]*Levels)
			best[k] = max(best[k], slope[i][k], 1e-3)
		}
	}
	t := &Tables{}
	share := t.tone(need(p, scene), best)
	t.lift(share, best, scene)
	t.detail(share)
	t.weights(phi, slope, best)
	t.back(phi, slope)
	return t
}

func any(v []bool) bool {
	for _, b := range v {
		if b {
			return true
		}
	}
	return false
}

// transfers are the mean lumas of each photo at the scene levels: a local line through the reduced
// pixels, Gaussian weights of σ 4 levels, made monotone.
func transfers(low [][]uint16, scene []uint8, valid []bool) [][]float64 {
	var count [Levels]float64
	for i, k := range scene {
		if valid == nil || valid[i] {
			count[k]++
		}
	}
	var window [25]float64
	for i := range window {
		window[i] = math.Exp(-0.5 * sqr(float64(i-12)/4))
	}
	moments := func(v *[Levels]float64) (m [3][Levels]float64) {
		for k := range Levels {
			for i, g := range window {
				if j := k + i - 12; j >= 0 && j < Levels {
					a := g * v[j]
					m[0][k] += a
					m[1][k] += a * level(j)
					m[2][k] += a * sqr(level(j))
				}
			}
		}
		return m
	}
	a := moments(&count)
	phi := make([][]float64, len(low))
	for n, l := range low {
		var sum [Levels]uint64
		for i, k := range scene {
			if valid == nil || valid[i] {
				sum[k] += uint64(l[i])
			}
		}
		var mean [Levels]float64
		for k, s := range sum {
			mean[k] = float64(s) / 65535
		}
		b := moments(&mean)
		var xs, ys []float64
		for k := range Levels {
			if a[0][k] < 1 {
				continue
			}
			var s float64
			if d := a[0][k]*a[2][k] - sqr(a[1][k]); d > 1e-9*sqr(a[0][k]) {
				s = (a[0][k]*b[1][k] - a[1][k]*b[0][k]) / d
			}
			xs = append(xs, level(k))
			ys = append(ys, (b[0][k]-s*a[1][k])/a[0][k]+s*level(k))
		}
		f := make([]float64, Levels)
		for k := range f {
			f[k] = min(1, max(0, interpolate(level(k), xs, ys)))
			if k > 0 {
				f[k] = max(f[k], f[k-1])
			}
		}
		phi[n] = f
	}
	return phi
}

// tone chooses the slope shares ρ in [0.05,1] of each level: Σ need·2ρ/(1+ρ²) is largest while Σ ρ·best/256
// stays within 1, and sets Tone to their cumulated sum.
func (t *Tables) tone(need [Levels]float64, best []float64) []float64 {
	share := make([]float64, Levels)
	total := func(price float64) (s float64) {
		for k := range share {
			q := 4 / (1 + math.Sqrt(1+4*price*best[k]/need[k])) // 1+ρ², where the derivative is the price
			share[k] = max(0.05, math.Sqrt(max(0, q-1)))
			s += share[k] * best[k] / Levels
		}
		return s
	}
	lo, hi := 1e-12, 1e6
	for range 100 {
		if c := math.Sqrt(lo * hi); total(c) > 1 {
			lo = c
		} else {
			hi = c
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
func (t *Tables) lift(share, best []float64, scene []uint8) {
	var count [Levels]float64
	for _, k := range scene {
		count[k]++
	}
	var mean, plain float64
	for k, n := range count {
		mean += n * t.Tone[k] / float64(len(scene))
		plain += n * level(k) / float64(len(scene))
	}
	if mean >= least || plain <= mean {
		return
	}
	b := min(1, (least-mean)/(plain-mean))
	for k := range share {
		share[k] = min(1, (1-b)*share[k]+b/best[k])
		t.Tone[k] = (1-b)*t.Tone[k] + b*level(k)
	}
}

// detail cumulates gain·T', gain being what gives a level its best photo's contrast back, 5 at most.
func (t *Tables) detail(share []float64) {
	s, d := smooth(share, 3), gradient(t.Tone[:])
	var sum float64
	for k := range t.Fine {
		sum += min(5, 1/max(s[k], 1e-3)) * d[k]
		t.Fine[k] = sum
	}
	for j := range t.Law {
		t.Law[j] = interpolate(float64(j)/Detail, t.Tone[:], t.Fine[:])
	}
}

// weights prefer the photos that show a level with contrast and near its merged luma.
func (t *Tables) weights(phi, slope [][]float64, best []float64) {
	w := make([][]float64, len(phi))
	for i := range w {
		w[i] = make([]float64, Levels)
		for k := range w[i] {
			d := phi[i][k] - t.Tone[k]
			w[i][k] = sqr(sqr(slope[i][k]/best[k]+0.01))*math.Exp(-sqr(d)/(2*sqr(0.15))) + 1e-6*math.Exp(-20*math.Abs(d))
		}
	}
	unitSum(w)
	for i := range w {
		w[i] = smooth(w[i], 4)
	}
	t.Weights = make([][Bins]uint16, len(phi))
	v := make([]float64, len(w))
	for j := range Bins {
		var sum float64
		at := min(max((float64(j)+0.5)*Levels/Bins-0.5, 0), Levels-1)
		k := min(int(at), Levels-2)
		for i := range w {
			v[i] = w[i][k] + (w[i][k+1]-w[i][k])*(at-float64(k))
			sum += v[i]
		}
		var kept float64 // a photo with less than 1/512 is left out
		for i := range v {
			if v[i] < sum/512 {
				v[i] = 0
			}
			kept += v[i]
		}
		left, most := Unit, 0
		for i := range v {
			n := int(v[i]/kept*Unit + 0.5)
			t.Weights[i][j] = uint16(n)
			left -= n
			if v[i] > v[most] {
				most = i
			}
		}
		t.Weights[most][j] = uint16(int(t.Weights[most][j]) + left)
	}
}

// back inverts the transfers; a photo is trusted where it shows contrast.
func (t *Tables) back(phi, slope [][]float64) {
	x, y := make([]float64, Levels), make([]float64, Levels)
	for k := range x {
		x[k] = level(k)
	}
	t.Back = make([][Inverse + 1]Scene, len(phi))
	for i := range phi {
		for k := range y {
			y[k] = phi[i][k] + 1e-6*x[k] // rises, so that it has an inverse
		}
		for j := range t.Back[i] {
			g := interpolate(float64(j)/Inverse, y, x)
			t.Back[i][j] = Scene{g, interpolate(g, x, slope[i]) + 1e-4}
		}
	}
}

// unitSum divides the entries by their sum over the photos.
func unitSum(w [][]float64) {
	for k := range Levels {
		var s float64
		for i := range w {
			s += w[i][k]
		}
		for i := range w {
			w[i][k] /= s
		}
	}
}

func sqr(v float64) float64 { return v * v }

// interpolate is the value at x of the polygon through (xs, ys), xs rising, constant beyond its ends.
func interpolate(x float64, xs, ys []float64) float64 {
	if x <= xs[0] {
		return ys[0]
	}
	n := len(xs)
	if x >= xs[n-1] {
		return ys[n-1]
	}
	lo, hi := 0, n-1
	for hi-lo > 1 {
		if m := (lo + hi) / 2; xs[m] <= x {
			lo = m
		} else {
			hi = m
		}
	}
	return ys[lo] + (ys[hi]-ys[lo])*(x-xs[lo])/(xs[hi]-xs[lo])
}

// gradient is the central difference per entry, one-sided at the ends.
func gradient(t []float64) []float64 {
	d := make([]float64, len(t))
	for k := range t {
		a, b := max(k-1, 0), min(k+1, len(t)-1)
		d[k] = (t[b] - t[a]) / float64(b-a)
	}
	return d
}

// smooth is a Gaussian of σ entries, the end entries repeated.
func smooth(t []float64, sigma float64) []float64 {
	r := int(4*sigma + 0.5)
	g := make([]float64, 2*r+1)
	var total float64
	for i := range g {
		g[i] = math.Exp(-0.5 * sqr(float64(i-r)/sigma))
		total += g[i]
	}
	out := make([]float64, len(t))
	for k := range t {
		var s float64
		for i, w := range g {
			s += w * t[min(max(k+i-r, 0), len(t)-1)]
		}
		out[k] = s / total
	}
	return out
}
