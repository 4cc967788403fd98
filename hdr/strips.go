package hdr

import (
	"context"
	"image"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// stripPixels is about how many pixels are worked on at a time where an operation needs memory for each and goes pixel by pixel.
const stripPixels = 1 << 21

// strips cuts m's height into ranges of rows of about stripPixels, all but the last one of one height.
func strips(m *kernels.Image) []image.Rectangle {
	step := stripRows(m.Width(), m.Height())
	var all []image.Rectangle
	for y := 0; y < m.Height(); y += step {
		all = append(all, image.Rect(0, y, m.Width(), min(m.Height(), y+step)))
	}
	return all
}

// stripRows is the height of a strip of a picture w pixels wide.
func stripRows(w, h int) int { return min(h, max(1, stripPixels/w)) }

// maskStrip is the bytes of the strip that lower takes.
func maskStrip(w, h int) int64 { return kernels.ImageBytes(w, stripRows(w, h), 1, kernels.U8) }

// planes is the bytes of n F32 planes of a w×h picture brought to a side.
func planes(w, h, side, n int) int64 {
	w, h = realedit.FitInto(w, h, side)
	return int64(n) * kernels.ImageBytes(w, h, 1, kernels.F32)
}

// lower multiplies a mask by another one of its size: m becomes m·by.
func lower(ctx context.Context, env *realedit.Env, m, by *kernels.Image) error {
	cut := strips(m)
	zero, err := zeros(ctx, env, cut[0].Dx(), cut[0].Dy())
	if err != nil {
		return err
	}
	defer zero.Free()
	for _, r := range cut {
		d := m.SubImage(r)
		if err := env.Ops.Blend(d, zero.SubImage(d.Bounds()), d, by.SubImage(r)); err != nil {
			return err
		}
	}
	return nil
}

// blendIn blends src, its encoded values raised to gamma, into dst by alpha.
func blendIn(env *realedit.Env, dst, src, alpha *kernels.Image, gamma float64) error {
	if src.Format() == dst.Format() && gamma == 1 {
		return env.Ops.Blend(dst, dst, src, alpha)
	}
	curve := make([]float32, 1025)
	for i := range curve {
		curve[i] = float32(math.Pow(float64(i)/1024, gamma))
	}
	cut := strips(dst)
	strip, err := env.NewImage(cut[0].Dx(), cut[0].Dy(), 3, dst.Format())
	if err != nil {
		return err
	}
	defer strip.Free()
	for _, r := range cut {
		d, s := dst.SubImage(r), src.SubImage(r)
		c := strip.SubImage(d.Bounds())
		if gamma == 1 {
			err = env.Ops.Convert(c, s)
		} else {
			err = env.Ops.Curve(c, s, [][]float32{curve})
		}
		if err == nil {
			err = env.Ops.Blend(d, d, c, alpha.SubImage(r))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// zeros is a black U8 mask.
func zeros(ctx context.Context, env *realedit.Env, w, h int) (*kernels.Image, error) {
	dot, err := env.NewImage(1, 1, 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	defer dot.Free()
	host, err := kernels.Wrap([]uint8{0}, 1, 1, 1)
	if err != nil {
		return nil, err
	}
	if err := env.Backend.Copy(ctx, dot, host); err != nil {
		return nil, err
	}
	m, err := env.NewImage(w, h, 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	if err := env.Ops.Resize(m, dot); err != nil {
		m.Free()
		return nil, err
	}
	return m, nil
}
