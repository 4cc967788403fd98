package icc

import (
	"fmt"
	"math"
)

// Transform leads from device codes to linear sRGB (D65 primaries of IEC 61966-2-1,
// 1 = white): per channel v = TRC[c](code), then Matrix · v. Results outside 0…1 are
// colours outside sRGB's gamut; the caller clamps them last. It is immutable and
// safe for concurrent use.
type Transform struct {
	// Identity says that the device space is sRGB itself: nothing needs doing.
	// The tables and the matrix are filled all the same.
	Identity bool
	// Gray says that the device has one channel: use TRC[0] and no matrix.
	Gray bool
	// TRC holds tables of equal length n: entry i is the linear value, 0…1, of code i/(n−1).
	TRC [3][]float32
	// Matrix is row major: R = Matrix[0]·r + Matrix[1]·g + Matrix[2]·b and so on.
	Matrix [9]float32
}

// Transform makes a transform with tables of n entries, 2 to 65536: 256 and
// 65536 hold every code of 8 and 16 bits. Errors wrap ErrUnsupported for profiles that need more than
// curves and a matrix, ErrMalformed for broken ones.
func (p *Profile) Transform(n int) (*Transform, error) {
	if p.usable != nil {
		return nil, p.usable
	}
	if n < 2 || n > 1<<16 {
		return nil, fmt.Errorf("icc: table of %d entries", n)
	}
	t := &Transform{Identity: p.Known == SRGB, Gray: p.Space == "GRAY", Matrix: [9]float32{0: 1, 4: 1, 8: 1}}
	for c := range t.TRC {
		if c > 0 && t.Gray {
			t.TRC[c] = t.TRC[0]
			continue
		}
		t.TRC[c] = tabulate(p.curves[c], n)
	}
	if !t.Gray {
		t.Matrix = narrow(mul(invert(srgbD50), p.matrix))
	}
	return t, nil
}

func tabulate(f curve, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(f(float64(i) / float64(n-1)))
	}
	return v
}

// FromGamma makes a transform of n table entries for a PNG's gAMA and cHRM chunks:
// linear = code^(1/gamma), chromaticities white, red, green, blue as x, y pairs (nil for
// sRGB's), white adapted to D65 by Bradford. Values that describe no colour
// space wrap ErrMalformed.
func FromGamma(gamma float64, xy []float64, n int) (*Transform, error) {
	if !(gamma >= 0.05 && gamma <= 5) || n < 2 || n > 1<<16 {
		return nil, fmt.Errorf("%w: gamma %g", ErrMalformed, gamma)
	}
	t := &Transform{Matrix: [9]float32{0: 1, 4: 1, 8: 1}}
	v := tabulate(func(x float64) float64 { return math.Pow(x, 1/gamma) }, n)
	t.TRC = [3][]float32{v, v, v}
	if len(xy) == 0 {
		return t, nil
	}
	m, err := fromXY(xy)
	if err != nil {
		return nil, err
	}
	t.Matrix = narrow(mul(invert(srgbD50), m))
	return t, nil
}

// fromXY is the matrix from linear RGB to XYZ adapted to D50.
func fromXY(xy []float64) ([9]float64, error) {
	if len(xy) != 8 {
		return [9]float64{}, fmt.Errorf("%w: %d chromaticities", ErrMalformed, len(xy))
	}
	xyz := func(i int) [3]float64 {
		x, y := xy[2*i], xy[2*i+1]
		return [3]float64{x / y, 1, (1 - x - y) / y}
	}
	for i := range 4 {
		if x, y := xy[2*i], xy[2*i+1]; !(x >= 0 && y > 0.001 && x+y <= 1.01) {
			return [9]float64{}, fmt.Errorf("%w: chromaticity %g, %g", ErrMalformed, x, y)
		}
	}
	w, r, g, b := xyz(0), xyz(1), xyz(2), xyz(3)
	m := [9]float64{r[0], g[0], b[0], r[1], g[1], b[1], r[2], g[2], b[2]}
	if math.Abs(det(m)) < 1e-6 {
		return m, fmt.Errorf("%w: primaries on a line", ErrMalformed)
	}
	s := apply(invert(m), w)
	for i := range 9 {
		m[i] *= s[i%3]
	}
	// Bradford: scale the cone responses of the white to those of D50.
	from, to := apply(bradford, w), apply(bradford, whiteD50)
	for i := range 3 {
		if from[i] <= 0 {
			return m, fmt.Errorf("%w: white point", ErrMalformed)
		}
	}
	scale := [9]float64{0: to[0] / from[0], 4: to[1] / from[1], 8: to[2] / from[2]}
	return mul(mul(invert(bradford), mul(scale, bradford)), m), nil
}

// Matrices are row major, with D50 as the ICC's connection space has it.
var (
	whiteD50 = [3]float64{63190.0 / 65536, 1, 54061.0 / 65536}
	bradford = [9]float64{0.8951, 0.2664, -0.1614, -0.7502, 1.7135, 0.0367, 0.0389, -0.0685, 1.0296}
	srgbD50  = mustXY(0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
)

// spaces are what recognise compares with.
var spaces = []struct {
	known  Known
	matrix [9]float64
	curve  curve
}{
	{SRGB, srgbD50, srgbCurve},
	{AdobeRGB, mustXY(0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), gammaCurve(563.0 / 256)},
	{DisplayP3, mustXY(0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060), srgbCurve},
	{ProPhoto, mustXY(0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001), gammaCurve(1.8)},
}

func mustXY(xy ...float64) [9]float64 {
	// ProPhoto's blue has y = 0.0001, below what fromXY accepts from files.
	if xy[7] < 0.002 {
		x, y := xy[6], xy[7]
		m, w := xy, []float64{xy[0] / xy[1], 1, (1 - xy[0] - xy[1]) / xy[1]}
		c := [9]float64{m[2] / m[3], m[4] / m[5], x / y, 1, 1, 1, (1 - m[2] - m[3]) / m[3], (1 - m[4] - m[5]) / m[5], (1 - x - y) / y}
		s := apply(invert(c), [3]float64{w[0], w[1], w[2]})
		for i := range 9 {
			c[i] *= s[i%3]
		}
		return c // its white is D50 already
	}
	m, err := fromXY(xy)
	if err != nil {
		panic(err) // constants of this file
	}
	return m
}

// srgbCurve is IEC 61966-2-1: x/12.92 up to 0.04045, then ((x + 0.055)/1.055)^2.4.
func srgbCurve(x float64) float64 {
	if x <= 0.04045 {
		return x / 12.92
	}
	return math.Pow((x+0.055)/1.055, 2.4)
}

func gammaCurve(g float64) curve { return func(x float64) float64 { return math.Pow(x, g) } }

// recognise compares matrix (within 0.003: rounded primaries and other adaptation
// matrices differ by that) and curves (within 0.004 of full scale, at 33 points).
func (p *Profile) recognise() {
	for _, s := range spaces {
		same := true
		if p.Space == "GRAY" {
			same = s.known == SRGB
		} else {
			for i, v := range s.matrix {
				same = same && math.Abs(v-p.matrix[i]) < 0.003
			}
		}
		for i := 0; i <= 32 && same; i++ {
			x := float64(i) / 32
			for _, c := range p.curves {
				same = same && math.Abs(c(x)-s.curve(x)) < 0.004
			}
		}
		if same {
			p.Known = s.known
			return
		}
	}
}

func mul(a, b [9]float64) (m [9]float64) {
	for r := range 3 {
		for c := range 3 {
			m[3*r+c] = a[3*r]*b[c] + a[3*r+1]*b[3+c] + a[3*r+2]*b[6+c]
		}
	}
	return m
}

func apply(a [9]float64, v [3]float64) (r [3]float64) {
	for i := range 3 {
		r[i] = a[3*i]*v[0] + a[3*i+1]*v[1] + a[3*i+2]*v[2]
	}
	return r
}

func det(m [9]float64) float64 {
	return m[0]*(m[4]*m[8]-m[5]*m[7]) - m[1]*(m[3]*m[8]-m[5]*m[6]) + m[2]*(m[3]*m[7]-m[4]*m[6])
}

func invert(m [9]float64) [9]float64 {
	d := det(m)
	return [9]float64{
		(m[4]*m[8] - m[5]*m[7]) / d, (m[2]*m[7] - m[1]*m[8]) / d, (m[1]*m[5] - m[2]*m[4]) / d,
		(m[5]*m[6] - m[3]*m[8]) / d, (m[0]*m[8] - m[2]*m[6]) / d, (m[2]*m[3] - m[0]*m[5]) / d,
		(m[3]*m[7] - m[4]*m[6]) / d, (m[1]*m[6] - m[0]*m[7]) / d, (m[0]*m[4] - m[1]*m[3]) / d}
}

func narrow(m [9]float64) (n [9]float32) {
	for i, v := range m {
		n[i] = float32(v)
	}
	return n
}
