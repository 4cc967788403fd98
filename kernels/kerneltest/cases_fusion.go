package kerneltest

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

var fusionCases = []Case{
	weightsCase("u8", kernels.U8, nil),
	weightsCase("u16", kernels.U16, nil),
	weightsCase("f32", kernels.F32, nil),
	weightsCase("u8 exponents ½ 2 1½", kernels.U8, &kernels.MertensParams{Contrast: 0.5, Saturation: 2, Exposedness: 1.5}),
	weightsCase("f32 saturation only", kernels.F32, &kernels.MertensParams{Saturation: 1}),
	mertensCase("mertens u8→u8", 5, kernels.U8, kernels.U8, kernels.MertensParams{}, 1.01/255, "a value at ½ may round either way"),
	mertensCase("mertens u8→f32", 3, kernels.U8, kernels.F32, kernels.MertensParams{}, 7e-7, "binary32"),
	mertensCase("mertens u16→u16", 3, kernels.U16, kernels.U16, kernels.MertensParams{}, 3e-5, "binary32, and a value at ½ may round either way"),
	mertensCase("mertens f32→u16", 2, kernels.F32, kernels.U16, kernels.MertensParams{}, 3e-5, "binary32, and a value at ½ may round either way"),
	mertensCase("mertens f32→f32 contrast only", 4, kernels.F32, kernels.F32, kernels.MertensParams{Contrast: 1}, 7e-7, "binary32"),
	robustCase("robust u8→u8", 5, kernels.U8, kernels.U8, false, 1.01/255, "a value at ½ may round either way"),
	robustCase("robust u8→f32 valid", 4, kernels.U8, kernels.F32, true, 2.1e-6, "binary32"),
	robustCase("robust u16→u16", 3, kernels.U16, kernels.U16, false, 3e-5, "binary32"),
	robustCase("robust u16→f32 valid", 3, kernels.U16, kernels.F32, true, 1.5e-6, "binary32"),
	robustCase("robust f32→f32", 2, kernels.F32, kernels.F32, false, 5.9e-7, "binary32"),
	robustCase("robust f32→u8 of one", 1, kernels.F32, kernels.U8, false, 1.01/255, "a value at ½ may round either way"),
}

func weightsCase(name string, f kernels.Format, p *kernels.MertensParams) Case {
	return Case{
		Op: "FusionWeights", Name: name, Formats: []kernels.Format{f},
		Tol: 7e-8, Why: "binary32: one unit in the last place of weights between ½ and 0.82",
		Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
			src, err := m.Photo(w, h, 3, f)
			if err != nil {
				return Output{}, err
			}
			dst, err := m.Blank(w, h, 1, kernels.F32)
			if err != nil {
				return Output{}, err
			}
			return Output{Images: []*kernels.Image{dst}}, o.FusionWeights(dst, src, p)
		},
	}
}

func mertensCase(name string, n int, from, to kernels.Format, p kernels.MertensParams, tol float64, why string) Case {
	return Case{
		Op: "Fuse", Name: name, Formats: []kernels.Format{from, to}, Tol: tol, Why: why,
		Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
			photos, err := m.Bracket(n, w, h, from)
			if err != nil {
				return Output{}, err
			}
			dst, err := m.Blank(w, h, 3, to)
			if err != nil {
				return Output{}, err
			}
			return Output{Images: []*kernels.Image{dst}}, o.Fuse(dst, photos, &kernels.FuseOptions{Method: kernels.FuseMertens, Mertens: p})
		},
	}
}

// robustCase merges with FuseRobust; with valid the photos lack strips with soft edges and a pixel; of
// four photos one is valid everywhere.
func robustCase(name string, n int, from, to kernels.Format, valid bool, tol float64, why string) Case {
	return Case{
		Op: "Fuse", Name: name, Formats: []kernels.Format{from, to}, Tol: tol, Why: why,
		Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
			photos, err := m.Bracket(n, w, h, from)
			if err != nil {
				return Output{}, err
			}
			opts := kernels.FuseOptions{}
			for i := 0; valid && i < n; i++ {
				v, err := m.Image(w, h, 1, kernels.U8, func(x, y, _ int) float64 {
					if x == w/2 && y == h/2 {
						return 0
					}
					return float64(min(max(0, 51*(x-2*i)), max(0, 51*(h-y-i)), 255)) / 255
				})
				if err != nil {
					return Output{}, err
				}
				if n == 4 && i == 1 {
					v = nil
				}
				opts.Valid = append(opts.Valid, v)
			}
			dst, err := m.Blank(w, h, 3, to)
			if err != nil {
				return Output{}, err
			}
			return Output{Images: []*kernels.Image{dst}}, o.Fuse(dst, photos, &opts)
		},
	}
}

// Bracket returns n exposures of one picture-like scene of 10 stops, two stops apart, with
// a camera's curve, noise, and clipping at both ends.
func (m *Maker) Bracket(n, w, h int, f kernels.Format) ([]*kernels.Image, error) {
	px, py := 0.1+0.3*m.rng.Float64(), 0.1+0.3*m.rng.Float64()
	bx, by := m.rng.Float64()*0.5, m.rng.Float64()*0.5
	stops := func(x, y, k int) float64 {
		u, v := (float64(x)+0.5)/float64(w), (float64(y)+0.5)/float64(h)
		s := -6 + 3*u + v + 0.4*math.Sin(px*float64(x)+float64(k))*math.Cos(py*float64(y))
		if u > bx && u < bx+0.4 && v > by && v < by+0.4 {
			s += 5
		}
		return s + 0.3*float64(k)*(v-0.5)
	}
	photos := make([]*kernels.Image, n)
	for i := range photos {
		ev := 2*float64(i) - float64(n-1) + 2
		p, err := m.Image(w, h, 3, f, func(x, y, k int) float64 {
			v := math.Pow(2, (stops(x, y, k)+ev)/2.2) + 0.02*(m.rng.Float64()-0.5)
			return min(1, max(0, v))
		})
		if err != nil {
			return nil, err
		}
		photos[i] = p
	}
	return photos, nil
}
