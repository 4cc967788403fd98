package ref

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

const (
	ssimC1 = 0.01 * 0.01 // (K1·L)², L = 1
	ssimC2 = 0.03 * 0.03
)

func ssim(a, b, m *kernels.Image, o *kernels.SSIMOptions) (kernels.SSIMResult, error) {
	res := kernels.SSIMResult{Channels: make([]float64, a.Channels())}
	product := func(v []float64) float64 { return v[0] * v[1] }
	for c := range res.Channels {
		x, y := channel(a, c), channel(b, c)
		mx, my := gauss11(x), gauss11(y)
		mxx, myy, mxy := gauss11(each(product, x, x)), gauss11(each(product, y, y)), gauss11(each(product, x, y))
		s := each(func(v []float64) float64 {
			mx, my := v[0], v[1]
			vx, vy, vxy := v[2]-mx*mx, v[3]-my*my, v[4]-mx*my
			s := (2*vxy + ssimC2) / (vx + vy + ssimC2)
			if o == nil || !o.ContrastStructure {
				s *= (2*mx*my + ssimC1) / (mx*mx + my*my + ssimC1)
			}
			return s
		}, mx, my, mxx, myy, mxy)
		x0, x1 := ssimSpan(s.w)
		y0, y1 := ssimSpan(s.h)
		sum := 0.0
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				sum += s.v[y*s.w+x]
			}
		}
		res.Channels[c] = sum / float64((x1-x0)*(y1-y0))
		res.Mean += res.Channels[c] / float64(len(res.Channels))
		if m != nil {
			for y := range s.h {
				for x := range s.w {
					setPixel(m, x, y, c, s.v[y*s.w+x])
				}
			}
		}
	}
	return res, nil
}

// ssimSpan is the range of a side that means are taken over: 5 from either border, or all under 11.
func ssimSpan(n int) (from, to int) {
	if n < 11 {
		return 0, n
	}
	return 5, n - 5
}

// gauss11 filters with the 11-tap Gaussian of σ 1.5 in both directions.
func gauss11(p gray) gray {
	var k [11]float64
	sum := 0.0
	for i := range k {
		d := float64(i - 5)
		k[i] = math.Exp(-d * d / (2 * 1.5 * 1.5))
		sum += k[i]
	}
	for i := range k {
		k[i] /= sum
	}
	rows, d := newGray(p.w, p.h), newGray(p.w, p.h)
	for y := range p.h {
		for x := range p.w {
			for i, w := range k {
				rows.v[y*p.w+x] += w * p.v[y*p.w+mirrorEdge(x+i-5, p.w)]
			}
		}
	}
	for y := range p.h {
		for x := range p.w {
			for i, w := range k {
				d.v[y*p.w+x] += w * rows.v[mirrorEdge(y+i-5, p.h)*p.w+x]
			}
		}
	}
	return d
}
