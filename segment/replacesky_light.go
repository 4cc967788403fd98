package segment

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// The light that a blue sky with a sun gives over that of a grey one, at full strength: a little more contrast about the middle, and lights a trace warmer.
const (
	lightContrast = 0.10
	lightWarmth   = 0.004
	lightWanted   = 0.55 // of Bound: what is aimed at
)

// lightSide is the longer side of the picture on which the light is tried out.
const lightSide = 512

// lightCurves are the three channels' curves at a strength; warmth is 1 for the full one, negative for cooler lights.
func lightCurves(strength, warmth, middle float64) [][]float32 {
	const n = 1025
	out := make([][]float32, 3)
	for c := range out {
		t := make([]float32, n)
		for i := range t {
			v := float64(i) / (n - 1)
			// An S through 0, the middle and 1: flat at both ends, so that nothing is clipped.
			s := v + strength*lightContrast*4*v*(1-v)*(v-middle)
			warm := strength * warmth * lightWarmth * s * (1 - s) * 4 * [3]float64{1, 0.15, -1}[c] * smoothstep(0.15, 0.6, v)
			t[i] = float32(max(0, min(1, s+warm)))
		}
		out[c] = t
	}
	return out
}

// nudge brings the light of the whole picture nearer to a blue sky's, as far as greys stay as grey as the gate wants them, and returns the mean CIEDE2000 of what is not
// sky, which is at most Bound; 0 where nothing was done.
func (s ReplaceSky) nudge(ctx context.Context, env *realedit.Env, w *realedit.Work, v *oldView) (float64, error) {
	if s.Bound <= 0 {
		return 0, nil
	}
	pw, ph := realedit.FitInto(v.width, v.height, lightSide)
	before, err := env.NewImage(pw, ph, 3, kernels.F32)
	if err != nil {
		return 0, err
	}
	defer before.Free()
	if err := env.Ops.Resize(before, w.Image); err != nil {
		return 0, err
	}
	after, err := env.NewImage(pw, ph, 3, kernels.F32)
	if err != nil {
		return 0, err
	}
	defer after.Free()
	ground, err := groundMask(ctx, env, v, pw, ph)
	if err != nil {
		return 0, err
	}
	defer ground.Free()
	middle := max(0.3, min(0.6, v.ground))
	try := func(strength, warmth float64) (float64, error) {
		if err := env.Ops.Curve(after, before, lightCurves(strength, warmth, middle)); err != nil {
			return 0, err
		}
		d, err := env.Ops.DeltaE(before, after, nil, ground)
		return d.Mean, err
	}
	strength := 1.0
	moved, err := try(strength, 1)
	if err != nil {
		return 0, err
	}
	for range 6 { // the mean grows about in proportion
		if moved <= lightWanted*s.Bound {
			break
		}
		strength *= 0.98 * lightWanted * s.Bound / moved
		if moved, err = try(strength, 1); err != nil {
			return 0, err
		}
	}
	if moved > s.Bound || moved == 0 || math.IsNaN(moved) {
		return 0, nil
	}
	strength, warmth, err := keepGrey(ctx, env, w, v, strength, middle)
	if err != nil || strength == 0 {
		return 0, err
	}
	if moved, err = try(strength, warmth); err != nil || moved > s.Bound {
		return 0, err
	}
	curves := lightCurves(strength, warmth, middle)
	if w.OwnsImage() {
		return moved, env.Ops.Curve(w.Image, w.Image, curves)
	}
	dst, err := env.NewImage(v.width, v.height, 3, w.Image.Format())
	if err != nil {
		return 0, err
	}
	if err := env.Ops.Curve(dst, w.Image, curves); err != nil {
		dst.Free()
		return 0, err
	}
	w.SetImage(dst)
	return moved, nil
}

// groundMask is 255 where the small picture is not sky.
func groundMask(ctx context.Context, env *realedit.Env, v *oldView, pw, ph int) (*kernels.Image, error) {
	pix := make([]uint8, pw*ph)
	for y := range ph {
		for x := range pw {
			if v.sky[y*v.pix.h/ph*v.pix.w+x*v.pix.w/pw] < 0.05 {
				pix[y*pw+x] = 255
			}
		}
	}
	host, err := kernels.Wrap(pix, pw, ph, 1)
	if err != nil {
		return nil, err
	}
	m, err := env.NewImage(pw, ph, 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	if err := env.Backend.Copy(ctx, m, host); err != nil {
		m.Free()
		return nil, err
	}
	return m, nil
}
