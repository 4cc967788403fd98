package kerneltest

import (
	"image"
	"math"

	"github.com/realedit/realedit/kernels"
)

// resized is a case of Resize to a size that fn derives from the source's.
func resized(name string, from, to kernels.Format, channels int, fn func(w, h int) (int, int)) Case {
	return Case{Op: "Resize", Name: from.String() + "→" + to.String() + " " + name, Formats: []kernels.Format{from, to}, Tol: oneLevel(to, 3.6e-7), Why: tieWhy,
		Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
			src, err := m.Photo(w, h, channels, from)
			if err != nil {
				return Output{}, err
			}
			dw, dh := fn(w, h)
			dst, err := m.Blank(max(1, dw), max(1, dh), channels, to)
			if err != nil {
				return Output{}, err
			}
			return Output{Images: []*kernels.Image{dst}}, o.Resize(dst, src)
		}}
}

func pyrDownCase(f kernels.Format, channels int, name string) Case {
	return Case{Op: "PyrDown", Name: f.String() + "→f32" + name, Formats: []kernels.Format{f, kernels.F32}, Tol: 2.4e-7, Why: "float32 sums of 25 terms",
		Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
			src, err := m.Photo(w, h, channels, f)
			if err != nil {
				return Output{}, err
			}
			dst, err := m.Blank((w+1)/2, (h+1)/2, channels, kernels.F32)
			if err != nil {
				return Output{}, err
			}
			return Output{Images: []*kernels.Image{dst}}, o.PyrDown(dst, src)
		}}
}

func pyrUpCase(channels int, name string) Case {
	return Case{Op: "PyrUp", Name: "f32" + name, Formats: []kernels.Format{kernels.F32}, Tol: 2.4e-7, Why: "float32 sums of 9 terms",
		Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
			src, err := m.Photo((w+1)/2, (h+1)/2, channels, kernels.F32)
			if err != nil {
				return Output{}, err
			}
			dst, err := m.Blank(w, h, channels, kernels.F32)
			if err != nil {
				return Output{}, err
			}
			return Output{Images: []*kernels.Image{dst}}, o.PyrUp(dst, src)
		}}
}

// Homographies that the cases and the benchmarks of Warp use, for a picture of w×h.
var (
	// WarpShift is a shift by whole pixels.
	WarpShift = func(w, h int) [9]float64 { return [9]float64{1, 0, 3, 0, 1, -2, 0, 0, 1} }
	// WarpAffine turns by 5° about the middle, scales by 1.07 and shifts by a fraction.
	WarpAffine = func(w, h int) [9]float64 { return turn(w, h, 5, 1.07, 0, 0) }
	// WarpHandHeld is what hand-held photos differ by: 0.3°, a few pixels, a hint of perspective.
	WarpHandHeld = func(w, h int) [9]float64 { return turn(w, h, 0.3, 1.001, 2e-7, -1e-7) }
	// WarpWild turns by 130° with strong perspective, its horizon within the picture.
	WarpWild = func(w, h int) [9]float64 { return turn(w, h, 130, 0.6, 3/float64(w+1), 1.1/float64(h+1)) }
	// WarpFlip mirrors left and right.
	WarpFlip = func(w, h int) [9]float64 { return [9]float64{-1, 0, float64(w - 1), 0, 1, 0, 0, 0, 1} }
	// WarpNowhere has a denominator of 0 everywhere.
	WarpNowhere = func(w, h int) [9]float64 { return [9]float64{1, 0, 0, 0, 1, 0, 0, 0, 0} }
)

func turn(w, h int, degrees, scale, px, py float64) [9]float64 {
	s, c := math.Sincos(degrees * math.Pi / 180)
	s, c = s*scale, c*scale
	x, y := float64(w-1)/2, float64(h-1)/2
	return [9]float64{c, -s, x - c*x + s*y + 1.3, s, c, y - s*x - c*y - 0.7, px, py, 1}
}

func warpCase(name string, f kernels.Format, channels int, masked bool, hom func(w, h int) [9]float64) Case {
	return Case{Op: "Warp", Name: f.String() + " " + name, Formats: []kernels.Format{f}, Tol: oneLevel(f, 7.2e-7), Why: "float32 weights and sums of 16 terms; integers: one level at a rounding tie",
		Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
			src, err := m.Photo(w, h, channels, f)
			if err != nil {
				return Output{}, err
			}
			dst, err := m.Blank(w+2, h+1, channels, f)
			if err != nil {
				return Output{}, err
			}
			out := Output{Images: []*kernels.Image{dst}}
			var valid *kernels.Image
			if masked {
				if valid, err = m.Blank(w+2, h+1, 1, kernels.U8); err != nil {
					return Output{}, err
				}
				out.Images = append(out.Images, valid)
			}
			hm := hom(w, h)
			return out, o.Warp(dst, valid, src, &hm)
		}}
}

// mask01 has much 0 and 1, and ramps between.
func mask01(m *Maker, w, h int, f kernels.Format) (*kernels.Image, error) {
	r := m.Rand()
	return m.Image(w, h, 1, f, func(x, y, c int) float64 {
		switch r.IntN(4) {
		case 0:
			return 0
		case 1:
			return 1
		}
		return r.Float64()
	})
}

func blendCase(f, mask kernels.Format, channels int, onB bool) Case {
	name := f.String() + " mask " + mask.String()
	if onB {
		name += " on b"
	}
	return Case{Op: "Blend", Name: name, Formats: []kernels.Format{f, mask}, Tol: oneLevel(f, 2.4e-7), Why: tieWhy,
		Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
			a, err := m.Photo(w, h, channels, f)
			if err != nil {
				return Output{}, err
			}
			b, err := m.Photo(w, h, channels, f)
			if err != nil {
				return Output{}, err
			}
			alpha, err := mask01(m, w, h, mask)
			if err != nil {
				return Output{}, err
			}
			on := a
			if onB {
				on = b
			}
			dst, err := m.Dst(on, f)
			if err != nil {
				return Output{}, err
			}
			return Output{Images: []*kernels.Image{dst}}, o.Blend(dst, a, b, alpha)
		}}
}

// TileGrid are the corners of side×side tiles (cut off at small pictures) that cover w×h with the given overlap, the last ones flush with the border.
func TileGrid(w, h, side, overlap int) []image.Rectangle {
	at := func(n int) (p []int, t int) {
		t = min(side, n)
		step := max(1, t-overlap)
		for x := 0; ; x += step {
			if x+t >= n {
				return append(p, n-t), t
			}
			p = append(p, x)
		}
	}
	xs, tw := at(w)
	ys, th := at(h)
	var all []image.Rectangle
	for _, y := range ys {
		for _, x := range xs {
			all = append(all, image.Rect(x, y, x+tw, y+th))
		}
	}
	return all
}

func featherCase(name string, from, to kernels.Format, channels, side, overlap int) Case {
	return Case{Op: "Feather", Name: from.String() + "→" + to.String() + " " + name, Formats: []kernels.Format{from, to}, Tol: oneLevel(to, 3.6e-7), Why: tieWhy,
		Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
			var tiles []kernels.Tile
			for _, r := range TileGrid(w, h, side, overlap) {
				t, err := m.Photo(r.Dx(), r.Dy(), channels, from)
				if err != nil {
					return Output{}, err
				}
				tiles = append(tiles, kernels.Tile{Image: t, At: r.Min})
			}
			dst, err := m.Blank(w, h, channels, to)
			if err != nil {
				return Output{}, err
			}
			return Output{Images: []*kernels.Image{dst}}, o.Feather(dst, tiles, overlap)
		}}
}

var geometryCases = buildGeometryCases()

func buildGeometryCases() (cases []Case) {
	const u8, u16, f16, f32 = kernels.U8, kernels.U16, kernels.F16, kernels.F32
	half := func(w, h int) (int, int) { return w / 2, h / 2 }
	fraction := func(w, h int) (int, int) { return w * 3 / 7, h * 5 / 8 }
	thumb := func(w, h int) (int, int) { return w / 11, h / 9 }
	grow := func(w, h int) (int, int) { return w*2 + 1, h*3/2 + 1 }
	mixed := func(w, h int) (int, int) { return w / 3, h * 2 }
	same := func(w, h int) (int, int) { return w, h }
	cases = append(cases,
		resized("half", u8, u8, 3, half), resized("half", u16, u16, 3, half), resized("half", f32, f32, 1, half), resized("half", u8, f32, 3, half),
		resized("by fractions", u8, u8, 3, fraction), resized("by fractions", u16, u8, 3, fraction), resized("by fractions", f32, f32, 2, fraction), resized("by fractions", f16, f16, 4, fraction),
		resized("thumbnail", u8, u8, 3, thumb), resized("thumbnail", f32, u16, 1, thumb),
		resized("larger", u8, u8, 1, grow), resized("larger", f32, f32, 3, grow), resized("larger", u8, u16, 2, grow),
		resized("narrower and higher", u8, u8, 3, mixed), resized("narrower and higher", f32, f16, 3, mixed),
		resized("same size", u16, u16, 3, same))
	for _, f := range []kernels.Format{u8, u16, f32} {
		cases = append(cases, pyrDownCase(f, 3, ""), pyrDownCase(f, 1, " 1 channel"))
	}
	cases = append(cases, pyrDownCase(f32, 4, " 4 channels"), pyrDownCase(u8, 2, " 2 channels"), pyrUpCase(3, ""), pyrUpCase(1, " 1 channel"), pyrUpCase(2, " 2 channels"))
	for _, f := range []kernels.Format{u8, u16, f32} {
		cases = append(cases,
			warpCase("shift", f, 3, true, WarpShift), warpCase("affine", f, 3, true, WarpAffine), warpCase("hand-held", f, 3, true, WarpHandHeld),
			warpCase("wild", f, 3, true, WarpWild), warpCase("flip", f, 3, false, WarpFlip), warpCase("nowhere", f, 3, true, WarpNowhere),
			warpCase("hand-held 1 channel", f, 1, true, WarpHandHeld), warpCase("affine 2 channels", f, 2, false, WarpAffine), warpCase("affine 4 channels", f, 4, false, WarpAffine))
	}
	for _, f := range allFormats {
		for _, mask := range []kernels.Format{u8, u16, f32} {
			cases = append(cases, blendCase(f, mask, 3, false))
		}
		cases = append(cases, blendCase(f, u8, 1, true))
	}
	for _, from := range allFormats {
		for _, to := range allFormats {
			cases = append(cases, featherCase("", from, to, 3, 48, 12))
		}
	}
	cases = append(cases, featherCase("no overlap", u8, u8, 3, 32, 0), featherCase("wide overlap", f32, u8, 1, 64, 40), featherCase("one tile", f32, f32, 3, 4096, 8))
	return cases
}
