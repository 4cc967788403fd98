//go:build cuda && cgo

package cuda

// #include "gradient.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) gradient(dst, src *kernels.Image) error {
	return b.do("Gradient", func(c *call) {
		a := C.re_gradient{src: c.in(src), dst: c.out(dst)}
		a.vector = flag(aligned(16, a.dst) && aligned(2*src.Format().Size(), a.src))
		// A thread does 2 columns by 4 rows.
		launch(c, "gradient_"+src.Format().String(), dims{over(src.Width(), 64), over(src.Height(), 32), 1}, dims{32, 8, 1}, 0, &a)
	})
}
