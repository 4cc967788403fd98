package jpegcoef

import (
	"encoding/binary"
	"fmt"

	"github.com/realedit/realedit/internal/container"
)

// fastBits is the length of the codes that one look-up finds.
const fastBits = 10

// huffman is a table of codes (C.2), for decoding (F.2.2.3).
type huffman struct {
	fast   [1 << fastBits]uint16 // length << 8 | value; 0 = the code is longer, or none
	limit  [17]uint32            // of each length, one above its last code, aligned to 16 bits
	offset [17]int               // of each length, index in values of its first code minus that code
	values []byte
}

func newHuffman(counts, values []byte) (*huffman, error) {
	h := &huffman{values: values}
	code, k := 0, 0
	for n := 1; n <= 16; n++ {
		h.offset[n] = k - code
		for range counts[n-1] {
			if code >= 1<<n {
				return nil, malformed("a Huffman table with too many codes of %d bits", n)
			}
			if n <= fastBits {
				for i := code << (fastBits - n); i < (code+1)<<(fastBits-n); i++ {
					h.fast[i] = uint16(n)<<8 | uint16(values[k])
				}
			}
			code++
			k++
		}
		h.limit[n] = uint32(code) << (16 - n)
		code <<= 1
	}
	return h, nil
}

// bits reads entropy-coded data (F.2.2.5). The next bit is the highest of acc, of which n are known; behind the data
// zeros are read and n becomes negative.
type bits struct {
	p   []byte
	i   int
	acc uint64
	n   int
}

// fill makes at least 48 bits known, where there are so many.
func (b *bits) fill() {
	if b.i+8 <= len(b.p) && b.n >= 0 {
		v := binary.BigEndian.Uint64(b.p[b.i:])
		// No byte is 0xff: then none is stuffed. (The test for a zero byte of the complement.)
		if w := ^v; (w-0x0101010101010101)&^w&0x8080808080808080 == 0 {
			b.acc |= v >> uint(b.n)
			k := (64 - b.n) >> 3
			b.i += k
			b.n += 8 * k
			return
		}
	}
	for b.n <= 56 && b.n >= 0 && b.i < len(b.p) {
		c := b.p[b.i]
		b.i++
		if c == 0xff {
			b.i++ // the stuffed zero: other markers were cut at
		}
		// Bits beyond n may be there already; they are these.
		b.acc |= uint64(c) << uint(56-b.n)
		b.n += 8
	}
}

func (b *bits) skip(n uint) {
	b.acc <<= n
	b.n -= int(n)
}

// decode reads one code. fill has been called since the last 32 bits.
func (b *bits) decode(h *huffman) (byte, bool) {
	if e := h.fast[b.acc>>(64-fastBits)]; e != 0 {
		b.skip(uint(e >> 8))
		return byte(e), true
	}
	top := uint32(b.acc >> 48)
	for n := fastBits + 1; n <= 16; n++ {
		if top < h.limit[n] {
			if k := h.offset[n] + int(top>>(16-n)); k >= 0 && k < len(h.values) {
				b.skip(uint(n))
				return h.values[k], true
			}
			return 0, false
		}
	}
	return 0, false
}

// extend reads n bits as a signed number (F.2.2.1).
func (b *bits) extend(n uint) int32 {
	if n == 0 {
		return 0
	}
	v := int32(b.acc >> (64 - n))
	b.skip(n)
	low := v>>(n-1) - 1 // all ones where the top bit is none: the number is negative
	return v + low&(1-1<<n)
}

// block reads one block's coefficients into dst, which is zero, and returns the DC coefficient (F.2.2).
func (b *bits) block(dst *[64]int16, c *Component, dc int32) (int32, error) {
	b.fill()
	s, ok := b.decode(c.dc)
	if !ok || s > 11 {
		return 0, b.broken("a DC coefficient")
	}
	dc += b.extend(uint(s))
	if dc != int32(int16(dc)) {
		return 0, malformed("a DC coefficient of %d", dc)
	}
	dst[0] = int16(dc)
	for k := 1; k < 64; k++ {
		if b.n < 32 {
			b.fill()
		}
		rs, ok := b.decode(c.ac)
		if !ok {
			return 0, b.broken("an AC coefficient")
		}
		r, s := int(rs>>4), uint(rs&15)
		if s == 0 {
			if r != 15 {
				if r != 0 {
					return 0, b.broken("an AC coefficient")
				}
				break
			}
			k += 15
			continue
		}
		if k += r; k > 63 || s > 10 {
			return 0, b.broken("an AC coefficient")
		}
		dst[k] = int16(b.extend(s))
	}
	if b.n < 0 {
		return 0, fmt.Errorf("%w: the data of a restart interval", container.ErrTruncated)
	}
	return dc, nil
}

// broken is the error for bits that mean nothing: there are none left, or they are wrong.
func (b *bits) broken(what string) error {
	if b.n < 16 && b.i >= len(b.p) {
		return fmt.Errorf("%w: the data of a restart interval", container.ErrTruncated)
	}
	return malformed("%s that is none", what)
}

// end checks that nothing but padding is left.
func (b *bits) end() error {
	if left := b.n + 8*(len(b.p)-b.i); left >= 8 {
		return malformed("%d bits behind the last unit of a restart interval", left)
	}
	return nil
}
