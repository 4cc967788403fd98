package segment

import (
	"context"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// sceneByModel is what a CLIP model sees in a picture; ok is false where there is none, or where it cannot tell or be used, which a finding says.
func sceneByModel(ctx context.Context, env *realedit.Env, w *realedit.Work, of *kernels.Image) (facts realedit.SceneFacts, ok bool, err error) {
	facts, err = modelScene(ctx, env, w, of)
	if err != nil {
		return facts, false, modelFallback(w, err, false)
	}
	return facts, facts.Scene != realedit.SceneUnknown, nil
}

// maskPeak is the least of a mask network's largest answer that is taken for a sky: what a sigmoid leaves undecided is not.
const maskPeak = 0.5

// modelView is what models say of one picture. Stages share it, so that each model is asked once.
type modelView struct {
	of          *kernels.Image
	w, h        int
	sky, window []float32   // shares, 0 to 1, at w×h; nil where no model was asked or could answer
	sam         *samPicture // nil where there is no SAM 2
	samAsked    bool
}

// modelKey is where a Work keeps the view.
type modelKey struct{}

// viewModels asks the networks that know skies and windows: one of kind "semantic", else for skies one of kind "sky".
func viewModels(ctx context.Context, env *realedit.Env, w *realedit.Work) (*modelView, error) {
	of := picture(w)
	if v, ok := w.Value(modelKey{}).(*modelView); ok && v.of == of {
		return v, nil
	}
	v := &modelView{of: of}
	v.w, v.h = realedit.SmallSize(of.Width(), of.Height())
	if env.Models != nil {
		var err error
		if v.sky, v.window, err = modelClasses(ctx, env, w, of, v.w, v.h); err != nil {
			v.sky, v.window = nil, nil
			if err = modelFallback(w, err, false); err != nil {
				return nil, err
			}
		}
		if v.sky == nil {
			mask, peak, err := modelMask(ctx, env, w, kindSky, of, v.w, v.h)
			switch {
			case err != nil:
				if err = modelFallback(w, err, false); err != nil {
					return nil, err
				}
			case peak < maskPeak:
				v.sky = make([]float32, v.w*v.h)
			default:
				v.sky = mask
			}
		}
	}
	w.SetValue(modelKey{}, v)
	return v, nil
}

// refined is a rough mask redrawn by SAM 2, or the mask itself where there is none.
func (v *modelView) refined(ctx context.Context, env *realedit.Env, w *realedit.Work, rough []float32) ([]float32, error) {
	if env.Models == nil {
		return rough, nil
	}
	if !v.samAsked {
		var err error
		if v.sam, err = encodeSAM(ctx, env, w, v.of); err != nil {
			v.sam = nil
			if err = modelFallback(w, err, false); err != nil {
				return nil, err
			}
		}
		v.samAsked = true
	}
	if v.sam == nil {
		return rough, nil
	}
	fine, _, err := v.sam.refine(ctx, rough, v.w, v.h)
	if err != nil {
		return rough, modelFallback(w, err, false)
	}
	return fine, nil
}

// skyByModel is the share of sky that a model sees, w×h samples over the whole picture; ok is false where no model can tell.
func skyByModel(ctx context.Context, env *realedit.Env, w *realedit.Work) (plane []float32, pw, ph int, ok bool, err error) {
	v, err := viewModels(ctx, env, w)
	if err != nil || v.sky == nil {
		return nil, 0, 0, false, err
	}
	plane, err = v.refined(ctx, env, w, v.sky)
	return plane, v.w, v.h, err == nil, err
}
