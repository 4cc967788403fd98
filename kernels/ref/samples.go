package ref

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

// loadRow fills buf (Width·Channels samples) with row y as it is stored: integers are not scaled to [0,1].
// Sums over stored values of integer images are exact, which sums of n/255 would not be.
func loadRow(m *kernels.Image, y int, buf []float64) {
	switch m.Format() {
	case kernels.U8:
		for i, v := range m.RowU8(y) {
			buf[i] = float64(v)
		}
	case kernels.U16:
		for i, v := range m.RowU16(y) {
			buf[i] = float64(v)
		}
	case kernels.F16:
		for i, v := range m.RowHalf(y) {
			buf[i] = float64(v.Float32())
		}
	case kernels.F32:
		for i, v := range m.RowF32(y) {
			buf[i] = float64(v)
		}
	}
}

// storeRow writes row y from values in the image's own scale: integers rounded half
// up and clamped, NaN to 0.
func storeRow(m *kernels.Image, y int, buf []float64) {
	switch m.Format() {
	case kernels.U8:
		r := m.RowU8(y)
		for i := range r {
			r[i] = uint8(level(buf[i], 255))
		}
	case kernels.U16:
		r := m.RowU16(y)
		for i := range r {
			r[i] = uint16(level(buf[i], 65535))
		}
	case kernels.F16:
		r := m.RowHalf(y)
		for i := range r {
			r[i] = kernels.HalfFrom(float32(buf[i]))
		}
	case kernels.F32:
		r := m.RowF32(y)
		for i := range r {
			r[i] = float32(buf[i])
		}
	}
}

// level rounds v half up to an integer in [0,top]; NaN is 0.
func level(v, top float64) float64 {
	if !(v > 0) {
		return 0
	}
	return min(top, math.Floor(v+0.5))
}

// unitRow is loadRow scaled to [0,1] units.
func unitRow(m *kernels.Image, y int, buf []float64) {
	loadRow(m, y, buf)
	if top := m.Format().Max(); top != 1 {
		for i := range buf[:m.Width()*m.Channels()] {
			buf[i] /= top
		}
	}
}

// storeUnitRow is storeRow of values in [0,1] units; buf is scaled in place.
func storeUnitRow(m *kernels.Image, y int, buf []float64) {
	if top := m.Format().Max(); top != 1 {
		for i := range buf[:m.Width()*m.Channels()] {
			buf[i] *= top
		}
	}
	storeRow(m, y, buf)
}

// rowBuf is room for a row of m.
func rowBuf(m *kernels.Image) []float64 { return make([]float64, m.Width()*m.Channels()) }

// unit01 is v clamped to [0,1]; NaN is 0.
func unit01(v float64) float64 {
	if !(v > 0) {
		return 0
	}
	return min(1, v)
}

// mirror folds an index into [0,n) about the centres of the edge samples (reflect-101).
func mirror(i, n int) int {
	if n == 1 {
		return 0
	}
	p := 2 * (n - 1)
	i %= p
	if i < 0 {
		i += p
	}
	return min(i, p-i)
}

// clampInt is i clamped to [0,n).
func clampInt(i, n int) int { return max(0, min(i, n-1)) }
