//go:build cuda && cgo

package cuda

// #include "feather.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) feather(dst *kernels.Image, tiles []kernels.Tile, overlap int) error {
	return b.do("Feather", func(c *call) {
		w, h := dst.Width(), dst.Height()
		a := C.re_feather{
			dst: c.out(dst), cells: C.int32_t(over(w, C.RE_FEATHER_CELL)), across: C.int32_t(over(w, 64)),
			ramp: C.int32_t(overlap + 1), unit: C.float(1 / float64(overlap+1)), scale: C.float(dst.Format().Max() / tiles[0].Image.Format().Max()),
		}
		list := make([]C.re_feather_tile, len(tiles))
		for i, t := range tiles {
			m := c.in(t.Image)
			d := C.re_feather_tile{p: m.p, stride: m.stride, x: C.int32_t(t.At.X), y: C.int32_t(t.At.Y), w: m.w, h: m.h}
			const flat = 1 << 29
			if t.At.X == 0 {
				d.low_x = flat
			}
			if t.At.Y == 0 {
				d.low_y = flat
			}
			if t.At.X+t.Image.Width() == w {
				d.high_x = flat
			}
			if t.At.Y+t.Image.Height() == h {
				d.high_y = flat
			}
			list[i] = d
		}
		a.tiles, a.lists = table(c, list), table(c, cellLists(tiles, w, h, C.RE_FEATHER_CELL))
		launch(c, "feather_"+tiles[0].Image.Format().String(), dims{int(a.across) * over(h, 32), 1, 1}, dims{64 * dst.Channels(), 1, 1}, 0, &a)
	})
}

// cellLists says which tiles touch each cell of a picture of w×h, in the tiles' order: the index where a cell's list begins, for
// every cell and one more, row by row, then the lists.
func cellLists(tiles []kernels.Tile, w, h, side int) []int32 {
	across, n := over(w, side), over(w, side)*over(h, side)
	each := func(f func(cell, tile int)) {
		for i, t := range tiles {
			for y := t.At.Y / side; y*side < t.At.Y+t.Image.Height(); y++ {
				for x := t.At.X / side; x*side < t.At.X+t.Image.Width(); x++ {
					f(y*across+x, i)
				}
			}
		}
	}
	ends := make([]int32, n+1)
	each(func(cell, _ int) { ends[cell+1]++ })
	ends[0] = int32(n + 1)
	for i := range n {
		ends[i+1] += ends[i]
	}
	out := make([]int32, ends[n])
	copy(out, ends)
	next := ends[:n]
	each(func(cell, tile int) {
		out[next[cell]] = int32(tile)
		next[cell]++
	})
	return out
}
