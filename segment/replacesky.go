package segment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/qc"
)

// SkySource says where a new sky may come from.
type SkySource string

// The sources of skies.
const (
	SkyAuto     SkySource = "auto"     // the library's, where there is one with a sky in it, else the physical one; the zero value means the same
	SkyKeep     SkySource = "keep"     // none: the photo's own sky stays
	SkyLibrary  SkySource = "library"  // the user's own skies
	SkyPhysical SkySource = "physical" // computed: sun, air and clouds
	SkyModel    SkySource = "model"    // what ReplaceSky.Painter paints: diffuse.Sky is this stage with one
)

// ParseSkySource reads "auto", "keep", "physical", "model" or "library:DIR"; dir is empty but for the last.
func ParseSkySource(s string) (source SkySource, dir string, err error) {
	if d, ok := strings.CutPrefix(s, string(SkyLibrary)+":"); ok && d != "" {
		return SkyLibrary, d, nil
	}
	switch k := SkySource(s); k {
	case SkyAuto, SkyKeep, SkyPhysical, SkyModel:
		return k, "", nil
	}
	return "", "", realedit.Errorf(realedit.CodeBadOption, "sky", "%q is not auto, keep, physical, model or library:DIR", s)
}

// ReplaceSky puts another sky where the photo's own is dull (blown, grey, without structure), inside MaskSky and nowhere else; a good sky stays, and so does a dull one
// whose good original a darker photo of the bracket holds. Before, it brings the picture's light nearer to the new sky within Bound, which is a change of
// tone; that picture becomes Work.Unaltered, and every pixel of the mask above 0 is marked computed (of a model's, synthesised). Skies mirrored in windows and water stay as they are.
// What cannot be used or done is a finding, and the picture stays as it was. Another Env.Seed gives other clouds. docs/sky.md has the method.
type ReplaceSky struct {
	Source SkySource `json:"source,omitempty"`
	// Library is the library's name for the report; Skies are its skies.
	Library string `json:"library,omitempty"`
	Skies   *Skies `json:"-"`
	// Plan is what the pictures of the listing share; nil = this picture alone.
	Plan *SkyPlan `json:"plan,omitempty"`
	// Force replaces a good sky too.
	Force bool `json:"force,omitempty"`
	// Mirror allows a sky of the library to be mirrored, so that its sun is on the picture's side. The finding says so.
	Mirror bool `json:"mirror,omitempty"`
	// Bound is the most that the rest of the picture may change by, mean CIEDE2000, up to 5; 0 = 2, negative = not at all.
	Bound float64 `json:"bound,omitempty"`
	// Turbidity of the physical sky's air, 2 (very clear) to 8 (haze); 0 = 2.5.
	Turbidity float64 `json:"turbidity,omitempty"`
	// Clouds is about how much of the physical sky they cover, up to 0.8; 0 = 0.2, negative = none.
	Clouds float64 `json:"clouds,omitempty"`
	// Painter paints the sky, for SkyModel alone.
	Painter SkyPainter `json:"-"`
}

// Name is "segment.replacesky".
func (ReplaceSky) Name() string { return "segment.replacesky" }

// Needs the picture; MaskSky may be absent, and then nothing is done.
func (ReplaceSky) Needs() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Uses the mask.
func (ReplaceSky) Uses() []realedit.Key { return []realedit.Key{realedit.MaskSky} }

// Gives the picture.
func (ReplaceSky) Gives() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Alters: pixels that are computed or a library's, or a model's.
func (s ReplaceSky) Alters() realedit.Change {
	if s.Source == SkyModel {
		return realedit.ChangeSynthesised
	}
	return realedit.ChangeComputed
}

// Recorded is the options with the library's hash.
func (s ReplaceSky) Recorded() any {
	type plain ReplaceSky
	return struct {
		plain
		LibrarySHA256 string `json:"library_sha256,omitempty"`
	}{plain(s), s.Skies.SHA256()}
}

// skySide is the longer side of a new sky before it is brought to the picture's size; edges of clouds are no sharper.
const (
	physicalSide = 1536
	librarySide  = 3072
)

// Bytes is the copy that becomes the unaltered sibling, the new sky, and the fields of the matte; of pictures in device memory also the strips on the host.
func (s ReplaceSky) Bytes(w, h int) (host, device int64) {
	device = kernels.ImageBytes(w, h, 3, kernels.U16)
	side := physicalSide
	if s.Skies.Len() > 0 {
		side = librarySide
	}
	sw, sh := realedit.FitInto(w, h, side)
	pw, ph := realedit.SmallSize(w, h)
	lw, lh := realedit.FitInto(w, h, lightSide)
	gw, gh := realedit.FitInto(w, h, qc.DriftSide)
	planes := func(w, h, n int) int64 { return kernels.ImageBytes(w, h, n, kernels.F32) }
	// Small pictures: for judging, and for trying the light out.
	small := max(planes(pw, ph, 3)+planes(pw, ph, 1), 2*planes(lw, lh, 3)+kernels.ImageBytes(lw, lh, 1, kernels.U8)+2*planes(gw, gh, 3))
	// On the host in any case: the new sky twice, the fields of the matte with their sums, strips.
	host = device + small + 2*planes(sw, sh, 3) + 25*planes(pw, ph, 1) + 7<<21
	return host, device + small
}

func (s ReplaceSky) checked() (ReplaceSky, error) {
	if s.Source == "" {
		s.Source = SkyAuto
	}
	if s.Source != SkyLibrary {
		if _, _, err := ParseSkySource(string(s.Source)); err != nil {
			return s, realedit.Errorf(realedit.CodeBadOption, "replacesky", "Source: %q is not auto, keep, library, physical or model", s.Source)
		}
	}
	for _, f := range []struct {
		name          string
		v             *float64
		def, low, top float64
	}{
		{"Bound", &s.Bound, 2, math.Inf(-1), 5},
		{"Turbidity", &s.Turbidity, 2.5, 2, 8},
		{"Clouds", &s.Clouds, 0.2, math.Inf(-1), 0.8},
	} {
		if *f.v == 0 {
			*f.v = f.def
		}
		if !(*f.v >= f.low && *f.v <= f.top) {
			return s, realedit.Errorf(realedit.CodeBadOption, "replacesky", "%s: %v is outside [%v, %v]", f.name, *f.v, f.low, f.top)
		}
		if math.IsInf(f.low, -1) {
			*f.v = max(0, *f.v)
		}
	}
	return s, nil
}

// leastSky is the share of the picture that has to be sky before it is looked at.
const leastSky = 0.005

// nightLevel is the mean encoded luma under which a sky is one of dusk or night.
const nightLevel = 0.28

// Apply replaces the sky if there is reason to.
func (s ReplaceSky) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	s, err := s.checked()
	if err != nil {
		return err
	}
	mask := w.Masks[realedit.MaskSky]
	if mask == nil || w.Scene.Scene == realedit.SceneInterior {
		return nil
	}
	if mask.Bounds() != w.Image.Bounds() || mask.Channels() != 1 || mask.Format() != kernels.U8 {
		kept(w, 0, 0, "the mask of the sky is %v, the picture %v", mask, w.Image)
		return nil
	}
	switch s.Source {
	case SkyKeep:
		kept(w, 0, 0, "the sky is to be kept")
		return nil
	case SkyModel:
		if s.Painter == nil {
			w.Find(realedit.Finding{Check: realedit.CheckModelMissing, Severity: realedit.Warning, Message: "no model for skies is there; the photo's own stays"})
			return nil
		}
	}
	v, err := viewOld(ctx, env, w, mask)
	if err != nil {
		return err
	}
	if v.share < leastSky {
		kept(w, v.share, leastSky, "%.2g of the picture is sky, too little to be worth another", v.share)
		return nil
	}
	facts := v.facts
	for k, x := range map[string]float64{"sky_share": v.share, "sky_blown": facts.Blown, "sky_chroma": facts.Chroma, "sky_structure": facts.Structure} {
		w.Report.Measures[k] = math.Round(1e4*x) / 1e4
	}
	switch {
	case s.Force:
	case v.good:
		kept(w, facts.Chroma, goodChroma, "the sky is good: chroma %.1f, structure %.1f, %.0f %% blown", facts.Chroma, facts.Structure, 100*facts.Blown)
		return nil
	case facts.Level < nightLevel:
		kept(w, facts.Level, nightLevel, "the sky is a dark one, of dusk or night")
		return nil
	default:
		name, err := goodFrame(ctx, env, w, v)
		if err != nil {
			return err
		}
		if name != "" {
			kept(w, facts.Chroma, goodChroma, "the sky is dull here, and good in %s: the photo's own comes first", name)
			return nil
		}
	}
	if b, long := v.borderless(); b > mostBorderless || long > longestSmooth {
		f := realedit.Finding{Check: realedit.CheckSkyUncertain, Severity: realedit.Info, Value: b, Limit: mostBorderless,
			Message: fmt.Sprintf("at %.0f %% of its border what was found of the sky ends where the picture has no edge; it is left as it is", 100*b)}
		if b <= mostBorderless {
			f.Value, f.Limit = long, longestSmooth
			f.Message = fmt.Sprintf("along %.0f %% of the picture's width what was found of the sky ends where the picture has no edge; it is left as it is", 100*long)
		}
		w.Find(f)
		return nil
	}
	plan := s.Plan
	if plan == nil {
		plan = PlanSkies([]realedit.Set{w.Set}, s.Skies, s.Mirror)
	}
	next, how, from, err := s.newSky(ctx, env, w, v, plan)
	switch {
	case err == nil && next == nil:
		return nil // a finding says why
	case err != nil && !fatal(err):
		kept(w, 0, 0, "no new sky could be made: %v", err)
		return nil
	case err != nil:
		return err
	}
	if err := s.put(ctx, env, w, v, mask, next, plan.Seed^env.Seed, how); err != nil {
		return err
	}
	w.Report.Sky = &from
	return nil
}

// put does the work on all pixels, once there is a sky.
func (s ReplaceSky) put(ctx context.Context, env *realedit.Env, w *realedit.Work, v *oldView, mask *kernels.Image, next *raster, seed uint64, how string) error {
	if err := w.MapChanges(); err != nil {
		return err
	}
	moved := 0.0
	if w.Unaltered == nil { // what was altered before has its sibling already, whose light would be another one
		var err error
		if moved, err = s.nudge(ctx, env, w, v); err != nil {
			return err
		}
	}
	if moved > 0 {
		w.Changes.MarkAll(realedit.ChangeTone)
		w.Report.Measures["sky_light_delta_e"] = math.Round(1e3*moved) / 1e3
	}
	if err := w.Alter(ctx, env); err != nil {
		return err
	}
	f, err := collect(ctx, env, w.Image, mask)
	if err != nil {
		return err
	}
	if err := f.composite(ctx, env, w.Image, mask, next, seed); err != nil {
		return err
	}
	host, free, err := kernels.ToHost(ctx, env.Backend, mask)
	if err != nil {
		return err
	}
	defer free()
	if err := w.Changes.Mark(host, s.Alters()); err != nil {
		return err
	}
	w.Find(realedit.Finding{Check: realedit.CheckSkyReplaced, Severity: realedit.Info, Value: v.share, Message: "the sky was replaced by " + how})
	return nil
}

func kept(w *realedit.Work, value, limit float64, format string, a ...any) {
	w.Find(realedit.Finding{Check: realedit.CheckSkyKept, Severity: realedit.Info, Value: value, Limit: limit, Message: fmt.Sprintf(format, a...)})
}

// fatal tells which errors are the set's and not the sky's.
func fatal(err error) bool {
	switch realedit.CodeOf(err) {
	case realedit.CodeCancelled, realedit.CodeOutOfMemory, realedit.CodeDeviceLost, realedit.CodeNoDevice:
		return true
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// newSky is the sky to put in, sRGB-encoded, spanning the picture, what it is called and what the report says of it. Of nil a finding tells why there is none.
func (s ReplaceSky) newSky(ctx context.Context, env *realedit.Env, w *realedit.Work, v *oldView, plan *SkyPlan) (*raster, string, realedit.SkyFacts, error) {
	if s.Source == SkyModel {
		next, how, err := v.painted(ctx, env, s.Painter, w, plan.Seed^env.Seed)
		return next, how, realedit.SkyFacts{Source: realedit.SkyModel}, err
	}
	sun := v.sun(w.Set.Ref().Facts, plan)
	if s.Source == SkyAuto || s.Source == SkyLibrary {
		for _, f := range s.Skies.Findings() {
			w.Find(f)
		}
		if k := s.Skies.find(plan.Sky, plan.SkySHA256); k != nil {
			next, how, err := v.fromLibrary(ctx, env, s.Skies, k, sun, s.Mirror)
			if err == nil || fatal(err) {
				return next, how, realedit.SkyFacts{Source: realedit.SkyLibrary, Name: path.Base(k.name), SHA256: k.sha}, err
			}
			w.Find(realedit.Finding{Check: realedit.CheckSkySource, Severity: realedit.Warning, Message: fmt.Sprintf("%s: %v", k.name, err)})
		}
		if s.Source == SkyLibrary {
			kept(w, 0, 0, "the library has no sky that can be used")
			return nil, "", realedit.SkyFacts{}, nil
		}
	}
	next, how, err := v.physical(ctx, physicalSky{Elevation: plan.Elevation, Azimuth: sun.azimuth, Heading: sun.heading, Turbidity: s.Turbidity, Clouds: s.Clouds, Seed: plan.Seed ^ env.Seed}, sun, plan)
	return next, how, realedit.SkyFacts{Source: realedit.SkyPhysical}, err
}
