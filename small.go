package realedit

import "github.com/realedit/realedit/kernels"

// SmallSide is the longer side of Frame.Small, in pixels.
const SmallSide = 1024

// SmallSize is the size of w×h brought to at most SmallSide pixels on the longer side.
func SmallSize(w, h int) (int, int) { return FitInto(w, h, SmallSide) }

// FitInto scales w×h down so that the longer side is at most side.
func FitInto(w, h, side int) (int, int) {
	if max(w, h) <= side {
		return w, h
	}
	if w >= h {
		return side, max(1, (h*side+w/2)/w)
	}
	return max(1, (w*side+h/2)/h), side
}

// Small is the frame's picture averaged over areas to SmallSize: F32, 3 channels, sRGB-encoded, in the
// backend's memory. Stages decide on it instead of on 45 megapixels; it is made once for
// each picture, belongs to the frame and must not be written to.
func (f *Frame) Small(env *Env) (*kernels.Image, error) {
	if f.small != nil && f.smallOf == f.Image {
		return f.small, nil
	}
	w, h := SmallSize(f.Image.Width(), f.Image.Height())
	m, err := env.NewImage(w, h, 3, kernels.F32)
	if err != nil {
		return nil, err
	}
	if err := env.Ops.Resize(m, f.Image); err != nil {
		m.Free()
		return nil, err
	}
	f.small.Free()
	f.small, f.smallOf = m, f.Image
	return m, nil
}

// Free releases the frame's images.
func (f *Frame) Free() {
	f.Image.Free()
	f.Valid.Free()
	f.small.Free()
	f.small = nil
}
