//go:build cuda && cgo

package cuda

// #include "colormatrix.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) colorMatrix(dst, src *kernels.Image, m *[12]float32) error {
	return b.do("ColorMatrix", func(c *call) {
		a := C.re_colormatrix{s: c.stream(dst, src, src.Width())}
		for i, v := range m { // the offsets in dst's own scale and the rest between the scales
			scale := dst.Format().Max()
			if i%4 != 3 {
				scale /= src.Format().Max()
			}
			a.m[i] = C.float(float64(v) * scale)
		}
		streamed(c, "colormatrix_"+pair(src, dst), &a.s, pixelGroups, 0, &a)
	})
}
