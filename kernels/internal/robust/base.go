package robust

const edge = 0.38 // lumas further apart do not touch each other in the base

// Near are the weights of levels in the base: (1−(Δ/0.38)²)²₊ of the distance Δ of a level's T from z/23.
func (t *Tables) Near() *[Levels][Ranges]float64 {
	var near [Levels][Ranges]float64
	for k := range near {
		for z := range near[k] {
			d := (t.Tone[k] - float64(z)/(Ranges-1)) / edge
			near[k][z] = sqr(max(0, 1-d*d))
		}
	}
	return &near
}

// Base is the edge-stopped local mean of the merged luma at the cells' centres, [GH][GW][Ranges], level z
// of it for lumas around z/23. counts are the cells' histograms of the scene level's upper 8 bits, [GH][GW][Levels].
//
// Around z it is (Σ w·T + 10⁻³ z/23) / (Σ w + 10⁻³) over the pixels nearby, w = Near of T and z times a
// tent of half-width 4 cells.
func (t *Tables) Base(p Plan, counts []uint32) []float32 {
	near := t.Near()
	const size = 2 * Ranges // Σw, then Σw·T
	sums := make([]float64, p.GH*p.GW*size)
	for c := range p.GH * p.GW {
		s := sums[c*size:][:size]
		for k, n := range counts[c*Levels:][:Levels] {
			if n == 0 {
				continue
			}
			v := float64(n)
			for z, w := range near[k] {
				s[z] += w * v
				s[Ranges+z] += w * v * t.Tone[k]
			}
		}
	}
	sums = tent(sums, p.GW, size)
	sums = tent(sums, p.GH, p.GW*size)
	base := make([]float32, p.GH*p.GW*Ranges)
	for c := range p.GH * p.GW {
		for z := range Ranges {
			n, v := sums[c*size+z], sums[c*size+Ranges+z]
			base[c*Ranges+z] = float32((v + 1e-3*float64(z)/(Ranges-1)) / (n + 1e-3))
		}
	}
	return base
}

// tent sums with weights 1 2 3 4 3 2 1, over 16, along a dimension of n entries that lie stride apart; there is nothing beyond its ends.
func tent(v []float64, n, stride int) []float64 {
	out := make([]float64, len(v))
	for row := 0; row < len(v); row += stride {
		at := row / stride % n
		dst := out[row:][:stride]
		for d := max(-3, -at); d <= min(3, n-1-at); d++ {
			w := float64(4-max(d, -d)) / 16
			for i, s := range v[row+d*stride:][:stride] {
				dst[i] += w * s
			}
		}
	}
	return out
}
