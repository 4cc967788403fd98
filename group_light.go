package realedit

import (
	"cmp"
	"math"
	"slices"
)

// light is how the exposures of some photos relate.
type light struct {
	ev   []float64 // stops of light relative to the first photo; positive is brighter
	sure bool      // from EXIF, and the pixels do not contradict
	lied bool      // EXIF was there and the pixels contradicted it
}

// exposures is the light of each photo as EXIF has it, in stops, relative to nothing in
// particular; ok is false unless every photo has an exposure time. An f-number or an
// ISO counts only where all photos have one.
func exposures(items []*item) (ev []float64, ok bool) {
	allN, allISO := true, true
	for _, it := range items {
		f := &it.p.Facts
		if f.Exposure <= 0 {
			return nil, false
		}
		allN = allN && f.FNumber > 0
		allISO = allISO && f.ISO > 0
	}
	for _, it := range items {
		f := &it.p.Facts
		l := math.Log2(f.Exposure.Seconds())
		if allN {
			l -= 2 * math.Log2(f.FNumber)
		}
		if allISO {
			l += math.Log2(f.ISO / 100)
		}
		ev = append(ev, l)
	}
	return ev, true
}

// measure is the light of photos of one scene: EXIF's, unless there is none or the
// pixels contradict it; then the pixels'.
func measure(items []*item) light {
	n := len(items)
	exif, ok := exposures(items)
	if n == 1 {
		return light{ev: []float64{0}, sure: ok}
	}
	// From the darkest to the brightest, each step measured on what both neighbours hold.
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(items[a].print.mean, items[b].print.mean) })
	pixels := make([]float64, n)
	told, against := 0, 0
	var tx, px float64 // extremes of what both tell
	for k := 1; k < n; k++ {
		a, b := order[k-1], order[k]
		d, sure := step(items[a].print, items[b].print)
		if sure {
			told++
			if ok && contradicts(d, exif[b]-exif[a]) {
				against++
			}
			tx += math.Abs(d)
			if ok {
				px += math.Abs(exif[b] - exif[a])
			}
		} else if ok {
			d = exif[b] - exif[a]
		}
		pixels[b] = pixels[a] + d
	}
	l := light{ev: pixels}
	if ok {
		l.lied = told > 0 && (3*against > told || px < 0.35 && tx > 0.7)
		if !l.lied {
			l.ev, l.sure = exif, true
		}
	}
	zero := l.ev[0]
	for i := range l.ev {
		l.ev[i] -= zero
	}
	return l
}

// step is how much more light b got than a; sure when enough pixels tell it.
func step(a, b *thumbprint) (ev float64, sure bool) {
	s := compare(a, b)
	d, n := stops(a, b, s.dx, s.dy)
	if n >= 30 && (s.bound() > 0.3 || n > 400) {
		return d, true
	}
	// Too little in common: what the means differ by, as far as they can tell.
	m := math.Log2(max(decodeSRGB(b.mean), 1e-4) / max(decodeSRGB(a.mean), 1e-4))
	return min(max(m, -4), 4), false
}

// contradicts tells whether a step measured on pixels cannot be what EXIF says. A camera's curve
// stretches steps, so only half as much, twice as much, or the other way round, and by more than
// metering differs from photo to photo, is a contradiction.
func contradicts(pixels, exif float64) bool {
	return math.Abs(pixels-exif) > max(0.8, 0.6*max(math.Abs(pixels), math.Abs(exif)))
}
