//go:build cgo

package cpu

// #include "fuse_mertens.h"
import "C"

import (
	"math"
	"runtime"
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

// mertensFirst is how many levels the banded sweep goes down: a band repeats some 6·2^mertensFirst
// rows of its neighbours, and the rest, 4^−mertensFirst of the pixels, goes in one band.
const mertensFirst = 4

func (b *backend) fuseMertens(dst *kernels.Image, photos []*kernels.Image, p *kernels.MertensParams) error {
	m := C.re_mertens{weigh: weighing(photos[0].Format(), p), n: C.int(len(photos)), dst_format: C.int(dst.Format())}
	m.levels = C.int(float32(math.Log(float64(min(dst.Width(), dst.Height())))) / float32(math.Ln2)) // as OpenCV has it
	m.wide[0], m.high[0] = C.int(dst.Width()), C.int(dst.Height())
	for l := 1; l <= int(m.levels); l++ {
		m.wide[l], m.high[l] = (m.wide[l-1]+1)/2, (m.high[l-1]+1)/2
	}
	m.last = min(m.levels, mertensFirst)
	if dst.Format() == kernels.U8 {
		m.fine16 = 1
	}

	var free []func()
	defer func() {
		for _, f := range free {
			f()
		}
	}()
	var pin runtime.Pinner
	defer pin.Unpin()
	block := func(n int64) (unsafe.Pointer, error) {
		buf, f, err := kernels.Host.Get(n)
		if err != nil {
			return nil, err
		}
		free = append(free, f)
		pin.Pin(&buf[0])
		return unsafe.Pointer(&buf[0]), nil
	}

	sums := make([]unsafe.Pointer, m.levels+1)
	for l := range sums {
		var err error
		if sums[l], err = block(int64(C.re_mertens_sum_bytes(&m, C.int(l)))); err != nil {
			return err
		}
	}
	whole, err := block(4 * int64(m.n) * int64(m.high[m.last]) * 4 * int64(C.re_mertens_pitch(m.wide[m.last])))
	if err != nil {
		return err
	}
	pixels := make([]unsafe.Pointer, len(photos))
	strides := make([]C.ptrdiff_t, len(photos))
	for i, photo := range photos {
		pixels[i], strides[i] = photo.Pointer(), C.ptrdiff_t(photo.Stride())
		pin.Pin(pixels[i])
	}

	// One band per thread, each at least four times as high as what it repeats.
	rows, bands := int(m.high[m.last]), min(b.width(), max(1, int(m.high[0])/(24<<mertensFirst)))
	step := (rows + bands - 1) / bands
	bands = (rows + step - 1) / step
	scratch := make([]unsafe.Pointer, bands)
	for i := range scratch {
		if scratch[i], err = block(int64(C.re_mertens_scratch(&m))); err != nil {
			return err
		}
	}
	b.bands(rows, step, func(i, r0, r1 int) {
		C.re_mertens_band(&m, &pixels[0], &strides[0], &sums[0], (*C.float)(whole), scratch[i], C.int(r0), C.int(r1))
	})
	if m.last < m.levels {
		m.first, m.last = m.last, m.levels
		rest, err := block(int64(C.re_mertens_scratch(&m)))
		if err != nil {
			return err
		}
		C.re_mertens_band(&m, &pixels[0], &strides[0], &sums[0], (*C.float)(whole), rest, 0, C.int(m.high[m.last]))
	}

	for l := m.levels; l > 0; l-- {
		coarse := (*C.float)(nil)
		if l < m.levels {
			coarse = (*C.float)(sums[l+1])
		}
		b.bands(int(m.high[l]), 64, func(_, y0, y1 int) {
			C.re_mertens_collapse(&m, C.int(l), (*C.float)(sums[l]), coarse, C.int(y0), C.int(y1))
		})
	}
	coarse := (*C.float)(nil)
	if m.levels > 0 {
		coarse = (*C.float)(sums[1])
	}
	b.bands(dst.Height(), 64, func(_, y0, y1 int) {
		C.re_mertens_finish(&m, sums[0], coarse, dst.Pointer(), C.ptrdiff_t(dst.Stride()), C.int(y0), C.int(y1))
	})
	runtime.KeepAlive(photos)
	runtime.KeepAlive(dst)
	return nil
}
