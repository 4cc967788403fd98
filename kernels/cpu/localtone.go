//go:build cgo

package cpu

// #include "localtone.h"
import "C"

import (
	"runtime"
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) localTone(dst, src *kernels.Image, p *kernels.LocalToneParams) error {
	w, h := src.Width(), src.Height()
	t := C.re_tone{
		src: src.Pointer(), dst: dst.Pointer(),
		sstride: C.ptrdiff_t(src.Stride()), dstride: C.ptrdiff_t(dst.Stride()),
		sf: C.int(src.Format()), df: C.int(dst.Format()), w: C.int(w), h: C.int(h),
		detail: C.float(p.Detail), limit: C.float(p.MaxGain), shoulder: C.float(p.Shoulder),
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(t.src)
	pin.Pin(t.dst)
	for i, v := range p.Matrix {
		t.matrix[i] = C.float(v)
	}
	if l := linearOf(src.Format()); l != nil {
		pin.Pin(&l[0])
		t.linear = (*C.float)(&l[0])
	}
	if m := p.Base; m != nil {
		pin.Pin(m.Pointer())
		t.base, t.bstride, t.bw, t.bh = (*C.float)(m.Pointer()), C.ptrdiff_t(m.Stride()), C.int(m.Width()), C.int(m.Height())
	}
	if m := p.Gain; m != nil {
		pin.Pin(m.Pointer())
		t.gain, t.gstride, t.gw, t.gh = (*C.float)(m.Pointer()), C.ptrdiff_t(m.Stride()), C.int(m.Width()), C.int(m.Height())
	}
	if m := p.Tint; m != nil {
		pin.Pin(m.Pointer())
		t.tint, t.tstride, t.tw, t.th = (*C.float)(m.Pointer()), C.ptrdiff_t(m.Stride()), C.int(m.Width()), C.int(m.Height())
	}
	if p.Curve != nil {
		pin.Pin(&p.Curve[0])
		t.curve, t.entries = (*C.float)(&p.Curve[0]), C.int(len(p.Curve))
	}
	if p.Share != nil {
		pin.Pin(&p.Share[0])
		t.share, t.pairs = (*C.float)(&p.Share[0]), C.int(len(p.Share)/2)
	}
	scratch := 4 * (2*int64(t.bw+1) + int64(t.gw+1) + 3*int64(t.tw+1) + 6*int64(w))
	return b.scratchBands(h, 64, scratch, func(_, y0, y1 int, s unsafe.Pointer) {
		C.re_tone_rows(&t, C.int(y0), C.int(y1), (*C.float)(s))
	})
}
