package kernels

// Checked returns the table with argument checks in front of every operation that is
// in it, so that every backend refuses the same arguments with the same words and
// its own code may trust what it gets. Backends call it once.
func Checked(o Ops) *Ops {
	checkFormats(&o)
	checkGeometry(&o)
	checkPixels(&o)
	checkFusion(&o)
	return &o
}

// present refuses nil images. names and images go in pairs.
func present(op string, names []string, images ...*Image) error {
	for i, m := range images {
		if m == nil {
			return argErr(op, names[i], "no image")
		}
	}
	return nil
}

// sameSize refuses b unless it is as wide and high as a.
func sameSize(op, an string, a *Image, bn string, b *Image) error {
	if a.w != b.w || a.h != b.h {
		return argErr(op, bn, "is %v, want the size of %s, %d×%d", b, an, a.w, a.h)
	}
	return nil
}

// sameChannels refuses b unless it has as many channels as a.
func sameChannels(op, an string, a *Image, bn string, b *Image) error {
	if a.c != b.c {
		return argErr(op, bn, "is %v, want the channels of %s, %d", b, an, a.c)
	}
	return nil
}

// wantChannels refuses m unless it has n channels.
func wantChannels(op, name string, m *Image, n int) error {
	if m.c != n {
		return argErr(op, name, "is %v, want %d channel(s)", m, n)
	}
	return nil
}

// wantFormat refuses m unless its format is one of fs.
func wantFormat(op, name string, m *Image, fs ...Format) error {
	for _, f := range fs {
		if m.f == f {
			return nil
		}
	}
	return argErr(op, name, "is %v, want one of %v", m, fs)
}

// apart refuses images that share pixels, unless they are the very same window and inPlace allows that.
func apart(op, name string, dst, src *Image, inPlace bool) error {
	if dst.mem != src.mem || inPlace && dst.Same(src) {
		return nil
	}
	// Rows interleave: two windows of one parent overlap only where both row and column ranges do.
	if dst.stride == src.stride {
		dx0, sx0 := dst.off%dst.stride, src.off%src.stride
		dy0, sy0 := dst.off/dst.stride, src.off/src.stride
		if dy0+dst.h <= sy0 || sy0+src.h <= dy0 ||
			dx0+dst.w*dst.c*dst.f.Size() <= sx0 || sx0+src.w*src.c*src.f.Size() <= dx0 {
			return nil
		}
	} else if dst.off+int(dst.Bytes()) <= src.off || src.off+int(src.Bytes()) <= dst.off {
		return nil
	}
	return argErr(op, name, "shares pixels with dst")
}

// first returns the first error that is not nil.
func first(errs ...error) error {
	for _, e := range errs {
		if e != nil {
			return e
		}
	}
	return nil
}
