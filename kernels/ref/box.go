package ref

import "github.com/realedit/realedit/kernels"

func boxFilter(dst, src *kernels.Image, radius int) error {
	for c := range src.Channels() {
		m := boxMean(channel(src, c), radius)
		for y := range m.h {
			for x := range m.w {
				setPixel(dst, x, y, c, m.v[y*m.w+x])
			}
		}
	}
	return nil
}

// boxMean is the mean over the (2r+1)² pixels around each, of those inside the plane:
// first along rows, then down the columns (both are plain sums, so that equals the sum over the square).
func boxMean(p gray, r int) gray {
	rows, d := newGray(p.w, p.h), newGray(p.w, p.h)
	for y := range p.h {
		for x := range p.w {
			for i := max(0, x-r); i <= min(p.w-1, x+r); i++ {
				rows.v[y*p.w+x] += p.v[y*p.w+i]
			}
		}
	}
	for y := range p.h {
		for x := range p.w {
			y0, y1 := max(0, y-r), min(p.h-1, y+r)
			x0, x1 := max(0, x-r), min(p.w-1, x+r)
			s := 0.0
			for j := y0; j <= y1; j++ {
				s += rows.v[j*p.w+x]
			}
			d.v[y*p.w+x] = s / float64((y1-y0+1)*(x1-x0+1))
		}
	}
	return d
}
