package hdr

import (
	"context"
	"math"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Tone sets white balance, exposure and local brightness, all within bounds: the
// illuminant's colour is taken out (wall paint stays), the mean brightness goes to Key,
// shadows and dark corners are opened, harsh shadows softened, local contrast raised a little,
// highlights rolled off so that nothing more is clipped.
type Tone struct {
	// Key is the mean of the encoded luma the picture is brought to, 0.3 to 0.7; 0 = 0.48.
	Key float64 `json:"key,omitempty"`
	// MaxExposure bounds the change of overall exposure, in stops; 0 = 2.5.
	MaxExposure float64 `json:"max_exposure,omitempty"`
	// Shadows is how far dark regions are opened: the share of their distance below the
	// key that is taken back, 0 to 1; 0 = 0.35, negative = none.
	Shadows float64 `json:"shadows,omitempty"`
	// Detail is extra local contrast, 0 to 1; 0 = 0.08, negative = none.
	Detail float64 `json:"detail,omitempty"`
	// WhiteBalance is how much of the illuminant's colour is removed, 0 to 1; 0 = 0.93, negative = none.
	// A little less than all, because a merge pulls bright warm pixels towards white already.
	WhiteBalance float64 `json:"white_balance,omitempty"`
	// Shared is what the picture's listing decided for it, as a report holds it; nil = Listing's.
	Shared *Shared `json:"shared,omitempty"`
	// Listing holds the targets that the photos of one listing share; nil = this picture alone.
	Listing *Listing `json:"-"`
}

// RecordedFor is the options, with what the listing decided for this set as Shared.
func (t Tone) RecordedFor(set realedit.Set) any {
	if t.Shared == nil {
		t.Shared = t.Listing.Shared(set.ID)
	}
	t.Listing = nil
	return t
}

// Name is "hdr.tone".
func (Tone) Name() string { return "hdr.tone" }

// Needs the picture.
func (Tone) Needs() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Uses the windows, which have their own brightness.
func (Tone) Uses() []realedit.Key { return []realedit.Key{realedit.MaskWindow} }

// Gives the picture.
func (Tone) Gives() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Alters tone.
func (Tone) Alters() realedit.Change { return realedit.ChangeTone }

// checked fills in defaults and refuses what is out of range.
func (t Tone) checked() (Tone, error) {
	for _, f := range []struct {
		name     string
		v        *float64
		def      float64
		low, top float64
	}{
		{"Key", &t.Key, 0.48, 0.3, 0.7},
		{"MaxExposure", &t.MaxExposure, 2.5, 0, 6},
		{"Shadows", &t.Shadows, 0.35, math.Inf(-1), 1},
		{"Detail", &t.Detail, 0.08, math.Inf(-1), 1},
		{"WhiteBalance", &t.WhiteBalance, 0.93, math.Inf(-1), 1},
	} {
		if *f.v == 0 {
			*f.v = f.def
		}
		if !(*f.v >= f.low && *f.v <= f.top) {
			return t, realedit.Errorf(realedit.CodeBadOption, "tone", "%s: %v is outside [%v, %v]", f.name, *f.v, f.low, f.top)
		}
		if math.IsInf(f.low, -1) {
			*f.v = max(0, *f.v)
		}
	}
	return t, nil
}

// toneSide is the longer side of the picture on which tone is decided; base and gain
// maps have its size.
const toneSide = 512

// The base layer's guided filter: radius as a share of the longer side, and ε in stops².
const (
	baseRadius  = 0.06
	baseEpsilon = 0.25
)

// Bytes is the small picture, its trial and what they are adjusted with; the picture itself is adjusted in place or is the Work's.
func (Tone) Bytes(w, h int) (host, device int64) {
	device = planes(w, h, toneSide, 3+3+3+1+2+1+2+1)
	return device, device
}

// Apply decides on a small copy and adjusts the picture in one pass.
func (t Tone) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	t, err := t.checked()
	if err != nil {
		return err
	}
	width, height := w.Image.Width(), w.Image.Height()
	pw, ph := realedit.FitInto(width, height, toneSide)
	small, err := env.NewImage(pw, ph, 3, kernels.F32)
	if err != nil {
		return err
	}
	defer small.Free()
	if err := env.Ops.Resize(small, w.Image); err != nil {
		return err
	}
	linear, err := linearPixels(ctx, env, small)
	if err != nil {
		return err
	}
	var window, lost *plane // the window mask's share, and what of it the reference has lost
	if mask := w.Masks[realedit.MaskWindow]; mask != nil {
		if window, err = resizedPlane(ctx, env, mask, pw, ph); err != nil {
			return err
		}
		if lost, err = lostView(ctx, env, w, window); err != nil {
			return err
		}
	}
	photos := thumbLinear(w.Set)
	law, err := learnChroma(ctx, env, w.Set, photos, small)
	if err != nil {
		return err
	}
	restored := slices.Clone(linear)
	law.restore(restored)
	aim := t.target(w.Set, photos, restored, lost)
	light := aim.light
	p, free, err := t.params(ctx, env, small, linear, restored, law, aim, window)
	defer free()
	if err != nil {
		return err
	}
	w.Report.Measures["illuminant_cct"] = light.cct
	w.Report.Measures["illuminant_confidence"] = math.Round(100*light.confidence) / 100

	if err := t.adjust(env, w, p); err != nil {
		return err
	}
	if err := w.MapChanges(); err != nil {
		return err
	}
	w.Changes.MarkAll(realedit.ChangeTone)
	return nil
}

// adjust does the work on all pixels: in place where the picture is 16 bits deep and nobody else's.
func (Tone) adjust(env *realedit.Env, w *realedit.Work, p *kernels.LocalToneParams) error {
	if w.Image.Format() == kernels.U16 && w.OwnsImage() {
		return env.Ops.LocalTone(w.Image, w.Image, p)
	}
	dst, err := env.NewImage(w.Image.Width(), w.Image.Height(), 3, kernels.U16)
	if err != nil {
		return err
	}
	if err := env.Ops.LocalTone(dst, w.Image, p); err != nil {
		dst.Free()
		return err
	}
	w.SetImage(dst)
	return nil
}

// linearPixels is a small encoded picture in linear light on the host.
func linearPixels(ctx context.Context, env *realedit.Env, small *kernels.Image) ([]float32, error) {
	lin, err := env.NewImage(small.Width(), small.Height(), 3, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer lin.Free()
	if err := env.Ops.DecodeSRGB(lin, small); err != nil {
		return nil, err
	}
	pix := make([]float32, 3*small.Width()*small.Height())
	host, err := kernels.Wrap(pix, small.Width(), small.Height(), 3)
	if err != nil {
		return nil, err
	}
	return pix, env.Backend.Copy(ctx, host, lin)
}

// aim is what this picture's tone aims at.
type aim struct {
	target
	levels        []float64 // the thumb's scene levels, where the target is bound to one
	width, height int       // of the thumb
}

// target is the listing's for this set, or the picture's own.
func (t Tone) target(s realedit.Set, photos, restored []float32, lost *plane) aim {
	shared := t.Shared
	if shared == nil {
		shared = t.Listing.Shared(s.ID)
	}
	if shared != nil {
		a := aim{target: shared.target(), width: s.Ref().Thumb.W, height: s.Ref().Thumb.H}
		a.luma += t.Key
		if a.bound {
			a.levels = sceneLevels(s, photos)
		}
		return a
	}
	seen := seenIn(s)
	skip := func(i int) bool { return lost != nil && lost.v[i] > 0.2 }
	return aim{target: target{light: estimateIlluminant(restored, skip, seen), seen: seen}}
}

// params are the adjustment for this picture; free releases its maps.
func (t Tone) params(ctx context.Context, env *realedit.Env, small *kernels.Image, linear, restored []float32, law *chromaLaw, aim aim, window *plane) (*kernels.LocalToneParams, func(), error) {
	pw, ph := small.Width(), small.Height()
	p := &kernels.LocalToneParams{Detail: float32(t.Detail), MaxGain: 2.5, Shoulder: 0.8}
	var maps []*kernels.Image
	free := func() {
		for _, m := range maps {
			m.Free()
		}
	}
	light := aim.light
	share := t.WhiteBalance * light.confidence
	var field []float32
	if share > 0 && !light.outdoors {
		prior := fieldPrior
		if aim.bound {
			prior = fieldKnown
		}
		field = lightField(restored, pw, ph, window, light.rgb, aim.seen, prior)
	}
	fw, fh := pw, ph
	if field == nil {
		fw, fh, field = 1, 1, []float32{logOf(light.rgb, 0), logOf(light.rgb, 1), logOf(light.rgb, 2)}
	}
	for i := range field {
		field[i] *= -float32(share)
	}
	tint, err := upload(ctx, env, field, fw, fh, 3)
	if err != nil {
		return nil, free, err
	}
	maps = append(maps, tint)
	p.Tint = tint
	if law != nil {
		p.Share = make([]float32, 0, 2*len(law))
		for _, k := range law {
			p.Share = append(p.Share, float32(k[0]), float32(k[1]))
		}
	}

	// The base layer, of the balanced picture at exposure 0: exposure only shifts it.
	logY := make([]float32, pw*ph)
	inRuns(len(logY), func(from, to int) {
		for i := from; i < to; i++ {
			r, g, b := float64(linear[3*i]), float64(linear[3*i+1]), float64(linear[3*i+2])
			f := field[3*i%len(field):]
			kr, kb := 1.0, 1.0
			if law != nil {
				kr, kb = law.at(max(r, g, b))
			}
			r *= math.Exp2(float64(f[1]) + kr*float64(f[0]-f[1]))
			g *= math.Exp2(float64(f[1]))
			b *= math.Exp2(float64(f[1]) + kb*float64(f[2]-f[1]))
			logY[i] = float32(math.Log2(max(luminance(r, g, b), math.Exp2(-16))))
		}
	})
	guide, err := upload(ctx, env, logY, pw, ph, 1)
	if err != nil {
		return nil, free, err
	}
	maps = append(maps, guide)
	coeff, err := env.NewImage(pw, ph, 2, kernels.F32)
	if err != nil {
		return nil, free, err
	}
	maps = append(maps, coeff)
	radius := max(1, int(math.Round(baseRadius*float64(max(pw, ph)))))
	if err := env.Ops.GuidedCoefficients(coeff, guide, guide, radius, baseEpsilon); err != nil {
		return nil, free, err
	}
	gain, err := cornerGain(ctx, env, logY, pw, ph, window)
	if err != nil {
		return nil, free, err
	}
	maps = append(maps, gain)

	e, err := newExposure(ctx, env, t, aim, p, small, coeff)
	if err != nil {
		return nil, free, err
	}
	maps = append(maps, e.trial, e.base)
	p.Base, p.Gain = e.base, gain
	return p, free, e.decide(ctx, env)
}

// cornerGain lifts corners that are darker than the middle: a quarter of a radial fall-off fitted to
// the base brightness, at most a quarter of a stop. More would show: one piece of wall lies in the corner of one view and in the middle of the next.
func cornerGain(ctx context.Context, env *realedit.Env, logY []float32, w, h int, window *plane) (*kernels.Image, error) {
	const rings = 8
	var bins [rings][]float64
	cx, cy := float64(w-1)/2, float64(h-1)/2
	r2 := cx*cx + cy*cy
	for y := range h {
		for x := range w {
			if window != nil && window.v[y*w+x] > 0.2 {
				continue
			}
			dx, dy := float64(x)-cx, float64(y)-cy
			k := min(rings-1, int((dx*dx+dy*dy)/max(r2, 1)*rings))
			bins[k] = append(bins[k], float64(logY[y*w+x]))
		}
	}
	// Least squares of the rings' medians on r²: slope in stops from the middle to the corner.
	var n, sx, sy, sxx, sxy float64
	onAll(rings, func(k int) { slices.Sort(bins[k]) })
	for k, b := range bins {
		if len(b) < 16 {
			continue
		}
		x, y := (float64(k)+0.5)/rings, b[len(b)/2]
		n++
		sx += x
		sy += y
		sxx += x * x
		sxy += x * y
	}
	slope := 0.0
	if d := n*sxx - sx*sx; n >= 4 && d > 0 {
		slope = (n*sxy - sx*sy) / d
	}
	lift := min(0.25, max(0, -slope/4))
	v := make([]float32, w*h)
	for y := range h {
		for x := range w {
			dx, dy := float64(x)-cx, float64(y)-cy
			v[y*w+x] = float32(lift * (dx*dx + dy*dy) / max(r2, 1))
		}
	}
	return upload(ctx, env, v, w, h, 1)
}

// upload brings host samples into the backend's memory.
func upload(ctx context.Context, env *realedit.Env, v []float32, w, h, channels int) (*kernels.Image, error) {
	host, err := kernels.Wrap(v, w, h, channels)
	if err != nil {
		return nil, err
	}
	m, err := env.NewImage(w, h, channels, kernels.F32)
	if err != nil {
		return nil, err
	}
	if err := env.Backend.Copy(ctx, m, host); err != nil {
		m.Free()
		return nil, err
	}
	return m, nil
}

// logOf is log2 of channel c of a light of luminance 1.
func logOf(light [3]float64, c int) float32 {
	return float32(math.Log2(light[c] / luminance(light[0], light[1], light[2])))
}
