package qc

import (
	"image"
	"math"

	"github.com/realedit/realedit/internal/parallel"
)

const shiftReach = 4 // proxy pixels searched either way

// shift measures how far each block lies off the reference that records it best: the
// displacement with the least squared difference of the normalised proxies, to the
// pixel by search and below it by Lucas–Kanade. Blocks without structure in both
// directions, and blocks that do not match anywhere, have none. When the best reference
// disagrees the others are asked (a moving object may come from any of them).
func (b *bench) shift(got *view, refs []*view) {
	g := got.geometry
	var jobs []image.Rectangle
	inside := image.Rect(0, 0, g.w, g.h).Inset(shiftReach + 1)
	for _, r := range g.blocks(blockSide) {
		if r = r.Intersect(inside); r.Dx() >= 24 && r.Dy() >= 24 {
			jobs = append(jobs, r)
		}
	}
	val := make([]float64, len(jobs))
	l := b.limits["shift.pixels"].value
	parallel.Each(len(jobs), func(i int) {
		j := jobs[i]
		val[i] = -1
		k := best(refs, j.Min.X, j.Min.Y, j.Max.X, j.Max.Y)
		if k < 0 {
			return
		}
		try := func(k int) float64 {
			dx, dy, ok := displacement(got, refs[k], j.Min.X, j.Min.Y, j.Max.X, j.Max.Y)
			if !ok {
				return -1
			}
			return math.Hypot(dx*g.sx, dy*g.sy)
		}
		val[i] = try(k)
		for o := 0; o < len(refs) && val[i] > l; o++ {
			if o != k {
				if v := try(o); v >= 0 {
					val[i] = min(val[i], v)
				}
			}
		}
	})
	var rs []Region
	for i, j := range jobs {
		if val[i] >= 0 {
			rs = append(rs, Region{g.full(j.Min.X, j.Min.Y, j.Max.X, j.Max.Y), val[i]})
		}
	}
	if rs = worst(rs, false); len(rs) > 0 {
		b.add(Shift, "pixels", rs[0].Value, false, rs)
	}
}

// displacement is how far got's block lies from ref's, in proxy pixels.
func displacement(got, ref *view, x0, y0, x1, y1 int) (dx, dy float64, ok bool) {
	var energy float64
	n := 0
	for y := y0; y < y1; y++ {
		r, mark := ref.norm.RowF32(y)[x0:x1], ref.mark[y*ref.w+x0:y*ref.w+x1]
		for x, v := range r {
			if mark[x]&full90 != 0 {
				v := float64(v) - 0.5
				energy += v * v
				n++
			}
		}
	}
	if n < (x1-x0)*(y1-y0)/3 || energy/float64(n) < 0.05*normScale*normScale {
		return 0, 0, false
	}
	// To the pixel, on every second row.
	bx, by, least, still := 0, 0, math.Inf(1), 0.0
	for v := -shiftReach; v <= shiftReach; v++ {
		var e [2*shiftReach + 1]float64
		for y := y0; y < y1; y += 2 {
			r, s := ref.norm.RowF32(y)[x0:x1], got.norm.RowF32(y + v)[x0-shiftReach:x1+shiftReach]
			differences(&e, r, s, ref.mark[y*ref.w+x0:y*ref.w+x1])
		}
		for u, e := range e {
			if u -= shiftReach; u == 0 && v == 0 {
				still = e
			}
			if e < least {
				bx, by, least = u, v, e
			}
		}
	}
	// Where patterns repeat, tone alone can make a wrong place fit a little better: moving must explain much more.
	if least > 0.6*still {
		bx, by, least = 0, 0, still
	}
	if least > 0.15*energy { // 30 % of the energy left over: every second row was counted
		return 0, 0, false
	}
	// Below the pixel: two steps of Lucas–Kanade around the integer match.
	fx, fy := float64(bx), float64(by)
	var room [blockSide + blockSide/2]position
	cols := room[:x1-x0]
	for range 2 {
		var a, c, d, p, q float64
		for x := range cols {
			cols[x] = positionOf(float64(x0+x)+fx, got.w)
		}
		for y := y0; y < y1; y++ {
			r, up, dn := ref.norm.RowF32(y)[x0-1:x1+1], ref.norm.RowF32(y - 1)[x0:x1], ref.norm.RowF32(y + 1)[x0:x1]
			mark := ref.mark[y*ref.w+x0 : y*ref.w+x1]
			at := positionOf(float64(y)+fy, got.h)
			s, t := got.norm.RowF32(at.i), got.norm.RowF32(at.k)
			for x, o := range cols {
				if mark[x]&full90 == 0 {
					continue
				}
				gx, gy := float64(r[x+2]-r[x])/2, float64(dn[x]-up[x])/2
				e := float64(bilinear(s, t, o, at.f) - r[x+1])
				a += gx * gx
				c += gx * gy
				d += gy * gy
				p += gx * e
				q += gy * e
			}
		}
		det := a*d - c*c
		tr := a + d
		// The smaller eigenvalue against the larger: one direction alone says nothing about the other.
		small := tr/2 - math.Sqrt(max(0, tr*tr/4-det))
		if small < 0.08*(tr-small) || small < float64(n)*1e-5 {
			return 0, 0, false
		}
		fx -= min(1, max(-1, (d*p-c*q)/det))
		fy -= min(1, max(-1, (a*q-c*p)/det))
	}
	if math.Hypot(fx-float64(bx), fy-float64(by)) > 1.5 {
		return 0, 0, false
	}
	return fx, fy, true
}

// differences adds the squared differences of a row r and the rows s that begin shiftReach to the left up to shiftReach to the right of
// it, each summed along the row in single precision, where mark has full90.
func differences(e *[2*shiftReach + 1]float64, r, s []float32, mark []uint8) {
	var e0, e1, e2, e3, e4, e5, e6, e7, e8 float32
	for x, v := range r {
		if mark[x]&full90 == 0 {
			continue
		}
		q := (*[2*shiftReach + 1]float32)(s[x:])
		d0, d1, d2, d3, d4, d5, d6, d7, d8 := q[0]-v, q[1]-v, q[2]-v, q[3]-v, q[4]-v, q[5]-v, q[6]-v, q[7]-v, q[8]-v
		e0 += d0 * d0
		e1 += d1 * d1
		e2 += d2 * d2
		e3 += d3 * d3
		e4 += d4 * d4
		e5 += d5 * d5
		e6 += d6 * d6
		e7 += d7 * d7
		e8 += d8 * d8
	}
	for u, v := range [...]float32{e0, e1, e2, e3, e4, e5, e6, e7, e8} {
		e[u] += float64(v)
	}
}

// position is between two samples: those at i and k with the weights 1−f and f.
type position struct {
	i, k int
	f    float32
}

// positionOf takes a coordinate among n samples, edges replicated.
func positionOf(x float64, n int) position {
	x = min(max(x, 0), float64(n-1))
	i := int(x)
	return position{i, min(i+1, n-1), float32(x - float64(i))}
}
