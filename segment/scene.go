package segment

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Scene tells interiors from exteriors, from EXIF's light value, the sky and the bracket, and writes Work.Scene. What rooms are takes a model
// to tell; without one they are RoomUnknown.
type Scene struct {
	// Known is what the route says; "" or SceneUnknown = look.
	Known realedit.SceneKind `json:"known,omitempty"`
}

// Name is "segment.scene".
func (Scene) Name() string { return "segment.scene" }

// Needs the picture.
func (Scene) Needs() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Gives nothing but Work.Scene.
func (Scene) Gives() []realedit.Key { return nil }

// Alters nothing.
func (Scene) Alters() realedit.Change { return realedit.ChangeNone }

// Bytes is that of the small copies.
func (Scene) Bytes(w, h int) (host, device int64) { return smallBytes(w, h) }

// modelScene answers with what a model sees in the picture; ok is false where there is no model. Nil until one is wired in.
var modelScene func(ctx context.Context, env *realedit.Env, w *realedit.Work, picture *kernels.Image) (facts realedit.SceneFacts, ok bool, err error)

// Apply writes Work.Scene. It never fails for want of evidence: a finding says that the scene is unknown. Errors: CodeBadOption for a Known that is no kind of scene.
func (s Scene) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	switch s.Known {
	case realedit.SceneInterior, realedit.SceneExterior:
		w.Scene = realedit.SceneFacts{Scene: s.Known, Room: realedit.RoomUnknown, Confidence: 1, Source: "route"}
	case "", realedit.SceneUnknown:
	default:
		return realedit.Errorf(realedit.CodeBadOption, "scene", "Known: %q is not interior, exterior or unknown", s.Known)
	}
	if modelScene != nil {
		facts, ok, err := modelScene(ctx, env, w, picture(w))
		if err != nil {
			return err
		}
		if ok && w.Scene.Source == "route" {
			w.Scene.Room = facts.Room // a room is still worth knowing
		} else if ok {
			w.Scene = facts
		}
		if ok {
			return nil
		}
	}
	if w.Scene.Source == "route" {
		return nil
	}
	v, err := viewSky(ctx, env, w)
	if err != nil {
		return err
	}
	w.Scene = v.scene()
	if w.Scene.Scene == realedit.SceneUnknown {
		w.Find(realedit.Finding{Check: realedit.CheckSceneUnknown, Severity: realedit.Info, Value: w.Scene.Confidence, Limit: sceneSure,
			Message: "neither light nor sky tell whether this is a room or outdoors"})
	}
	return nil
}

// sceneSure is the confidence from which a scene is told.
const sceneSure = 0.73

// scene weighs the evidence in log-odds for outdoors; source is what weighed most.
func (v *skyView) scene() realedit.SceneFacts {
	var odds, most float64
	source := "sky"
	add := func(from string, o float64) {
		odds += o
		if math.Abs(o) > math.Abs(most) {
			most, source = o, from
		}
	}
	r := func(x, lo, hi float64) float64 { return float64(ramp(float32(x), float32(lo), float32(hi))) }
	g, l := v.gate, v.light
	if score := float64(g.score) - float64(v.pale()); g.share >= 0.005 && score > gateUncertain && v.share >= 0.01 {
		add("sky", (3*r(score, gateUncertain, 2)-0.5)*(1-0.7*float64(v.pale())))
	} else {
		add("sky", -1.5)
	}
	if l.known {
		// At dusk there is as little light as in a room, but the sky is blue, and it is there.
		dusk := r(float64(g.blue), 4, 12) * r(float64(g.score), 1, 2)
		add("light", 4*r(l.value, anyLight, dayLight)-3*(1-0.7*dusk)*(1-r(l.value, roomLight-3, roomLight)))
	}
	if l.flash {
		add("light", -0.5)
	}
	add("bracket", -3*r(l.ratio, outdoorStops, windowStops))
	add("sky", 1.5*r(float64(g.green), 0.05, 0.3)-r(float64(g.warm), 0.1, 0.4))
	p := 1 / (1 + math.Exp(-math.Abs(odds)))
	facts := realedit.SceneFacts{Scene: realedit.SceneInterior, Room: realedit.RoomUnknown, Confidence: p, Source: source}
	if odds > 0 {
		facts.Scene = realedit.SceneExterior
	}
	if p < sceneSure {
		facts.Scene = realedit.SceneUnknown
	}
	return facts
}
