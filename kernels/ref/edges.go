package ref

import "github.com/realedit/realedit/kernels"

// tan22 is tan 22.5°, where a direction stops being horizontal or vertical and becomes diagonal.
const tan22 = 0.41421356237309503

// edges works on samples in units of their format (0…Max), where Sobel sums of integers are exact:
// equal magnitudes then compare as equal in every backend.
func edges(dst, src *kernels.Image, threshold float64) error {
	scale := src.Format().Max()
	p := newGray(src.Width(), src.Height())
	for y := range p.h {
		for x := range p.w {
			switch src.Format() {
			case kernels.U8:
				p.v[y*p.w+x] = float64(src.RowU8(y)[x])
			case kernels.U16:
				p.v[y*p.w+x] = float64(src.RowU16(y)[x])
			default:
				p.v[y*p.w+x] = pixelAt(src, x, y, 0)
			}
		}
	}
	square := func(x, y int) float64 {
		gx, gy := p.sobel(mirror(x, p.w), mirror(y, p.h))
		return float64(gx*gx) + float64(gy*gy)
	}
	least := float64(8*threshold*scale) * float64(8*threshold*scale)
	for y := range p.h {
		for x := range p.w {
			gx, gy := p.sobel(x, y)
			dx, dy := direction(gx, gy)
			m := square(x, y)
			dst.RowU8(y)[x] = 0
			if m >= least && m >= square(x+dx, y+dy) && m >= square(x-dx, y-dy) {
				dst.RowU8(y)[x] = 255
			}
		}
	}
	return nil
}

// direction is the step to the neighbour that the gradient points at, to the nearest 45°.
func direction(gx, gy float64) (dx, dy int) {
	ax, ay := max(gx, -gx), max(gy, -gy)
	switch {
	case ay <= float64(tan22*ax):
		return 1, 0
	case ax <= float64(tan22*ay):
		return 0, 1
	case (gx > 0) == (gy > 0):
		return 1, 1
	}
	return 1, -1
}
