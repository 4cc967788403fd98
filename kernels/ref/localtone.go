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
			if p.Tint != nil {
				var tint [3]float64
				for c := range tint {
					tint[c] = bilinear(p.Tint, c, x, y, w, h)
				}
				if p.Share != nil {
					at := clamp(max(v[0], v[1], v[2]), 0, 1)
					tint[0] = tint[1] + lookUp2(p.Share, 0, at)*(tint[0]-tint[1])
					tint[2] = tint[1] + lookUp2(p.Share, 1, at)*(tint[2]-tint[1])
				}
				for c := range u {
					u[c] *= math.Exp2(tint[c])
				}
			}
			u = stopAtNeutral(v, u)
			l := math.Log2(luminance(u))
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

// luminance of a linear colour, at least 2⁻¹⁶.
func luminance(c [3]float64) float64 {
	return max(0.2126*c[0]+0.7152*c[1]+0.0722*c[2], 1.0/65536)
}

// stopAtNeutral limits what the correction from v to q does to colours near white.
func stopAtNeutral(v, q [3]float64) [3]float64 {
	t := clamp((max(v[0], v[1], v[2])-0.70)/(0.95-0.70), 0, 1)
	h := t * t * (3 - 2*t)
	yv, yq := luminance(v), luminance(q)
	var c [3]float64
	for i := range c {
		a, b := v[i]/yv, q[i]/yq
		c[i] = max(min(a, b), min(max(a, b), 1)) // the median of a, b and 1
	}
	k := h * yq / luminance(c)
	for i := range c {
		c[i] = (1-h)*q[i] + k*c[i]
	}
	return c
}

// lookUp2 reads the k-th of a table's pairs at t in [0,1], linear between entries.
func lookUp2(table []float32, k int, t float64) float64 {
	last := len(table)/2 - 1
	j := min(int(t*float64(last)), last-1)
	f := t*float64(last) - float64(j)
	return float64(table[2*j+k])*(1-f) + float64(table[2*j+2+k])*f
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
