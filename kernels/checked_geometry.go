package kernels

import (
	"math"
	"slices"
)

func checkGeometry(o *Ops) {
	if f := o.Resize; f != nil {
		o.Resize = func(dst, src *Image) error {
			const op = "Resize"
			if err := present(op, []string{"dst", "src"}, dst, src); err != nil {
				return err
			}
			if err := first(sameChannels(op, "dst", dst, "src", src), apart(op, "src", dst, src, false)); err != nil {
				return err
			}
			return f(dst, src)
		}
	}
	if f := o.PyrDown; f != nil {
		o.PyrDown = func(dst, src *Image) error {
			const op = "PyrDown"
			if err := present(op, []string{"dst", "src"}, dst, src); err != nil {
				return err
			}
			if err := first(sameChannels(op, "dst", dst, "src", src), wantFormat(op, "dst", dst, F32), wantFormat(op, "src", src, U8, U16, F32), apart(op, "src", dst, src, false)); err != nil {
				return err
			}
			if w, h := (src.w+1)/2, (src.h+1)/2; dst.w != w || dst.h != h {
				return argErr(op, "dst", "is %v, want half of src (%v), rounded up: %d×%d", dst, src, w, h)
			}
			return f(dst, src)
		}
	}
	if f := o.PyrUp; f != nil {
		o.PyrUp = func(dst, src *Image) error {
			const op = "PyrUp"
			if err := present(op, []string{"dst", "src"}, dst, src); err != nil {
				return err
			}
			if err := first(sameChannels(op, "dst", dst, "src", src), wantFormat(op, "dst", dst, F32), wantFormat(op, "src", src, F32), apart(op, "src", dst, src, false)); err != nil {
				return err
			}
			if (dst.w+1)/2 != src.w || (dst.h+1)/2 != src.h {
				return argErr(op, "dst", "is %v, want sides of twice those of src (%v), or one less", dst, src)
			}
			return f(dst, src)
		}
	}
	if f := o.Warp; f != nil {
		o.Warp = func(dst, valid, src *Image, h *[9]float64) error {
			const op = "Warp"
			if err := present(op, []string{"dst", "src"}, dst, src); err != nil {
				return err
			}
			if err := first(sameChannels(op, "dst", dst, "src", src), wantFormat(op, "src", src, U8, U16, F32), wantFormat(op, "dst", dst, src.f), apart(op, "src", dst, src, false)); err != nil {
				return err
			}
			if valid != nil {
				if err := first(wantChannels(op, "valid", valid, 1), wantFormat(op, "valid", valid, U8), sameSize(op, "dst", dst, "valid", valid),
					apart(op, "valid", dst, valid, false), apart(op, "src", valid, src, false)); err != nil {
					return err
				}
			}
			if h == nil {
				return argErr(op, "h", "no homography")
			}
			for i, v := range h {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return argErr(op, "h", "element %d is %v, want finite numbers", i, v)
				}
			}
			return f(dst, valid, src, h)
		}
	}
	if f := o.Blend; f != nil {
		o.Blend = func(dst, a, b, mask *Image) error {
			const op = "Blend"
			if err := present(op, []string{"dst", "a", "b", "mask"}, dst, a, b, mask); err != nil {
				return err
			}
			for i, m := range []*Image{a, b} {
				name := []string{"a", "b"}[i]
				if err := first(sameSize(op, "dst", dst, name, m), sameChannels(op, "dst", dst, name, m), wantFormat(op, name, m, dst.f), apart(op, name, dst, m, true)); err != nil {
					return err
				}
			}
			if err := first(sameSize(op, "dst", dst, "mask", mask), wantChannels(op, "mask", mask, 1), wantFormat(op, "mask", mask, U8, U16, F32), apart(op, "mask", dst, mask, false)); err != nil {
				return err
			}
			return f(dst, a, b, mask)
		}
	}
	if f := o.Feather; f != nil {
		o.Feather = func(dst *Image, tiles []Tile, overlap int) error {
			if err := checkFeather(dst, tiles, overlap); err != nil {
				return err
			}
			return f(dst, tiles, overlap)
		}
	}
}

// MaxTiles is the largest number of tiles Ops.Feather takes.
const MaxTiles = 1 << 12

func checkFeather(dst *Image, tiles []Tile, overlap int) error {
	const op = "Feather"
	if err := present(op, []string{"dst"}, dst); err != nil {
		return err
	}
	if n := len(tiles); n < 1 || n > MaxTiles {
		return argErr(op, "tiles", "%d tiles, want 1 to %d", n, MaxTiles)
	}
	if overlap < 0 || overlap > MaxSide {
		return argErr(op, "overlap", "%d is outside [0, %d]", overlap, MaxSide)
	}
	for i, t := range tiles {
		m := t.Image
		if m == nil {
			return argErr(op, "tiles", "tile %d has no image", i)
		}
		if err := first(sameChannels(op, "dst", dst, "tiles", m), wantFormat(op, "tiles", m, tiles[0].Image.f), apart(op, "tiles", dst, m, false)); err != nil {
			return err
		}
		if t.At.X < 0 || t.At.Y < 0 || t.At.X > dst.w-m.w || t.At.Y > dst.h-m.h {
			return argErr(op, "tiles", "tile %d (%v at %v) reaches outside dst (%v)", i, m, t.At, dst)
		}
	}
	return checkCover(op, dst, tiles)
}

// checkCover refuses tiles that leave a pixel of dst bare. Between two neighbouring
// tile edges all rows are covered alike, so one of them is looked at.
func checkCover(op string, dst *Image, tiles []Tile) error {
	byX := slices.Clone(tiles)
	slices.SortFunc(byX, func(a, b Tile) int { return a.At.X - b.At.X })
	edges := []int{0}
	for _, t := range tiles {
		edges = append(edges, t.At.Y, t.At.Y+t.Image.h)
	}
	slices.Sort(edges)
	for _, y := range slices.Compact(edges) {
		if y >= dst.h {
			break
		}
		reach := 0
		for _, t := range byX {
			if t.At.Y <= y && y < t.At.Y+t.Image.h {
				if t.At.X > reach {
					break
				}
				reach = max(reach, t.At.X+t.Image.w)
			}
		}
		if reach < dst.w {
			return argErr(op, "tiles", "no tile covers pixel (%d,%d)", reach, y)
		}
	}
	return nil
}
