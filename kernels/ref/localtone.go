package ref

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

func localTone(dst, src *kernels.Image, p *kernels.LocalToneParams) error {
	w, h := src.Width(), src.Height()
	limit, shoulder, detail := float64(p.MaxGain), float64(p.Shoulder), float64(p.Detail)
	for y := range h {
		for x := range w {
			var v, u [3]float64
			for c := range v {
				v[c] = decodeSRGB1(pixelAt(src, x, y, c))
			}
			for c := range u {
				u[c] = float64(p.Matrix[3*c])*v[0] + float64(p.Matrix[3*c+1])*v[1] + float64(p.Matrix[3*c+2])*v[2]
			}
			l := math.Log2(max(0.2126*u[0]+0.7152*u[1]+0.0722*u[2], 1.0/65536))
			beta := l
			if p.Base != nil {
				beta = bilinear(p.Base, 0, x, y, w, h)*l + bilinear(p.Base, 1, x, y, w, h)
			}
			beta = clamp(beta, -16, 4)
			g := detail * clamp(l-beta, -1, 1)
			if p.Curve != nil {
				g += lookUp(p.Curve, (beta+16)/20)
			}
			if p.Gain != nil {
				g += bilinear(p.Gain, 0, x, y, w, h)
			}
			k := math.Exp2(clamp(g, -limit, limit))
			for c := range u {
				u[c] *= k
			}
			if m := max(u[0], u[1], u[2]); m > shoulder && shoulder < 1 {
				t := (m - shoulder) / (1 - shoulder)
				k := (shoulder + (1-shoulder)*t/(1+t)) / m
				for c := range u {
					u[c] *= k
				}
			}
			for c := range u {
				setPixel(dst, x, y, c, encodeSRGB1(u[c]))
			}
		}
	}
	return nil
}

// clamp limits v to [lo,hi]; NaN becomes lo.
func clamp(v, lo, hi float64) float64 {
	if v > lo {
		return min(v, hi)
	}
	return lo
}

// bilinear samples channel c of a grid that spans a picture of w×h pixels at the
// centre of the picture's pixel (x,y).
func bilinear(m *kernels.Image, c, x, y, w, h int) float64 {
	at := func(i, n, size int) (int, int, float64) {
		p := clamp((float64(i)+0.5)*float64(size)/float64(n)-0.5, 0, float64(size-1))
		j := int(p)
		return j, min(j+1, size-1), p - float64(j)
	}
	x0, x1, fx := at(x, w, m.Width())
	y0, y1, fy := at(y, h, m.Height())
	top := pixelAt(m, x0, y0, c)*(1-fx) + pixelAt(m, x1, y0, c)*fx
	low := pixelAt(m, x0, y1, c)*(1-fx) + pixelAt(m, x1, y1, c)*fx
	return top*(1-fy) + low*fy
}
