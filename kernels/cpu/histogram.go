//go:build cgo

package cpu

// #include "histogram.h"
import "C"

import (
	"runtime"
	"sync"
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) histogram(src, mask *kernels.Image) ([][]uint64, error) {
	const step = 256 // a band of the widest image has fewer than 2³² pixels
	c, bins, sets := src.Channels(), 65536, 1
	if src.Format() == kernels.U8 {
		bins, sets = 256, 4
	}
	counts := make([][]uint64, c)
	for k := range counts {
		counts[k] = make([]uint64, bins)
	}
	var mp *C.uint8_t
	var ms C.ptrdiff_t
	if mask != nil {
		mp, ms = (*C.uint8_t)(mask.Pointer()), C.ptrdiff_t(mask.Stride())
	}
	var mu sync.Mutex
	err := b.scratchBands(src.Height(), step, int64(4*sets*c*bins), func(_, y0, y1 int, s unsafe.Pointer) {
		part := unsafe.Slice((*uint32)(s), sets*c*bins)
		clear(part)
		C.re_histogram_rows(src.Pointer(), C.ptrdiff_t(src.Stride()), mp, ms, C.int(src.Format()), C.int(src.Width()), C.int(c), C.int(y0), C.int(y1), (*C.uint32_t)(s))
		mu.Lock()
		defer mu.Unlock()
		for i, n := range part {
			counts[i/bins%c][i%bins] += uint64(n)
		}
	})
	runtime.KeepAlive(mask)
	if err != nil {
		return nil, err
	}
	return counts, nil
}

func (b *backend) matchHistogram(dst, src, ref, srcMask, refMask *kernels.Image) error {
	hs, err := b.histogram(src, srcMask)
	if err != nil {
		return err
	}
	hr, err := b.histogram(ref, refMask)
	if err != nil {
		return err
	}
	size := src.Format().Size()
	tables := make([]byte, 0, len(hs)*len(hs[0])*size)
	for c := range hs {
		t, err := kernels.MatchTable(hs[c], hr[c])
		if err != nil {
			return err
		}
		if size == 2 {
			tables = append(tables, unsafe.Slice((*byte)(unsafe.Pointer(&t[0])), 2*len(t))...)
			continue
		}
		for _, v := range t {
			tables = append(tables, byte(v))
		}
	}
	b.throughTables(dst, src, tables)
	return nil
}

// throughTables maps samples of one or two bytes by tables of every value, one for each channel, whose entries are dst's samples.
func (b *backend) throughTables(dst, src *kernels.Image, tables []byte) {
	b.bands(src.Height(), 64, func(_, y0, y1 int) {
		C.re_table_rows(dst.Pointer(), C.ptrdiff_t(dst.Stride()), src.Pointer(), C.ptrdiff_t(src.Stride()),
			C.int(src.Format().Size()), C.int(dst.Format().Size()), C.int(src.Width()), C.int(src.Channels()), C.int(y0), C.int(y1), unsafe.Pointer(&tables[0]))
	})
}
