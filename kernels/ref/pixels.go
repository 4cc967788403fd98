package ref

import "github.com/realedit/realedit/kernels"

// pixelAt is one sample in [0,1] units: v/Max for integers, as it is for floats.
func pixelAt(m *kernels.Image, x, y, c int) float64 {
	i := x*m.Channels() + c
	switch m.Format() {
	case kernels.U8:
		return float64(m.RowU8(y)[i]) / 255
	case kernels.U16:
		return float64(m.RowU16(y)[i]) / 65535
	case kernels.F16:
		return float64(m.RowHalf(y)[i].Float32())
	}
	return float64(m.RowF32(y)[i])
}

// setPixel stores one sample given in [0,1] units: integers rounded half up and
// clamped with NaN as 0, floats as they are.
func setPixel(m *kernels.Image, x, y, c int, v float64) {
	i := x*m.Channels() + c
	switch m.Format() {
	case kernels.U8:
		m.RowU8(y)[i] = uint8(level(v*255, 255))
	case kernels.U16:
		m.RowU16(y)[i] = uint16(level(v*65535, 65535))
	case kernels.F16:
		m.RowHalf(y)[i] = kernels.HalfFrom(float32(v))
	default:
		m.RowF32(y)[i] = float32(v)
	}
}

// mirrorEdge folds i into [0,n) about the outer edges: … 1 0 0 1 …
func mirrorEdge(i, n int) int {
	i = ((i % (2 * n)) + 2*n) % (2 * n)
	return min(i, 2*n-1-i)
}

// picked tells whether a mask (nil: everywhere) selects a pixel.
func picked(mask *kernels.Image, x, y int) bool {
	return mask == nil || mask.RowU8(y)[x] > 127
}

// gray is one channel of an image in float64, for operations with several steps.
type gray struct {
	w, h int
	v    []float64
}

func newGray(w, h int) gray { return gray{w, h, make([]float64, w*h)} }

func channel(m *kernels.Image, c int) gray {
	p := newGray(m.Width(), m.Height())
	for y := range p.h {
		for x := range p.w {
			p.v[y*p.w+x] = pixelAt(m, x, y, c)
		}
	}
	return p
}

// each is f applied to every sample of the planes, which have one size.
func each(f func(v []float64) float64, ps ...gray) gray {
	d := newGray(ps[0].w, ps[0].h)
	v := make([]float64, len(ps))
	for i := range d.v {
		for k, p := range ps {
			v[k] = p.v[i]
		}
		d.v[i] = f(v)
	}
	return d
}
