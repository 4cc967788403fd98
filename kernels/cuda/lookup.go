//go:build cuda && cgo

package cuda

// #include "lookup.h"
import "C"

import (
	"fmt"

	"github.com/realedit/realedit/kernels"
)

// lookup queues dst = tables[src], sample by sample: tables hold dst's samples for all 256 or 65536 values of src's, one
// table for all channels or count = one for each.
func (c *call) lookup(dst, src *kernels.Image, tables C.uint64_t, count int) {
	a := C.re_lookup{s: c.stream(dst, src, src.Width()*src.Channels()), tables: tables, count: C.int32_t(count)}
	shared := 0
	if src.Format() == kernels.U8 {
		shared = 256 * count * dst.Format().Size()
	}
	streamed(c, fmt.Sprintf("lookup_%d_%d", src.Format().Size(), dst.Format().Size()), &a.s, sampleGroups, shared, &a)
}
