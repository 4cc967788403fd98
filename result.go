package realedit

import (
	"encoding/hex"
	"fmt"

	"github.com/realedit/realedit/kernels"
)

// Result is a finished picture with its proof. Free it when it has been used.
type Result struct {
	Set       Set
	Image     *kernels.Image // sRGB-encoded, 3 channels
	Unaltered *kernels.Image // the deterministic picture; nil unless the class is Altered
	Changes   *AlterationMap
	Masks     map[Key]*kernels.Image
	Report    *Report

	exact [2]map[int]string // of an altered picture and its sibling as they were encoded: OutputFacts.UntouchedSHA256 by bits
}

// Free gives the pixels back; of nil it does nothing.
func (r *Result) Free() {
	if r == nil {
		return
	}
	r.Image.Free()
	if r.Unaltered != r.Image {
		r.Unaltered.Free()
	}
	if r.Changes != nil {
		r.Changes.Map.Free()
	}
	for _, m := range r.Masks {
		m.Free()
	}
	r.Image, r.Unaltered, r.Changes, r.Masks = nil, nil, nil, nil
}

// Recorder is optional for stages: what stands under "options" in the report. Without
// it the stage itself is written as JSON.
type Recorder interface{ Recorded() any }

// SetRecorder is optional: Recorder for stages whose options hold something for each set. Where a stage is both, this counts.
type SetRecorder interface{ RecordedFor(set Set) any }

// Recorded is what stands under "options" in the report of a set that the stage was applied to.
func Recorded(s Stage, set Set) any {
	switch r := s.(type) {
	case SetRecorder:
		return r.RecordedFor(set)
	case Recorder:
		return r.Recorded()
	}
	return s
}

func newReport(e *Editor, s Stage, set Set, policy Policy) *Report {
	r := &Report{
		Version: ReportVersion, Set: set.ID, Route: s.Name(), Policy: policy, Rung: RungClassical,
		Group:  GroupFacts{Reason: set.Reason, Confidence: set.Confidence, Warnings: set.Warnings, EVs: len(set.EVs) == len(set.Photos)},
		Models: []ModelFacts{}, Findings: []Finding{}, Shares: map[string]float64{}, Measures: map[string]float64{},
		Seed: e.cfg.Seed, Library: "realedit " + Version,
	}
	ref := set.Ref()
	add := func(p *Photo, used bool, ev float64) {
		r.Inputs = append(r.Inputs, InputFacts{Name: p.Name, SHA256: hex.EncodeToString(p.SHA256[:]), EV: ev, Codec: p.Codec,
			Reference: p == ref, SourceType: p.Facts.SourceType, Used: used, Spare: !used, Warnings: p.Warnings})
	}
	// Stops of light beyond the reference: what grouping measured, else what EXIF says.
	recorded := func(p *Photo) float64 {
		a, an, ok := ref.Facts.EV()
		b, bn, okb := p.Facts.EV()
		if !ok || !okb || an != bn {
			return 0
		}
		return a - b
	}
	for i, p := range set.Photos {
		if len(set.EVs) == len(set.Photos) {
			add(p, true, set.EVs[i])
		} else {
			add(p, true, recorded(p))
		}
	}
	for _, p := range set.Unused {
		add(p, false, recorded(p))
	}
	return r
}

// newResult closes a Work: class and shares from the alteration map. One whose policy forbids what is in it is no result.
func newResult(w *Work) (*Result, error) {
	if w.Changes == nil {
		c, err := NewAlterationMap(w.Image.Width(), w.Image.Height())
		if err != nil {
			w.free()
			return nil, err
		}
		w.Changes = c
	}
	for _, m := range []*kernels.Image{w.Changes.Map, w.Unaltered} {
		if m != nil && m.Bounds() != w.Image.Bounds() {
			err := Errorf(CodeInternal, "result", "the picture is %v, and a stage left its alteration map or the one from before computed pixels as %v", w.Image, m)
			w.free()
			return nil, withSet(err, w.Set.ID)
		}
	}
	w.DropFrames() // while it is known which of them the picture is
	w.Report.Shares = w.Changes.Shares()
	w.Report.Class = w.Changes.Strongest().Class()
	for c := ChangeNone; c < numChanges; c++ {
		if share := w.Report.Shares[c.String()]; share > 0 && !w.Report.Policy.Allows(c) {
			id := w.Set.ID
			w.free()
			return nil, &Error{Code: CodePolicyRefused, Set: id, Op: "policy",
				Err: fmt.Errorf("%.3g %% of the pixels are %q, which policy %s forbids and no stage declared", 100*share, c, w.Report.Policy)}
		}
	}
	if w.Scene.Scene != "" {
		scene := w.Scene
		w.Report.Scene = &scene
	}
	r := &Result{Set: w.Set, Image: w.Image, Changes: w.Changes, Masks: w.Masks, Report: w.Report}
	if w.Report.Class == Altered {
		r.Unaltered, w.Unaltered = w.Unaltered, nil
	}
	w.Image, w.Changes, w.Masks = nil, nil, nil
	w.free()
	return r, nil
}
