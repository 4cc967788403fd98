package kerneltest

import "github.com/realedit/realedit/kernels"

var allFormats = []kernels.Format{kernels.U8, kernels.U16, kernels.F16, kernels.F32}

// oneLevel is the tolerance of an operation whose integer results may fall on the
// other side of a rounding tie, and whose float results differ by at most eps.
func oneLevel(f kernels.Format, eps float64) float64 {
	switch f {
	case kernels.U8:
		return 1.01 / 255
	case kernels.U16:
		return max(eps, 1.01/65535)
	case kernels.F16:
		return max(eps, 1./1024) // one step of binary16 below 2
	}
	return eps
}

const tieWhy = "float32 against float64 arithmetic: one level, or one step of binary16, at a rounding tie; F32 to its precision"

// wide is a picture whose float forms also leave [0,1], so that clamping shows.
func wide(m *Maker, w, h, c int, f kernels.Format) (*kernels.Image, error) {
	r := m.Rand()
	return m.Image(w, h, c, f, func(x, y, k int) float64 {
		switch v := r.Float64(); {
		case v < 0.05:
			return -r.Float64()
		case v < 0.1:
			return 1 + r.Float64()
		case v < 0.4:
			return r.Float64() / 64 // the linear part of the sRGB curve and subnormal halves
		}
		return r.Float64()
	})
}

// unary is a case of an operation dst = f(src) on images of equal shape that may work in place when both formats agree.
func unary(op string, from, to kernels.Format, channels int, tol float64, why string, f func(o *kernels.Ops) func(dst, src *kernels.Image) error) Case {
	return Case{Op: op, Name: from.String() + "→" + to.String(), Formats: []kernels.Format{from, to}, Tol: tol, Why: why,
		Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
			src, err := wide(m, w, h, channels, from)
			if err != nil {
				return Output{}, err
			}
			dst, err := m.Dst(src, to)
			if err != nil {
				return Output{}, err
			}
			return Output{Images: []*kernels.Image{dst}}, f(o)(dst, src)
		}}
}

// ycbcr is a case of YCbCrToRGB; halfX and halfY say which directions of the chroma planes are subsampled.
func ycbcr(name string, halfX, halfY bool) Case {
	return Case{Op: "YCbCrToRGB", Name: name, Formats: []kernels.Format{kernels.U8}, Tol: 1.01 / 255, Why: "fixed-point arithmetic with 20 bits of fraction: one level at a rounding tie",
		Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
			cw, ch := w, h
			if halfX {
				cw = (w + 1) / 2
			}
			if halfY {
				ch = (h + 1) / 2
			}
			y, err := m.Photo(w, h, 1, kernels.U8)
			if err != nil {
				return Output{}, err
			}
			cb, err := wide(m, cw, ch, 1, kernels.U8)
			if err != nil {
				return Output{}, err
			}
			cr, err := wide(m, cw, ch, 1, kernels.U8)
			if err != nil {
				return Output{}, err
			}
			dst, err := m.Blank(w, h, 3, kernels.U8)
			if err != nil {
				return Output{}, err
			}
			return Output{Images: []*kernels.Image{dst}}, o.YCbCrToRGB(dst, y, cb, cr)
		}}
}

var formatCases = buildFormatCases()

func buildFormatCases() (cases []Case) {
	for _, from := range allFormats {
		for _, to := range allFormats {
			if from != to {
				cases = append(cases, unary("Convert", from, to, 3, 0, "exact", func(o *kernels.Ops) func(dst, src *kernels.Image) error { return o.Convert }))
				continue
			}
			c := unary("Convert", from, to, 2, 0, "a copy", nil)
			c.Run = func(m *Maker, o *kernels.Ops, w, h int) (Output, error) { // a copy never works in place
				src, err := wide(m, w, h, 2, from)
				if err != nil {
					return Output{}, err
				}
				dst, err := m.Blank(w, h, 2, to)
				if err != nil {
					return Output{}, err
				}
				return Output{Images: []*kernels.Image{dst}}, o.Convert(dst, src)
			}
			cases = append(cases, c)
		}
	}
	for _, from := range allFormats {
		for _, to := range []kernels.Format{kernels.F16, kernels.F32} {
			cases = append(cases, unary("DecodeSRGB", from, to, 3, oneLevel(to, 3e-7), tieWhy, func(o *kernels.Ops) func(dst, src *kernels.Image) error { return o.DecodeSRGB }))
			cases = append(cases, unary("EncodeSRGB", to, from, 3, oneLevel(from, 3e-7), tieWhy, func(o *kernels.Ops) func(dst, src *kernels.Image) error { return o.EncodeSRGB }))
		}
	}
	cases = append(cases, ycbcr("4:4:4", false, false), ycbcr("4:2:2", true, false), ycbcr("4:4:0", false, true), ycbcr("4:2:0", true, true))
	for _, from := range allFormats {
		for _, to := range allFormats {
			cases = append(cases, Case{Op: "Luma", Name: from.String() + "→" + to.String(), Formats: []kernels.Format{from, to}, Tol: oneLevel(to, 2.4e-7), Why: tieWhy,
				Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
					src, err := m.Photo(w, h, 3, from)
					if err != nil {
						return Output{}, err
					}
					dst, err := m.Blank(w, h, 1, to)
					if err != nil {
						return Output{}, err
					}
					return Output{Images: []*kernels.Image{dst}}, o.Luma(dst, src)
				}})
		}
	}
	return cases
}
