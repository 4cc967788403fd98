package kernels

import "fmt"

func checkFusion(o *Ops) {
	if f := o.FusionWeights; f != nil {
		o.FusionWeights = func(dst, src *Image, p *MertensParams) error {
			const op = "FusionWeights"
			if err := present(op, []string{"dst", "src"}, dst, src); err != nil {
				return err
			}
			var q MertensParams
			if p != nil {
				q = *p
			}
			if err := first(
				wantFormat(op, "src", src, U8, U16, F32),
				wantChannels(op, "src", src, 3),
				wantFormat(op, "dst", dst, F32),
				wantChannels(op, "dst", dst, 1),
				sameSize(op, "src", src, "dst", dst),
				apart(op, "src", dst, src, false),
				q.check(op, "p")); err != nil {
				return err
			}
			q = q.orDefault()
			return f(dst, src, &q)
		}
	}
	if f := o.Fuse; f != nil {
		o.Fuse = func(dst *Image, photos []*Image, o *FuseOptions) error {
			var q FuseOptions
			if o != nil {
				q = *o
			}
			if err := checkFuse(dst, photos, &q); err != nil {
				return err
			}
			q.Mertens = q.Mertens.orDefault()
			return f(dst, photos, &q)
		}
	}
}

func checkFuse(dst *Image, photos []*Image, o *FuseOptions) error {
	const op = "Fuse"
	if err := present(op, []string{"dst"}, dst); err != nil {
		return err
	}
	if len(photos) == 0 {
		return argErr(op, "photos", "none, want at least one")
	}
	if err := first(wantFormat(op, "dst", dst, U8, U16, F32), wantChannels(op, "dst", dst, 3)); err != nil {
		return err
	}
	for i, m := range photos {
		name := fmt.Sprintf("photos[%d]", i)
		if err := present(op, []string{name}, m); err != nil {
			return err
		}
		if err := first(
			wantFormat(op, name, m, U8, U16, F32),
			wantChannels(op, name, m, 3),
			sameSize(op, "dst", dst, name, m),
			apart(op, name, dst, m, false)); err != nil {
			return err
		}
		if m.f != photos[0].f {
			return argErr(op, name, "is %v, want the format of photos[0], %v", m, photos[0].f)
		}
	}
	if o.Method != FuseRobust && o.Method != FuseMertens {
		return argErr(op, "Method", "%d is neither FuseRobust nor FuseMertens", uint8(o.Method))
	}
	if err := o.Mertens.check(op, "Mertens"); err != nil {
		return err
	}
	if len(o.Valid) == 0 {
		return nil
	}
	if o.Method == FuseMertens {
		return argErr(op, "Valid", "is for FuseRobust only")
	}
	if len(o.Valid) != len(photos) {
		return argErr(op, "Valid", "has %d entries, want one per photo, %d", len(o.Valid), len(photos))
	}
	for i, m := range o.Valid {
		if m == nil {
			continue
		}
		name := fmt.Sprintf("Valid[%d]", i)
		if err := first(
			wantFormat(op, name, m, U8),
			wantChannels(op, name, m, 1),
			sameSize(op, "dst", dst, name, m),
			apart(op, name, dst, m, false)); err != nil {
			return err
		}
	}
	return nil
}

func (p MertensParams) check(op, arg string) error {
	for _, e := range []struct {
		name string
		v    float64
	}{{"Contrast", p.Contrast}, {"Saturation", p.Saturation}, {"Exposedness", p.Exposedness}} {
		if !(e.v >= 0 && e.v <= 10) {
			return argErr(op, arg+"."+e.name, "%v is outside [0, 10]", e.v)
		}
	}
	return nil
}

// orDefault is OpenCV's exponents in place of the zero value.
func (p MertensParams) orDefault() MertensParams {
	if p == (MertensParams{}) {
		return MertensParams{Contrast: 1, Saturation: 1, Exposedness: 1}
	}
	return p
}
