package ref

import "github.com/realedit/realedit/kernels"

// plane is w×h pixels of c interleaved channels in float64, for operations that keep
// intermediate images.
type plane struct {
	w, h, c int
	v       []float64
}

func newPlane(w, h, c int) *plane { return &plane{w, h, c, make([]float64, w*h*c)} }

func (p *plane) at(x, y, k int) float64     { return p.v[(y*p.w+x)*p.c+k] }
func (p *plane) set(x, y, k int, v float64) { p.v[(y*p.w+x)*p.c+k] = v }

// mirrored is the sample at a position folded into the plane (reflect-101).
func (p *plane) mirrored(x, y, k int) float64 { return p.at(mirror(x, p.w), mirror(y, p.h), k) }

// unitPlane is an image in [0,1]; values outside (of F32) are clamped, NaN is 0.
func unitPlane(m *kernels.Image) *plane {
	p := newPlane(m.Width(), m.Height(), m.Channels())
	for y := range p.h {
		row := p.v[y*p.w*p.c : (y+1)*p.w*p.c]
		unitRow(m, y, row)
		for i, v := range row {
			row[i] = unit01(v)
		}
	}
	return p
}

// binomial is the kernel of the Gaussian pyramid; its sum is 16.
var binomial = [5]float64{1, 4, 6, 4, 1}

// down is the Gaussian pyramid step: see kernels.Ops.PyrDown.
func (p *plane) down() *plane {
	q := newPlane((p.w+1)/2, (p.h+1)/2, p.c)
	for y := range q.h {
		for x := range q.w {
			for k := range q.c {
				var s float64
				for j, a := range binomial {
					for i, b := range binomial {
						s += a * b * p.mirrored(2*x+i-2, 2*y+j-2, k)
					}
				}
				q.set(x, y, k, s/256)
			}
		}
	}
	return q
}

// up is the step back to w×h: see kernels.Ops.PyrUp. OpenCV mirrors the small image at its
// left and upper border and repeats its last column and row at the others.
func (p *plane) up(w, h int) *plane {
	q := newPlane(w, h, p.c)
	for y := range h {
		for x := range w {
			for k := range q.c {
				var s float64
				for _, a := range upTaps(y, p.h) {
					for _, b := range upTaps(x, p.w) {
						s += a.weight * b.weight * p.at(b.i, a.i, k)
					}
				}
				q.set(x, y, k, s)
			}
		}
	}
	return q
}

type tap struct {
	i      int
	weight float64
}

// upTaps is what position i of the larger row takes from the n samples of the smaller one.
func upTaps(i, n int) []tap {
	s := i / 2
	if i%2 == 1 {
		return []tap{{s, 0.5}, {min(s+1, n-1), 0.5}}
	}
	return []tap{{mirror(s-1, n), 0.125}, {s, 0.75}, {min(s+1, n-1), 0.125}}
}
