//go:build cuda && cgo

package cuda

// #include "resize.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) resize(dst, src *kernels.Image) error {
	return b.do("Resize", func(c *call) {
		sw, sh, dw, dh := src.Width(), src.Height(), dst.Width(), dst.Height()
		taps := C.re_resize_taps{
			x: c.scratch(int64(dw) * C.sizeof_re_taps), y: c.scratch(int64(dh) * C.sizeof_re_taps),
			sw: C.int32_t(sw), sh: C.int32_t(sh), dw: C.int32_t(dw), dh: C.int32_t(dh),
		}
		launch(c, "resize_taps", dims{over(max(dw, dh), 256), 1, 1}, dims{256, 1, 1}, 0, &taps)

		a := C.re_resize{src: c.in(src), dst: c.out(dst), x: taps.x, y: taps.y,
			mid_x: C.float(float64(dw) / float64(sw)), mid_y: C.float(float64(dh) / float64(sh)), scale: C.float(dst.Format().Max() / src.Format().Max())}
		if aligned(16, a.src) {
			a.wide = 1
		}
		// A strip of src that a block can hold: 256 times 16 bytes, less what alignment and shared samples take; four
		// samples a thread where dst is larger.
		channels, vector := src.Channels(), 16/src.Format().Size()
		room := (256*vector-vector)/channels - 3
		columns := max(1, min(room*dw/sw, 1024/channels))
		if sw > dw {
			columns = max(1, room*dw/sw)
		}
		// As many rows as leave every multiprocessor several blocks.
		across := over(dw, columns)
		rows := max(1, min(8, 64*dh/(8*sh), across*dh/(16*b.cores)))
		a.inverse = C.int32_t(over(1<<16, channels))
		a.columns, a.rows, a.across = C.int32_t(columns), C.int32_t(rows), C.int32_t(across)
		launch(c, "resize_"+src.Format().String(), dims{across * over(dh, rows), 1, 1}, dims{256, 1, 1}, 0, &a)
	})
}
