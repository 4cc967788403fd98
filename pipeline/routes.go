package pipeline

import (
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/qc"
	"github.com/realedit/realedit/segment"
)

// Options steer the ready-made routes; nil means the zero value.
type Options struct {
	Merge   kernels.FuseMethod  // how brackets are merged
	Listing *hdr.Listing        // shared targets of one listing; nil = each picture on its own
	Sky     segment.ReplaceSky  // what a dull sky outdoors is replaced by, where the policy allows it
	Correct *diffuse.Correct    // a model's tone through the lock, after the library's own; nil = none
	View    *diffuse.WindowView // a model's view in windows that lost theirs, where the policy allows it; nil = none
}

func (o *Options) orZero() Options {
	if o == nil {
		return Options{}
	}
	return *o
}

// Fuse is ingest, alignment and merge with ghost removal: class unaltered.
func Fuse(o *Options) (*Pipeline, error) {
	c := o.orZero()
	return New("fuse", hdr.Align{}, hdr.Merge{Method: c.Merge}, qc.Gate{})
}

// Auto finds out what the picture shows and takes one of the other two ways: Interior's for rooms, Exterior's outdoors; where it cannot tell,
// windows are pulled and the sky is found and left as it is.
func Auto(o *Options) (*Pipeline, error) { return full("auto", realedit.SceneUnknown, outdoors(o), o) }

// Interior is Fuse, window views from the frames that hold them, and tone: class corrected.
func Interior(o *Options) (*Pipeline, error) {
	return full("interior", realedit.SceneInterior, outdoors(o), o)
}

// Exterior is Fuse, tone, and where policy, sky and sources allow it another sky (class altered), on a ladder: the new sky with the picture's
// light nearer to it, with its own light, all of it but where it failed, none.
func Exterior(o *Options) (*Pipeline, error) {
	return full("exterior", realedit.SceneExterior, outdoors(o), o)
}

// parts are the stages that look at the scene; nil where there is none.
type parts struct {
	scene func(known realedit.SceneKind) realedit.Stage // known is SceneUnknown where it has to find out
	sky   realedit.Stage                                // finds it
	rungs []Rung                                        // put another one there
}

// outdoors are this library's.
func outdoors(o *Options) parts {
	return parts{
		scene: func(known realedit.SceneKind) realedit.Stage {
			if known == realedit.SceneUnknown {
				return segment.Scene{}
			}
			return segment.Scene{Known: known}
		},
		sky:   segment.Sky{},
		rungs: skyRungs(o.orZero().Sky),
	}
}

// full is the route for a kind of scene, SceneUnknown = whatever it turns out to be: then the stages that have no place in a scene are left out of
// the pictures that show it (realedit.SceneBound), and otherwise they are not in the route.
func full(name string, known realedit.SceneKind, p parts, o *Options) (*Pipeline, error) {
	c := o.orZero()
	stages := []realedit.Stage{hdr.Align{}, hdr.Merge{Method: c.Merge}}
	if p.scene != nil {
		stages = append(stages, p.scene(known))
	}
	if known != realedit.SceneExterior {
		stages = append(stages, segment.Windows{}, hdr.WindowPull{})
	}
	inside := known == realedit.SceneInterior
	if p.sky != nil && !inside {
		stages = append(stages, p.sky)
	}
	stages = append(stages, hdr.Tone{Listing: c.Listing})
	if inside {
		p.rungs = nil
	}
	if known == realedit.SceneExterior {
		c.View = nil
	}
	rungs := climbDown(c.Correct, c.View, p.rungs)
	if len(rungs) == 0 {
		return New(name, append(stages, qc.Gate{})...)
	}
	return New(name, append(stages, Ladder{Rungs: rungs})...)
}

// climbDown is the rungs of a route: a model's tone with the new view or sky, with less of the tone, and without it; then the skies as they are given. A view has its place
// in rooms and a sky outdoors, so that one rung may hold both.
func climbDown(tone *diffuse.Correct, view *diffuse.WindowView, skies []Rung) (rungs []Rung) {
	made := slices.Clone(skies)
	if view != nil {
		for i, r := range made {
			if len(r.Stages) > 0 {
				made[i].Name, made[i].Stages = "view-"+r.Name, append([]realedit.Stage{*view}, r.Stages...)
			}
		}
		if len(made) == 0 {
			made = []Rung{{Name: "view", Stages: []realedit.Stage{*view}}}
		}
	}
	if tone == nil {
		return made
	}
	// Each with the tone, then with less of it, then the tone alone: what fails is a sky's light or seam more often. A tone is asked for once.
	for i, r := range made {
		if i == 0 {
			r.Name = "tone"
		} else {
			r.Name = "tone-" + r.Name
		}
		r.Stages = append([]realedit.Stage{*tone}, r.Stages...)
		rungs = append(rungs, r)
	}
	alone := Rung{Name: "tone-alone", Stages: []realedit.Stage{*tone}, Retry: true}
	if len(made) == 0 {
		rungs = []Rung{{Name: "tone", Stages: alone.Stages}, {Name: "tone-half", Strength: 0.5}} // half of a sky is no sky
	}
	if less, ok := tone.Less(); ok {
		with := []realedit.Stage{less}
		if len(made) > 0 {
			with = append(with, made[0].Stages...)
		}
		rungs = append(rungs, Rung{Name: "tone-less", Stages: with, Retry: true})
	}
	if len(made) > 0 {
		rungs = append(rungs, alone)
	}
	for _, r := range made {
		r.Retry = true
		rungs = append(rungs, r)
	}
	return rungs
}

// skyRungs are the ways to a new sky: with the picture's light brought nearer to it, and with the light that was there. Half of a sky is none of them:
// what fails is the light, or the seam.
func skyRungs(s segment.ReplaceSky) []Rung {
	made := func(s segment.ReplaceSky) []realedit.Stage {
		if s.Source == segment.SkyModel && s.Painter == nil {
			return []realedit.Stage{diffuse.Sky{Plan: s.Plan, Force: s.Force, Bound: s.Bound}}
		}
		return []realedit.Stage{s}
	}
	rungs := []Rung{{Name: "sky", Stages: made(s)}}
	if s.Bound >= 0 {
		s.Bound = -1
		rungs = append(rungs, Rung{Name: "sky-light-kept", Stages: made(s), Retry: true})
	}
	return rungs
}

// Route makes the named route: "auto", "fuse", "interior" or "exterior".
func Route(name string, o *Options) (*Pipeline, error) {
	switch name {
	case "auto":
		return Auto(o)
	case "fuse":
		return Fuse(o)
	case "interior":
		return Interior(o)
	case "exterior":
		return Exterior(o)
	}
	return nil, realedit.Errorf(realedit.CodeBadOption, "route", "%q is not auto, fuse, interior or exterior", name)
}
