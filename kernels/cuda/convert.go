//go:build cuda && cgo

package cuda

// #include "convert.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) convert(dst, src *kernels.Image) error {
	return b.do("Convert", func(c *call) {
		a := C.re_convert{src: c.in(src), dst: c.out(dst), samples: C.int32_t(src.Width() * src.Channels())}
		launch(c, "convert_"+src.Format().String()+"_"+dst.Format().String(), dims{over(int(a.samples), 256), src.Height(), 1}, dims{256, 1, 1}, 0, &a)
	})
}
