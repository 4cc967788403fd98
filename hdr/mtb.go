package hdr

import (
	"math"
	"slices"
)

// coarseShift finds the shift (dx,dy), in whole pixels of the largest pictures, with b(x+dx, y+dy) ≈ a(x,y), by the
// threshold bitmaps of Ward 2003, from about 24 pixels up to 300. Ranks of
// pixels survive any exposure; the rank to threshold at is chosen so that in neither photo it is clipped.
// as and bs are the two pictures and their halves.
func coarseShift(as, bs []*plane) (dx, dy int, ok bool) {
	last := len(as) - 1
	ta, tb, ok := commonThreshold(as[last], bs[last])
	if !ok {
		return 0, 0, false
	}
	for l := last; l >= 0; l-- {
		if as[l].w*as[l].h > 300*300 { // finer shifts are the patches' business
			dx, dy = dx*2, dy*2
			continue
		}
		radius := 1
		if l == last {
			radius = max(1, max(as[l].w, as[l].h)/5)
		}
		best, bx, by := math.Inf(1), 0, 0
		for y := -radius; y <= radius; y++ {
			for x := -radius; x <= radius; x++ {
				e := bitmapError(as[l], bs[l], ta, tb, 2*dx+x, 2*dy+y)
				e += 1e-6 * float64(x*x+y*y) // among equals the smallest move
				if e < best {
					best, bx, by = e, x, y
				}
			}
		}
		dx, dy = 2*dx+bx, 2*dy+by
	}
	return dx, dy, true
}

// commonThreshold is a pair of values of equal rank that both photos resolve.
func commonThreshold(a, b *plane) (ta, tb float32, ok bool) {
	sa, sb := slices.Clone(a.v), slices.Clone(b.v)
	slices.Sort(sa)
	slices.Sort(sb)
	best := float32(-1)
	for q := 0.05; q < 0.96; q += 0.05 {
		i := int(q * float64(len(sa)))
		va, vb := sa[i], sb[i]
		room := min(va, 1-va, vb, 1-vb) * float32(1-math.Abs(q-0.5)) // prefer the middle
		if room > best {
			best, ta, tb = room, va, vb
		}
	}
	return ta, tb, best > 0.01
}

// bitmapError is the share of pixels whose side of the threshold differs under a
// shift, among those clearly on one side in both photos; 1 when too few overlap.
func bitmapError(a, b *plane, ta, tb float32, dx, dy int) float64 {
	ea, eb := 0.02+0.04*ta, 0.02+0.04*tb
	x0, x1 := max(0, -dx), min(a.w, b.w-dx)
	y0, y1 := max(0, -dy), min(a.h, b.h-dy)
	if x1 <= x0 || y1 <= y0 {
		return 1
	}
	var bad, n int
	for y := y0; y < y1; y++ {
		ra := a.v[y*a.w : (y+1)*a.w]
		rb := b.v[(y+dy)*b.w : (y+dy+1)*b.w]
		for x := x0; x < x1; x++ {
			da, db := ra[x]-ta, rb[x+dx]-tb
			if da > -ea && da < ea || db > -eb && db < eb {
				continue
			}
			n++
			if (da > 0) != (db > 0) {
				bad++
			}
		}
	}
	if n*10 < a.w*a.h {
		return 1
	}
	return float64(bad) / float64(n)
}
