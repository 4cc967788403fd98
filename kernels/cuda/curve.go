//go:build cuda && cgo

package cuda

// #include "curve.h"
import "C"

import "github.com/realedit/realedit/kernels"

// Every source format but F32 has few values: the curve is computed for all of them, once.
func (b *backend) curve(dst, src *kernels.Image, tables [][]float32) error {
	return b.do("Curve", func(c *call) {
		var flat []float32
		curves := C.re_curves{count: C.int32_t(len(tables))}
		for k, t := range tables {
			flat = append(flat, t...)
			curves.start[k+1] = C.int32_t(len(flat))
		}
		curves.p = table(c, flat)
		if src.Format() != kernels.F32 {
			values := 65536
			if src.Format() == kernels.U8 {
				values = 256
			}
			v := C.re_curve_values{curves: curves, src: C.int32_t(src.Format()), dst: C.int32_t(dst.Format())}
			v.out = c.scratch(int64(len(tables) * values * dst.Format().Size()))
			launch(c, "curve_values", dims{values / 256, len(tables), 1}, dims{256, 1, 1}, 0, &v)
			c.lookup(dst, src, v.out, len(tables))
			return
		}
		a := C.re_curve{s: c.stream(dst, src, src.Width()*src.Channels()), curves: curves}
		bytes := 4 * len(flat)
		if bytes <= 40<<10 {
			a.shared = 1
		} else {
			bytes = 0
		}
		streamed(c, "curve_"+dst.Format().String(), &a.s, sampleGroups, bytes, &a)
	})
}
