//go:build cuda && cgo

package cuda

// #include "localtone.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) localTone(dst, src *kernels.Image, p *kernels.LocalToneParams) error {
	return b.do("LocalTone", func(c *call) {
		w, h := dst.Width(), dst.Height()
		a := C.re_localtone{
			src: c.in(src), dst: c.out(dst), base: c.toneMap(p.Base, w, h), gain: c.toneMap(p.Gain, w, h), tint: c.toneMap(p.Tint, w, h),
			detail: C.float(p.Detail), limit: C.float(p.MaxGain), shoulder: C.float(p.Shoulder),
		}
		for i, v := range p.Matrix {
			a.matrix[i] = C.float(v)
		}
		if p.Curve != nil {
			s := segments(p.Curve, 1)
			a.curve, a.curves = table(c, s), C.int32_t(len(s)/2)
		}
		if p.Share != nil {
			s := segments(p.Share, 2)
			a.share, a.shares = table(c, s), C.int32_t(len(s)/4)
		}
		shared := 16*int(a.shares) + 8*int(a.curves) + 4*256 + 8*3*C.RE_TONE_ROWS
		launch(c, "localtone_columns", dims{over(w, 256), over(h, C.RE_TONE_ROWS), 1}, dims{256, 1, 1}, shared, &a)
	})
}

// toneMap describes a map that spans a picture of w×h.
func (c *call) toneMap(m *kernels.Image, w, h int) C.re_tone_map {
	if m == nil {
		return C.re_tone_map{}
	}
	return C.re_tone_map{m: c.in(m), across: C.int64_t((int64(m.Width()) << 40) / int64(w)), down: C.int64_t((int64(m.Height()) << 40) / int64(h))}
}

// segments lists, for entries of k values each, where a piece between two entries starts and how far it rises.
func segments(t []float32, k int) (s []float32) {
	for i := 0; i+2*k <= len(t); i += k {
		s = append(s, t[i:i+k]...)
		for j := range k {
			s = append(s, t[i+k+j]-t[i+j])
		}
	}
	return s
}
