package qc

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

const (
	castSide   = 320 // longer side of the picture the cast is judged on
	castChroma = 10  // C* under which a surface is near grey
	castCells  = 4   // Compare looks at 4×4 parts
)

// clipping compares the shares of blown and crushed pixels. Before is what no reference
// holds; after is the picture.
func (b *bench) clipping(got *view, refs []*view, skip []uint8) {
	g := got.geometry
	type tally struct{ blown, crushed, lostTop, lostLow, n int }
	parts := make([]tally, (g.h+15)/16)
	rows(g.h, func(y0, y1 int) {
		t := &parts[y0/16]
		for y := y0; y < y1; y++ {
			p := got.rgb.RowU16(y)
			for x := range g.w {
				if skip != nil && skip[y*g.w+x] != 0 {
					continue
				}
				t.n++
				top := float64(max(p[3*x], p[3*x+1], p[3*x+2]))
				high, low := top >= blownAt, top <= crushedAt
				allHigh, allLow := true, true
				for _, r := range refs {
					q := r.rgb.RowU16(y)
					m := float64(max(q[3*x], q[3*x+1], q[3*x+2]))
					allHigh = allHigh && m >= blownAt
					allLow = allLow && m <= crushedAt
				}
				if high {
					t.blown++
				}
				if low {
					t.crushed++
				}
				if allHigh {
					t.lostTop++
				}
				if allLow {
					t.lostLow++
				}
			}
		}
	})
	var s tally
	for _, t := range parts {
		s.blown += t.blown
		s.crushed += t.crushed
		s.lostTop += t.lostTop
		s.lostLow += t.lostLow
		s.n += t.n
	}
	if s.n == 0 {
		return
	}
	n := float64(s.n)
	b.add(Clipping, "blown", max(0, float64(s.blown-s.lostTop)/n), false, nil)
	b.add(Clipping, "crushed", max(0, float64(s.crushed-s.lostLow)/n), false, nil)
}

// small is a view's proxy once more reduced, for colours of surfaces.
func (b *bench) small(v *view) (*kernels.Image, error) {
	f := min(1, float64(castSide)/float64(max(v.w, v.h)))
	return b.resized(v.rgb, max(1, int(float64(v.w)*f)), max(1, int(float64(v.h)*f)), kernels.U16)
}

// labOf is CIELAB (D65) of linear sRGB.
func labOf(r, g, b float64) (l, a, bb float64) {
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	x := f((0.412453*r + 0.357580*g + 0.180423*b) / 0.95047)
	y := f(0.212671*r + 0.715160*g + 0.072169*b)
	z := f((0.019334*r + 0.119193*g + 0.950227*b) / 1.08883)
	return 116*y - 16, 500 * (x - y), 200 * (y - z)
}

// cast measures the colour of near-grey surfaces. Against a bracket (worstCells false) it is how
// far their mean moved away from neutral, negative when it came nearer: white balance may neutralise but not
// tint. Against the intended picture it is the largest move of a part's mean (a*, b*) in any direction.
func (b *bench) cast(got *view, refs []*view, skip []uint8, strict bool) error {
	p, err := b.small(got)
	if err != nil {
		return err
	}
	qs := make([]*kernels.Image, len(refs))
	for k, r := range refs {
		if qs[k], err = b.small(r); err != nil {
			return err
		}
	}
	w, h := p.Width(), p.Height()
	type mean struct{ a0, b0, a1, b1, n float64 }
	var all mean
	cells := make([]mean, castCells*castCells)
	lin := func(v []uint16) (r, g, bb, y float64) {
		r, g, bb = linear(float64(v[0])/65535), linear(float64(v[1])/65535), linear(float64(v[2])/65535)
		return r, g, bb, 0.2126*r + 0.7152*g + 0.0722*bb
	}
	for y := range h {
		for x := range w {
			if skip != nil && skip[(2*y+1)*got.h/(2*h)*got.w+(2*x+1)*got.w/(2*w)] != 0 {
				continue
			}
			t := p.RowU16(y)[3*x : 3*x+3]
			if float64(max(t[0], t[1], t[2])) >= recordTop || float64(min(t[0], t[1], t[2])) <= 12*level {
				continue
			}
			// The frame nearest mid-grey that is not clipped.
			var s []uint16
			near := math.Inf(1)
			for k := range qs {
				q := qs[k].RowU16(y)[3*x : 3*x+3]
				if float64(max(q[0], q[1], q[2])) >= recordTop || float64(min(q[0], q[1], q[2])) <= 12*level {
					continue
				}
				if d := math.Abs(float64(lumaOf(q[0], q[1], q[2])) - 32768); d < near {
					near, s = d, q
				}
			}
			if s == nil {
				continue
			}
			r1, g1, b1, y1 := lin(t)
			r0, g0, b0, y0 := lin(s)
			if !strict { // the reference's colour at the picture's luminance
				k := y1 / max(y0, 1e-6)
				r0, g0, b0 = r0*k, g0*k, b0*k
			}
			_, a0, bb0 := labOf(r0, g0, b0)
			l1, a1, bb1 := labOf(r1, g1, b1)
			c0, c1 := math.Hypot(a0, bb0), math.Hypot(a1, bb1)
			if l1 < 20 || (strict && c0 > castChroma) || (!strict && min(c0, c1) > castChroma) {
				continue
			}
			for _, m := range []*mean{&all, &cells[y*castCells/h*castCells+x*castCells/w]} {
				m.a0 += a0
				m.b0 += bb0
				m.a1 += a1
				m.b1 += bb1
				m.n++
			}
		}
	}
	if all.n < max(16, float64(w*h)/100) {
		return nil // no near-grey surface
	}
	if !strict {
		b.add(Cast, "drift", (math.Hypot(all.a1, all.b1)-math.Hypot(all.a0, all.b0))/all.n, false, nil)
		return nil
	}
	var rs []Region
	for i, m := range cells {
		if m.n >= max(16, float64(w*h)/castCells/castCells/50) {
			x, y := i%castCells, i/castCells
			r := got.geometry.full(x*got.w/castCells, y*got.h/castCells, (x+1)*got.w/castCells, (y+1)*got.h/castCells)
			rs = append(rs, Region{r, math.Hypot(m.a1-m.a0, m.b1-m.b0) / m.n})
		}
	}
	if rs = worst(rs, false); len(rs) > 0 {
		b.add(Cast, "worst", rs[0].Value, false, rs)
	}
	return nil
}

// deltaE is CIEDE2000 between the proxies where nothing was synthesised.
func (b *bench) deltaE(got, want *view, skip []uint8) error {
	g := got.geometry
	m, err := b.image(g.w, g.h, 1, kernels.F32)
	if err != nil {
		return err
	}
	defer m.Free()
	var mask *kernels.Image
	if skip != nil {
		if mask, err = b.image(g.w, g.h, 1, kernels.U8); err != nil {
			return err
		}
		for y := range g.h {
			row := mask.RowU8(y)
			for x := range row {
				row[x] = 255 * (1 - skip[y*g.w+x])
			}
		}
	}
	r, err := b.ops.DeltaE(got.rgb, want.rgb, m, mask)
	if err != nil || r.N == 0 {
		return err
	}
	var rs []Region
	g.blocks(blockSide, func(x0, y0, x1, y1 int) {
		s, n := 0.0, 0
		for y := y0; y < y1; y++ {
			row := m.RowF32(y)
			for x := x0; x < x1; x++ {
				if skip == nil || skip[y*g.w+x] == 0 {
					s += float64(row[x])
					n++
				}
			}
		}
		if n > 0 {
			rs = append(rs, Region{g.full(x0, y0, x1, y1), s / float64(n)})
		}
	})
	rs = worst(rs, false)
	b.add(DeltaE, "mean", r.Mean, false, rs)
	b.add(DeltaE, "p95", r.P95, false, rs)
	b.add(DeltaE, "max", r.Max, false, nil)
	return nil
}
