package segment

import (
	"context"
	"image"
	"math"
	"slices"

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

// windowsByModel are the windows that models see, on a grid of Frame.Small's size: regions of the panes that a network of kind "semantic" marks and boxes of OWLv2's, both
// redrawn by SAM 2 where it is there. Empty where no model sees one: then the light is asked.
func windowsByModel(ctx context.Context, env *realedit.Env, w *realedit.Work, minArea float64) ([]windowFound, error) {
	if env.Models == nil {
		return nil, nil
	}
	v, err := viewModels(ctx, env, w)
	if err != nil {
		return nil, err
	}
	rough := make([]float32, v.w*v.h)
	copy(rough, v.window)
	boxes, err := modelWindows(ctx, env, w, v.of)
	if err != nil {
		boxes = nil
		if err = modelFallback(w, err, false); err != nil {
			return nil, err
		}
	}
	sx, sy := float64(v.w)/float64(v.of.Width()), float64(v.h)/float64(v.of.Height())
	for _, b := range boxes {
		r := image.Rect(int(b.x0*sx), int(b.y0*sy), int(math.Ceil(b.x1*sx)), int(math.Ceil(b.y1*sy))).Intersect(image.Rect(0, 0, v.w, v.h))
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				rough[y*v.w+x] = max(rough[y*v.w+x], float32(b.score))
			}
		}
	}
	if slices.Max(rough) < 0.5 {
		return nil, nil
	}
	plane, err := v.refined(ctx, env, w, rough)
	if err != nil {
		return nil, err
	}
	return v.quads(plane, minArea), nil
}

// quads are the regions of a plane that are at least half and minArea of the picture large, as quadrilaterals.
func (v *modelView) quads(plane []float32, minArea float64) []windowFound {
	in := bitMaskOf(v.w, v.h, func(x, y int) bool { return plane[y*v.w+x] >= 0.5 })
	var found []windowFound
	for _, r := range in.regions() {
		n := float64(r.area())
		if n < max(64, minArea*float64(len(plane))) {
			continue
		}
		q, _, ok := fitQuad(r)
		if !ok || !q.convex() {
			continue
		}
		var sum float64
		for _, s := range r {
			for _, p := range plane[int(s.y)*v.w:][s.x0:s.x1] {
				sum += float64(p)
			}
		}
		found = append(found, windowFound{quad: q, confidence: sum / n, evidence: "model",
			within: func(box image.Rectangle, glass []bool) {
				for y := box.Min.Y; y < box.Max.Y; y++ {
					for x := box.Min.X; x < box.Max.X; x++ {
						at := (y-box.Min.Y)*box.Dx() + x - box.Min.X
						glass[at] = glass[at] && in.at(x, y)
					}
				}
			}})
	}
	return found
}
