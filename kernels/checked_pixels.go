package kernels

import "math"

// maxRadius bounds BoxFilter and the guided filters: a window of 2r+1 pixels stays under MaxSide.
const maxRadius = MaxSide / 2

func checkPixels(o *Ops) {
	if f := o.ColorMatrix; f != nil {
		o.ColorMatrix = func(dst, src *Image, m *[12]float32) error {
			if err := checkPair("ColorMatrix", dst, src, true); err != nil {
				return err
			}
			if m == nil {
				return argErr("ColorMatrix", "m", "no matrix")
			}
			if err := first(wantChannels("ColorMatrix", "src", src, 3), finite("ColorMatrix", "m", m[:])); err != nil {
				return err
			}
			return f(dst, src, m)
		}
	}
	if f := o.Curve; f != nil {
		o.Curve = func(dst, src *Image, tables [][]float32) error {
			if err := checkPair("Curve", dst, src, true); err != nil {
				return err
			}
			if n := len(tables); n != 1 && n != src.c {
				return argErr("Curve", "tables", "%d of them, want 1 or one per channel, %d", n, src.c)
			}
			for _, t := range tables {
				if len(t) < 2 || len(t) > 65536 {
					return argErr("Curve", "tables", "one has %d entries, want 2 to 65536", len(t))
				}
				if err := finite("Curve", "tables", t); err != nil {
					return err
				}
			}
			return f(dst, src, tables)
		}
	}
	if f := o.Histogram; f != nil {
		o.Histogram = func(src, mask *Image) ([][]uint64, error) {
			if err := present("Histogram", []string{"src"}, src); err != nil {
				return nil, err
			}
			if err := first(wantFormat("Histogram", "src", src, U8, U16), checkMask("Histogram", "mask", mask, "src", src)); err != nil {
				return nil, err
			}
			return f(src, mask)
		}
	}
	if f := o.MatchHistogram; f != nil {
		o.MatchHistogram = func(dst, src, ref, srcMask, refMask *Image) error {
			if err := first(present("MatchHistogram", []string{"ref"}, ref), checkPair("MatchHistogram", dst, src, true)); err != nil {
				return err
			}
			if err := first(
				wantFormat("MatchHistogram", "src", src, U8, U16),
				wantFormat("MatchHistogram", "dst", dst, src.f),
				wantFormat("MatchHistogram", "ref", ref, src.f),
				sameChannels("MatchHistogram", "src", src, "ref", ref),
				checkMask("MatchHistogram", "srcMask", srcMask, "src", src),
				checkMask("MatchHistogram", "refMask", refMask, "ref", ref),
			); err != nil {
				return err
			}
			return f(dst, src, ref, srcMask, refMask)
		}
	}
	if f := o.BoxFilter; f != nil {
		o.BoxFilter = func(dst, src *Image, radius int) error {
			if err := checkPair("BoxFilter", dst, src, false); err != nil {
				return err
			}
			if err := first(wantFormat("BoxFilter", "src", src, F32), wantFormat("BoxFilter", "dst", dst, F32), checkRadius("BoxFilter", radius)); err != nil {
				return err
			}
			return f(dst, src, radius)
		}
	}
	if f := o.GuidedFilter; f != nil {
		o.GuidedFilter = func(dst, guide, src *Image, radius int, eps float64) error {
			if err := checkGuided("GuidedFilter", dst, guide, src, radius, eps, 1); err != nil {
				return err
			}
			return f(dst, guide, src, radius, eps)
		}
	}
	if f := o.GuidedCoefficients; f != nil {
		o.GuidedCoefficients = func(dst, guide, src *Image, radius int, eps float64) error {
			if err := checkGuided("GuidedCoefficients", dst, guide, src, radius, eps, 2); err != nil {
				return err
			}
			return f(dst, guide, src, radius, eps)
		}
	}
	if f := o.Gradient; f != nil {
		o.Gradient = func(dst, src *Image) error {
			if err := present("Gradient", []string{"dst", "src"}, dst, src); err != nil {
				return err
			}
			if err := first(
				wantChannels("Gradient", "src", src, 1), sameSize("Gradient", "src", src, "dst", dst),
				wantChannels("Gradient", "dst", dst, 2), wantFormat("Gradient", "dst", dst, F32),
				apart("Gradient", "src", dst, src, false),
			); err != nil {
				return err
			}
			return f(dst, src)
		}
	}
	if f := o.Edges; f != nil {
		o.Edges = func(dst, src *Image, threshold float64) error {
			if err := checkPair("Edges", dst, src, false); err != nil {
				return err
			}
			if err := first(wantChannels("Edges", "src", src, 1), wantFormat("Edges", "dst", dst, U8)); err != nil {
				return err
			}
			if !(threshold > 0 && threshold <= 2) {
				return argErr("Edges", "threshold", "%v is outside (0, 2]", threshold)
			}
			return f(dst, src, threshold)
		}
	}
	if f := o.SSIM; f != nil {
		o.SSIM = func(a, b, m *Image, opt *SSIMOptions) (SSIMResult, error) {
			if err := checkCompare("SSIM", a, b, m); err != nil {
				return SSIMResult{}, err
			}
			if m != nil {
				if err := sameChannels("SSIM", "a", a, "m", m); err != nil {
					return SSIMResult{}, err
				}
			}
			return f(a, b, m, opt)
		}
	}
	if f := o.DeltaE; f != nil {
		o.DeltaE = func(a, b, m, mask *Image) (DeltaEResult, error) {
			if err := checkCompare("DeltaE", a, b, m); err != nil {
				return DeltaEResult{}, err
			}
			if err := first(wantChannels("DeltaE", "a", a, 3), checkMask("DeltaE", "mask", mask, "a", a)); err != nil {
				return DeltaEResult{}, err
			}
			if m != nil {
				if err := wantChannels("DeltaE", "m", m, 1); err != nil {
					return DeltaEResult{}, err
				}
			}
			return f(a, b, m, mask)
		}
	}
	if f := o.LocalTone; f != nil {
		o.LocalTone = func(dst, src *Image, p *LocalToneParams) error {
			if err := checkPair("LocalTone", dst, src, true); err != nil {
				return err
			}
			if err := first(
				wantChannels("LocalTone", "src", src, 3),
				wantFormat("LocalTone", "src", src, U8, U16, F32), wantFormat("LocalTone", "dst", dst, U8, U16, F32),
				p.check(),
			); err != nil {
				return err
			}
			for _, g := range []*Image{p.Base, p.Gain, p.Tint} {
				if g != nil {
					if err := apart("LocalTone", "Base, Gain or Tint", dst, g, false); err != nil {
						return err
					}
				}
			}
			return f(dst, src, p)
		}
	}
}

// check refuses parameters outside the ranges of their comments.
func (p *LocalToneParams) check() error {
	switch {
	case p == nil:
		return argErr("LocalTone", "p", "no parameters")
	case p.Base != nil && (p.Base.f != F32 || p.Base.c != 2):
		return argErr("LocalTone", "Base", "is %v, want 2 channels of f32", p.Base)
	case p.Gain != nil && (p.Gain.f != F32 || p.Gain.c != 1):
		return argErr("LocalTone", "Gain", "is %v, want 1 channel of f32", p.Gain)
	case p.Tint != nil && (p.Tint.f != F32 || p.Tint.c != 3):
		return argErr("LocalTone", "Tint", "is %v, want 3 channels of f32", p.Tint)
	case p.Curve != nil && (len(p.Curve) < 2 || len(p.Curve) > 4096):
		return argErr("LocalTone", "Curve", "%d entries, want 2 to 4096", len(p.Curve))
	case p.Share != nil && (len(p.Share) < 4 || len(p.Share) > 2048 || len(p.Share)%2 != 0):
		return argErr("LocalTone", "Share", "%d values, want 2 to 1024 pairs", len(p.Share))
	case !(p.Detail >= -1 && p.Detail <= 1):
		return argErr("LocalTone", "Detail", "%v is outside [-1, 1]", p.Detail)
	case !(p.MaxGain > 0 && p.MaxGain <= 8):
		return argErr("LocalTone", "MaxGain", "%v is outside (0, 8]", p.MaxGain)
	case !(p.Shoulder > 0 && p.Shoulder <= 1):
		return argErr("LocalTone", "Shoulder", "%v is outside (0, 1]", p.Shoulder)
	}
	return first(finite("LocalTone", "Matrix", p.Matrix[:]), finite("LocalTone", "Curve", p.Curve), finite("LocalTone", "Share", p.Share))
}

// checkPair refuses a dst and src that differ in size or channels, or overlap.
func checkPair(op string, dst, src *Image, inPlace bool) error {
	if err := present(op, []string{"dst", "src"}, dst, src); err != nil {
		return err
	}
	return first(sameSize(op, "src", src, "dst", dst), sameChannels(op, "src", src, "dst", dst), apart(op, "src", dst, src, inPlace))
}

// checkMask refuses a mask that is not nil and not U8 of 1 channel in the size of m.
func checkMask(op, name string, mask *Image, mn string, m *Image) error {
	if mask == nil {
		return nil
	}
	return first(sameSize(op, mn, m, name, mask), wantChannels(op, name, mask, 1), wantFormat(op, name, mask, U8))
}

// checkGuided refuses what the guided filters do not take.
func checkGuided(op string, dst, guide, src *Image, radius int, eps float64, channels int) error {
	if err := present(op, []string{"dst", "guide", "src"}, dst, guide, src); err != nil {
		return err
	}
	if !(eps > 0) || math.IsInf(eps, 0) {
		return argErr(op, "eps", "%v is not above 0 and finite", eps)
	}
	return first(
		sameSize(op, "guide", guide, "src", src), sameSize(op, "guide", guide, "dst", dst),
		wantChannels(op, "guide", guide, 1), wantChannels(op, "src", src, 1), wantChannels(op, "dst", dst, channels),
		wantFormat(op, "guide", guide, F32), wantFormat(op, "src", src, F32), wantFormat(op, "dst", dst, F32),
		checkRadius(op, radius),
		apart(op, "guide", dst, guide, false), apart(op, "src", dst, src, false),
	)
}

// checkCompare refuses images that SSIM and DeltaE cannot compare, and maps that do not fit.
func checkCompare(op string, a, b, m *Image) error {
	if err := present(op, []string{"a", "b"}, a, b); err != nil {
		return err
	}
	if err := first(
		sameSize(op, "a", a, "b", b), sameChannels(op, "a", a, "b", b),
		wantFormat(op, "a", a, U8, U16, F32), wantFormat(op, "b", b, a.f),
	); err != nil || m == nil {
		return err
	}
	return first(sameSize(op, "a", a, "m", m), wantFormat(op, "m", m, F32), apart(op, "a", m, a, false), apart(op, "b", m, b, false))
}

func checkRadius(op string, radius int) error {
	if radius < 0 || radius > maxRadius {
		return argErr(op, "radius", "%d is outside [0, %d]", radius, maxRadius)
	}
	return nil
}

// finite refuses NaN and infinities.
func finite(op, name string, v []float32) error {
	for i, f := range v {
		if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
			return argErr(op, name, "entry %d is %v", i, f)
		}
	}
	return nil
}
