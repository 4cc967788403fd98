package kernels

import (
	"math"
	"sync"
)

// Half is an IEEE 754 binary16 number, the sample of an F16 image.
type Half uint16

// HalfFrom converts f to binary16, rounding to nearest even; values beyond 65504 become infinite.
func HalfFrom(f float32) Half {
	b := math.Float32bits(f)
	sign := uint16(b>>16) & 0x8000
	exp := int32(b>>23) & 0xff
	man := b & 0x7fffff
	switch {
	case exp == 0xff:
		if man != 0 {
			return Half(sign | 0x7e00)
		}
		return Half(sign | 0x7c00)
	case exp-127 > 15:
		return Half(sign | 0x7c00)
	case exp-127 >= -14:
		h := uint32(exp-112)<<10 | man>>13
		rest := man & 0x1fff
		if rest > 0x1000 || rest == 0x1000 && h&1 == 1 {
			h++ // may carry into the exponent, up to infinity, as it should
		}
		return Half(sign | uint16(h))
	case exp-127 >= -25:
		man |= 0x800000
		shift := uint32(-14-(exp-127)) + 13
		h := man >> shift
		rest := man & (1<<shift - 1)
		half := uint32(1) << (shift - 1)
		if rest > half || rest == half && h&1 == 1 {
			h++
		}
		return Half(sign | uint16(h))
	}
	return Half(sign)
}

// Float32 converts h to binary32, exactly.
func (h Half) Float32() float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	man := uint32(h) & 0x3ff
	switch exp {
	case 0:
		f := float32(man) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | man<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
}

// HalfTable is every binary16 as binary32, by its bits: for loops over many, which have no branch so. Weights lie within few powers of two, so
// what is used of the 256 KiB stays in the caches.
var HalfTable = sync.OnceValue(func() *[1 << 16]float32 {
	t := new([1 << 16]float32)
	for i := range t {
		t[i] = Half(i).Float32()
	}
	return t
})
