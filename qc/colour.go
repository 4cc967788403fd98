package qc

import (
	"encoding/binary"
	"math"
	"math/bits"

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
		at := func(i int, in uint64, load func(*view) uint64) {
			if skip != nil {
				var s [8]uint8
				copy(s[:], skip[i:min(len(skip), i+8)])
				in &^= 0xff * binary.LittleEndian.Uint64(s[:])
			}
			t.n += bits.OnesCount64(in & bytesOf(1))
			is, all := load(got)&in, in
			for _, r := range refs {
				all &= load(r)
			}
			t.blown += bits.OnesCount64(is & bytesOf(blown))
			t.crushed += bits.OnesCount64(is & bytesOf(crushed))
			t.lostTop += bits.OnesCount64(all & bytesOf(blown))
			t.lostLow += bits.OnesCount64(all & bytesOf(crushed))
		}
		i, end := y0*g.w, y1*g.w
		for ; i+8 <= end; i += 8 {
			at(i, ^uint64(0), func(v *view) uint64 { return binary.LittleEndian.Uint64(v.is[i:]) })
		}
		for ; i < end; i++ {
			at(i, 0xff, func(v *view) uint64 { return uint64(v.is[i]) })
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

// bytesOf is eight bytes of v.
func bytesOf(v uint8) uint64 { return 0x0101010101010101 * uint64(v) }

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
	lin := func(v []uint16) (r, g, bb, y float64) {
		r, g, bb = lightTable[v[0]], lightTable[v[1]], lightTable[v[2]]
		return r, g, bb, 0.2126*r + 0.7152*g + 0.0722*bb
	}
	useless := func(v []uint16) bool {
		return float64(max(v[0], v[1], v[2])) >= recordTop || float64(min(v[0], v[1], v[2])) <= 12*level
	}
	near := make([]mean, w*h) // near-grey surfaces; n is 0 elsewhere
	rows(h, func(y0, y1 int) {
		at := make([][]uint16, len(qs))
		for y := y0; y < y1; y++ {
			row := p.RowU16(y)
			for k := range qs {
				at[k] = qs[k].RowU16(y)
			}
			for x := range w {
				if skip != nil && skip[(2*y+1)*got.h/(2*h)*got.w+(2*x+1)*got.w/(2*w)] != 0 {
					continue
				}
				t := row[3*x : 3*x+3]
				if useless(t) {
					continue
				}
				// The frame nearest mid-grey that is not clipped.
				var s []uint16
				least := math.Inf(1)
				for k := range at {
					q := at[k][3*x : 3*x+3]
					if useless(q) {
						continue
					}
					if d := math.Abs(float64(lumaOf(q[0], q[1], q[2])) - 32768); d < least {
						least, s = d, q
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
				near[y*w+x] = mean{a0, bb0, a1, bb1, 1}
			}
		}
	})
	var all mean
	cells := make([]mean, castCells*castCells)
	for i, v := range near {
		if v.n == 0 {
			continue
		}
		for _, m := range []*mean{&all, &cells[i/w*castCells/h*castCells+i%w*castCells/w]} {
			m.a0 += v.a0
			m.b0 += v.b0
			m.a1 += v.a1
			m.b1 += v.b1
			m.n++
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
	rs := g.regions(blockSide, func(x0, y0, x1, y1 int) (float64, bool) {
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
		return s / float64(n), n > 0
	})
	rs = worst(rs, false)
	b.add(DeltaE, "mean", r.Mean, false, rs)
	b.add(DeltaE, "p95", r.P95, false, rs)
	b.add(DeltaE, "max", r.Max, false, nil)
	return nil
}
