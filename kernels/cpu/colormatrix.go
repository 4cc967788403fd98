//go:build cgo

package cpu

// #include "pointwise.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) colorMatrix(dst, src *kernels.Image, m *[12]float32) error {
	var n [12]C.float // with the offsets in dst's own scale and the rest between the scales
	for i, v := range m {
		n[i] = C.float(float64(v) * dst.Format().Max())
		if i%4 != 3 {
			n[i] = C.float(float64(v) * dst.Format().Max() / src.Format().Max())
		}
	}
	b.bands(src.Height(), 64, func(_, y0, y1 int) {
		C.re_color_matrix_rows(dst.Pointer(), C.ptrdiff_t(dst.Stride()), C.int(dst.Format()), src.Pointer(), C.ptrdiff_t(src.Stride()), C.int(src.Format()),
			C.int(src.Width()), C.int(y0), C.int(y1), &n[0])
	})
	return nil
}
