//go:build cuda && cgo

package cuda

// #include "fusionweights.h"
import "C"

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) fusionWeights(dst, src *kernels.Image, p *kernels.MertensParams) error {
	return b.do("FusionWeights", func(c *call) {
		a := C.re_fusion_weights{q: weighing(p), photos: photoTable(c, []*kernels.Image{src}), dst: c.out(dst), n: 1}
		weigh(c, "fusionweights_"+src.Format().String(), &a)
	})
}

// weigh covers a.dst with strips.
func weigh(c *call, kernel string, a *C.re_fusion_weights) {
	a.across = C.int32_t(over(int(a.dst.w)+2, C.RE_WEIGHTS_WIDE)) // the first strip begins two columns early
	launch(c, kernel, dims{int(a.across) * over(int(a.dst.h), C.RE_WEIGHTS_HIGH), 1, 1}, dims{32, 1, 1}, 0, a)
}

// photoTable is where the photos lie, in device memory.
func photoTable(c *call, photos []*kernels.Image) C.uint64_t {
	t := make([]C.re_image, len(photos))
	for i, m := range photos {
		t[i] = c.in(m)
	}
	return table(c, t)
}

func weighing(p *kernels.MertensParams) C.re_weighing {
	return C.re_weighing{
		contrast: C.float(p.Contrast), saturation: C.float(p.Saturation),
		power: C.float(-p.Exposedness * math.Log2E / (2 * 0.2 * 0.2)),
	}
}
