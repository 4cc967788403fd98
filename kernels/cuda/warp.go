//go:build cuda && cgo

package cuda

// #include "warp.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) warp(dst, valid, src *kernels.Image, h *[9]float64) error {
	return b.do("Warp", func(c *call) {
		if x, y, ok := wholePixels(h); ok {
			c.shift(dst, valid, src, x, y)
			return
		}
		a := C.re_warp{src: c.in(src), dst: c.out(dst), valid: c.out(valid)}
		for i, v := range h {
			a.h[i] = C.double(v)
		}
		name, rows := "warp_x4", 16 // rows of a block's tile, as warp.cu has them
		switch {
		case src.Channels() == 1:
			name, rows = "warp_x1", 32
		case src.Channels() == 3 && src.Format() == kernels.U8:
			name, rows = "warp_u8x3", 24
		}
		a.across = C.int32_t(over(dst.Width(), 64))
		if aligned(4, a.dst) {
			a.words = 1
		}
		if aligned(4, a.src) {
			a.in_words = 1
		}
		launch(c, name, dims{int(a.across) * over(dst.Height(), rows), 1, 1}, dims{256, 1, 1}, 0, &a)
	})
}

// shift is Warp by (x,y) pixels: a copy, with src's edges replicated beside it.
func (c *call) shift(dst, valid, src *kernels.Image, x, y int) {
	a := C.re_warp_shift{src: c.in(src), dst: c.out(dst), valid: c.out(valid), x: C.int32_t(x), y: C.int32_t(y), px: C.int32_t(src.Channels() * src.Format().Size())}
	if aligned(16, a.src, a.dst) {
		a.wide = 1
	}
	a.across = C.int32_t(over(dst.Width()*int(a.px), 256*16))
	launch(c, "warp_shift", dims{int(a.across) * over(dst.Height(), 4), 1, 1}, dims{256, 1, 1}, 0, &a)
	if valid != nil {
		a.across = C.int32_t(over(valid.Width(), 256))
		launch(c, "warp_shift_valid", dims{int(a.across) * over(valid.Height(), 4), 1, 1}, dims{256, 1, 1}, 0, &a)
	}
}

// wholePixels tells whether h moves by whole pixels, where Keys' kernel is the sample itself.
func wholePixels(h *[9]float64) (x, y int, ok bool) {
	x, y = int(max(-2*kernels.MaxSide, min(h[2], 2*kernels.MaxSide))), int(max(-2*kernels.MaxSide, min(h[5], 2*kernels.MaxSide)))
	return x, y, *h == [9]float64{1, 0, float64(x), 0, 1, float64(y), 0, 0, 1}
}
