//go:build cuda && cgo

package cuda

// #include "box.h"
import "C"

import "github.com/realedit/realedit/kernels"

func (b *backend) boxFilter(dst, src *kernels.Image, radius int) error {
	return b.do("BoxFilter", func(c *call) {
		a := C.re_box{src: c.in(src), dst: c.out(dst)}
		a.vector = flag(src.Channels() == 1 && aligned(16, a.src, a.dst))
		c.box("mean", 1, src.Channels(), radius, a)
	})
}

func (b *backend) guidedFilter(dst, guide, src *kernels.Image, radius int, eps float64) error {
	return b.guided("GuidedFilter", "apply", dst, guide, src, radius, eps)
}

func (b *backend) guidedCoefficients(dst, guide, src *kernels.Image, radius int, eps float64) error {
	return b.guided("GuidedCoefficients", "coefficients", dst, guide, src, radius, eps)
}

// guided fits coefficients around every pixel, as float32 in scratch memory, and averages them.
func (b *backend) guided(op, second string, dst, guide, src *kernels.Image, radius int, eps float64) error {
	return b.do(op, func(c *call) {
		w, h := src.Width(), src.Height()
		pitch := int64(8*w+63) &^ 63
		ab := C.re_image{p: c.scratch(pitch * int64(h)), stride: C.int64_t(pitch), w: C.int32_t(w), h: C.int32_t(h), c: 2, format: C.RE_F32}
		g, s := c.in(guide), c.in(src)
		a := C.re_box{src: s, guide: g, dst: ab, eps: C.double(eps), vector: flag(aligned(16, g, s))}
		c.box("fit", 4, 1, radius, a)
		a = C.re_box{src: ab, guide: g, dst: c.out(dst)}
		a.vector = flag(aligned(16, g, a.dst))
		c.box(second, 2, 1, radius, a)
	})
}

// Windows up to this radius are summed within a tile of 512 columns.
const boxTileRadius = 192

// boxAtOnce is about how many tiles the largest GPUs work on at once. A strip's height follows from it and from the
// picture, not from the GPU at hand, for where a running sum starts shows in its last bits.
const boxAtOnce = 4 * 132

// box makes means of n sums of so many channels of a.src, by the kernels of that name.
func (c *call) box(name string, n, channels, radius int, a C.re_box) {
	w, h := int(a.dst.w), int(a.dst.h)
	rx, ry := min(radius, w), min(radius, h)
	a.rx, a.ry = C.int32_t(rx), C.int32_t(ry)
	if rx <= boxTileRadius {
		halo := (rx + 3) &^ 3
		tiles := over(w, 512-2*halo)
		rows := max(over(h, max(1, boxAtOnce/(tiles*channels))), ry/2, 8)
		a.halo, a.rows = C.int32_t(halo), C.int32_t(rows)
		launch(c, "box_tiles_"+name, dims{tiles, over(h, rows), channels}, dims{128, 1, 1}, 0, &a)
		return
	}
	const most = 256 << 20 // bytes of sums at a time
	row := int64(w) * int64(n*channels) * 8
	band := min(h, max(1, int(most/row)), 32<<10)
	a.planes = c.scratch(int64(band) * row)
	a.rows = C.int32_t(max(64, ry))
	a.vector = 0
	for y := 0; y < h; y += band {
		a.y0, a.y1 = C.int32_t(y), C.int32_t(min(h, y+band))
		rows := int(a.y1 - a.y0)
		launch(c, "box_columns_"+name, dims{over(w, 128), over(rows, int(a.rows)), channels}, dims{128, 1, 1}, 0, &a)
		launch(c, "box_totals", dims{rows, n * channels, 1}, dims{256, 1, 1}, 0, &a)
		launch(c, "box_windows_"+name, dims{over(w, 128), rows, channels}, dims{128, 1, 1}, 0, &a)
	}
}
