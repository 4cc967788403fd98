//go:build cgo

package cpu

// #include "deltae.h"
import "C"

import (
	"math"
	"runtime"
	"sync"
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

// linearU8 and linearU16 are the sRGB transfer function of every integer, rounded once.
var (
	linearU8  = sync.OnceValue(func() []float32 { return linearTable(256) })
	linearU16 = sync.OnceValue(func() []float32 { return linearTable(65536) })
)

func linearTable(n int) []float32 {
	t := make([]float32, n)
	for i := range t {
		v := float64(i) / float64(n-1)
		if v <= 0.04045 {
			t[i] = float32(v / 12.92)
		} else {
			t[i] = float32(math.Pow((v+0.055)/1.055, 2.4))
		}
	}
	return t
}

// linearOf is the table for a format, nil for floats.
func linearOf(f kernels.Format) []float32 {
	switch f {
	case kernels.U8:
		return linearU8()
	case kernels.U16:
		return linearU16()
	}
	return nil
}

func (b *backend) deltaE(x, y, m, mask *kernels.Image) (kernels.DeltaEResult, error) {
	const step = 32
	w, h := x.Width(), x.Height()
	var pin runtime.Pinner
	defer pin.Unpin()
	p := C.re_deltae_images{
		a: x.Pointer(), b: y.Pointer(),
		astride: C.ptrdiff_t(x.Stride()), bstride: C.ptrdiff_t(y.Stride()),
		format: C.int(x.Format()), w: C.int(w),
	}
	pin.Pin(x.Pointer())
	pin.Pin(y.Pointer())
	if t := linearOf(x.Format()); t != nil {
		pin.Pin(&t[0])
		p.linear = (*C.float)(&t[0])
	}
	if m != nil {
		pin.Pin(m.Pointer())
		p.out, p.ostride = (*C.float)(m.Pointer()), C.ptrdiff_t(m.Stride())
	}
	if mask != nil {
		pin.Pin(mask.Pointer())
		p.mask, p.mstride = (*C.uint8_t)(mask.Pointer()), C.ptrdiff_t(mask.Stride())
	}
	stats := make([]C.re_deltae_stats, (h+step-1)/step)
	counts := make([]uint64, C.RE_DELTAE_BINS)
	var mu sync.Mutex
	err := b.scratchBands(h, step, C.RE_DELTAE_BINS*4, func(band, y0, y1 int, s unsafe.Pointer) {
		part := unsafe.Slice((*uint32)(s), C.RE_DELTAE_BINS)
		clear(part)
		C.re_deltae_rows(&p, C.int(y0), C.int(y1), &stats[band], (*C.uint32_t)(s))
		mu.Lock()
		defer mu.Unlock()
		for i, n := range part {
			counts[i] += uint64(n)
		}
	})
	if err != nil {
		return kernels.DeltaEResult{}, err
	}
	var res kernels.DeltaEResult
	for _, s := range stats {
		res.Mean += float64(s.sum)
		res.N += int64(s.n)
		res.Max = max(res.Max, float64(s.max))
	}
	if res.N == 0 {
		return kernels.DeltaEResult{}, nil
	}
	res.Mean /= float64(res.N)
	at := 0.95 * float64(res.N-1)
	i := int64(at)
	lo := ranked(counts, i)
	hi := ranked(counts, min(i+1, res.N-1))
	res.P95 = min(res.Max, lo+(at-float64(i))*(hi-lo))
	return res, nil
}

// ranked is the value of rank i, from 0, its bin's counts taken to lie evenly over the bin.
func ranked(counts []uint64, i int64) float64 {
	left := uint64(i)
	for bin, n := range counts {
		if left < n {
			if bin == 0 {
				return 0
			}
			lo := math.Float32frombits(uint32(bin) << C.RE_DELTAE_SHIFT)
			hi := math.Float32frombits(uint32(bin+1) << C.RE_DELTAE_SHIFT)
			return float64(lo) + (float64(left)+0.5)/float64(n)*float64(hi-lo)
		}
		left -= n
	}
	return 0
}
