package hdr

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// exposure finds how bright a picture is to be shown, by trials on its small copy.
type exposure struct {
	tone   Tone
	aim    aim
	params *kernels.LocalToneParams // Matrix and Curve are set by the trials
	small  *kernels.Image
	trial  *kernels.Image // small under params
	base   *kernels.Image // coeff at the trial's exposure
	coeff  []float32      // guided-filter coefficients of the base layer at exposure 0, in pairs
	lift   float64        // of bright levels, see highlights
}

// newExposure prepares trials; trial and base are the caller's to free.
func newExposure(ctx context.Context, env *realedit.Env, t Tone, a aim, p *kernels.LocalToneParams, small, coeff *kernels.Image) (*exposure, error) {
	w, h := small.Width(), small.Height()
	e := &exposure{tone: t, aim: a, params: p, small: small, coeff: make([]float32, 2*w*h)}
	host, err := kernels.Wrap(e.coeff, w, h, 2)
	if err != nil {
		return nil, err
	}
	if err := env.Backend.Copy(ctx, host, coeff); err != nil {
		return nil, err
	}
	if e.trial, err = env.NewImage(w, h, 3, kernels.F32); err != nil {
		return nil, err
	}
	if e.base, err = env.NewImage(w, h, 2, kernels.F32); err != nil {
		e.trial.Free()
		return nil, err
	}
	return e, nil
}

// decide leaves in params what the picture is to be shown with.
func (e *exposure) decide(ctx context.Context, env *realedit.Env) error {
	if e.aim.light.outdoors { // snow and white walls in the sun may stay bright
		p, err := greyPlane(ctx, env, e.small)
		if err != nil {
			return err
		}
		e.tone.Key = min(max(e.tone.Key, p.mean()), e.tone.Key+brighter)
	}
	bound := e.tone.MaxExposure
	ev, err := e.between(ctx, env, -bound, bound, 12)
	if err != nil {
		return err
	}
	if e.aim.light.outdoors {
		for range 3 {
			if err := e.try(ctx, env, ev); err != nil {
				return err
			}
			more, err := e.highlights(ctx, env)
			if err != nil {
				return err
			}
			e.lift = min(maxLift, max(0, e.lift+more))
			if ev, err = e.between(ctx, env, max(ev-0.5, -bound), min(ev+0.5, bound), 8); err != nil {
				return err
			}
		}
	}
	return e.set(ctx, env, ev)
}

// between bisects for the exposure: the mean brightness rises with it.
func (e *exposure) between(ctx context.Context, env *realedit.Env, low, top float64, steps int) (float64, error) {
	for range steps {
		ev := (low + top) / 2
		if err := e.try(ctx, env, ev); err != nil {
			return ev, err
		}
		dark, err := e.tooDark(ctx, env)
		if err != nil {
			return ev, err
		}
		if dark {
			low = ev
		} else {
			top = ev
		}
	}
	return (low + top) / 2, nil
}

// try shows the small copy at an exposure of ev stops.
func (e *exposure) try(ctx context.Context, env *realedit.Env, ev float64) error {
	if err := e.set(ctx, env, ev); err != nil {
		return err
	}
	return env.Ops.LocalTone(e.trial, e.small, e.params)
}

// set makes params those of an exposure of ev stops. The base layer moves with it:
// a·(ℓ−ev)+b+ev = a·ℓ + (b + ev·(1−a)).
func (e *exposure) set(ctx context.Context, env *realedit.Env, ev float64) error {
	k := float32(math.Exp2(ev))
	e.params.Matrix = [9]float32{0: k, 4: k, 8: k}
	e.params.Curve = levelCurve(e.tone.Key, e.tone.Shadows, e.lift)
	v := slices.Clone(e.coeff)
	for i := 0; i < len(v); i += 2 {
		v[i+1] += float32(ev) * (1 - v[i])
	}
	host, err := kernels.Wrap(v, e.base.Width(), e.base.Height(), 2)
	if err != nil {
		return err
	}
	return env.Backend.Copy(ctx, e.base, host)
}

// Outdoors a merge that holds the sky leaves walls, clouds and railings grey, for the sky is as bright as they are. The
// brightest whiteShare of the picture is brought up to white (encoded luma), as far as a lift of maxLift does it.
const (
	whiteShare = 0.03
	white      = 0.92
	maxLift    = 1.2
	swift      = 0.4  // stops above the key in which the lift takes hold
	brighter   = 0.06 // than the key is what a bright outdoor picture may stay
)

// highlights is how much the lift of bright levels must grow for the trial's brightest pixels to be white.
func (e *exposure) highlights(ctx context.Context, env *realedit.Env) (float64, error) {
	luma, err := greyPlane(ctx, env, e.trial)
	if err != nil {
		return 0, err
	}
	slices.Sort(luma.v)
	top := stopsOf(float64(luma.v[int((1-whiteShare)*float64(len(luma.v)-1))]))
	return (stopsOf(white) - top) / max(0.1, eased(top-stopsOf(e.tone.Key), swift)), nil
}

// tooDark says whether the trial is darker than it should be: its mean against the key or, where the room's other views
// are known, what it shows at the common level, as long as the mean stays near the key.
func (e *exposure) tooDark(ctx context.Context, env *realedit.Env) (bool, error) {
	p, err := greyPlane(ctx, env, e.trial)
	if err != nil {
		return false, err
	}
	mean, key := p.mean(), e.tone.Key
	if math.IsNaN(mean) {
		return false, fmt.Errorf("tone: the picture's mean is not a number")
	}
	if e.aim.levels == nil || math.Abs(mean-key) > keyReach {
		return mean < key, nil
	}
	grey, err := upload(ctx, env, p.v, p.w, p.h, 1)
	if err != nil {
		return false, err
	}
	defer grey.Free()
	if p, err = resizedPlane(ctx, env, grey, e.aim.width, e.aim.height); err != nil {
		return false, err
	}
	excess, n := e.aim.shown(e.aim.levels, p.v)
	if n < 0.02*float64(len(p.v)) {
		return mean < key, nil
	}
	return excess < 0, nil
}

// levelCurve is the gain over the local level. Below the key's level in linear light the share shadows of
// the distance is taken back, above it the share lift is added; both ease in so that mid-tones keep their place.
func levelCurve(key, shadows, lift float64) []float32 {
	c := make([]float32, 641)
	for i := range c {
		beta := -16 + 20*float64(i)/float64(len(c)-1)
		c[i] = float32(min(1.6, shadows*eased(stopsOf(key)-0.5-beta, 1)) + lift*eased(beta-stopsOf(key), swift)) // a black cat stays black
	}
	return c
}

// stopsOf is log2 of the luminance that an encoded luma stands for.
func stopsOf(v float64) float64 { return 2.4 * math.Log2((v+0.055)/1.055) }

// eased is d with slope 0 at 0 and 1 far above reach; 0 below.
func eased(d, reach float64) float64 {
	d = max(0, d)
	return d * d / (d + reach)
}
