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
		a := C.re_fusion_weights{q: weighing(p), dst: c.out(dst), n: 1}
		a.photos, a.aligned = photoTable(c, []*kernels.Image{src})
		weigh(c, "fusionweights_"+src.Format().String(), &a)
	})
}

// weigh covers a.dst with strips.
func weigh(c *call, kernel string, a *C.re_fusion_weights) {
	a.across = C.int32_t(over(int(a.dst.w)+2, C.RE_WEIGHTS_WIDE)) // the first strip begins two columns early
	if (uint64(a.dst.p)|uint64(a.dst.stride))%8 != 0 {
		a.aligned = 0
	}
	launch(c, kernel, dims{int(a.across) * over(int(a.dst.h), C.RE_WEIGHTS_HIGH), 1, 1}, dims{32, 1, 1}, 0, a)
}

// photoTable is where the photos lie, in device memory, and whether words of them may be read.
func photoTable(c *call, photos []*kernels.Image) (p C.uint64_t, aligned C.int32_t) {
	t := make([]C.re_image, len(photos))
	word := uint64(max(4, 2*photos[0].Format().Size()))
	aligned = 1
	for i, m := range photos {
		t[i] = c.in(m)
		if (uint64(t[i].p)|uint64(t[i].stride))%word != 0 {
			aligned = 0
		}
	}
	return table(c, t), aligned
}

func weighing(p *kernels.MertensParams) C.re_weighing {
	q := C.re_weighing{
		contrast: C.float(p.Contrast), saturation: C.float(p.Saturation),
		power: C.float(-p.Exposedness * math.Log2E / (2 * 0.2 * 0.2)),
	}
	if p.Contrast != 1 || p.Saturation != 1 {
		q.general = 1
	}
	return q
}
