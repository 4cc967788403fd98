package diffuse

import (
	"image"
	"sync"

	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// scaling is how samples in [0, 1] are given to a network: scale·v + offset.
type scaling struct{ scale, offset float32 }

var (
	plain   = scaling{1, 0}  // control images
	centred = scaling{2, -1} // the autoencoder's pictures
)

func (s scaling) of(v float32) float32 { return float32(v*s.scale) + s.offset }

// tables are what the samples of 8 and 16 bits become, as float32 and as float16, by scaling.
var tables sync.Map

type table struct {
	single [1 << 16]float32
	half   [1 << 16]kernels.Half
}

// tableOf is the table for samples up to top.
func (s scaling) tableOf(top int) *table {
	type key struct {
		s   scaling
		top int
	}
	if t, ok := tables.Load(key{s, top}); ok {
		return t.(*table)
	}
	t := &table{}
	for i := range top + 1 {
		t.single[i] = s.of(float32(i) / float32(top))
		t.half[i] = kernels.HalfFrom(t.single[i])
	}
	tables.Store(key{s, top}, t)
	return t
}

// readTile writes the part r of a padded picture as the k-th of t, planar [3, r.Dy(), r.Dx()]. A picture of one channel is taken for three alike.
func readTile(t *ort.Tensor, k int, m *kernels.Image, p sampler.Padding, r image.Rectangle, s scaling) {
	columns := make([]int, r.Dx())
	for x := range columns {
		columns[x] = p.SourceX(r.Min.X+x) * m.Channels()
	}
	at := 3 * k * r.Dx() * r.Dy()
	for y := range r.Dy() {
		sy := p.SourceY(r.Min.Y + y)
		for c := range 3 {
			to := at + (c*r.Dy()+y)*r.Dx()
			from := min(c, m.Channels()-1)
			switch m.Format() {
			case kernels.U8:
				lookUp(t, to, m.RowU8(sy)[from:], columns, s.tableOf(255))
			case kernels.U16:
				lookUp(t, to, m.RowU16(sy)[from:], columns, s.tableOf(65535))
			default:
				row := m.RowF32(sy)[from:]
				v := make([]float32, len(columns))
				for x, i := range columns {
					v[x] = s.of(row[i])
				}
				store(t, to, v)
			}
		}
	}
}

// lookUp writes a row of samples from value to on.
func lookUp[T uint8 | uint16](t *ort.Tensor, to int, row []T, columns []int, by *table) {
	switch d := t.Data.(type) {
	case []kernels.Half:
		d = d[to : to+len(columns)]
		for x, i := range columns {
			d[x] = by.half[row[i]]
		}
	case []float32:
		d = d[to : to+len(columns)]
		for x, i := range columns {
			d[x] = by.single[row[i]]
		}
	}
}

// writeRow writes a row of planar samples in [0, 1] into row y of m, as many as m is wide, rounded.
func writeRow(m *kernels.Image, y int, row []float32, plane int) {
	for c := range 3 {
		v := row[c*plane:][:m.Width()]
		switch m.Format() {
		case kernels.U8:
			dst := m.RowU8(y)[c:]
			for x, s := range v {
				dst[3*x] = uint8(float32(s*255) + 0.5)
			}
		case kernels.U16:
			dst := m.RowU16(y)[c:]
			for x, s := range v {
				dst[3*x] = uint16(float32(s*65535) + 0.5)
			}
		default:
			dst := m.RowF32(y)[c:]
			for x, s := range v {
				dst[3*x] = s
			}
		}
	}
}
