//go:build cuda && cgo

package cuda

// #include "pyrdown.h"
import "C"

import "github.com/realedit/realedit/kernels"

// stripSamples is how many samples of a row a block of the pyramid's kernels holds.
const stripSamples = 4 * 256

func (b *backend) pyrDown(dst, src *kernels.Image) error {
	return b.do("PyrDown", func(c *call) {
		// A strip with two mirrored columns beside it, beginning on a multiple of four samples.
		columns := ((stripSamples-3)/src.Channels() - 3) / 2 / 4 * 4
		across := over(dst.Width(), columns)
		rows := b.rowsEach(dst.Height(), across)
		a := C.re_pyrdown{src: c.in(src), dst: c.out(dst), columns: C.int32_t(columns), rows: C.int32_t(rows), across: C.int32_t(across)}
		if aligned(4*src.Format().Size(), a.src) {
			a.wide = 1
		}
		launch(c, "pyrdown_"+src.Format().String(), dims{across * over(dst.Height(), rows), 1, 1}, dims{256, 1, 1}, 0, &a)
	})
}

// rowsEach is how many of n rows a block takes where there are so many strips of them: 16, or fewer in small pictures, so that
// every multiprocessor has blocks.
func (b *backend) rowsEach(n, strips int) int { return max(2, min(16, n*strips/(8*b.cores))) }
