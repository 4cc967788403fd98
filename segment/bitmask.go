package segment

import "math/bits"

// bitMask is a mask of one bit a pixel, 64 to a word, each row from a new word on. What is beyond the width is 0.
type bitMask struct {
	w, h   int
	stride int // words a row
	v      []uint64
}

func newBitMask(w, h int) *bitMask {
	n := (w + 63) / 64
	return &bitMask{w, h, n, make([]uint64, n*h)}
}

// bitMaskOf is where f holds. f is called for several rows at once.
func bitMaskOf(w, h int, f func(x, y int) bool) *bitMask {
	m := newBitMask(w, h)
	onRows(h, w, func(y int) {
		for x := range w {
			if f(x, y) {
				m.set(x, y)
			}
		}
	})
	return m
}

// bitMaskFrom is a plane of a byte a pixel.
func bitMaskFrom(in []bool, w, h int) *bitMask {
	return bitMaskOf(w, h, func(x, y int) bool { return in[y*w+x] })
}

// over is where a plane is more than limit.
func (p *lightPlane) over(limit float64) *bitMask {
	m := newBitMask(p.w, p.h)
	for y := range p.h {
		row := p.v[y*p.w : (y+1)*p.w]
		for i := range m.stride {
			var word uint64
			for x, v := range row[64*i : min(64*i+64, p.w)] {
				if float64(v) > limit {
					word |= 1 << x
				}
			}
			m.v[y*m.stride+i] = word
		}
	}
	return m
}

func (m *bitMask) set(x, y int)       { m.v[y*m.stride+x/64] |= 1 << (x % 64) }
func (m *bitMask) at(x, y int) bool   { return m.v[y*m.stride+x/64]>>(x%64)&1 != 0 }
func (m *bitMask) row(y int) []uint64 { return m.v[y*m.stride : (y+1)*m.stride] }

// inverse is what is not set.
func (m *bitMask) inverse() *bitMask {
	out := newBitMask(m.w, m.h)
	for i, v := range m.v {
		out.v[i] = ^v
	}
	out.trim()
	return out
}

// trim clears what is beyond the width.
func (m *bitMask) trim() {
	if rest := m.w % 64; rest > 0 {
		for y := range m.h {
			m.v[(y+1)*m.stride-1] &= 1<<rest - 1
		}
	}
}

// add sets what is set in a mask of the same size.
func (m *bitMask) add(other *bitMask) {
	for i, v := range other.v {
		m.v[i] |= v
	}
}

// grown is where a pixel is set within r pixels, in a square; r is below 64.
func (m *bitMask) grown(r int) *bitMask {
	wide, out := newBitMask(m.w, m.h), newBitMask(m.w, m.h)
	for y := range m.h {
		src, dst := m.row(y), wide.row(y)
		for i, v := range src {
			var before, after uint64
			if i > 0 {
				before = src[i-1]
			}
			if i+1 < len(src) {
				after = src[i+1]
			}
			for s := 1; s <= r; s++ {
				v |= src[i]<<s | before>>(64-s) | src[i]>>s | after<<(64-s)
			}
			dst[i] = v
		}
	}
	wide.trim()
	for y := range m.h {
		dst := out.row(y)
		for k := max(0, y-r); k <= min(m.h-1, y+r); k++ {
			for i, v := range wide.row(k) {
				dst[i] |= v
			}
		}
	}
	return out
}

// shrunk is where all is set within r pixels, in a square, as far as the picture goes.
func (m *bitMask) shrunk(r int) *bitMask { return m.inverse().grown(r).inverse() }

// runs calls f for the runs of set pixels of row y, from the left: x0 ≤ x < x1.
func (m *bitMask) runs(y int, f func(x0, x1 int)) {
	row := m.row(y)
	next := func(x int, flip uint64) int { // the first pixel from x on that is set, or with flip all ones not set; w or more where there is none
		for i := x / 64; i < len(row); i++ {
			v := row[i] ^ flip
			if i == x/64 {
				v &= ^uint64(0) << (x % 64)
			}
			if v != 0 {
				return 64*i + bits.TrailingZeros64(v)
			}
		}
		return m.w
	}
	for x := next(0, 0); x < m.w; {
		end := min(next(x, ^uint64(0)), m.w)
		f(x, end)
		if end == m.w {
			return
		}
		x = next(end, 0)
	}
}
