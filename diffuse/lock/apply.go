package lock

import (
	"context"
	"image"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Apply writes the grid's picture to dst: for each sample s of src, in units of the format's largest value max,
//
//	dst = ⌊s + (v' − v)·max + θ⌋, v = s/max
//
// with v' as Grid says. θ is ½ for U16. For U8 it is the pixel's of Bayer's 8×8 pattern (1973), (k+½)/64: rounding alone would move the
// mean of a flat wall by up to half a level, which a cap of 2 ΔE00 feels, and would draw contours on it; a sample that is not shifted stays itself.
//
// src is the deterministic picture, sRGB-encoded, or the part of it whose corner lies at at; dst has its shape and may
// be src. Both lie on the host and have 3 channels, U8 or U16. The bits do not depend on the number of processors, on the machine, or on
// how the picture is cut into parts. Errors: CodeBadOption for images and grids that do not fit, CodeCancelled.
func Apply(ctx context.Context, dst, src *kernels.Image, at image.Point, g *Grid) error {
	if err := g.valid(); err != nil {
		return err
	}
	bad := func(format string, a ...any) error {
		return realedit.Errorf(realedit.CodeBadOption, "lock", format, a...)
	}
	switch {
	case src == nil || dst == nil || !src.OnHost() || !dst.OnHost():
		return bad("%v to %v: want images on the host", src, dst)
	case src.Channels() != 3 || src.Format() != kernels.U8 && src.Format() != kernels.U16:
		return bad("src is %v, want 3 channels of u8 or u16", src)
	case dst.Bounds() != src.Bounds() || dst.Channels() != 3 || dst.Format() != src.Format():
		return bad("dst is %v, src %v", dst, src)
	case at.X < 0 || at.Y < 0 || src.Width() > g.Width-at.X || src.Height() > g.Height-at.Y:
		return bad("%v at %v is no part of a picture of %d×%d", src, at, g.Width, g.Height)
	}
	f := g.field()
	fraction, runs := columnsOf(at.X, src.Width(), g.Width, g.Columns-1)
	bands(src.Height(), func(_, y0, y1 int) {
		nodes := make([]float32, g.Columns*perNode)
		for y := y0; y < y1 && ctx.Err() == nil; y++ {
			f.row(nodes, at.Y+y, g.Height)
			if src.Format() == kernels.U8 {
				applyRow(dst.RowU8(y), src.RowU8(y), table8, nodes, fraction, runs, thresholds(at.X, at.Y+y))
			} else {
				applyRow(dst.RowU16(y), src.RowU16(y), table16, nodes, fraction, runs, &halves)
			}
		}
	})
	if err := ctx.Err(); err != nil {
		return &realedit.Error{Code: realedit.CodeCancelled, Op: "lock", Err: err}
	}
	return nil
}

// level is what is needed of a sample.
type level struct{ v, t float32 } // v, and T(v)·max

func tableOf(n int) []level {
	t := make([]level, n)
	top := float32(n - 1)
	for i := range t {
		v := float32(i) / top
		t[i] = level{v, float32(taper(v) * top)}
	}
	return t
}

var table8, table16 = tableOf(1 << 8), tableOf(1 << 16)

var halves = [8]float32{0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5}

// thresholds are θ of Apply in row y for 8-bit samples, from column x0 on.
func thresholds(x0, y int) *[8]float32 {
	var t [8]float32
	for i := range t {
		k, x := 0, x0+i
		for bit := range 3 { // the bits of x⊕y and y, the lowest first, interleaved
			k = k<<2 | ((x^y)>>bit&1)<<1 | y>>bit&1
		}
		t[i] = (float32(k) + 0.5) / 64
	}
	return &t
}

func applyRow[T uint8 | uint16](dst, src []T, table []level, nodes, fraction []float32, runs []run, theta *[8]float32) {
	top := float32(len(table) - 1)
	for _, r := range runs {
		n := (*pair)(nodes[r.cell*perNode:])
		s, d := src[3*r.from:3*r.to], dst[3*r.from:3*r.to]
		for i, x := range fraction[r.from:r.to] {
			th := theta[(r.from+i)&7]
			for c := range 3 {
				p := s[3*i+c]
				l := table[p]
				lo, hi := n.at(c, x)
				// T is 0 at both ends and the curve rises, so that only rounding could leave the range.
				d[3*i+c] = T(max(0, min(top, float32(p)+shifted(l.v, l.t, lo, hi)+th)))
			}
		}
	}
}
