//go:build cuda && cgo

package cuda

// #include "ycbcr.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) yCbCrToRGB(dst, y, cb, cr *kernels.Image) error {
	return b.do("YCbCrToRGB", func(c *call) {
		a := C.re_ycbcr{y: c.in(y), cb: c.in(cb), cr: c.in(cr), dst: c.out(dst)}
		a.aligned = flag(aligned(16, a.y, a.cb, a.cr, a.dst))
		kernel := "ycbcr_full"
		if cb.Width() != y.Width() { // subsampled in this direction; the kernel sees to the other
			kernel = "ycbcr_half"
		}
		x := over(y.Width(), 512)
		launch(c, kernel, dims{x, c.rowBlocks(x, y.Height(), 0), 1}, dims{32, 8, 1}, 0, &a)
	})
}
