//go:build cgo

package cpu

// #include "formats.h"
import "C"

import (
	"math"
	"runtime"
	"sync"
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

// Rows of a band: high enough that the call into C costs nothing, low enough to share the work evenly.
const bandRows = 32

func row(m *kernels.Image, y int) unsafe.Pointer {
	return unsafe.Add(m.Pointer(), y*m.Stride())
}

func stride(m *kernels.Image) C.size_t { return C.size_t(m.Stride()) }

func (b *backend) convert(dst, src *kernels.Image) error {
	n := C.size_t(src.Width() * src.Channels())
	b.bands(src.Height(), bandRows, func(_, y0, y1 int) {
		C.re_convert(C.int(dst.Format()), C.int(src.Format()), row(dst, y0), stride(dst), row(src, y0), stride(src), n, C.size_t(y1-y0))
	})
	runtime.KeepAlive(dst)
	runtime.KeepAlive(src)
	return nil
}

func (b *backend) decodeSRGB(dst, src *kernels.Image) error {
	n := C.size_t(src.Width() * src.Channels())
	if t := decodeTable(dst.Format(), src.Format()); t != nil {
		b.lookup(dst, src, t)
		return nil
	}
	b.bands(src.Height(), bandRows, func(_, y0, y1 int) {
		C.re_decode_srgb(C.int(dst.Format()), row(dst, y0), stride(dst), row(src, y0), stride(src), n, C.size_t(y1-y0))
	})
	runtime.KeepAlive(dst)
	runtime.KeepAlive(src)
	return nil
}

func (b *backend) encodeSRGB(dst, src *kernels.Image) error {
	n := C.size_t(src.Width() * src.Channels())
	if t := encodeTable(dst.Format(), src.Format()); t != nil {
		b.lookup(dst, src, t)
		return nil
	}
	b.bands(src.Height(), bandRows, func(_, y0, y1 int) {
		C.re_encode_srgb(C.int(dst.Format()), row(dst, y0), stride(dst), row(src, y0), stride(src), n, C.size_t(y1-y0))
	})
	runtime.KeepAlive(dst)
	runtime.KeepAlive(src)
	return nil
}

// lookup is dst = table[src], the table in dst's format with an entry for every value of a sample of src.
func (b *backend) lookup(dst, src, table *kernels.Image) {
	n := C.size_t(src.Width() * src.Channels())
	b.bands(src.Height(), bandRows, func(_, y0, y1 int) {
		C.re_lookup(C.int(dst.Format().Size()), C.int(src.Format().Size()), row(dst, y0), stride(dst), row(src, y0), stride(src), table.Pointer(), n, C.size_t(y1-y0))
	})
	runtime.KeepAlive(dst)
	runtime.KeepAlive(src)
	runtime.KeepAlive(table)
}

// transferTables are the values of a transfer function for all samples of the short
// formats, in every format: made when first asked for, by the formula in float64.
type transferTables struct {
	f    func(float64) float64
	mu   sync.Mutex
	made map[[2]kernels.Format]*kernels.Image
}

var (
	decodeTables = transferTables{f: func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}}
	encodeTables = transferTables{f: func(v float64) float64 {
		if v <= 0.0031308 {
			return 12.92 * v
		}
		return 1.055*math.Pow(v, 1/2.4) - 0.055
	}}
)

func decodeTable(dst, src kernels.Format) *kernels.Image { return decodeTables.get(dst, src) }
func encodeTable(dst, src kernels.Format) *kernels.Image { return encodeTables.get(dst, src) }

// get returns the table from one format to another, nil for F32 sources.
func (t *transferTables) get(dst, src kernels.Format) *kernels.Image {
	if src == kernels.F32 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := [2]kernels.Format{dst, src}
	if m := t.made[key]; m != nil {
		return m
	}
	n := 1 << (8 * src.Size())
	value := func(i int) float64 {
		v := float64(i) / src.Max()
		if src == kernels.F16 {
			v = float64(kernels.Half(i).Float32())
		}
		if !(v > 0) {
			return 0
		}
		return t.f(min(1, v))
	}
	var m *kernels.Image
	switch dst {
	case kernels.U8:
		m = table(n, func(i int) uint8 { return uint8(value(i)*255 + 0.5) })
	case kernels.U16:
		m = table(n, func(i int) uint16 { return uint16(value(i)*65535 + 0.5) })
	case kernels.F16:
		m = table(n, func(i int) kernels.Half { return kernels.HalfFrom(float32(value(i))) })
	default:
		m = table(n, func(i int) float32 { return float32(value(i)) })
	}
	if t.made == nil {
		t.made = map[[2]kernels.Format]*kernels.Image{}
	}
	t.made[key] = m
	return m
}

func table[T uint8 | uint16 | kernels.Half | float32](n int, f func(i int) T) *kernels.Image {
	pix := make([]T, n)
	for i := range pix {
		pix[i] = f(i)
	}
	m, err := kernels.Wrap(pix, n, 1, 1)
	if err != nil {
		panic(err) // n is 256 or 65536
	}
	return m
}

func (b *backend) luma(dst, src *kernels.Image) error {
	b.bands(src.Height(), bandRows, func(_, y0, y1 int) {
		C.re_luma(C.int(dst.Format()), C.int(src.Format()), row(dst, y0), stride(dst), row(src, y0), stride(src), C.size_t(src.Width()), C.size_t(y1-y0))
	})
	runtime.KeepAlive(dst)
	runtime.KeepAlive(src)
	return nil
}

func (b *backend) yCbCrToRGB(dst, y, cb, cr *kernels.Image) error {
	u8 := func(m *kernels.Image) *C.uint8_t { return (*C.uint8_t)(m.Pointer()) }
	b.bands(dst.Height(), bandRows, func(_, y0, y1 int) {
		C.re_ycbcr(u8(dst), stride(dst), u8(y), stride(y), u8(cb), stride(cb), u8(cr), stride(cr),
			C.int(dst.Width()), C.int(dst.Height()), C.int(cb.Width()), C.int(cb.Height()), C.int(y0), C.int(y1))
	})
	for _, m := range []*kernels.Image{dst, y, cb, cr} {
		runtime.KeepAlive(m)
	}
	return nil
}
