//go:build cuda && cgo

package cuda

// #include "histogram.h"
import "C"

import (
	"fmt"
	"math/bits"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) histogram(src, mask *kernels.Image) (counts [][]uint64, err error) {
	channels, n := src.Channels(), bins(src)
	all := make([]uint64, channels*n)
	err = b.do("Histogram", func(c *call) {
		p := c.scratch(int64(8 * len(all)))
		c.fill(p, 0, int64(8*len(all)))
		c.count(p, c.in(src), c.in(mask))
		fetch(c, all, p)
	})
	if err != nil {
		return nil, err
	}
	for k := range channels {
		counts = append(counts, all[k*n:(k+1)*n:(k+1)*n])
	}
	return counts, nil
}

// bins is how many values a sample of m may have.
func bins(m *kernels.Image) int { return 1 << (8 * m.Format().Size()) }

// count adds the samples of src that mask selects to 64-bit counts, channel by channel.
func (c *call) count(counts C.uint64_t, src, mask C.re_image) {
	if c.err == nil {
		c.countWithin(c.b.shared, counts, src, mask)
	}
}

// countWithin is count with so many bytes of shared memory for a block, at least 32 KiB.
func (c *call) countWithin(shared int, counts C.uint64_t, src, mask C.re_image) {
	a := C.re_histogram{src: src, mask: mask, counts: counts}
	w, h, channels := int(src.w), int(src.h), int(src.c)
	pieces := over(w, 256) * h // what a warp does at a time
	if src.format == C.RE_U8 {
		// As many sets of bins as shared memory holds twice, up to one a lane.
		log2 := min(5, max(3, bits.Len(uint(shared/(1024*channels)))-1))
		a.copies_log2 = C.int32_t(log2)
		if aligned(16, src) && aligned(4, mask) {
			a.units = C.int32_t(w * channels / 48)
			pieces = over(int(a.units), 32)*h + over(w-int(a.units)*48/channels, 256)*h
		}
		launch(c, fmt.Sprintf("histogram_u8_%d", channels), dims{min(2*c.b.cores, over(pieces, 16)), 1, 1}, dims{512, 1, 1}, 1024*channels<<log2, &a)
		return
	}
	log2 := min(16, bits.Len(uint(shared/2))-1)
	ranges := channels << (16 - log2)
	blocks := max(1, min(c.b.cores/ranges, over(pieces, 32)))
	a.bins_log2, a.blocks = C.int32_t(log2), C.int32_t(blocks)
	a.partial = c.scratch(int64(blocks) * int64(channels) * 65536 * 2)
	launch(c, "histogram_u16", dims{ranges, blocks, 1}, dims{1024, 1, 1}, 2<<log2, &a)
	launch(c, "histogram_sum", dims{channels * 32768 / 256, 1, 1}, dims{256, 1, 1}, 0, &a)
}
