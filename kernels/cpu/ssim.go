//go:build cgo

package cpu

// #include "ssim.h"
import "C"

import (
	"runtime"
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) ssim(x, y, m *kernels.Image, o *kernels.SSIMOptions) (kernels.SSIMResult, error) {
	const step = 120 // rows of a band; a multiple of four
	w, h, c := x.Width(), x.Height(), x.Channels()
	p := C.re_ssim_images{
		a: x.Pointer(), b: y.Pointer(),
		astride: C.ptrdiff_t(x.Stride()), bstride: C.ptrdiff_t(y.Stride()),
		format: C.int(x.Format()), w: C.int(w), h: C.int(h), c: C.int(c),
		x1: C.int(w), y1: C.int(h), top: C.float(x.Format().Max()),
	}
	if w >= 11 {
		p.x0, p.x1 = 5, C.int(w-5)
	}
	if h >= 11 {
		p.y0, p.y1 = 5, C.int(h-5)
	}
	if m != nil {
		p.out, p.mstride = (*C.float)(m.Pointer()), C.ptrdiff_t(m.Stride())
	}
	if o != nil && o.ContrastStructure {
		p.structure = 1
	}
	sums := make([][4]float64, (h+step-1)/step)
	var pin runtime.Pinner
	defer pin.Unpin()
	for _, i := range []*kernels.Image{x, y, m} {
		if i != nil {
			pin.Pin(i.Pointer())
		}
	}
	err := b.scratchBands(h, step, C.RE_SSIM_SCRATCH*4, func(band, y0, y1 int, s unsafe.Pointer) {
		C.re_ssim_rows(&p, C.int(y0), C.int(y1), (*C.double)(&sums[band][0]), (*C.float)(s))
	})
	if err != nil {
		return kernels.SSIMResult{}, err
	}
	res := kernels.SSIMResult{Channels: make([]float64, c)}
	for k := range c {
		for i := range sums {
			res.Channels[k] += sums[i][k]
		}
		res.Channels[k] /= float64(int(p.x1-p.x0) * int(p.y1-p.y0))
		res.Mean += res.Channels[k] / float64(c)
	}
	return res, nil
}
