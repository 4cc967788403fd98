package ref

import "github.com/realedit/realedit/kernels"

func gradient(dst, src *kernels.Image) error {
	p := channel(src, 0)
	for y := range p.h {
		for x := range p.w {
			gx, gy := p.sobel(x, y)
			setPixel(dst, x, y, 0, gx/8)
			setPixel(dst, x, y, 1, gy/8)
		}
	}
	return nil
}

// sobel is the pair of Sobel sums (weights 1 2 1 across, ±1 two pixels apart along) at a
// pixel, borders mirrored. The order of the additions is part of the definition of Edges.
func (p gray) sobel(x, y int) (gx, gy float64) {
	at := func(dx, dy int) float64 { return p.v[mirror(y+dy, p.h)*p.w+mirror(x+dx, p.w)] }
	gx = ((at(1, -1) - at(-1, -1)) + (at(1, 1) - at(-1, 1))) + 2*(at(1, 0)-at(-1, 0))
	gy = ((at(-1, 1) - at(-1, -1)) + (at(1, 1) - at(1, -1))) + 2*(at(0, 1)-at(0, -1))
	return gx, gy
}
