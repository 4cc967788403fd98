//go:build cuda && cgo

package cuda

// #include "deltae.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) deltaE(x, y, m, mask *kernels.Image) (kernels.DeltaEResult, error) {
	const bytes = C.sizeof_re_deltae_stats + 1024*C.RE_DELTAE_PART*8
	pieces := over(x.Width(), C.RE_DELTAE_THREADS*C.RE_DELTAE_PIXELS)
	items := pieces * x.Height()
	var s [1]C.re_deltae_stats
	err := b.do("DeltaE", func(c *call) {
		a := C.re_deltae{
			a: c.in(x), b: c.in(y), m: c.out(m), mask: c.in(mask), stats: c.scratch(bytes),
			pieces: C.uint32_t(pieces), items: C.uint32_t(items),
		}
		c.fill(a.stats, 0, bytes)
		launch(c, "deltae_"+x.Format().String(), dims{x: min(items, 3*b.cores)}, dims{x: C.RE_DELTAE_THREADS}, 0, &a)
		launch(c, "deltae_percentile", dims{}, dims{x: 1024}, 0, &a)
		fetch(c, s[:], a.stats)
	})
	n := int64(s[0].n)
	if err != nil || n == 0 {
		return kernels.DeltaEResult{}, err
	}
	res := kernels.DeltaEResult{N: n, Max: float64(s[0].max), Mean: float64(s[0].sum) / (1 << 22) / float64(n)}
	at := 0.95 * float64(n-1)
	low, high := float64(s[0].low), float64(s[0].high)
	res.P95 = min(res.Max, low+(at-float64(int64(at)))*(high-low))
	return res, nil
}
