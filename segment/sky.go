package segment

import (
	"context"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Sky finds the sky by what the pixels show.
type Sky struct {
	// Force takes what the pixels say even where the scene or the gate says that there is no sky.
	Force bool `json:"force,omitempty"`
}

// Name is "segment.sky".
func (Sky) Name() string { return "segment.sky" }

// Needs the picture.
func (Sky) Needs() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Gives the mask, when there is a sky.
func (Sky) Gives() []realedit.Key { return []realedit.Key{realedit.MaskSky} }

// Alters nothing.
func (Sky) Alters() realedit.Change { return realedit.ChangeNone }

// Apply finds the sky.
func (s Sky) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	v, err := viewSky(ctx, env, w)
	if err != nil {
		return err
	}
	if !s.Force && v.gate.score < 0.75 {
		return nil
	}
	m, err := v.matte(ctx, env, picture(w))
	if err != nil {
		return err
	}
	w.SetMask(realedit.MaskSky, m)
	return nil
}

// matte draws the view's sky at the picture's size.
func (v *skyView) matte(ctx context.Context, env *realedit.Env, of *kernels.Image) (*kernels.Image, error) {
	small, err := env.NewImage(v.cut.w, v.cut.h, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer small.Free()
	host, err := kernels.Wrap(v.cut.v, v.cut.w, v.cut.h, 1)
	if err != nil {
		return nil, err
	}
	if err := env.Backend.Copy(ctx, small, host); err != nil {
		return nil, err
	}
	density, err := edgeDensity(ctx, env, of, v.cut.w, v.cut.h)
	if err != nil {
		return nil, err
	}
	m, err := env.NewImage(of.Width(), of.Height(), 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	if err := env.Ops.Resize(m, small); err != nil {
		m.Free()
		return nil, err
	}
	t, d := newMatte(v, density, of.Width(), of.Height()), newDecoder(of.Format())
	if err = t.findDark(ctx, env, of, d); err == nil {
		err = t.draw(ctx, env, m, of, d)
	}
	if err != nil {
		m.Free()
		return nil, err
	}
	return m, nil
}
