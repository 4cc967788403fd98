package realedit

import (
	"fmt"
	"image"
	"math"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/internal/icc"
	"github.com/realedit/realedit/kernels"
)

// entries is the length of a table in which every sample of the format has its own
// entry, so that nothing is interpolated.
func entries(f kernels.Format) int {
	if f == kernels.U16 {
		return 65536
	}
	return 256
}

// toSRGB converts an image in place to sRGB; t's tables have entries(m's format)
// entries. Out-of-gamut values are clamped last. A space that differs from sRGB by less
// than half a level of 8 bits is left alone: its pixels stay exactly the file's.
func toSRGB(ops *kernels.Ops, m *kernels.Image, t *icc.Transform) error {
	if t == nil || isSRGB(t) {
		return nil
	}
	if t.Gray {
		// One curve after the other is one table, and no linear picture is needed.
		table := make([]float32, len(t.TRC[0]))
		for i, v := range t.TRC[0] {
			table[i] = float32(encodeSRGB(float64(v)))
		}
		return ops.Curve(m, m, [][]float32{table})
	}
	f := &t.Matrix
	matrix := &[12]float32{
		f[0], f[1], f[2], 0,
		f[3], f[4], f[5], 0,
		f[6], f[7], f[8], 0,
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
		if err := ops.Curve(l, band, t.TRC[:]); err != nil {
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

// isSRGB tells whether t is sRGB to within half a level of 8 bits: on the grey axis,
// where curves tell, and near the corners of the cube, where the primaries tell.
func isSRGB(t *icc.Transform) bool {
	const half = 0.5 / 255
	for k := range 3 {
		n := len(t.TRC[k]) - 1
		for i := range 256 {
			if math.Abs(encodeSRGB(float64(t.TRC[k][i*n/255]))-float64(i)/255) > half {
				return false
			}
		}
	}
	for corner := range 8 {
		in := [3]float64{}
		for k := range 3 {
			in[k] = 0.02 + 0.96*float64(corner>>k&1)
		}
		for k := range 3 {
			r := t.Matrix[3*k : 3*k+3]
			out := float64(r[0])*in[0] + float64(r[1])*in[1] + float64(r[2])*in[2]
			if math.Abs(encodeSRGB(out)-encodeSRGB(in[k])) > half {
				return false
			}
		}
	}
	return true
}

// colourOf tells how a file's samples lead to linear sRGB, in tables of n entries: by its
// profile, else by what PNG and EXIF say, else nil: they are sRGB. What cannot be used is
// a warning, and sRGB is assumed.
func colourOf(h container.Header, b container.Blocks, adobeRGB bool, n int) (t *icc.Transform, warning string) {
	var err error
	what := "ICC profile"
	switch {
	case b.ICC != nil:
		t, err = profile(h, b.ICC, n)
	case b.SRGB:
		return nil, ""
	case b.Gamma > 0:
		what = "gAMA and cHRM"
		primaries := b.Chromaticities
		if h.Model == container.ModelGray {
			primaries = nil
		}
		t, err = icc.FromGamma(b.Gamma, primaries, n)
		if err == nil && math.Abs(b.Gamma-1/2.2) < 0.003 {
			// 0.45455 is what encoders write who mean sRGB's curve (PNG, third edition, 11.3.2.4).
			for i := range t.TRC[0] {
				t.TRC[0][i] = float32(decodeSRGB(float64(i) / float64(n-1)))
			}
			t.TRC[1], t.TRC[2] = t.TRC[0], t.TRC[0]
		}
	case adobeRGB:
		// A camera set to Adobe RGB says so in EXIF alone (DCF 2.0: interoperability index R03).
		t, err = icc.FromGamma(256.0/563, []float64{0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06}, n)
	}
	if err != nil {
		return nil, fmt.Sprintf("%s left out, sRGB assumed: %v", what, err)
	}
	return t, ""
}

// profile is the transform of an embedded profile, if it fits the file's samples.
func profile(h container.Header, b []byte, n int) (*icc.Transform, error) {
	p, err := icc.Parse(b)
	if err != nil {
		return nil, err
	}
	t, err := p.Transform(n)
	if err != nil {
		return nil, err
	}
	if t.Gray && h.Model != container.ModelGray {
		return nil, fmt.Errorf("a grey profile for %s samples", h.Model)
	}
	return t, nil
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
