package segment

import (
	"context"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/qc"
)

// greyMargin is how far under the gate's limit of the drift of greys the light stays, as it is measured on a smaller copy and without the edge, into which the new sky goes: C*.
const greyMargin = 0.2

// keepGrey is the strength of the light and the warmth, as near to what is wanted as greys allow: contrast makes what colour they have stronger, and warmth adds to it. The drift is
// the gate's (qc.Drift) and stays within its limit, or, where the picture is beyond that as it is, does not grow. Cooler lights are tried before a weaker change; 0: none will do.
func keepGrey(ctx context.Context, env *realedit.Env, w *realedit.Work, v *oldView, strength, middle float64) (float64, float64, error) {
	pw, ph := realedit.FitInto(v.width, v.height, qc.DriftSide)
	skip := make([]uint8, pw*ph)
	for y := range ph {
		for x := range pw {
			if v.sky[(2*y+1)*v.pix.h/(2*ph)*v.pix.w+(2*x+1)*v.pix.w/(2*pw)] > 0.002 {
				skip[y*pw+x] = 1
			}
		}
	}
	before, err := env.NewImage(pw, ph, 3, kernels.F32)
	if err != nil {
		return 0, 0, err
	}
	defer before.Free()
	if err := env.Ops.Resize(before, w.Image); err != nil {
		return 0, 0, err
	}
	after, err := env.NewImage(pw, ph, 3, kernels.F32)
	if err != nil {
		return 0, 0, err
	}
	defer after.Free()
	var frames []*kernels.Image
	for i := range w.Frames {
		if w.Frames[i].Image.Bounds() != w.Image.Bounds() {
			continue
		}
		small, err := w.Frames[i].Small(env)
		if err != nil {
			return 0, 0, err
		}
		if err := env.Ops.Resize(after, small); err != nil {
			return 0, 0, err
		}
		m, err := deep(ctx, env, after)
		if err != nil {
			return 0, 0, err
		}
		frames = append(frames, m)
	}
	if len(frames) == 0 { // the picture itself is all there is to hold it to
		m, err := deep(ctx, env, before)
		if err != nil {
			return 0, 0, err
		}
		frames = append(frames, m)
	}
	drift := func(strength, warmth float64) (float64, bool, error) {
		if err := env.Ops.Curve(after, before, lightCurves(strength, warmth, middle)); err != nil {
			return 0, false, err
		}
		m, err := deep(ctx, env, after)
		if err != nil {
			return 0, false, err
		}
		return qc.Drift(m, frames, skip)
	}
	is, any, err := drift(0, 0)
	if err != nil || !any {
		return strength, 1, err
	}
	limit := qc.DriftLimit() - greyMargin
	for range 6 {
		found, some := 0.0, false // the warmest within the limit, else the warmest that adds nothing
		for _, warmth := range []float64{1, 0.5, 0, -0.5, -1, -1.25} {
			d, _, err := drift(strength, warmth)
			if err != nil {
				return 0, 0, err
			}
			if d <= limit {
				return strength, warmth, nil
			}
			if d <= is && !some {
				found, some = warmth, true
			}
		}
		if some {
			return strength, found, nil
		}
		strength *= 0.6
	}
	return 0, 0, nil
}

// deep is an F32 picture on the host with 16 bits.
func deep(ctx context.Context, env *realedit.Env, m *kernels.Image) (*kernels.Image, error) {
	v := make([]float32, m.Width()*m.Height()*3)
	host, err := kernels.Wrap(v, m.Width(), m.Height(), 3)
	if err != nil {
		return nil, err
	}
	if err := env.Backend.Copy(ctx, host, m); err != nil {
		return nil, err
	}
	pix := make([]uint16, len(v))
	for i, x := range v {
		pix[i] = uint16(max(0, min(1, x))*65535 + 0.5)
	}
	return kernels.Wrap(pix, m.Width(), m.Height(), 3)
}
