package diffuse

import (
	"image"

	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/kernels"
)

// readTile writes the part r of a padded picture into dst, planar [3, r.Dy(), r.Dx()], as offset + scale·v for samples v in [0, 1]. A picture of one channel is
// taken for three alike.
func readTile(dst []float32, m *kernels.Image, p sampler.Padding, r image.Rectangle, scale, offset float32) {
	w, plane, c := r.Dx(), r.Dx()*r.Dy(), m.Channels()
	columns := make([]int, w)
	for x := range columns {
		columns[x] = p.SourceX(r.Min.X+x) * c
	}
	unit := scale
	switch m.Format() {
	case kernels.U8:
		unit = scale / 255
	case kernels.U16:
		unit = scale / 65535
	}
	for y := range r.Dy() {
		sy := p.SourceY(r.Min.Y + y)
		for k := range 3 {
			row := dst[k*plane+y*w:][:w]
			from := min(k, c-1)
			switch m.Format() {
			case kernels.U8:
				src := m.RowU8(sy)
				for x, s := range columns {
					row[x] = float32(float32(src[s+from])*unit) + offset
				}
			case kernels.U16:
				src := m.RowU16(sy)
				for x, s := range columns {
					row[x] = float32(float32(src[s+from])*unit) + offset
				}
			default:
				src := m.RowF32(sy)
				for x, s := range columns {
					row[x] = float32(src[s+from]*unit) + offset
				}
			}
		}
	}
}

// writeRow writes a row of planar samples in [0, 1] into row y of m, as many as m is wide, rounded.
func writeRow(m *kernels.Image, y int, row []float32, plane int) {
	w := m.Width()
	switch m.Format() {
	case kernels.U8:
		dst := m.RowU8(y)
		for k := range 3 {
			for x, v := range row[k*plane:][:w] {
				dst[3*x+k] = uint8(float32(v*255) + 0.5)
			}
		}
	case kernels.U16:
		dst := m.RowU16(y)
		for k := range 3 {
			for x, v := range row[k*plane:][:w] {
				dst[3*x+k] = uint16(float32(v*65535) + 0.5)
			}
		}
	default:
		dst := m.RowF32(y)
		for k := range 3 {
			for x, v := range row[k*plane:][:w] {
				dst[3*x+k] = v
			}
		}
	}
}
