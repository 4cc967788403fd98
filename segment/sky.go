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
	of := picture(w)
	small, err := env.NewImage(v.cut.w, v.cut.h, 1, kernels.F32)
	if err != nil {
		return err
	}
	defer small.Free()
	host, err := kernels.Wrap(v.cut.v, v.cut.w, v.cut.h, 1)
	if err != nil {
		return err
	}
	if err := env.Backend.Copy(ctx, small, host); err != nil {
		return err
	}
	m, err := env.NewImage(of.Width(), of.Height(), 1, kernels.U8)
	if err != nil {
		return err
	}
	if err := env.Ops.Resize(m, small); err != nil {
		m.Free()
		return err
	}
	w.SetMask(realedit.MaskSky, m)
	return nil
}
