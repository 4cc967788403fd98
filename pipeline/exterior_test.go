package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/segment"
)

// shownSky is the sky of a rendered scene, as it is.
type shownSky struct {
	skyStand
	s *scene.Scene
}

func (k shownSky) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	host, err := kernels.NewHostImage(nil, k.s.W, k.s.H, 1, kernels.U8)
	if err != nil {
		return err
	}
	defer host.Free()
	for y := range k.s.H {
		for x := range k.s.W {
			host.RowU8(y)[x] = uint8(255*min(1, k.s.Sky[y*k.s.W+x]) + 0.5)
		}
	}
	m, err := env.NewImage(k.s.W, k.s.H, 1, kernels.U8)
	if err != nil {
		return err
	}
	w.SetMask(realedit.MaskSky, m)
	return env.Backend.Copy(ctx, m, host)
}

// Dull skies of rendered houses are replaced and pass; all the rest is the deterministic picture, which is the sibling; the same off the host, within the
// memory that the stages say they take.
func TestExteriorsGetANewSky(t *testing.T) {
	for view, kind := range []scene.SkyKind{scene.SkyOvercast, scene.SkyBlown} {
		s := scene.Exterior(scene.ExteriorOptions{W: 900, H: 600, Sky: kind, View: view})
		set := rendered(t, s.Bracket(scene.BracketOptions{Base: -0.3, Seed: 3}))
		p, err := full("exterior", realedit.SceneExterior, parts{scene: func(k realedit.SceneKind) realedit.Stage { return sceneStand{k} }, sky: shownSky{s: s},
			rungs: skyRungs(segment.ReplaceSky{})}, nil)
		require.NoError(t, err)
		r, file := edited(t, on(kerneltest.Host(t)), realedit.AB723, p, set)
		keep(t, fmt.Sprint("exterior ", view), r)
		text, err := json.MarshalIndent(r.Report.Findings, "", " ")
		require.NoError(t, err)
		t.Logf("%v %v\n%s", ran(r.Report), r.Report.Measures, text)
		require.Contains(t, []string{"sky", "sky-light-kept"}, r.Report.Rung)
		require.Equal(t, realedit.Altered, r.Report.Class)
		share := exact(t, r, picture(t, r.Unaltered))
		require.Greater(t, share, 0.1)
		r.Free()

		far := offhost.New(kerneltest.Host(t), "far:0", 1<<40)
		r, same := edited(t, on(far), realedit.AB723, p, set)
		require.Equal(t, file, same)
		r.Free()
		used, _ := far.Memory()
		require.Zero(t, used)
		covers(t, set, p, far.Caps().Peak)

		// Nothing of it where the policy forbids it.
		r, _ = edited(t, on(kerneltest.Host(t)), realedit.CorrectedOnly, p, set)
		require.Equal(t, realedit.Corrected, r.Report.Class)
		require.Len(t, severe(r.Report, realedit.CheckPolicyRefused), 2, "each rung")
		r.Free()
	}
}
