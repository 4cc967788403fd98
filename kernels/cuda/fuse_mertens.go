//go:build cuda && cgo

package cuda

// #include "fuse_mertens.h"
import "C"

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

// restPixels is how many pixels a level has at most from which one block does all that are left.
const restPixels = 4096

// fullLoad is how many strips keep a large GPU busy; smaller levels are cut into shorter ones. A test lowers it.
var fullLoad = 2048

// fuseMertens needs, besides photos and result, 20 bytes a pixel of level 1 and a photo (levels 1 and 2, whose places the
// coarser ones take in turn), and the weighted sums: 6 bytes a pixel for an 8-bit result, else 12, and 4 for the coarser levels.
func (b *backend) fuseMertens(dst *kernels.Image, photos []*kernels.Image, p *kernels.MertensParams) error {
	return b.do("Fuse", func(c *call) {
		w, h, n := dst.Width(), dst.Height(), len(photos)
		levels := int(float32(math.Log(float64(min(w, h)))) / float32(math.Ln2)) // as OpenCV has it
		sums := planes(c, w, h, levels, dst.Format() == kernels.U8)

		// The sum of the weights is needed at level 0 only and lies where level 2 will.
		pixels := func(l int) int64 { return int64(sums[l].w) * int64(sums[l].h) }
		inverse := C.re_image{w: C.int32_t(w), h: C.int32_t(h), c: 1, format: C.int32_t(kernels.F32), stride: C.int64_t((w + 15) &^ 15 * 4)}
		size := [2]int64{int64(inverse.stride) * int64(h), 0}
		for l := 1; l <= min(levels, 2); l++ {
			size[l%2] = max(size[l%2], 16*int64(n)*pixels(l))
		}
		place := [2]C.uint64_t{c.scratch(size[0]), c.scratch(size[1])}
		inverse.p = place[0]

		q := weighing(p)
		table, aligned := photoTable(c, photos)
		weigh(c, "fusionweights_sum_"+photos[0].Format().String(), &C.re_fusion_weights{q: q, photos: table, dst: inverse, n: C.int32_t(n), aligned: aligned, inverse: 1})
		top := 0 // the coarsest level that has a launch of its own
		for ; top == 0 || top < levels && pixels(top) > restPixels; top++ {
			a := C.re_mertens_level{q: q, photos: place[top%2], inverse: inverse, sum: sums[top], n: C.int32_t(n), w: sums[top].w, h: sums[top].h, aligned: 1}
			name := "mertens_level"
			if top == 0 {
				name, a.photos, a.aligned = "mertens_first_"+photos[0].Format().String(), table, aligned
			}
			if top < levels {
				a.next = place[(top+1)%2]
			}
			half := over(int(a.h), 2)
			a.across = C.int32_t(over(int(a.w), C.RE_MERTENS_WIDE))
			a.pairs = C.int32_t(min(max(1, half*int(a.across)/fullLoad), C.RE_MERTENS_PAIRS))
			launch(c, name, dims{int(a.across) * over(half, int(a.pairs)), 1, 1}, dims{32, 1, 1}, int(a.pairs)*6*28*8, &a)
		}
		if top <= levels {
			a := C.re_mertens_rest{here: place[top%2], there: place[(top+1)%2], sum: sums[top], n: C.int32_t(n), levels: C.int32_t(levels - top)}
			launch(c, "mertens_rest", dims{1, 1, 1}, dims{512, 1, 1}, 0, &a)
		}
		out := c.out(dst)
		for l := top - 1; l >= 0; l-- {
			a, name := C.re_mertens_collapse{sum: sums[l]}, "mertens_collapse"
			if l < levels {
				a.coarse = sums[l+1]
			}
			if l == 0 {
				a.dst, name = out, "mertens_finish_"+dst.Format().String()
			}
			half := over(int(a.sum.h), 2)
			a.across = C.int32_t(over(over(int(a.sum.w), 2), 128))
			launch(c, name, dims{int(a.across) * over(half, C.RE_COLLAPSE_PAIRS), 1, 1}, dims{128, 1, 1}, 0, &a)
		}
	})
}

// planes are the sums of all levels, those from 1 on one after the other without a gap.
func planes(c *call, w, h, levels int, fine16 bool) []C.re_planes {
	all := make([]C.re_planes, levels+1)
	var bytes int64
	for l := range all {
		m := &all[l]
		m.w, m.h, m.pitch = C.int32_t(w), C.int32_t(h), C.int32_t(over(w, C.RE_PLANES_ALIGN)*C.RE_PLANES_ALIGN)
		m.step = C.int64_t(m.pitch) * C.int64_t(h)
		m.p = C.uint64_t(bytes)
		bytes += 12 * int64(m.step)
		if l == 0 && fine16 {
			m.fine16 = 1
			bytes -= 6 * int64(m.step)
		}
		w, h = (w+1)/2, (h+1)/2
	}
	p := c.scratch(bytes)
	for l := range all {
		all[l].p += p
	}
	return all
}
