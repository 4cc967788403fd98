package tile

import (
	"context"
	"image"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/parallel"
	"github.com/realedit/realedit/kernels"
)

// Hit are the tiles of a grid that touch one of the regions, in the grid's order.
func Hit(grid, regions []image.Rectangle) []image.Rectangle {
	var hit []image.Rectangle
	for _, g := range grid {
		for _, r := range regions {
			if g.Overlaps(r) {
				hit = append(hit, g)
				break
			}
		}
	}
	return hit
}

// KeepMask fills m (U8, 1 channel, on the host) with weights for kernels.Ops.Blend that take a picture back within
// tiles: 0 in them, from there a linear ramp over feather pixels (the larger of the distances along x and y), 255 beyond. feather must be at least 0 (CodeBadOption).
func KeepMask(m *kernels.Image, tiles []image.Rectangle, feather int) error {
	if feather < 0 || m.Channels() != 1 || m.Format() != kernels.U8 || !m.OnHost() {
		return realedit.Errorf(realedit.CodeBadOption, "tile", "mask %v, feather %d: want u8 with one channel on the host, and at least 0", m, feather)
	}
	parallel.Bands(m.Height(), 64, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			keepRow(m.RowU8(y), y, tiles, feather)
		}
	})
	return nil
}

func keepRow(row []uint8, y int, tiles []image.Rectangle, feather int) {
	for x := range row {
		row[x] = 255
	}
	for _, t := range tiles {
		dy := max(t.Min.Y-y, y-t.Max.Y+1, 0)
		if dy > feather {
			continue
		}
		for x := max(0, t.Min.X-feather); x < min(len(row), t.Max.X+feather); x++ {
			d := max(t.Min.X-x, x-t.Max.X+1, dy)
			row[x] = min(row[x], uint8(255*d/(feather+1)))
		}
	}
}

// RollBack blends got towards want within tiles, in place, with KeepMask's weights over feather pixels: in the tiles it is
// want bit by bit, beyond the feather it keeps its own bits. Map values of pixels that are want's alone become those of before (nil: none).
// Both pictures have one size and format, in env's memory; the maps have that size.
func RollBack(ctx context.Context, env *realedit.Env, got, want *kernels.Image, changes, before *realedit.AlterationMap, tiles []image.Rectangle, feather int) error {
	w, h := got.Width(), got.Height()
	if changes == nil || changes.Map.Bounds() != got.Bounds() {
		return realedit.Errorf(realedit.CodeBadOption, "tile", "RollBack: the map is not of the picture's size")
	}
	mask, err := kernels.NewHostImage(nil, w, h, 1, kernels.U8)
	if err != nil {
		return &realedit.Error{Code: realedit.CodeOf(err), Op: "allocate", Err: err}
	}
	defer mask.Free()
	if err := KeepMask(mask, tiles, feather); err != nil {
		return err
	}
	if err := BlendTowards(ctx, env, got, want, mask); err != nil {
		return err
	}
	for y := range h {
		row := changes.Map.RowU8(y)
		var old []uint8
		if before != nil {
			old = before.Map.RowU8(y)
		}
		for x, keep := range mask.RowU8(y) {
			if keep == 0 {
				row[x] = 0
				if old != nil {
					row[x] = old[x]
				}
			}
		}
	}
	return nil
}

// BlendTowards is got = want·(1−keep) + got·keep in place, with keep (U8, 1 channel, the picture's size) on the host.
func BlendTowards(ctx context.Context, env *realedit.Env, got, want, keep *kernels.Image) error {
	onHost, err := kernels.HostMemory(env.Backend)
	if err != nil {
		return err
	}
	mask := keep
	if !onHost {
		if mask, err = env.NewImage(keep.Width(), keep.Height(), 1, kernels.U8); err != nil {
			return err
		}
		defer mask.Free()
		if err := env.Backend.Copy(ctx, mask, keep); err != nil {
			return err
		}
	}
	return env.Ops.Blend(got, want, got, mask)
}
