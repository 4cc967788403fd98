package main

import (
	"context"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/pipeline"
)

// Warmth is a host's own stage: it makes a picture a little warmer or cooler.
type Warmth struct {
	Share float32 `json:"share"` // of red that is added and of blue that is taken, -0.1 to 0.1
}

// With this a report is enough to make the picture again: the stage is its own record, as JSON.
func init() { pipeline.Register(Warmth{}.Name(), pipeline.Decode[Warmth]) }

func (Warmth) Name() string            { return "example.warmth" }
func (Warmth) Alters() realedit.Change { return realedit.ChangeTone } // what the policy is asked for
func (Warmth) Needs() []realedit.Key   { return []realedit.Key{realedit.KeyImage} }
func (Warmth) Gives() []realedit.Key   { return []realedit.Key{realedit.KeyImage} }

// Apply works in the backend's memory, in place where the picture is nobody else's, and tells the map what it did.
func (s Warmth) Apply(_ context.Context, env *realedit.Env, w *realedit.Work) (err error) {
	if !(s.Share >= -0.1 && s.Share <= 0.1) {
		return realedit.Errorf(realedit.CodeBadOption, s.Name(), "Share: %v is outside [-0.1, 0.1]", s.Share)
	}
	dst := w.Image
	if !w.OwnsImage() {
		if dst, err = env.NewImage(w.Image.Width(), w.Image.Height(), 3, w.Image.Format()); err != nil {
			return err
		}
	}
	err = env.Ops.ColorMatrix(dst, w.Image, &[12]float32{0: 1 + s.Share, 5: 1, 10: 1 - s.Share})
	w.SetImage(dst) // the Editor frees it whatever happens
	if err == nil {
		err = w.MapChanges()
	}
	if err == nil {
		w.Changes.MarkAll(realedit.ChangeTone)
	}
	return err
}
