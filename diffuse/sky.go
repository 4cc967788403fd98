package diffuse

import (
	"context"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/segment"
)

// Sky is segment.ReplaceSky with a sky that SDXL paints: only where the photo's own is dull, only inside MaskSky, through the same matte, haze and light as any other sky.
// Every pixel of the mask above 0 is synthesised. A painted sky that is no better than the photo's, has things with hard edges in it, or comes with another picture around
// it is not taken.
//
// The models are sdxl_vae, prompts, and sdxl_unet_inpaint with sdxl_lora_inpaint, or else sdxl_unet (docs/models.md). What is missing or fails is a finding, and the
// picture stays as it was.
type Sky struct {
	Painting
	// Plan, Force and Bound are ReplaceSky's.
	Plan  *segment.SkyPlan `json:"plan,omitempty"`
	Force bool             `json:"force,omitempty"`
	Bound float64          `json:"bound,omitempty"`
}

func (s Sky) with(p segment.SkyPainter) segment.ReplaceSky {
	return segment.ReplaceSky{Source: segment.SkyModel, Plan: s.Plan, Force: s.Force, Bound: s.Bound, Painter: p}
}

// Name is "diffuse.sky".
func (Sky) Name() string { return "diffuse.sky" }

// Needs the picture; MaskSky may be absent, and then nothing is done.
func (s Sky) Needs() []realedit.Key { return s.with(nil).Needs() }

// Uses the mask.
func (s Sky) Uses() []realedit.Key { return s.with(nil).Uses() }

// Gives the picture.
func (s Sky) Gives() []realedit.Key { return s.with(nil).Gives() }

// Alters: pixels that a model made up.
func (s Sky) Alters() realedit.Change { return s.with(nil).Alters() }

// Scenes are those that are no rooms.
func (s Sky) Scenes() []realedit.SceneKind { return s.with(nil).Scenes() }

// Bytes is ReplaceSky's and what the model sees.
func (s Sky) Bytes(w, h int) (host, device int64) {
	host, device = s.with(nil).Bytes(w, h)
	sw, sh := seen(w, h)
	return host + seenBytes(w, h), device + kernels.ImageBytes(sw, sh, 4, kernels.F32)
}

// Apply paints a sky if there is reason to.
func (s Sky) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if _, _, err := s.start(); err != nil {
		return err
	}
	return s.with(skyPainter(s.Painting)).Apply(ctx, env, w)
}

// skyPainter is a Painting for ReplaceSky.
type skyPainter Painting

// PaintSky is the picture with another sky; nil where a finding says why there is none.
func (p skyPainter) PaintSky(ctx context.Context, env *realedit.Env, w *realedit.Work, seed uint64) (*kernels.Image, error) {
	m, err := Painting(p).paint(ctx, env, w, Sky{}.Name(), "sky", w.Image, w.Masks[realedit.MaskSky], 0.5, false, seed)
	if err != nil {
		return nil, notDone(env, w, "the photo's own sky stays", err)
	}
	return m, nil
}
