//go:build cuda && cgo

package cuda

// #include "blend.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) blend(dst, x, y, mask *kernels.Image) error {
	return b.do("Blend", func(c *call) {
		a := C.re_blend{a: c.in(x), b: c.in(y), mask: c.in(mask), dst: c.out(dst), samples: C.int32_t(dst.Width() * dst.Channels())}
		a.aligned = flag(aligned(16, a.a, a.b, a.dst))
		blocks := over(int(a.samples), 32*2*16/dst.Format().Size())
		launch(c, "blend_"+pair(dst, mask), dims{blocks, c.rowBlocks(blocks, dst.Height(), 0), 1}, dims{32, 8, 1}, 0, &a)
	})
}
