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
	near := nearGreys(p, qs, func(x, y int) bool {
		return skip != nil && skip[(2*y+1)*got.h/(2*h)*got.w+(2*x+1)*got.w/(2*w)] != 0
	}, strict)
	if !strict {
		if d, ok := drift(near); ok {
			b.add(Cast, "drift", d, false, nil)
		}
		return nil
	}
	var all greys
	cells := make([]greys, castCells*castCells)
	for i, v := range near {
		all.add(v)
		cells[i/w*castCells/h*castCells+i%w*castCells/w].add(v)
	}
	if all.n < max(16, float64(w*h)/100) {
		return nil // no near-grey surface
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
