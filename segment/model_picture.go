package segment

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// framing is where a picture lies in a model's input of w×h pixels: scaled to rw×rh, its upper left corner at (−x0, −y0).
type framing struct {
	w, h, rw, rh, x0, y0 int
}

// frame says how a picture of sw×sh pixels is brought into the input spec: its size from the model's preprocessing, else from the input's shape.
func (m *asked) frame(spec realedit.TensorSpec, sw, sh int) (framing, error) {
	pre := m.spec.Preprocess
	f := framing{w: pre.Width, h: pre.Height}
	if f.w == 0 && f.h == 0 && len(spec.Shape) == 4 {
		f.h, f.w = int(spec.Shape[2]), int(spec.Shape[3])
	}
	if f.w < 1 || f.h < 1 || max(f.w, f.h) > 4096 {
		return f, m.bad("preprocess: a picture of %d×%d pixels is outside [1, 4096]", f.w, f.h)
	}
	switch pre.Resize {
	case "", "stretch":
		f.rw, f.rh = f.w, f.h
	case "fit_crop":
		// The longer side is truncated and the crop's corner rounded down, as the published preprocessors do.
		if f.rw, f.rh = f.w, int(int64(sh)*int64(f.w)/int64(sw)); f.rh < f.h {
			f.rw, f.rh = max(f.w, int(int64(sw)*int64(f.h)/int64(sh))), f.h
		}
		f.x0, f.y0 = (f.rw-f.w)/2, (f.rh-f.h)/2
	case "pad":
		scale := min(float64(f.w)/float64(sw), float64(f.h)/float64(sh))
		f.rw, f.rh = min(f.w, max(1, int(math.Round(float64(sw)*scale)))), min(f.h, max(1, int(math.Round(float64(sh)*scale))))
	default:
		return f, m.bad("preprocess: resize %q is none of fit_crop, stretch, pad", pre.Resize)
	}
	return f, nil
}

// stretched refuses models whose answers are masks and whose input is not the whole picture stretched.
func (m *asked) stretched() error {
	if r := m.spec.Preprocess.Resize; r != "" && r != "stretch" {
		return m.bad("preprocess: resize %q; this kind takes the whole picture: stretch", r)
	}
	return nil
}

// pictureInput is the model's first input that can be a picture: rank 4, three channels.
func (m *asked) pictureInput() (realedit.TensorSpec, error) {
	for _, in := range m.spec.Inputs {
		if s := in.Shape; len(s) == 4 && (s[0] == 1 || s[0] < 0) && (s[1] == 3 || s[1] < 0) {
			return in, nil
		}
	}
	return realedit.TensorSpec{}, m.bad("no input is a picture, [1,3,h,w]")
}

// picture is src (3 channels, any size, in the backend's memory) as a model's input [1,3,h,w]: scaled, cropped or padded as the model's entry says, values
// 0..1 less mean, by std. With filter nil it is scaled by Ops.Resize: areas averaged where it shrinks, linear where it grows. With a filter it
// is first averaged to SmallSize where it is larger, then filtered on the host. byMax divides by the largest value first.
func (m *asked) picture(ctx context.Context, src *kernels.Image, kernel *resampler, byMax bool) (name string, t *ort.Tensor, f framing, err error) {
	spec, err := m.pictureInput()
	if err != nil {
		return "", nil, f, err
	}
	if f, err = m.frame(spec, src.Width(), src.Height()); err != nil {
		return "", nil, f, err
	}
	if m.spec.Preprocess.Resize == "fit_crop" && kernel == nil {
		kernel = bilinear // scaling the whole picture first could take any amount of memory for a thin one
	}
	var rgb []float32 // f.rw×f.rh, or f.w×f.h after a crop
	if kernel == nil {
		rgb, err = hostRGB(ctx, m.env, src, f.rw, f.rh)
	} else {
		sw, sh := realedit.SmallSize(src.Width(), src.Height())
		if rgb, err = hostRGB(ctx, m.env, src, sw, sh); err == nil {
			rgb = kernel.scale(rgb, sw, sh, 3, f.rw, f.rh, f.x0, f.y0, min(f.w, f.rw), min(f.h, f.rh))
		}
	}
	if err != nil {
		return "", nil, f, err
	}
	v := normalised(rgb, f, m.spec.Preprocess, byMax)
	t, err = m.tensor(spec, v, 1, 3, int64(f.h), int64(f.w))
	return spec.Name, t, f, err
}

// normalised puts rgb, min(f.w, f.rw) × min(f.h, f.rh) pixels, into planes of f.w×f.h. What the picture does not cover is black.
func normalised(rgb []float32, f framing, pre realedit.Preprocess, byMax bool) []float32 {
	top := float32(1)
	if byMax {
		top = 1e-6
		for _, v := range rgb {
			top = max(top, v)
		}
	}
	var scale, shift [3]float32 // v·scale + shift
	for c := range 3 {
		std := pre.Std[c]
		if std == 0 {
			std = 1
		}
		scale[c], shift[c] = float32(1/(float64(top)*std)), float32(-pre.Mean[c]/std)
	}
	w, h := min(f.w, f.rw), min(f.h, f.rh)
	out := make([]float32, 3*f.w*f.h)
	onAll(f.h, func(y int) {
		for c := range 3 {
			row := out[(c*f.h+y)*f.w:][:f.w]
			x := 0
			if y < h {
				in := rgb[3*y*w:][:3*w]
				for ; x < w; x++ {
					row[x] = in[3*x+c]*scale[c] + shift[c]
				}
			}
			for ; x < f.w; x++ {
				row[x] = shift[c]
			}
		}
	})
	return out
}

// hostRGB is src scaled to w×h by Ops.Resize, interleaved, on the host.
func hostRGB(ctx context.Context, env *realedit.Env, src *kernels.Image, w, h int) ([]float32, error) {
	m := src
	if src.Format() != kernels.F32 || src.Width() != w || src.Height() != h {
		var err error
		if m, err = env.NewImage(w, h, 3, kernels.F32); err != nil {
			return nil, err
		}
		defer m.Free()
		if err := env.Ops.Resize(m, src); err != nil {
			return nil, err
		}
	}
	v := make([]float32, 3*w*h)
	host, err := kernels.Wrap(v, w, h, 3)
	if err != nil {
		return nil, err
	}
	return v, env.Backend.Copy(ctx, host, m)
}

// modelBytes is the most memory of the backend's that asking one model takes: the picture at the largest published input, 1024², or a mask at that size and
// at the small picture's. What the model itself takes is the runtime's, and has its own budget.
func modelBytes() (host, device int64) {
	device = kernels.ImageBytes(1024, 1024, 3, kernels.F32)
	return device, device
}

// resizePlane scales a plane on the host of sw×sh samples to w×h by Ops.Resize.
func resizePlane(ctx context.Context, env *realedit.Env, v []float32, sw, sh, w, h int) ([]float32, error) {
	if sw == w && sh == h {
		return v, nil
	}
	host, err := kernels.Wrap(v, sw, sh, 1)
	if err != nil {
		return nil, err
	}
	src, err := env.NewImage(sw, sh, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer src.Free()
	if err := env.Backend.Copy(ctx, src, host); err != nil {
		return nil, err
	}
	dst, err := env.NewImage(w, h, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer dst.Free()
	if err := env.Ops.Resize(dst, src); err != nil {
		return nil, err
	}
	out := make([]float32, w*h)
	if host, err = kernels.Wrap(out, w, h, 1); err != nil {
		return nil, err
	}
	return out, env.Backend.Copy(ctx, host, dst)
}
