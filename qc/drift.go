package qc

import (
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// greys are sums of a* and b* of near-grey surfaces: what the reference has (0), what the picture has (1), and of how many.
type greys struct{ a0, b0, a1, b1, n float64 }

func (m *greys) add(v greys) {
	if v.n == 0 {
		return
	}
	m.a0 += v.a0
	m.b0 += v.b0
	m.a1 += v.a1
	m.b1 += v.b1
	m.n += v.n
}

// nearGreys finds, pixel by pixel, what of a small picture is near grey in it or in the reference that records the place best; n is 0 elsewhere.
func nearGreys(p *kernels.Image, qs []*kernels.Image, skipped func(x, y int) bool, strict bool) []greys {
	w, h := p.Width(), p.Height()
	lin := func(v []uint16) (r, g, bb, y float64) {
		r, g, bb = lightTable[v[0]], lightTable[v[1]], lightTable[v[2]]
		return r, g, bb, 0.2126*r + 0.7152*g + 0.0722*bb
	}
	useless := func(v []uint16) bool {
		return float64(max(v[0], v[1], v[2])) >= recordTop || float64(min(v[0], v[1], v[2])) <= 12*level
	}
	near := make([]greys, w*h)
	rows(h, func(y0, y1 int) {
		at := make([][]uint16, len(qs))
		for y := y0; y < y1; y++ {
			row := p.RowU16(y)
			for k := range qs {
				at[k] = qs[k].RowU16(y)
			}
			for x := range w {
				if skipped(x, y) {
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
				near[y*w+x] = greys{a0, bb0, a1, bb1, 1}
			}
		}
	})
	return near
}

// drift is how far the mean of near-grey surfaces moved away from neutral; ok is false where there are hardly any.
func drift(near []greys) (d float64, ok bool) {
	var all greys
	for _, v := range near {
		all.add(v)
	}
	if all.n < max(16, float64(len(near))/100) {
		return 0, false
	}
	return (math.Hypot(all.a1, all.b1) - math.Hypot(all.a0, all.b0)) / all.n, true
}

// DriftSide is the longer side of the pictures that Drift is meant for: what CompareFrames judges the cast on.
const DriftSide = castSide

// Drift is the measure cast.drift (C*, CIELAB) of a small picture against the photos it was made from, before a gate measures it on the whole one: a stage that changes tone
// can so keep within Limits.CastMean. All are U16 sRGB-encoded with 3 channels on the host and of one size, whose longer side is about DriftSide; skip (nil: nothing) is not 0 at
// pixels, row by row, that do not count. ok is false where there is no near-grey surface. Other pictures are errors with realedit.CodeBadOption.
func Drift(got *kernels.Image, frames []*kernels.Image, skip []uint8) (d float64, ok bool, err error) {
	for _, m := range append([]*kernels.Image{got}, frames...) {
		if err := usable("picture", m); err != nil {
			return 0, false, err
		}
		if !m.OnHost() || m.Format() != kernels.U16 || m.Bounds() != got.Bounds() {
			return 0, false, realedit.Errorf(realedit.CodeBadOption, "qc", "picture: is %v, want u16 of %v on the host", m, got)
		}
	}
	w := got.Width()
	if skip != nil && len(skip) != w*got.Height() {
		return 0, false, realedit.Errorf(realedit.CodeBadOption, "qc", "skip: has %d pixels, the picture %v", len(skip), got)
	}
	d, ok = drift(nearGreys(got, frames, func(x, y int) bool { return skip != nil && skip[y*w+x] != 0 }, false))
	return d, ok, nil
}

// DriftLimit is the default of Limits.CastMean.
func DriftLimit() float64 { return Limits{}.rows()[string(Cast)+".drift"].value }
