package kerneltest

import (
	"fmt"
	"math"

	"github.com/realedit/realedit/kernels"
)

const (
	u8, u16, f16, f32 = kernels.U8, kernels.U16, kernels.F16, kernels.F32

	halfLevel  = "float32 arithmetic can fall on the other side of a rounding step: one level"
	float32sum = "float32 arithmetic against float64"
	exact      = "integers, or the same float64 arithmetic: no difference"
)

var pixelCases = join(
	colorMatrixCases(), curveCases(), histogramCases(), matchCases(),
	boxCases(), guidedCases(), gradientCases(), edgeCases(),
	ssimCases(), deltaECases(), localToneCases(),
)

func join(groups ...[]Case) (all []Case) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// step is the tolerance of one level of an integer format, of the last place at 1 of F16.
func step(f kernels.Format) float64 {
	switch f {
	case u8:
		return 1.001 / 255
	case u16:
		return 1.001 / 65535
	case f16:
		return 1.0 / 1024
	}
	return 3.5e-7
}

func formats(f ...kernels.Format) []kernels.Format { return f }

// photoAndBlank is a photo as src and an empty dst of other format and channels.
func photoAndBlank(m *Maker, w, h, c int, f kernels.Format, dc int, df kernels.Format) (dst, src *kernels.Image, err error) {
	if src, err = m.Photo(w, h, c, f); err != nil {
		return nil, nil, err
	}
	dst, err = m.Blank(w, h, dc, df)
	return dst, src, err
}

// photoAndDst is a photo as src and dst for an operation that may work in place.
func photoAndDst(m *Maker, w, h, c int, f, df kernels.Format) (dst, src *kernels.Image, err error) {
	if src, err = m.Photo(w, h, c, f); err != nil {
		return nil, nil, err
	}
	dst, err = m.Dst(src, df)
	return dst, src, err
}

func one(img *kernels.Image, err error) (Output, error) {
	return Output{Images: []*kernels.Image{img}}, err
}

func colorMatrixCases() (cases []Case) {
	matrix := [12]float32{1.2, -0.15, 0.03, 0.01, -0.1, 1.05, 0.02, -0.02, 0.05, -0.3, 1.3, 0.005}
	for _, f := range [][2]kernels.Format{{u8, u8}, {u16, u16}, {f16, f16}, {f32, f32}, {u8, f32}, {u16, u8}, {f32, u16}} {
		cases = append(cases, Case{
			Op: "ColorMatrix", Name: fmt.Sprintf("%v to %v", f[0], f[1]), Formats: formats(f[0], f[1]),
			Tol: step(f[1]), Why: halfLevel,
			Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
				dst, src, err := photoAndDst(m, w, h, 3, f[0], f[1])
				if err != nil {
					return Output{}, err
				}
				return one(dst, o.ColorMatrix(dst, src, &matrix))
			},
		})
	}
	return cases
}

func curveCases() (cases []Case) {
	table := func(n int, gamma float64) []float32 {
		t := make([]float32, n)
		for i := range t {
			t[i] = float32(1.1*math.Pow(float64(i)/float64(n-1), gamma) - 0.05)
		}
		return t
	}
	for _, f := range [][2]kernels.Format{{u8, u8}, {u16, u16}, {f16, f16}, {f32, f32}, {u8, u16}, {u16, u8}, {f32, u8}, {u8, f32}} {
		for _, c := range []int{1, 3, 4} {
			if c != 3 && f[0] != f[1] {
				continue
			}
			tol, why := step(f[1]), halfLevel
			if f[0] != f32 {
				tol, why = 0, exact // through a table of all values, computed in float64
			}
			cases = append(cases, Case{
				Op: "Curve", Name: fmt.Sprintf("%v to %v, %d channels", f[0], f[1], c), Formats: formats(f[0], f[1]),
				Tol: tol, Why: why,
				Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
					dst, src, err := photoAndDst(m, w, h, c, f[0], f[1])
					if err != nil {
						return Output{}, err
					}
					tables := [][]float32{table(2, 1), table(33, 0.6), table(1000, 2.2), table(17, 1.3)}
					if c == 4 {
						return one(dst, o.Curve(dst, src, tables[1:2]))
					}
					return one(dst, o.Curve(dst, src, tables[:c]))
				},
			})
		}
	}
	return cases
}

// mask is a soft disc that always has its corner pixel.
func (m *Maker) mask(w, h int) (*kernels.Image, error) {
	return m.Image(w, h, 1, u8, func(x, y, _ int) float64 {
		if x == 0 && y == 0 {
			return 1
		}
		u, v := float64(x)/float64(w)-0.4, float64(y)/float64(h)-0.6
		return 1.2 - 3*math.Hypot(u, v)
	})
}

func histogramCases() (cases []Case) {
	for _, f := range []kernels.Format{u8, u16} {
		for _, masked := range []bool{false, true} {
			for _, c := range []int{1, 3} {
				cases = append(cases, Case{
					Op: "Histogram", Name: fmt.Sprintf("%v, %d channels, masked %v", f, c, masked), Formats: formats(f), Why: exact,
					Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
						src, err := m.Photo(w, h, c, f)
						if err != nil {
							return Output{}, err
						}
						var mask *kernels.Image
						if masked {
							if mask, err = m.mask(w, h); err != nil {
								return Output{}, err
							}
						}
						counts, err := o.Histogram(src, mask)
						var out Output
						for _, h := range counts {
							for _, n := range h {
								out.Scalars = append(out.Scalars, float64(n))
							}
						}
						return out, err
					},
				})
			}
		}
	}
	return cases
}

func matchCases() (cases []Case) {
	for _, f := range []kernels.Format{u8, u16} {
		for _, masked := range []bool{false, true} {
			for _, c := range []int{1, 3, 4} {
				cases = append(cases, Case{
					Op: "MatchHistogram", Name: fmt.Sprintf("%v, %d channels, masked %v", f, c, masked), Formats: formats(f), Why: exact,
					Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
						rw, rh := w/2+1, h+3
						dst, src, err := photoAndDst(m, w, h, c, f, f)
						if err != nil {
							return Output{}, err
						}
						ref, err := m.Photo(rw, rh, c, f)
						if err != nil {
							return Output{}, err
						}
						var sm, rm *kernels.Image
						if masked {
							if sm, err = m.mask(w, h); err != nil {
								return Output{}, err
							}
							if rm, err = m.mask(rw, rh); err != nil {
								return Output{}, err
							}
						}
						return one(dst, o.MatchHistogram(dst, src, ref, sm, rm))
					},
				})
			}
		}
	}
	return cases
}

func boxCases() (cases []Case) {
	for _, r := range []int{0, 1, 8, 40} {
		for _, c := range []int{1, 2, 3, 4} {
			if c != 1 && r != 8 {
				continue
			}
			cases = append(cases, Case{
				Op: "BoxFilter", Name: fmt.Sprintf("f32, %d channels, radius %d", c, r), Formats: formats(f32),
				Tol: 1.2e-7, Why: "sums in float64, the mean rounded to float32 after a multiplication",
				Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
					dst, src, err := photoAndBlank(m, w, h, c, f32, c, f32)
					if err != nil {
						return Output{}, err
					}
					return one(dst, o.BoxFilter(dst, src, r))
				},
			})
		}
	}
	return cases
}

func guidedCases() (cases []Case) {
	for _, r := range []int{1, 4, 32} {
		for _, op := range []string{"GuidedFilter", "GuidedCoefficients"} {
			cases = append(cases, Case{
				Op: op, Name: fmt.Sprintf("f32, radius %d", r), Formats: formats(f32),
				Tol: 2.4e-7, Why: "coefficients rounded to float32 before their means",
				Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
					channels := 1
					if op == "GuidedCoefficients" {
						channels = 2
					}
					dst, src, err := photoAndBlank(m, w, h, 1, f32, channels, f32)
					if err != nil {
						return Output{}, err
					}
					guide, err := m.Photo(w, h, 1, f32)
					if err != nil {
						return Output{}, err
					}
					if op == "GuidedCoefficients" {
						return one(dst, o.GuidedCoefficients(dst, guide, src, r, 1e-3))
					}
					return one(dst, o.GuidedFilter(dst, guide, src, r, 1e-3))
				},
			})
		}
	}
	return cases
}

func gradientCases() (cases []Case) {
	for _, f := range []kernels.Format{u8, u16, f16, f32} {
		cases = append(cases, Case{
			Op: "Gradient", Name: f.String(), Formats: formats(f), Tol: 6e-8, Why: float32sum,
			Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
				dst, src, err := photoAndBlank(m, w, h, 1, f, 2, f32)
				if err != nil {
					return Output{}, err
				}
				return one(dst, o.Gradient(dst, src))
			},
		})
	}
	return cases
}

func edgeCases() (cases []Case) {
	for _, f := range []kernels.Format{u8, u16, f16, f32} {
		for _, t := range []float64{0.004, 0.03} {
			cases = append(cases, Case{
				Op: "Edges", Name: fmt.Sprintf("%v, threshold %g", f, t), Formats: formats(f), Why: exact,
				Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
					dst, src, err := photoAndBlank(m, w, h, 1, f, 1, u8)
					if err != nil {
						return Output{}, err
					}
					return one(dst, o.Edges(dst, src, t))
				},
			})
		}
	}
	return cases
}

// retouched is a photo and the same with other tone, other colours and noise.
func (m *Maker) retouched(w, h, c int, f kernels.Format) (a, b *kernels.Image, err error) {
	if a, err = m.Photo(w, h, c, f); err != nil {
		return nil, nil, err
	}
	host, err := Download(m.B, a)
	if err != nil {
		return nil, nil, err
	}
	defer host.Free()
	b, err = m.Image(w, h, c, f, func(x, y, k int) float64 {
		v := At(host, x, y, k)
		if x > w*2/3 {
			return v // one part stays as it is
		}
		return min(1, max(0, v+0.1*v*(1-v)*float64(k+1)+0.04*(m.rng.Float64()-0.5)))
	})
	return a, b, err
}

func ssimCases() (cases []Case) {
	for _, f := range []kernels.Format{u8, u16, f32} {
		for _, c := range []int{1, 2, 3, 4} {
			for _, opt := range []*kernels.SSIMOptions{nil, {ContrastStructure: true}} {
				if c != 3 && (f != u8 || opt != nil) {
					continue
				}
				name := fmt.Sprintf("%v, %d channels", f, c)
				if opt != nil {
					name += ", contrast-structure"
				}
				cases = append(cases, Case{
					Op: "SSIM", Name: name, Formats: formats(f),
					Tol: 2e-4, Why: "variances as differences of float32 means, beside C2 = 9e-4",
					Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
						a, b, err := m.retouched(w, h, c, f)
						if err != nil {
							return Output{}, err
						}
						var ssim *kernels.Image
						out := Output{}
						if c != 2 {
							if ssim, err = m.Blank(w, h, c, f32); err != nil {
								return Output{}, err
							}
							out.Images = append(out.Images, ssim)
						}
						res, err := o.SSIM(a, b, ssim, opt)
						out.Scalars = append(res.Channels, res.Mean)
						return out, err
					},
				})
			}
		}
	}
	return cases
}

func deltaECases() (cases []Case) {
	for _, f := range []kernels.Format{u8, u16, f32} {
		for _, masked := range []bool{false, true} {
			cases = append(cases, Case{
				Op: "DeltaE", Name: fmt.Sprintf("%v, map, masked %v", f, masked), Formats: formats(f),
				Tol: 1e-3, Why: "float32 polynomials; P95 from bins of 2⁻⁹ relative width, at their middle",
				Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
					a, b, err := m.retouched(w, h, 3, f)
					if err != nil {
						return Output{}, err
					}
					var mask, diff *kernels.Image
					out := Output{}
					if masked {
						if mask, err = m.mask(w, h); err != nil {
							return Output{}, err
						}
					}
					if diff, err = m.Blank(w, h, 1, f32); err != nil {
						return Output{}, err
					}
					out.Images = append(out.Images, diff)
					res, err := o.DeltaE(a, b, diff, mask)
					out.Scalars = []float64{res.Mean, res.P95, res.Max, float64(res.N)}
					return out, err
				},
			}, Case{
				Op: "DeltaE", Name: fmt.Sprintf("%v, no map, unrelated photos, masked %v", f, masked), Formats: formats(f),
				Tol: 1e-3, Why: "float32 polynomials; P95 from bins of 2⁻⁹ relative width, at their middle",
				Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
					_, a, err := photoAndBlank(m, w, h, 3, f, 3, f)
					if err != nil {
						return Output{}, err
					}
					b, err := m.Photo(w, h, 3, f)
					if err != nil {
						return Output{}, err
					}
					var mask *kernels.Image
					if masked {
						if mask, err = m.mask(w, h); err != nil {
							return Output{}, err
						}
					}
					res, err := o.DeltaE(a, b, nil, mask)
					return Output{Scalars: []float64{res.Mean, res.P95, res.Max, float64(res.N)}}, err
				},
			})
		}
	}
	return cases
}

func localToneCases() (cases []Case) {
	params := func(m *Maker, base, gain, tint bool) (*kernels.LocalToneParams, error) {
		p := &kernels.LocalToneParams{
			Matrix: [9]float32{1.3, -0.1, 0.02, -0.05, 1.1, 0.03, 0.01, -0.2, 1.5},
			Curve:  make([]float32, 41), Detail: 0.3, MaxGain: 2.5, Shoulder: 0.8,
		}
		for i := range p.Curve {
			p.Curve[i] = float32(1.5*math.Sin(float64(i)/9) - 0.3)
		}
		var err error
		if base {
			p.Base, err = m.Image(23, 17, 2, f32, func(x, y, k int) float64 {
				return []float64{0.6, -1}[k] + 0.2*math.Sin(float64(x*(k+1))/5+float64(y)/7)
			})
		}
		if gain && err == nil {
			p.Gain, err = m.Image(9, 31, 1, f32, func(x, y, _ int) float64 { return 0.8 * math.Cos(float64(x)/4+float64(y)/3) })
		}
		if tint && err == nil {
			p.Tint, err = m.Image(13, 7, 3, f32, func(x, y, k int) float64 { return 0.5 * math.Sin(float64(x*(k+2))/6+float64(y)/3) })
			for i := range 34 {
				p.Share = append(p.Share, float32(0.8+0.4*math.Cos(float64(i)/5)))
			}
		}
		return p, err
	}
	for _, f := range [][2]kernels.Format{{u8, u8}, {u16, u16}, {f32, f32}, {u16, u8}, {u8, u16}, {f32, u8}} {
		for _, full := range []bool{true, false} {
			name := fmt.Sprintf("%v to %v", f[0], f[1])
			if full {
				name += ", base, gain, tint, share"
			}
			tol, why := step(f[1]), halfLevel
			if f[1] == u16 {
				tol, why = step(u16), "float32 polynomials for log2, exp2 and the power: one level"
			}
			if f[1] == f32 {
				tol, why = 2e-6, "float32 polynomials for log2, exp2 and the power"
			}
			cases = append(cases, Case{
				Op: "LocalTone", Name: name, Formats: formats(f[0], f[1]), Tol: tol, Why: why,
				Run: func(m *Maker, o *kernels.Ops, w, h int) (Output, error) {
					p, err := params(m, full, full, full)
					if err != nil {
						return Output{}, err
					}
					dst, src, err := photoAndDst(m, w, h, 3, f[0], f[1])
					if err != nil {
						return Output{}, err
					}
					if !full {
						p.Shoulder, p.Curve = 1, nil
					}
					return one(dst, o.LocalTone(dst, src, p))
				},
			})
		}
	}
	return cases
}
