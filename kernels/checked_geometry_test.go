package kernels

import (
	"errors"
	"image"
	"math"
	"testing"
)

// Wrong arguments of the operations on formats and geometry are refused by name before
// the operation runs, right ones reach it.
func TestArguments(t *testing.T) {
	ran := 0
	one := func(dst, src *Image) error { ran++; return nil }
	o := Checked(Ops{
		Convert: one, DecodeSRGB: one, EncodeSRGB: one, Luma: one, Resize: one, PyrDown: one, PyrUp: one,
		YCbCrToRGB: func(dst, y, cb, cr *Image) error { ran++; return nil },
		Warp:       func(dst, valid, src *Image, h *[9]float64) error { ran++; return nil },
		Blend:      func(dst, a, b, mask *Image) error { ran++; return nil },
		Feather:    func(dst *Image, tiles []Tile, overlap int) error { ran++; return nil },
	})
	img := func(w, h, c int, f Format) *Image { return newTestImage(t, w, h, c, f) }
	u8, u8b, f32, gray := img(8, 6, 3, U8), img(8, 6, 3, U8), img(8, 6, 3, F32), img(8, 6, 1, U8)
	id, bad := [9]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}, [9]float64{math.NaN()}
	left, right := Tile{img(5, 6, 3, U8), image.Pt(0, 0)}, Tile{img(5, 6, 3, U8), image.Pt(3, 0)}
	window := u8.SubImage(image.Rect(0, 0, 5, 6))
	for _, c := range []struct {
		arg string // "" = accepted
		err error
	}{
		{"", o.Convert(f32, u8)}, {"dst", o.Convert(nil, u8)}, {"src", o.Convert(f32, nil)}, {"src", o.Convert(u8, gray)}, {"src", o.Convert(img(8, 5, 3, U8), u8)}, {"src", o.Convert(u8, u8)},
		{"", o.DecodeSRGB(f32, u8)}, {"", o.DecodeSRGB(f32, f32)}, {"dst", o.DecodeSRGB(u8, f32)}, {"", o.EncodeSRGB(u8, f32)}, {"src", o.EncodeSRGB(f32, u8)},
		{"", o.Luma(gray, u8)}, {"dst", o.Luma(u8b, u8)}, {"src", o.Luma(gray, img(8, 6, 1, F32))},
		{"", o.Resize(img(3, 9, 3, U16), u8)}, {"src", o.Resize(gray, u8)},
		{"", o.PyrDown(img(4, 3, 3, F32), u8)}, {"dst", o.PyrDown(img(4, 2, 3, F32), u8)}, {"dst", o.PyrDown(img(4, 3, 3, U8), u8)}, {"src", o.PyrDown(img(4, 3, 3, F32), img(8, 6, 3, F16))},
		{"", o.PyrUp(img(15, 12, 3, F32), f32)}, {"dst", o.PyrUp(img(17, 12, 3, F32), f32)}, {"src", o.PyrUp(img(16, 12, 3, F32), u8)},
		{"", o.YCbCrToRGB(u8, gray, img(4, 3, 1, U8), img(4, 3, 1, U8))}, {"", o.YCbCrToRGB(u8, gray, img(4, 6, 1, U8), img(4, 6, 1, U8))},
		{"cb", o.YCbCrToRGB(u8, gray, img(3, 3, 1, U8), img(3, 3, 1, U8))}, {"cr", o.YCbCrToRGB(u8, gray, img(4, 3, 1, U8), img(8, 6, 1, U8))}, {"y", o.YCbCrToRGB(u8, img(8, 5, 1, U8), gray, gray)},
		{"", o.Warp(u8, gray, img(99, 2, 3, U8), &id)}, {"", o.Warp(u8, nil, u8b, &id)}, {"h", o.Warp(u8, nil, u8b, nil)}, {"h", o.Warp(u8, nil, u8b, &bad)}, {"valid", o.Warp(u8, img(8, 6, 1, F32), u8b, &id)}, {"dst", o.Warp(f32, nil, u8, &id)}, {"src", o.Warp(u8, nil, u8, &id)},
		{"", o.Blend(u8, u8, u8b, gray)}, {"", o.Blend(u8, u8b, u8, gray)}, {"mask", o.Blend(u8, u8, u8b, u8)}, {"mask", o.Blend(u8, u8, u8b, img(8, 6, 1, F16))}, {"b", o.Blend(u8, u8, f32, gray)}, {"a", o.Blend(window, u8.SubImage(image.Rect(3, 0, 8, 6)), window, img(5, 6, 1, U8))},
		{"", o.Feather(f32, []Tile{right, left}, 2)}, {"tiles", o.Feather(f32, []Tile{left}, 2)}, {"tiles", o.Feather(f32, nil, 2)}, {"tiles", o.Feather(f32, []Tile{{}}, 2)}, {"overlap", o.Feather(f32, []Tile{left, right}, -1)},
		{"tiles", o.Feather(f32, []Tile{left, {right.Image, image.Pt(4, 0)}}, 2)}, {"tiles", o.Feather(f32, []Tile{left, {right.Image, image.Pt(3, math.MinInt)}}, 2)}, {"tiles", o.Feather(f32, []Tile{left, {f32, image.Pt(0, 0)}}, 2)},
	} {
		var a *ArgError
		switch {
		case c.arg == "" && c.err != nil:
			t.Errorf("refused: %v", c.err)
		case c.arg != "" && (!errors.As(c.err, &a) || a.Arg != c.arg || !errors.Is(c.err, ErrInvalid)):
			t.Errorf("%v, want an *ArgError about %s", c.err, c.arg)
		}
		if c.err == nil {
			ran--
		}
	}
	if ran != 0 {
		t.Errorf("%d refused calls ran", ran)
	}
}

// Bare pixels are found wherever they are: in a corner, in a hole, between rows.
func TestFeatherCover(t *testing.T) {
	dst := newTestImage(t, 12, 10, 1, U8)
	tile := newTestImage(t, 4, 5, 1, U8)
	var all []Tile
	for y := 0; y < 10; y += 5 {
		for x := 0; x < 12; x += 4 {
			all = append(all, Tile{tile, image.Pt(x, y)})
		}
	}
	if err := checkCover("Feather", dst, all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		some := append(append([]Tile(nil), all[:i]...), all[i+1:]...)
		if err := checkCover("Feather", dst, some); !errors.Is(err, ErrInvalid) {
			t.Errorf("without tile %d: %v", i, err)
		}
	}
}
