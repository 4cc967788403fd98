package robust

import (
	"sort"

	"github.com/realedit/realedit/kernels"
)

// Light is what tells whether a photo takes part, measured on the middle pixel (Step/2, rounded down) of every reduced one.
type Light struct {
	Sum     uint64 // of Luma
	Clipped int    // pixels whose brightest channel is at least 0.99 (64880) or at most 0.01 (655)
}

// Measure is the light of a photo in this memory.
func (p Plan) Measure(m *kernels.Image) (l Light) {
	for y := p.Step / 2; y < p.LH*p.Step; y += p.Step {
		for x := p.Step / 2; x < p.LW*p.Step; x += p.Step {
			r, g, b := pixel(m, x, y)
			l.Sum += uint64(Luma(r, g, b))
			if v := max(r, g, b); v >= 64880 || v <= 655 {
				l.Clipped++
			}
		}
	}
	return l
}

// Select tells which photos take part, darkest first, so that the caller's order does not matter: all but those of which 98 % is
// clipped. Of a set without any other it is the one in the middle by mean luma.
func (p Plan) Select(photos []Light) []int {
	all, keep := make([]int, len(photos)), make([]int, 0, len(photos))
	for i := range all {
		all[i] = i
	}
	sort.SliceStable(all, func(a, b int) bool { return photos[all[a]].Sum < photos[all[b]].Sum })
	for _, i := range all {
		if float64(photos[i].Clipped) <= 0.98*float64(p.LW*p.LH) {
			keep = append(keep, i)
		}
	}
	if len(keep) == 0 {
		keep = append(keep, all[len(all)/2])
	}
	return keep
}

// Luma is 0.299 R + 0.587 G + 0.114 B of samples in 16 bits, rounded.
func Luma(r, g, b uint32) uint32 { return (19595*r + 38470*g + 7471*b + 32768) >> 16 }

// Level16 is a sample in [0,1] in 16 bits, as every backend rounds it; NaN is 0.
func Level16(v float32) uint32 {
	if !(v > 0) {
		return 0
	}
	return uint32(float32(min(v, 1)*65535) + 0.5)
}

// pixel is a pixel in 16 bits.
func pixel(m *kernels.Image, x, y int) (r, g, b uint32) {
	switch m.Format() {
	case kernels.U8:
		p := m.RowU8(y)[3*x:]
		return 257 * uint32(p[0]), 257 * uint32(p[1]), 257 * uint32(p[2])
	case kernels.U16:
		p := m.RowU16(y)[3*x:]
		return uint32(p[0]), uint32(p[1]), uint32(p[2])
	}
	p := m.RowF32(y)[3*x:]
	return Level16(p[0]), Level16(p[1]), Level16(p[2])
}
