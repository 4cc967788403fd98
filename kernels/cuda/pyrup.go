//go:build cuda && cgo

package cuda

// #include "pyrup.h"
import "C"

import (
	"strconv"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) pyrUp(dst, src *kernels.Image) error {
	return b.do("PyrUp", func(c *call) {
		// A strip with a column beside it on either side, beginning on a multiple of four samples.
		columns := ((stripSamples-3)/src.Channels() - 2) / 4 * 4
		across := over(src.Width(), columns)
		rows := b.rowsEach(src.Height(), across)
		a := C.re_pyrup{src: c.in(src), dst: c.out(dst), columns: C.int32_t(columns), rows: C.int32_t(rows), across: C.int32_t(across)}
		if aligned(16, a.src) {
			a.wide = 1
		}
		launch(c, "pyrup_"+strconv.Itoa(src.Channels()), dims{across * over(src.Height(), rows), 1, 1}, dims{256, 1, 1}, 0, &a)
	})
}
