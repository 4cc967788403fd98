package segment

import (
	"context"
	"fmt"
	"image"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Sky finds the sky: pixels' rules on a small copy, a cut between the sky's colours and the rest's, and a matte at full resolution that
// follows twigs, wires and railings. It becomes MaskSky (255 inside, soft). Whether there is a sky at all is decided by the pixels, and better with Work.Scene,
// EXIF's light value and a bracket, of which it looks at the reference photo, and at a darker one where the sky is blown; without a sky there is no mask. docs/segment.md has the method and its figures.
type Sky struct {
	// Force takes what looks like sky even where the scene or the gate says that there is none.
	Force bool `json:"force,omitempty"`
}

// Name is "segment.sky".
func (Sky) Name() string { return "segment.sky" }

// Needs the picture.
func (Sky) Needs() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Gives the mask, when there is a sky.
func (Sky) Gives() []realedit.Key { return []realedit.Key{realedit.MaskSky} }

// Alters nothing.
func (Sky) Alters() realedit.Change { return realedit.ChangeNone }

// Bytes is the mask, the picture's luma and edges while cells are chosen, and the small copies, two of a bracket. On a device three strips of the picture are on the
// host at a time, and one of the mask.
func (Sky) Bytes(w, h int) (host, device int64) {
	plane := kernels.ImageBytes(w, h, 1, kernels.U8)
	host, small := smallBytes(w, h)
	device = max(small, 2*plane+small/4) // the working copy is gone when the two planes come, and they when the mask comes
	rows := (h*strip + cutSide/2) / (cutSide / 2)
	return 2*host + device + 3*kernels.ImageBytes(w, min(h, rows), 3, kernels.U16) + kernels.ImageBytes(w, min(h, rows), 1, kernels.U8), device
}

// Apply finds the sky. It never fails for want of one: a finding says so. sky_found carries the share of the picture and the region, sky_uncertain what was left out;
// sky_not_found comes only for what is known to be outdoors.
func (s Sky) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if w.Scene.Scene == realedit.SceneInterior && !s.Force {
		return nil // windows are another stage's
	}
	v, err := viewSky(ctx, env, w)
	if err != nil {
		return err
	}
	of := picture(w)
	verdict := v.decide(w.Scene.Scene)
	if s.Force && v.share > 0 {
		verdict = isSky
	}
	switch {
	case verdict == maybeSky:
		w.Find(realedit.Finding{Check: realedit.CheckSkyUncertain, Severity: realedit.Info, Value: float64(v.withLight()), Limit: gateScore, Region: realedit.RectangleOf(v.region(of.Bounds())),
			Message: fmt.Sprintf("%.1f %% of the picture may be sky; it is left as it is", 100*v.share)})
		return nil
	case verdict == noSky && w.Scene.Scene == realedit.SceneExterior:
		w.Find(realedit.Finding{Check: realedit.CheckSkyNotFound, Severity: realedit.Info, Message: "no sky in a picture taken outdoors"})
		return nil
	case verdict == noSky:
		return nil
	}
	if v, err = v.ofBracket(ctx, env, w); err != nil {
		return err
	}
	m, err := v.matte(ctx, env, v.of)
	if err != nil {
		return err
	}
	w.Find(realedit.Finding{Check: realedit.CheckSkyFound, Severity: realedit.Info, Value: v.share, Region: realedit.RectangleOf(v.region(of.Bounds())),
		Message: fmt.Sprintf("%.1f %% of the picture are sky", 100*v.share)})
	w.SetMask(realedit.MaskSky, m)
	return nil
}

// region is the box of the cut in a picture's pixels.
func (v *skyView) region(full image.Rectangle) image.Rectangle {
	var box image.Rectangle
	for i, c := range v.cut.v {
		if c > 0.5 {
			x, y := i%v.cut.w, i/v.cut.w
			box = box.Union(image.Rect(x, y, x+1, y+1))
		}
	}
	xs, ys := begins(full.Dx(), v.cut.w), begins(full.Dy(), v.cut.h)
	if box.Empty() {
		return image.Rectangle{}
	}
	return image.Rect(xs[box.Min.X], ys[box.Min.Y], xs[box.Max.X], ys[box.Max.Y])
}

// matte draws the view's sky at the picture's size.
func (v *skyView) matte(ctx context.Context, env *realedit.Env, of *kernels.Image) (*kernels.Image, error) {
	density, err := v.edgeDensity(ctx, env, of)
	if err != nil {
		return nil, err
	}
	m, err := env.NewImage(of.Width(), of.Height(), 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	if !m.OnHost() { // draw fills what lies on the host itself
		err = v.growCut(ctx, env, m)
	}
	if err == nil {
		err = newMatte(v, density, of.Width(), of.Height()).draw(ctx, env, m, of)
	}
	if err != nil {
		m.Free()
		return nil, err
	}
	return m, nil
}

// growCut brings the cut to m's size.
func (v *skyView) growCut(ctx context.Context, env *realedit.Env, m *kernels.Image) error {
	small, err := env.NewImage(v.cut.w, v.cut.h, 1, kernels.F32)
	if err != nil {
		return err
	}
	defer small.Free()
	host, err := kernels.Wrap(v.cut.v, v.cut.w, v.cut.h, 1)
	if err != nil {
		return err
	}
	if err := env.Backend.Copy(ctx, small, host); err != nil {
		return err
	}
	return env.Ops.Resize(m, small)
}
