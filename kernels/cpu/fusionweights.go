//go:build cgo

package cpu

// #include "fusionweights.h"
import "C"

import (
	"runtime"
	"sync"
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

// weighing is the C form of the exponents for photos of a format.
func weighing(f kernels.Format, p *kernels.MertensParams) C.re_weighing {
	return C.re_weighing{
		format: C.int(f), top: C.float(f.Max()),
		contrast: C.float(p.Contrast), saturation: C.float(p.Saturation), exposedness: C.float(p.Exposedness),
	}
}

func (b *backend) fusionWeights(dst, src *kernels.Image, p *kernels.MertensParams) error {
	w, h := src.Width(), src.Height()
	q := weighing(src.Format(), p)
	var mu sync.Mutex
	var failed error
	b.bands(h, 64, func(_, y0, y1 int) {
		scratch, free, err := kernels.Host.Get(int64(6*(w+32)) * 4)
		if err != nil {
			mu.Lock()
			failed = err
			mu.Unlock()
			return
		}
		defer free()
		C.re_fusion_weights(&q, src.Pointer(), C.ptrdiff_t(src.Stride()), (*C.float)(dst.Pointer()), C.ptrdiff_t(dst.Stride()),
			C.int(w), C.int(h), C.int(y0), C.int(y1), (*C.float)(unsafe.Pointer(&scratch[0])))
	})
	runtime.KeepAlive(src)
	runtime.KeepAlive(dst)
	return failed
}
