package scene

import "math"

// winter is a row of bare trees that reach over the roofs: trunks, limbs, branches and a haze of twigs whose ends are millimetres thick,
// a tenth of a pixel at the usual sizes.
func winter(seed uint32) []seg {
	var out []seg
	r := &rng{seed: seed + 61}
	bark := srgb(70, 60, 54).scale(0.8)
	var grow func(a, dir vec, l, rad float64, depth int)
	grow = func(a, dir vec, l, rad float64, depth int) {
		const parts = 3
		end := max(rad*0.72, 0.002)
		for i := range parts {
			dir = dir.add(vec{r.between(-0.15, 0.15), r.between(-0.03, 0.09), r.between(-0.15, 0.15)}).unit()
			b := a.add(dir.scale(l / parts))
			rb := rad + (end-rad)/float64(parts-i)
			out = append(out, seg{a, b, rad, rb, bark})
			a, rad = b, rb
			if depth > 0 && depth < 8 && r.float() < 0.8 { // side shoots
				grow(a, dir.add(side(r, dir).scale(r.between(0.6, 1.1))).unit(), l*r.between(0.45, 0.65), max(rad*0.5, 0.002), depth-2)
			}
		}
		if depth <= 0 {
			return
		}
		for range 2 {
			grow(a, dir.add(side(r, dir).scale(r.between(0.3, 0.75))).unit(), l*r.between(0.7, 0.86), max(rad*r.between(0.62, 0.78), 0.002), depth-1)
		}
	}
	for _, t := range [5][4]float64{{-3.4, -11.2, 1.75, 0.10}, {4.6, -12.4, 1.6, 0.09}, {11.8, -14.2, 1.7, 0.10}, {-9.6, -19, 2.1, 0.13}, {8.2, -24.5, 2.4, 0.15}} {
		lean := r.between(-0.05, 0.05)
		grow(vec{t[0], 0, t[1]}, vec{lean, 1, math.Abs(lean)}.unit(), 1.12*t[2], t[3], 8)
	}
	return out
}
