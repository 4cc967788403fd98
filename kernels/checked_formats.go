package kernels

func checkFormats(o *Ops) {
	if f := o.Convert; f != nil {
		o.Convert = func(dst, src *Image) error {
			const op = "Convert"
			if err := present(op, []string{"dst", "src"}, dst, src); err != nil {
				return err
			}
			if err := first(sameSize(op, "dst", dst, "src", src), sameChannels(op, "dst", dst, "src", src), apart(op, "src", dst, src, false)); err != nil {
				return err
			}
			return f(dst, src)
		}
	}
	o.DecodeSRGB = checkTransfer("DecodeSRGB", "dst", o.DecodeSRGB)
	o.EncodeSRGB = checkTransfer("EncodeSRGB", "src", o.EncodeSRGB)
	if f := o.YCbCrToRGB; f != nil {
		o.YCbCrToRGB = func(dst, y, cb, cr *Image) error {
			const op = "YCbCrToRGB"
			if err := present(op, []string{"dst", "y", "cb", "cr"}, dst, y, cb, cr); err != nil {
				return err
			}
			err := first(
				wantChannels(op, "dst", dst, 3), wantFormat(op, "dst", dst, U8),
				wantChannels(op, "y", y, 1), wantFormat(op, "y", y, U8), sameSize(op, "dst", dst, "y", y),
				wantChannels(op, "cb", cb, 1), wantFormat(op, "cb", cb, U8),
				wantChannels(op, "cr", cr, 1), wantFormat(op, "cr", cr, U8), sameSize(op, "cb", cb, "cr", cr),
				apart(op, "y", dst, y, false), apart(op, "cb", dst, cb, false), apart(op, "cr", dst, cr, false))
			if err != nil {
				return err
			}
			if cb.w != y.w && cb.w != (y.w+1)/2 || cb.h != y.h && cb.h != (y.h+1)/2 {
				return argErr(op, "cb", "is %v, want each side as y's (%v) or half of it, rounded up", cb, y)
			}
			return f(dst, y, cb, cr)
		}
	}
	if f := o.Luma; f != nil {
		o.Luma = func(dst, src *Image) error {
			const op = "Luma"
			if err := present(op, []string{"dst", "src"}, dst, src); err != nil {
				return err
			}
			if err := first(wantChannels(op, "dst", dst, 1), wantChannels(op, "src", src, 3), sameSize(op, "dst", dst, "src", src), apart(op, "src", dst, src, false)); err != nil {
				return err
			}
			return f(dst, src)
		}
	}
}

// checkTransfer checks the arguments of DecodeSRGB and EncodeSRGB; the image named linear must be F16 or F32.
func checkTransfer(op, linear string, f func(dst, src *Image) error) func(dst, src *Image) error {
	if f == nil {
		return nil
	}
	return func(dst, src *Image) error {
		if err := present(op, []string{"dst", "src"}, dst, src); err != nil {
			return err
		}
		m := dst
		if linear == "src" {
			m = src
		}
		if err := first(wantFormat(op, linear, m, F16, F32), sameSize(op, "dst", dst, "src", src), sameChannels(op, "dst", dst, "src", src), apart(op, "src", dst, src, true)); err != nil {
			return err
		}
		return f(dst, src)
	}
}
