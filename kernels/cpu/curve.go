//go:build cgo

package cpu

// #include "pointwise.h"
import "C"

import (
	"math"
	"runtime"
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

// Every source format but F32 has few values: the curve is computed for all of them, once.
func (b *backend) curve(dst, src *kernels.Image, tables [][]float32) error {
	c := src.Channels()
	if src.Format() == kernels.F32 {
		var flat []float32
		starts := make([]C.int, c+1)
		for k := range c {
			flat = append(flat, tables[k%len(tables)]...)
			starts[k+1] = C.int(len(flat))
		}
		b.bands(src.Height(), 64, func(_, y0, y1 int) {
			C.re_curve_rows(dst.Pointer(), C.ptrdiff_t(dst.Stride()), C.int(dst.Format()), (*C.float)(src.Pointer()), C.ptrdiff_t(src.Stride()),
				C.int(src.Width()), C.int(c), C.int(y0), C.int(y1), (*C.float)(&flat[0]), &starts[0])
		})
		runtime.KeepAlive(src)
		return nil
	}
	values := 65536
	if src.Format() == kernels.U8 {
		values = 256
	}
	size := dst.Format().Size()
	whole := make([]byte, 0, c*values*size)
	for k := range c {
		if k > 0 && len(tables) == 1 {
			whole = append(whole, whole[:values*size]...)
			continue
		}
		for v := range values {
			u := float64(v) / float64(values-1)
			if src.Format() == kernels.F16 {
				u = float64(kernels.Half(v).Float32())
			}
			whole = appendSample(whole, dst.Format(), alongCurve(tables[k%len(tables)], u))
		}
	}
	b.throughTables(dst, src, whole)
	return nil
}

// alongCurve is the definition of Ops.Curve for one value, in float64.
func alongCurve(t []float32, v float64) float64 {
	if !(v > 0) {
		v = 0
	}
	p := min(v, 1) * float64(len(t)-1)
	i := min(int(p), len(t)-2)
	f := p - float64(i)
	return float64(t[i])*(1-f) + float64(t[i+1])*f
}

// appendSample appends v, in [0,1] units, as a sample in native byte order.
func appendSample(to []byte, f kernels.Format, v float64) []byte {
	switch f {
	case kernels.U8:
		return append(to, uint8(min(255, math.Floor(max(0, v*255)+0.5))))
	case kernels.U16:
		u := uint16(min(65535, math.Floor(max(0, v*65535)+0.5)))
		return append(to, unsafe.Slice((*byte)(unsafe.Pointer(&u)), 2)...)
	case kernels.F16:
		u := kernels.HalfFrom(float32(v))
		return append(to, unsafe.Slice((*byte)(unsafe.Pointer(&u)), 2)...)
	}
	u := float32(v)
	return append(to, unsafe.Slice((*byte)(unsafe.Pointer(&u)), 4)...)
}
