package segment

import (
	"context"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// sceneByModel is what a CLIP model sees in a small copy of the picture; ok is false where there is none, or where it cannot be used, which a finding says.
func sceneByModel(ctx context.Context, env *realedit.Env, w *realedit.Work, small *kernels.Image) (facts realedit.SceneFacts, ok bool, err error) {
	facts, err = modelScene(ctx, env, w, small)
	if err != nil {
		return facts, false, modelFallback(w, err, false)
	}
	return facts, facts.Scene != realedit.SceneUnknown, nil
}
