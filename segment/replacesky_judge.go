package segment

import (
	"math"
	"slices"
)

// skyFacts are the numbers by which a sky is called good or dull.
type skyFacts struct {
	Blown     float64 // share of it whose channels are all clipped
	Chroma    float64 // upper quartile of CIELAB's C*
	Structure float64 // deviation of L* from a plane, over the middle four fifths of them
	Level     float64 // mean encoded luma
	Slope     float64 // of the encoded luma from the left side to the right, where it is not blown
}

// The limits: a sky of which less than goodBlown is blown is good when a quarter of it has goodChroma, or it has goodStructure, or the two are 1.3 of these
// together; and one of which less than blueBlown is blown when a quarter is as colourful as blueChroma: white clouds in a blue sky.
const (
	goodBlown     = 0.35
	goodChroma    = 12.0
	goodStructure = 9.0
	blueBlown     = 0.60
	blueChroma    = 18.0
	blownLevel    = 0.975
)

func (f skyFacts) good() bool {
	return f.Blown < goodBlown && max(f.Chroma/goodChroma, f.Structure/goodStructure, (f.Chroma/goodChroma+f.Structure/goodStructure)/1.3) >= 1 ||
		f.Blown < blueBlown && f.Chroma >= blueChroma
}

// judgeSky tells whether a sky needs no other: blue, with clouds of some relief, or of a low sun. weight is the share of sky of each pixel (nil: all is); only
// those of 0.98 or more count.
func judgeSky(pix *raster, weight []float32) (good bool, f skyFacts) {
	var l, chroma []float64
	var blown, luma, n float64
	var fit [4][4]float64 // normal equations of L* over 1, x, y; last column the right side
	var sx, sxx, sxl, sl, sn float64
	type place struct{ x, y, l float64 }
	var places []place
	step := max(1, (max(pix.w, pix.h)+511)/512) // so many pixels tell it
	for y := step / 2; y < pix.h; y += step {
		row := pix.row(y)
		for x := step / 2; x < pix.w; x += step {
			if weight != nil && weight[y*pix.w+x] < 0.98 {
				continue
			}
			p := row[3*x : 3*x+3]
			n++
			v := 0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])
			luma += v
			if min(p[0], p[1], p[2]) >= blownLevel {
				blown++
			} else {
				u := (float64(x) + 0.5) / float64(pix.w)
				sx, sxx, sxl, sl, sn = sx+u, sxx+u*u, sxl+u*v, sl+v, sn+1
			}
			L, c := labOf(p)
			l, chroma = append(l, L), append(chroma, c)
			u, w := float64(x)/float64(pix.w), float64(y)/float64(pix.h)
			places = append(places, place{u, w, L})
			for i, a := range [3]float64{1, u, w} {
				for j, b := range [4]float64{1, u, w, L} {
					fit[i][j] += a * b
				}
			}
		}
	}
	if n == 0 {
		return false, f
	}
	f.Blown, f.Level = blown/n, luma/n
	if d := sxx - sx*sx/max(sn, 1); sn > 0.2*n && d > 1e-6 {
		f.Slope = (sxl - sx*sl/sn) / d
	}
	slices.Sort(chroma)
	f.Chroma = chroma[len(chroma)*3/4]
	a, b, c := solve3(fit)
	for i, p := range places {
		l[i] = p.l - a - b*p.x - c*p.y
	}
	slices.Sort(l)
	cut := l[len(l)/10 : len(l)-len(l)/10]
	var s, ss float64
	for _, v := range cut {
		s, ss = s+v, ss+v*v
	}
	m := float64(len(cut))
	f.Structure = math.Sqrt(max(0, ss/m-(s/m)*(s/m)))
	return f.good(), f
}

// solve3 solves three normal equations, with a little of the diagonal added so that they always can be.
func solve3(m [4][4]float64) (a, b, c float64) {
	for i := range 3 {
		m[i][i] += 1e-6
	}
	for i := range 3 {
		for j := i + 1; j < 3; j++ {
			k := m[j][i] / m[i][i]
			for q := i; q < 4; q++ {
				m[j][q] -= k * m[i][q]
			}
		}
	}
	c = m[2][3] / m[2][2]
	b = (m[1][3] - m[1][2]*c) / m[1][1]
	a = (m[0][3] - m[0][1]*b - m[0][2]*c) / m[0][0]
	return a, b, c
}

// labOf is CIELAB's L* and C*ab of an sRGB-encoded pixel (D65).
func labOf(p []float32) (l, chroma float64) {
	r, g, b := float64(decoded(p[0])), float64(decoded(p[1])), float64(decoded(p[2]))
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	x := f((0.4124564*r + 0.3575761*g + 0.1804375*b) / 0.95047)
	y := f(0.2126729*r + 0.7151522*g + 0.0721750*b)
	z := f((0.0193339*r + 0.1191920*g + 0.9503041*b) / 1.08883)
	return 116*y - 16, math.Hypot(500*(x-y), 200*(y-z))
}
