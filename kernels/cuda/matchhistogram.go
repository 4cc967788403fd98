//go:build cuda && cgo

package cuda

// #include "matchhistogram.h"
import "C"

import (
	"fmt"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) matchHistogram(dst, src, ref, srcMask, refMask *kernels.Image) error {
	return b.do("MatchHistogram", func(c *call) {
		channels, n := src.Channels(), bins(src)
		half := int64(channels * n * 8)
		a := C.re_match{channels: C.int32_t(channels), bins: C.int32_t(n), counts: c.scratch(2 * half), tables: c.scratch(int64(channels * n * src.Format().Size()))}
		c.fill(a.counts, 0, 2*half)
		a.src = c.in(src)
		c.count(a.counts, a.src, c.in(srcMask))
		c.count(a.counts+C.uint64_t(half), c.in(ref), c.in(refMask))
		launch(c, "match_scan", dims{2 * channels, 1, 1}, dims{1024, 1, 1}, 0, &a)
		if srcMask != nil || refMask != nil { // the last sum is how many pixels were selected
			total := make([]uint64, 2)
			fetch(c, total[:1], a.counts+C.uint64_t(8*(n-1)))
			fetch(c, total[1:], a.counts+C.uint64_t(half)+C.uint64_t(8*(n-1)))
			if c.err == nil {
				_, c.err = kernels.MatchTable(total[:1], total[1:])
			}
		}
		launch(c, "match_table", dims{over(n, 256), channels, 1}, dims{256, 1, 1}, 0, &a)
		a.dst = c.out(dst)
		a.vector = flag(aligned(16, a.src, a.dst))
		bytes := src.Width() * channels * src.Format().Size()
		const most = 8 * 65535 // rows that a grid reaches
		for left := a.src.h; left > 0; left -= most {
			a.src.h = min(left, most)
			launch(c, fmt.Sprintf("match_%v_%d", src.Format(), channels), dims{over(bytes, 16*256), over(int(a.src.h), 8), 1}, dims{256, 1, 1}, 0, &a)
			a.src.p += C.uint64_t(most * a.src.stride)
			a.dst.p += C.uint64_t(most * a.dst.stride)
		}
	})
}
