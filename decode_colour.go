package realedit

import (
	"image"
	"math"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/kernels"
)

// colourSpace is what a file's RGB samples mean.
type colourSpace struct {
	// curve takes the sample of a channel (0..1) to linear light (0..1).
	curve [3]func(float64) float64
	// matrix takes linear RGB to linear sRGB, row-major; nil where the primaries are sRGB's.
	matrix *[9]float64
}

// toSRGB converts an image in place from its colour space to sRGB; out-of-gamut values are clamped
// last. A space that differs from sRGB by less than half a level of 8 bits is left
// alone: its pixels stay exactly the file's.
func toSRGB(ops *kernels.Ops, m *kernels.Image, c *colourSpace) error {
	if c == nil || c.isSRGB() {
		return nil
	}
	n := 256
	if m.Format() == kernels.U16 {
		n = 65536 // every sample has its own entry: nothing is interpolated
	}
	tables := make([][]float32, 3)
	for k := range tables {
		t := make([]float32, n)
		for i := range t {
			v := c.curve[k](float64(i) / float64(n-1))
			if c.matrix == nil {
				v = encodeSRGB(v)
			}
			t[i] = float32(min(max(v, 0), 1))
		}
		tables[k] = t
	}
	if c.matrix == nil {
		return ops.Curve(m, m, tables)
	}
	f := c.matrix
	matrix := &[12]float32{
		float32(f[0]), float32(f[1]), float32(f[2]), 0,
		float32(f[3]), float32(f[4]), float32(f[5]), 0,
		float32(f[6]), float32(f[7]), float32(f[8]), 0,
	}
	// In bands, so that the linear picture never stands in memory as a whole.
	rows := min(m.Height(), max(1, (1<<19)/m.Width()))
	linear, err := kernels.NewHostImage(nil, m.Width(), rows, 3, kernels.F32)
	if err != nil {
		return err
	}
	defer linear.Free()
	for y := 0; y < m.Height(); y += rows {
		band := m.SubImage(image.Rect(0, y, m.Width(), y+rows))
		l := linear.SubImage(image.Rect(0, 0, m.Width(), band.Height()))
		if err := ops.Curve(l, band, tables); err != nil {
			return err
		}
		if err := ops.ColorMatrix(l, l, matrix); err != nil {
			return err
		}
		if err := ops.EncodeSRGB(band, l); err != nil {
			return err
		}
	}
	return nil
}

// isSRGB tells whether the space is sRGB to within half a level of 8 bits.
func (c *colourSpace) isSRGB() bool {
	const half = 0.5 / 255
	for i := range 256 {
		v := float64(i) / 255
		for k := range 3 {
			if math.Abs(encodeSRGB(c.curve[k](v))-v) > half {
				return false
			}
		}
	}
	if c.matrix != nil {
		// The corners of the cube move the most; their neighbours inside tell the same with a finite slope.
		for corner := range 8 {
			in := [3]float64{}
			for k := range 3 {
				in[k] = 0.02 + 0.96*float64(corner>>k&1)
			}
			for k := range 3 {
				r := c.matrix[3*k : 3*k+3]
				if math.Abs(encodeSRGB(r[0]*in[0]+r[1]*in[1]+r[2]*in[2])-encodeSRGB(in[k])) > half {
					return false
				}
			}
		}
	}
	return true
}

// colourOf tells what a file's samples mean: by its profile, else by what PNG and
// EXIF say, else sRGB (nil). What cannot be used is a warning, and sRGB is assumed.
func colourOf(h container.Header, b container.Blocks, adobeRGB bool) (c *colourSpace, warning string) {
	switch {
	case b.ICC != nil:
		return colourOfProfile(h, b.ICC)
	case b.SRGB:
		return nil, ""
	case b.Gamma > 0 || b.Chromaticities != nil:
		c = &colourSpace{}
		curve := decodeSRGB
		// 0.45455 is what encoders write who mean sRGB.
		if b.Gamma > 0.05 && b.Gamma < 20 && math.Abs(b.Gamma-1/2.2) > 0.003 {
			curve = func(v float64) float64 { return math.Pow(v, 1/b.Gamma) }
		}
		c.curve = [3]func(float64) float64{curve, curve, curve}
		if len(b.Chromaticities) == 8 && h.Model != container.ModelGray {
			m, ok := primariesToSRGB([8]float64(b.Chromaticities))
			if !ok {
				return nil, "cHRM left out: no such primaries, sRGB assumed"
			}
			c.matrix = &m
		}
		return c, ""
	case adobeRGB:
		// A camera set to Adobe RGB says so in EXIF alone (DCF 2.0: interoperability index R03).
		curve := func(v float64) float64 { return math.Pow(v, 563.0/256) }
		m, _ := primariesToSRGB([8]float64{0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06})
		return &colourSpace{[3]func(float64) float64{curve, curve, curve}, &m}, ""
	}
	return nil, ""
}

// sRGB's chromaticities: white, red, green, blue (IEC 61966-2-1).
var srgbPrimaries = [8]float64{0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06}

// primariesToSRGB is the matrix from linear RGB with the given chromaticities (x, y of white, red,
// green, blue) to linear sRGB; another white is brought to D65 by Bradford's transform
// (Lindbloom). ok is false where they span nothing.
func primariesToSRGB(p [8]float64) (m [9]float64, ok bool) {
	from, white, ok1 := toXYZ(p)
	to, d65, _ := toXYZ(srgbPrimaries)
	back, _ := invert3(to)
	bradford := [9]float64{0.8951, 0.2664, -0.1614, -0.7502, 1.7135, 0.0367, 0.0389, -0.0685, 1.0296}
	unbradford, _ := invert3(bradford)
	a, b := apply3(bradford, white), apply3(bradford, d65)
	if !ok1 || a[0] <= 0 || a[1] <= 0 || a[2] <= 0 {
		return m, false
	}
	scale := [9]float64{b[0] / a[0], 0, 0, 0, b[1] / a[1], 0, 0, 0, b[2] / a[2]}
	m = mul3(back, mul3(unbradford, mul3(scale, mul3(bradford, from))))
	for _, v := range m {
		if math.IsNaN(v) || math.Abs(v) > 100 {
			return m, false
		}
	}
	return m, true
}

// toXYZ is the matrix from linear RGB to XYZ, and the white's XYZ at Y = 1.
func toXYZ(p [8]float64) (m [9]float64, white [3]float64, ok bool) {
	xyz := func(x, y float64) [3]float64 { return [3]float64{x / y, 1, (1 - x - y) / y} }
	for i := 1; i < 8; i += 2 {
		if !(p[i] > 1e-4) {
			return m, white, false
		}
	}
	white = xyz(p[0], p[1])
	for k := range 3 {
		c := xyz(p[2+2*k], p[3+2*k])
		m[k], m[3+k], m[6+k] = c[0], c[1], c[2]
	}
	inv, ok := invert3(m)
	if !ok {
		return m, white, false
	}
	s := apply3(inv, white)
	for k := range 3 {
		m[k], m[3+k], m[6+k] = m[k]*s[k], m[3+k]*s[k], m[6+k]*s[k]
	}
	return m, white, true
}

func mul3(a, b [9]float64) (c [9]float64) {
	for i := range 3 {
		for j := range 3 {
			c[3*i+j] = a[3*i]*b[j] + a[3*i+1]*b[3+j] + a[3*i+2]*b[6+j]
		}
	}
	return c
}

func apply3(a [9]float64, v [3]float64) [3]float64 {
	return [3]float64{a[0]*v[0] + a[1]*v[1] + a[2]*v[2], a[3]*v[0] + a[4]*v[1] + a[5]*v[2], a[6]*v[0] + a[7]*v[1] + a[8]*v[2]}
}

func invert3(a [9]float64) (b [9]float64, ok bool) {
	b = [9]float64{
		a[4]*a[8] - a[5]*a[7], a[2]*a[7] - a[1]*a[8], a[1]*a[5] - a[2]*a[4],
		a[5]*a[6] - a[3]*a[8], a[0]*a[8] - a[2]*a[6], a[2]*a[3] - a[0]*a[5],
		a[3]*a[7] - a[4]*a[6], a[1]*a[6] - a[0]*a[7], a[0]*a[4] - a[1]*a[3],
	}
	det := a[0]*b[0] + a[1]*b[3] + a[2]*b[6]
	if math.Abs(det) < 1e-9 {
		return b, false
	}
	for i := range b {
		b[i] /= det
	}
	return b, true
}

// decodeSRGB and encodeSRGB are IEC 61966-2-1, on v clamped to [0,1].
func decodeSRGB(v float64) float64 {
	v = min(max(v, 0), 1)
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func encodeSRGB(v float64) float64 {
	v = min(max(v, 0), 1)
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}
