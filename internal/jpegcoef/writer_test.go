package jpegcoef

import (
	"encoding/binary"
	mathbits "math/bits"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// codes are a Huffman table's for writing: value → length << 16 | code.
type codes map[byte]uint32

// tablesOf reads the Huffman tables out of a file's headers, by class and number.
func tablesOf(data []byte) (t [2][4]codes) {
	for i := 2; data[i+1] != mSOS; {
		n := int(binary.BigEndian.Uint16(data[i+2:]))
		if b := data[i+4 : i+2+n]; data[i+1] == mDHT {
			for len(b) > 0 {
				c, code, k := codes{}, uint32(0), 17
				for l := 1; l <= 16; l++ {
					for range b[l] {
						c[b[k]] = uint32(l)<<16 | code
						code++
						k++
					}
					code <<= 1
				}
				t[b[0]>>4][b[0]&15] = c
				b = b[k:]
			}
		}
		i += 2 + n
	}
	return t
}

// withRestarts codes the coefficients of a file of image/jpeg anew, with restart markers.
func withRestarts(t testing.TB, f *File, data []byte, coef []int16, interval int) []byte {
	tables := tablesOf(data)
	at := slices.Index(data, 0xff)
	for data[at+1] != mSOS {
		if at += 2; data[at-1] != mSOI {
			at += int(binary.BigEndian.Uint16(data[at:]))
		}
	}
	scan := at + 2 + int(binary.BigEndian.Uint16(data[at+2:]))
	out := slices.Concat(data[:at], []byte{0xff, mDRI, 0, 4, byte(interval >> 8), byte(interval)}, data[at:scan])
	var acc uint64
	var n int
	put := func(v uint32, k int) {
		acc, n = acc<<k|uint64(v), n+k
		for ; n >= 8; n -= 8 {
			b := byte(acc >> (n - 8))
			if out = append(out, b); b == 0xff {
				out = append(out, 0)
			}
		}
	}
	symbol := func(c codes, s byte) {
		e, ok := c[s]
		require.True(t, ok)
		put(e&0xffff, int(e>>16))
	}
	number := func(v int32) (size int, low uint32) {
		if v < 0 {
			size = mathbits.Len32(uint32(-v))
			return size, uint32(v-1) & (1<<size - 1)
		}
		size = mathbits.Len32(uint32(v))
		return size, uint32(v)
	}
	flush := func() {
		if n > 0 {
			put(1<<(8-n)-1, 8-n)
		}
		acc, n = 0, 0
	}
	var dc [4]int32
	for u := range f.Across * f.Down {
		if u > 0 && u%interval == 0 {
			flush()
			out = append(out, 0xff, mRST0+byte((u/interval-1)%8))
			dc = [4]int32{}
		}
		for b, i := range f.order {
			c := coef[u*f.UnitSize()+64*b:][:64]
			k := min(i, 1) // image/jpeg's tables: luma and chroma
			size, low := number(int32(c[0]) - dc[i])
			dc[i] = int32(c[0])
			symbol(tables[0][k], byte(size))
			put(low, size)
			run := 0
			for _, v := range c[1:] {
				if v == 0 {
					run++
					continue
				}
				for ; run > 15; run -= 16 {
					symbol(tables[1][k], 0xf0)
				}
				size, low := number(int32(v))
				symbol(tables[1][k], byte(run<<4|size))
				put(low, size)
				run = 0
			}
			if run > 0 {
				symbol(tables[1][k], 0)
			}
		}
	}
	flush()
	return append(out, 0xff, mEOI)
}
