//go:build cgo

package cpu

// #include "box.h"
import "C"

import (
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

// boxStep is the height of a band for windows of radius r: each band first sums the 2r rows around its first.
func boxStep(r int) int { return max(128, 8*r) }

func (b *backend) boxFilter(dst, src *kernels.Image, radius int) error {
	w, h, c := src.Width(), src.Height(), src.Channels()
	r := min(radius, max(w, h)) // a larger window is the whole image all the same
	return b.scratchBands(h, boxStep(r), int64(2*c+1)*int64(w)*8, func(_, y0, y1 int, s unsafe.Pointer) {
		C.re_box_rows((*C.float)(dst.Pointer()), C.ptrdiff_t(dst.Stride()), (*C.float)(src.Pointer()), C.ptrdiff_t(src.Stride()),
			C.int(w), C.int(h), C.int(c), C.int(r), C.int(y0), C.int(y1), (*C.double)(s))
	})
}

func (b *backend) guidedFilter(dst, guide, src *kernels.Image, radius int, eps float64) error {
	return b.guided(dst, guide, src, radius, eps, 0)
}

func (b *backend) guidedCoefficients(dst, guide, src *kernels.Image, radius int, eps float64) error {
	return b.guided(dst, guide, src, radius, eps, 1)
}

func (b *backend) guided(dst, guide, src *kernels.Image, radius int, eps float64, coefficients int) error {
	w, h := src.Width(), src.Height()
	r := min(radius, max(w, h))
	ring := min(2*r+2, h)
	return b.scratchBands(h, boxStep(r), 11*8*int64(w)+int64(ring)*int64(w)*8, func(_, y0, y1 int, s unsafe.Pointer) {
		C.re_guided_rows((*C.float)(dst.Pointer()), C.ptrdiff_t(dst.Stride()), C.int(coefficients),
			(*C.float)(guide.Pointer()), C.ptrdiff_t(guide.Stride()), (*C.float)(src.Pointer()), C.ptrdiff_t(src.Stride()),
			C.int(w), C.int(h), C.int(r), C.double(eps), C.int(y0), C.int(y1), C.int(ring), (*C.double)(s))
	})
}
