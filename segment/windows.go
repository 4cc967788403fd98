package segment

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Windows finds the windows of a room, as quadrilaterals in Report.Windows, and the glass in them that shows the outside, without frames and muntins, as
// MaskWindow (255 inside, as sharp as the photos). It works by the light that a bracket records, or by clipping and shape in a single photo, at less
// certainty; docs/windows.md has the method. Where the scene is known to be an exterior it does nothing; where there is no window there is no mask, and a finding says so.
type Windows struct {
	// MinArea is the smallest window, as a share of the picture, 0 to 0.5; 0 = 0.003.
	MinArea float64 `json:"min_area,omitempty"`
}

// Name is "segment.windows".
func (Windows) Name() string { return "segment.windows" }

// Needs the aligned frames.
func (Windows) Needs() []realedit.Key { return []realedit.Key{realedit.KeyFrames} }

// Gives the mask, when there is a window.
func (Windows) Gives() []realedit.Key { return []realedit.Key{realedit.MaskWindow} }

// Alters nothing.
func (Windows) Alters() realedit.Change { return realedit.ChangeNone }

// Bytes is the mask, the planes of one photo, and a strip where pixels are worked on by the processor.
func (Windows) Bytes(w, h int) (host, device int64) {
	sw, sh := realedit.SmallSize(w, h)
	_, model := modelBytes()
	device = kernels.ImageBytes(w, h, 1, kernels.U8) + max(5*kernels.ImageBytes(sw, sh, 1, kernels.F32), model)
	return device, device
}

// Apply finds the windows. It never fails for want of one.
func (s Windows) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if !(s.MinArea >= 0 && s.MinArea <= 0.5) {
		return realedit.Errorf(realedit.CodeBadOption, "windows", "MinArea: %v is outside [0, 0.5]", s.MinArea)
	}
	if s.MinArea == 0 {
		s.MinArea = 0.003
	}
	if len(w.Frames) == 0 || w.Scene.Scene == realedit.SceneExterior {
		return nil
	}
	e, err := s.look(ctx, env, w)
	if err != nil {
		return err
	}
	found, err := windowsByModel(ctx, env, w, s.MinArea)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		found = e.find(s.MinArea, w.Reference)
	}
	if len(found) == 0 {
		w.Find(realedit.Finding{Check: realedit.CheckWindowNotFound, Severity: realedit.Info, Message: "no window was found"})
		return nil
	}
	full := w.Frames[0].Image.Bounds()
	mask, err := env.NewImage(full.Dx(), full.Dy(), 1, kernels.U8)
	if err != nil {
		return err
	}
	w.SetMask(realedit.MaskWindow, mask)
	if err := clearMask(ctx, env, mask); err != nil {
		return err
	}
	panes := make([]paneFound, len(found))
	onAll(len(found), func(i int) {
		f, p := found[i], &panes[i]
		p.box, p.in = glass(e.light, e.lost, f.quad)
		if f.within != nil {
			f.within(p.box, p.in)
		}
		p.guide = guideOf(e.lumas, e.w, p.box, p.in)
	})
	for i, f := range found {
		p := panes[i]
		if err := drawGlass(ctx, env, mask, w.Frames[p.guide].Image, e.lumas[p.guide], e.w, e.h, p.box, p.in); err != nil {
			return err
		}
		q := f.quad.scaled(float64(full.Dx())/float64(e.w), float64(full.Dy())/float64(e.h))
		w.Report.Windows = append(w.Report.Windows, realedit.WindowFacts{Corners: q.rounded(), Confidence: math.Round(f.confidence*1000) / 1000, Evidence: f.evidence})
		x0, y0, x1, y1 := q.box(0, full.Dx(), full.Dy())
		w.Find(realedit.Finding{Check: realedit.CheckWindowFound, Severity: realedit.Info, Value: math.Round(f.confidence*1000) / 1000,
			Region: realedit.RectangleOf(image.Rect(x0, y0, x1, y1)), Message: fmt.Sprintf("a window of %d×%d pixels, by its %s", x1-x0, y1-y0, told[f.evidence])})
	}
	return nil
}

// paneFound is the glass of a window within a box of the small picture, and the photo that parts it from its frame best.
type paneFound struct {
	box   image.Rectangle
	in    []bool
	guide int
}

// told says in a finding what told of a window.
var told = map[string]string{"bracket": "light in the bracket", "shape": "clipping and shape", "model": "model"}

// windowEvidence is what windows are judged by: the photos' lumas at the size of Frame.Small, and the light of the scene.
type windowEvidence struct {
	w, h  int
	lumas [][]float32
	shown [][]bool // where each photo shows the scene as the reference does; nil = everywhere
	evs   []float64
	light *lightPlane
	lost  []bool // where the darkest photo shows nothing
}

func (Windows) look(ctx context.Context, env *realedit.Env, w *realedit.Work) (*windowEvidence, error) {
	full := w.Frames[0].Image.Bounds()
	e := &windowEvidence{}
	e.w, e.h = realedit.SmallSize(full.Dx(), full.Dy())
	for i := range w.Frames {
		small, err := w.Frames[i].Small(env)
		if err != nil {
			return nil, err
		}
		luma, err := hostLuma(ctx, env, small)
		if err != nil {
			return nil, err
		}
		shown, err := hostShown(ctx, env, w.Frames[i].Valid, e.w, e.h)
		if err != nil {
			return nil, err
		}
		e.lumas, e.shown, e.evs = append(e.lumas, luma), append(e.shown, shown), append(e.evs, w.Frames[i].EV)
	}
	e.light = bracketLight(e.lumas, e.shown, e.evs, e.w, e.h)
	dark, _ := e.extremes()
	e.lost = make([]bool, len(e.lumas[dark]))
	for k, v := range e.lumas[dark] {
		e.lost[k] = v >= blown
	}
	return e, nil
}

// extremes are the indices of the darkest and the brightest photo.
func (e *windowEvidence) extremes() (dark, bright int) {
	for i, ev := range e.evs {
		if ev < e.evs[dark] {
			dark = i
		}
		if ev > e.evs[bright] {
			bright = i
		}
	}
	return dark, bright
}

// find looks for windows in the light, on a grid of at most windowSide pixels, and moves their sides to the glass.
func (e *windowEvidence) find(minArea float64, reference int) []windowFound {
	gw, gh := realedit.FitInto(e.w, e.h, windowSide)
	s := &windowSearch{light: e.light.shrunk(gw, gh), minArea: minArea, single: len(e.lumas) < 2}
	over := func(i int, limit float32) []bool {
		l := (&lightPlane{e.w, e.h, e.lumas[i]}).shrunk(gw, gh)
		out := make([]bool, len(l.v))
		for k, v := range l.v {
			out[k] = v >= limit
		}
		return out
	}
	dark, bright := e.extremes()
	together(
		func() { s.blown = over(reference, windowWhite) },
		func() { s.clipped = over(bright, windowWhite) },
		func() { s.lost = over(dark, blown) },
		func() { s.room = float64(middle(slices.Clone(s.light.v))) },
	)
	found := s.find()
	onAll(len(found), func(i int) {
		f := &found[i]
		f.quad = e.light.toGlass(f.quad.scaled(float64(e.w)/float64(gw), float64(e.h)/float64(gh)), float64(max(e.w, e.h))/40)
		f.evidence = "bracket"
		if s.single {
			f.evidence = "shape"
		}
	})
	return found
}

// clearMask makes a mask black.
func clearMask(ctx context.Context, env *realedit.Env, m *kernels.Image) error {
	if m.OnHost() {
		inBands(m.Height(), func(from, to int) {
			for y := from; y < to; y++ {
				clear(m.RowU8(y))
			}
		})
		return nil
	}
	dot, err := env.NewImage(1, 1, 1, kernels.U8)
	if err != nil {
		return err
	}
	defer dot.Free()
	host, err := kernels.Wrap([]uint8{0}, 1, 1, 1)
	if err != nil {
		return err
	}
	if err := env.Backend.Copy(ctx, dot, host); err != nil {
		return err
	}
	return env.Ops.Resize(m, dot)
}
