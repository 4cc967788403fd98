package ref

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

// decodeSRGB1 is IEC 61966-2-1's transfer function on one value; NaN counts as 0.
func decodeSRGB1(v float64) float64 {
	v = unit01(v)
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// encodeSRGB1 is its inverse; NaN counts as 0.
func encodeSRGB1(v float64) float64 {
	v = unit01(v)
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

func decodeSRGB(dst, src *kernels.Image) error { return pointwise(dst, src, decodeSRGB1) }
func encodeSRGB(dst, src *kernels.Image) error { return pointwise(dst, src, encodeSRGB1) }

// pointwise is dst = f(src) sample by sample, in [0,1] units.
func pointwise(dst, src *kernels.Image, f func(float64) float64) error {
	buf := rowBuf(src)
	for y := range src.Height() {
		unitRow(src, y, buf)
		for i, v := range buf {
			buf[i] = f(v)
		}
		storeUnitRow(dst, y, buf)
	}
	return nil
}
