package hdr

import (
	"context"
	"fmt"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Merge fuses the aligned frames into one picture: Work.Image, U16 (for a single frame its
// own pixels). Where photos disagree beyond exposure and noise (something moved), exactly
// one of them is shown: the reference, unless it is clipped there.
type Merge struct {
	// Method is FuseRobust (the zero value) or FuseMertens, OpenCV's formula.
	Method kernels.FuseMethod `json:"method"`
	// Deghost is the tolerance to disagreement between photos, in luma from 0 to 1; 0 = 0.05, negative = no ghost removal.
	Deghost float64 `json:"deghost,omitempty"`
}

// Name is "hdr.merge".
func (Merge) Name() string { return "hdr.merge" }

// Needs the frames.
func (Merge) Needs() []realedit.Key { return []realedit.Key{realedit.KeyFrames} }

// Gives the picture.
func (Merge) Gives() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Alters nothing: a merge of frames of one moment is unaltered.
func (Merge) Alters() realedit.Change { return realedit.ChangeNone }

// Recorded is what the report keeps of the options.
func (m Merge) Recorded() any {
	return map[string]any{"method": m.Method.String(), "deghost": m.Deghost}
}

// Bytes is SetBytes of five photos.
func (m Merge) Bytes(w, h int) (host, device int64) { return m.bytes(w, h, 5) }

// SetBytes is the picture and what fusion takes beside the frames. On a device the picture and the masks are the Work's; ghost
// removal takes a mask, a strip of it and planes, fusion after it kernels.FuseBytes.
func (m Merge) SetBytes(set realedit.Set) (host, device int64) {
	return m.bytes(set.Ref().Facts.Width, set.Ref().Facts.Height, len(set.Photos))
}

func (m Merge) bytes(w, h, photos int) (host, device int64) {
	n := int64(w) * int64(h)
	ghosts := kernels.ImageBytes(w, h, 1, kernels.U8) + maskStrip(w, h) + planes(w, h, ghostSide, 8)
	if photos > 1 {
		device = max(ghosts, kernels.FuseBytes(w, h, photos, m.Method, kernels.U16))
	}
	return 24*n + 6*n, device
}

// Apply merges. The frames stay in the Work for the stages after.
func (m Merge) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if m.Deghost > 1 || m.Deghost != m.Deghost {
		return realedit.Errorf(realedit.CodeBadOption, "merge", "Deghost: %v is above 1", m.Deghost)
	}
	if m.Deghost == 0 {
		m.Deghost = 0.05
	}
	if len(w.Frames) == 1 {
		w.SetImage(w.Frames[0].Image)
		return nil
	}
	first := w.Frames[0].Image
	if m.Deghost > 0 && m.Method == kernels.FuseRobust {
		if err := m.deghost(ctx, env, w); err != nil {
			return err
		}
	}
	env.Progress(m.Name(), 0.2)
	dst, err := env.NewImage(first.Width(), first.Height(), 3, kernels.U16)
	if err != nil {
		return err
	}
	o := &kernels.FuseOptions{Method: m.Method}
	photos := make([]*kernels.Image, len(w.Frames))
	masked := false
	for i, f := range w.Frames {
		photos[i] = f.Image
		o.Valid = append(o.Valid, f.Valid)
		masked = masked || f.Valid != nil
	}
	if !masked || m.Method == kernels.FuseMertens {
		o.Valid = nil
	}
	if err := env.Ops.Fuse(dst, photos, o); err != nil {
		dst.Free()
		return err
	}
	w.SetImage(dst)
	return nil
}

// deghost finds what moved and gives each such region to one frame.
func (m Merge) deghost(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	first := w.Frames[0].Image
	pw, ph := realedit.FitInto(first.Width(), first.Height(), ghostSide)
	planes, valid := make([][3]*plane, len(w.Frames)), make([]*plane, len(w.Frames))
	for i := range w.Frames {
		f := &w.Frames[i]
		frame, err := f.Small(env)
		if err != nil {
			return err
		}
		if planes[i], err = channelPlanes(ctx, env, frame, pw, ph); err != nil {
			return err
		}
		if f.Valid == nil {
			continue
		}
		if valid[i], err = resizedPlane(ctx, env, f.Valid, pw, ph); err != nil {
			return err
		}
	}
	ghosts := findGhosts(planes, valid, w.Reference, float32(m.Deghost))
	var area int
	for _, g := range ghosts {
		area += len(g.pixels)
	}
	w.Report.Measures["ghost_share"] = float64(area) / float64(pw*ph)
	if len(ghosts) == 0 {
		return nil
	}
	w.Find(realedit.Finding{Check: realedit.CheckGhost, Severity: realedit.Info, Value: float64(area) / float64(pw*ph),
		Message: fmt.Sprintf("%d region(s) in which something moved are each taken from one photo", len(ghosts))})
	return excludeGhosts(ctx, env, w, ghosts, pw, ph)
}
