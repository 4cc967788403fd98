package qc

import "math"

const shiftReach = 4 // proxy pixels searched either way

// shift measures how far each block lies off the reference that records it best: the
// displacement with the least squared difference of the normalised proxies, to the
// pixel by search and below it by Lucas–Kanade. Blocks without structure in both
// directions, and blocks that do not match anywhere, have none. When the best reference
// disagrees the others are asked (a moving object may come from any of them).
func (b *bench) shift(got *view, refs []*view) {
	g := got.geometry
	type job struct{ x0, y0, x1, y1 int }
	var jobs []job
	g.blocks(blockSide, func(x0, y0, x1, y1 int) {
		x0, y0 = max(x0, shiftReach+1), max(y0, shiftReach+1)
		x1, y1 = min(x1, g.w-shiftReach-1), min(y1, g.h-shiftReach-1)
		if x1-x0 >= 24 && y1-y0 >= 24 {
			jobs = append(jobs, job{x0, y0, x1, y1})
		}
	})
	val := make([]float64, len(jobs))
	l := b.limits["shift.pixels"].value
	each(len(jobs), func(i int) {
		j := jobs[i]
		val[i] = -1
		k := best(refs, j.x0, j.y0, j.x1, j.y1)
		if k < 0 {
			return
		}
		try := func(k int) float64 {
			dx, dy, ok := displacement(got, refs[k], j.x0, j.y0, j.x1, j.y1)
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
			rs = append(rs, Region{g.full(j.x0, j.y0, j.x1, j.y1), val[i]})
		}
	}
	if rs = worst(rs, false); len(rs) > 0 {
		b.add(Shift, "pixels", rs[0].Value, false, rs)
	}
}

// displacement is how far got's block lies from ref's, in proxy pixels.
func displacement(got, ref *view, x0, y0, x1, y1 int) (dx, dy float64, ok bool) {
	okAt := func(x, y int) bool { return ref.full[y*ref.w+x] > 0.9 }
	var energy, mean float64
	n := 0
	for y := y0; y < y1; y++ {
		r := ref.norm.RowF32(y)
		for x := x0; x < x1; x++ {
			if okAt(x, y) {
				v := float64(r[x]) - 0.5
				energy += v * v
				mean += v
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
		for u := -shiftReach; u <= shiftReach; u++ {
			e := 0.0
			for y := y0; y < y1; y += 2 {
				r, s := ref.norm.RowF32(y), got.norm.RowF32(y+v)
				f := ref.full[y*ref.w : (y+1)*ref.w]
				var row float32
				for x := x0; x < x1; x++ {
					if f[x] > 0.9 {
						d := s[x+u] - r[x]
						row += d * d
					}
				}
				e += float64(row)
			}
			if u == 0 && v == 0 {
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
	for range 2 {
		var a, c, d, p, q float64
		for y := y0; y < y1; y++ {
			r, up, dn := ref.norm.RowF32(y), ref.norm.RowF32(y-1), ref.norm.RowF32(y+1)
			for x := x0; x < x1; x++ {
				if !okAt(x, y) {
					continue
				}
				gx, gy := float64(r[x+1]-r[x-1])/2, float64(dn[x]-up[x])/2
				e := float64(sample(got, float64(x)+fx, float64(y)+fy) - r[x])
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

// sample is norm at a position, bilinear, edges replicated.
func sample(v *view, x, y float64) float32 {
	return bilinear(v.norm.RowF32, v.w, v.h, x, y)
}

func bilinear(row func(int) []float32, w, h int, x, y float64) float32 {
	x, y = min(max(x, 0), float64(w-1)), min(max(y, 0), float64(h-1))
	i, j := int(x), int(y)
	fx, fy := float32(x-float64(i)), float32(y-float64(j))
	r, s := row(j), row(min(j+1, h-1))
	k := min(i+1, w-1)
	return (r[i]*(1-fx)+r[k]*fx)*(1-fy) + (s[i]*(1-fx)+s[k]*fx)*fy
}
