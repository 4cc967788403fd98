//go:build cgo

package cpu

// #include "gradient.h"
import "C"

import (
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) gradient(dst, src *kernels.Image) error {
	w, h := src.Width(), src.Height()
	return b.scratchBands(h, 64, 3*4*int64(w+32), func(_, y0, y1 int, s unsafe.Pointer) {
		C.re_gradient_rows((*C.float)(dst.Pointer()), C.ptrdiff_t(dst.Stride()), src.Pointer(), C.ptrdiff_t(src.Stride()), C.int(src.Format()),
			C.int(w), C.int(h), C.int(y0), C.int(y1), (*C.float)(s))
	})
}

func (b *backend) edges(dst, src *kernels.Image, threshold float64) error {
	w, h := src.Width(), src.Height()
	least := 8 * threshold * src.Format().Max()
	return b.scratchBands(h, 64, 13*8*int64(w+32), func(_, y0, y1 int, s unsafe.Pointer) {
		C.re_edge_rows((*C.uint8_t)(dst.Pointer()), C.ptrdiff_t(dst.Stride()), src.Pointer(), C.ptrdiff_t(src.Stride()), C.int(src.Format()),
			C.int(w), C.int(h), C.double(least*least), C.int(y0), C.int(y1), (*C.double)(s))
	})
}
