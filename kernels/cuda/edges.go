//go:build cuda && cgo

package cuda

// #include "edges.h"
import "C"

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) edges(dst, src *kernels.Image, threshold float64) error {
	return b.do("Edges", func(c *call) {
		least := 8 * threshold * src.Format().Max()
		least *= least
		a := C.re_edges{src: c.in(src), dst: c.out(dst), least: C.double(least), whole: C.int64_t(math.Ceil(least))}
		a.vector = flag(aligned(4, a.dst) && aligned(4*src.Format().Size(), a.src))
		// A warp does 120 columns by 64 rows.
		launch(c, "edges_"+src.Format().String(), dims{over(src.Width(), 120), over(src.Height(), 4*64), 1}, dims{32, 4, 1}, 0, &a)
	})
}
