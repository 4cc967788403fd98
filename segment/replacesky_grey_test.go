package segment

import (
	"context"
	"testing"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/qc"
	"github.com/stretchr/testify/require"
)

// A picture that is warm already, as warm as the gate allows or warmer, gets no warmer by the light of the new sky; one that has room gets the warm light. The drift is the gate's own.
func TestReplaceSkyKeepsGreys(t *testing.T) {
	b := back(t, "cpu")
	k := newHouse(scene.SkyOvercast, 0, 480, 320, -0.3)
	env := envOn(b)
	env.Ops = kernels.Complete(b, nil)
	drift := func(w *realedit.Work) float64 {
		v, err := qc.CompareFrames(context.Background(), env, w.Image, w.Frames, &qc.Options{Changes: w.Changes})
		require.NoError(t, err)
		d, ok := v.Value(qc.Cast, "drift")
		require.True(t, ok)
		return d
	}
	for _, warm := range []float64{0, 0.012, 0.02, 0.03} {
		w := k.work(t, b, true)
		w.Frames = []realedit.Frame{{Photo: w.Set.Photos[0], Image: w.Image}}
		// The picture was made warmer than its photo before.
		tinted := imageOf(t, b, k.pix, k.w, k.h, 3)
		require.NoError(t, env.Ops.Curve(tinted, tinted, [][]float32{{0, 0.5 + float32(warm), 1}, {0, 0.5, 1}, {0, 0.5 - float32(warm), 1}}))
		w.SetImage(tinted)
		kept := k.work(t, b, true)
		kept.Frames = w.Frames
		same, err := env.NewImage(k.w, k.h, 3, tinted.Format())
		require.NoError(t, err)
		require.NoError(t, b.Copy(context.Background(), same, tinted))
		kept.SetImage(same)
		require.Equal(t, realedit.CheckSkyReplaced, replaced(t, ReplaceSky{}, b, w).Check)
		require.Equal(t, realedit.CheckSkyReplaced, replaced(t, ReplaceSky{Bound: -1}, b, kept).Check)
		is, was := drift(w), drift(kept)
		t.Logf("warmth %.3f: drift %.2f, without the light %.2f, ΔE %.2f", warm, is, was, w.Report.Measures["sky_light_delta_e"])
		require.LessOrEqual(t, is, max(qc.DriftLimit(), was+0.05))
		require.Positive(t, w.Report.Measures["sky_light_delta_e"])
	}
}

// A mask that has run from the sky down a wall of the sky's colour ends in the middle of it, and is not believed, though most of its border is one.
func TestReplaceSkyOfAWall(t *testing.T) {
	b := back(t, "cpu")
	k := newHouse(scene.SkyOvercast, 0, 480, 320, -0.5)
	for x := 200; x < 240; x++ {
		for y := range 250 {
			i := y*k.w + x
			for c := range 3 {
				k.pix[3*i+c] = k.pix[3*200+c]
			}
			if k.mask[i] = 0; y < 200 {
				k.mask[i] = 255
			}
		}
	}
	w := k.work(t, b, true)
	f := replaced(t, ReplaceSky{}, b, w)
	require.Equal(t, realedit.CheckSkyUncertain, f.Check, f.Message)
	require.Equal(t, longestSmooth, f.Limit)
	require.Equal(t, k.pix, samplesOf(t, b, w.Image))
}
