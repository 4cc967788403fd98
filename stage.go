package realedit

import (
	"context"
	"log/slog"

	"github.com/realedit/realedit/kernels"
)

// Key names something a Work carries, for the wiring check.
type Key string

// The keys of this library's stages. Hosts may add their own.
const (
	KeyFrames    Key = "frames"         // Work.Frames: decoded and aligned photos
	KeyImage     Key = "image"          // Work.Image
	MaskWindow   Key = "mask.window"    // U8, 1 channel, the picture's size: 255 inside windows
	MaskSky      Key = "mask.sky"       // U8, 1 channel, the picture's size: 255 in the sky
	MaskViewLost Key = "mask.view_lost" // U8, 1 channel, the picture's size: 255 in windows whose view no photo of the set holds
)

// Stage is one step of an edit. A stage reads and changes the Work; what it does
// depends only on the Work, the Env and its own fields. Stages are structs whose
// fields are their options and whose zero value works. Apply may be called for
// several Works at once.
type Stage interface {
	Name() string
	Apply(ctx context.Context, env *Env, w *Work) error
}

// Contract is optional: what a stage needs and gives, checked before running.
type Contract interface {
	Needs() []Key
	Gives() []Key
}

// Optional is optional: what a stage reads where it is there and does without where it is not, like a mask. The wiring check holds
// that whatever gives such a key stands before the stage.
type Optional interface {
	Uses() []Key
}

// SceneBound is optional: the kinds of scenes in which a stage has something to do. In a picture of another kind (Work.Scene) the
// Editor leaves it out. Where nobody has looked at the scene it runs.
type SceneBound interface {
	Scenes() []SceneKind
}

// Sizer is optional: the most bytes a stage takes for a picture of w×h pixels beyond the Work, what the stage itself puts
// into the Work (Gives) included there, so that the budget is known before running.
type Sizer interface {
	Bytes(w, h int) (host, device int64)
}

// SetSizer is optional: Sizer for stages that take more for more photos. Where a stage is both, this counts.
type SetSizer interface {
	SetBytes(set Set) (host, device int64)
}

// StageBytes is what a stage says it takes for a set, 0 where it says nothing.
func StageBytes(s Stage, set Set) (host, device int64) {
	switch z := s.(type) {
	case SetSizer:
		return z.SetBytes(set)
	case Sizer:
		return z.Bytes(set.Ref().Facts.Width, set.Ref().Facts.Height)
	}
	return 0, 0
}

// Frugal is optional: a stage that makes the same pixels with less device memory, more slowly, and has the same record (Recorder); nil when it cannot after all. The
// Editor asks for it after memory did not suffice.
type Frugal interface {
	Frugal() Stage
}

// Alterer is optional: the strongest change a stage can make. The Editor checks it against the policy.
type Alterer interface {
	Alters() Change
}

// Composite is a stage made of stages; the Editor looks inside for contracts and policy.
type Composite interface {
	Stage
	Stages() []Stage
}

// Env is what a stage works with. It is one per running set and not shared.
type Env struct {
	Backend kernels.Backend
	Ops     *kernels.Ops // Backend's operations, the reference's where it has none
	Budget  kernels.Budget
	Policy  Policy
	Seed    uint64
	Models  Models       // nil = none
	Log     *slog.Logger // never nil

	editor    *Editor
	rung      string // of the ladder that stages work for now
	device    string // the backend's device, for reports
	fallbacks *kernels.Fallbacks
	progress  func(stage string, fraction float64)
}

// Progress tells the host how far the running stage is, 0..1.
func (e *Env) Progress(stage string, fraction float64) {
	if e.progress != nil {
		e.progress(stage, fraction)
	}
}

// NewImage allocates an image in the backend's memory, as an *Error when that fails.
func (e *Env) NewImage(w, h, channels int, f kernels.Format) (*kernels.Image, error) {
	m, err := e.Backend.NewImage(w, h, channels, f)
	if err != nil {
		return nil, &Error{Code: CodeOf(err), Op: "allocate", Err: err}
	}
	return m, nil
}
