package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse"
	"github.com/realedit/realedit/diffuse/lock"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/qc"
	"github.com/realedit/realedit/segment"
)

// decoder makes a stage from its recorded options; nil options are the zero value.
type decoder = func(options json.RawMessage) (realedit.Stage, error)

// Assets are what reports name and do not hold. The zero value is none.
type Assets struct {
	Skies *segment.Skies // the user's own, for pictures that may have one of them

	report *realedit.Report
}

var registry = struct {
	sync.RWMutex
	stages map[string]decoder
}{stages: map[string]decoder{
	hdr.Align{}.Name():          Decode[hdr.Align],
	hdr.Merge{}.Name():          Decode[hdr.Merge],
	hdr.WindowPull{}.Name():     Decode[hdr.WindowPull],
	hdr.Tone{}.Name():           Decode[hdr.Tone],
	segment.Windows{}.Name():    Decode[segment.Windows],
	segment.Scene{}.Name():      Decode[segment.Scene],
	segment.Sky{}.Name():        Decode[segment.Sky],
	diffuse.Sky{}.Name():        Decode[diffuse.Sky],
	diffuse.WindowView{}.Name(): Decode[diffuse.WindowView],
	qc.Gate{}.Name():            Decode[qc.Gate],

	// What these are made of is more than their own options: Assets.stage.
	ladderName:                  Decode[Ladder],
	segment.ReplaceSky{}.Name(): Decode[segment.ReplaceSky],
	diffuse.Correct{}.Name():    Decode[diffuse.Correct],
}}

// Register tells how a host's stage is made from what stands under "options" in reports (what the stage's Recorded says, or the
// stage itself as JSON), so that FromReport can make its pictures again: Decode of the stage's type for most. A name that
// is registered already is a mistake in the program: it panics.
func Register(name string, decode func(options json.RawMessage) (realedit.Stage, error)) {
	registry.Lock()
	defer registry.Unlock()
	if name == "" || decode == nil || registry.stages[name] != nil {
		panic(fmt.Sprintf("pipeline: stage %q cannot be registered, or is", name))
	}
	registry.stages[name] = decode
}

// Registered lists the names of the stages that FromReport can make.
func Registered() []string {
	registry.RLock()
	defer registry.RUnlock()
	var names []string
	for n := range registry.stages {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Decode reads a stage from JSON; keys that it does not have are an error, since what they mean is not known.
func Decode[S realedit.Stage](options json.RawMessage) (realedit.Stage, error) {
	var s S
	if err := strictly(options, &s); err != nil {
		return nil, err
	}
	return s, nil
}

// strictly reads JSON into v, which has to have all of its keys; nothing is the zero value.
func strictly(options json.RawMessage, v any) error {
	if len(options) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(options))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// FromReport is Assets{}.FromReport.
func FromReport(r *realedit.Report) (*Pipeline, error) { return Assets{}.FromReport(r) }

// FromReport is the pipeline that made a report's picture. With the set (realedit.SetFromReport), the report's policy and seed, the
// same library version and backend it makes the same pixels again, where networks that paint are asked anew on the device that they ran on, in one fixed order of sums (a
// processor). Errors have CodeNotReplayable: a stage that nobody has
// registered, options that it does not know, or skies that are not among the assets.
func (a Assets) FromReport(r *realedit.Report) (*Pipeline, error) {
	if r.Version != realedit.ReportVersion {
		return nil, realedit.Errorf(realedit.CodeNotReplayable, "report", "its version is %d, this library's %d", r.Version, realedit.ReportVersion)
	}
	a.report = r
	var stages []realedit.Stage
	for _, f := range r.Stages {
		if f.Rung != "" {
			continue // the ladder holds it
		}
		s, err := a.fromRecord(record{f.Name, f.Options})
		if err != nil {
			return nil, err
		}
		stages = append(stages, s)
	}
	p, err := New(r.Route, stages...)
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeNotReplayable, Op: "report", Err: err}
	}
	return p, nil
}

// madeBy is which of the rungs, −1 for none, made the report's picture by its stages: the one that passed, or where that was a blend or a rollback the last one that did something.
func (a Assets) madeBy(rungs []Rung) int {
	at := -1
	if a.report == nil || a.report.Rung == realedit.RungClassical {
		return at
	}
	for _, f := range a.report.Stages {
		for i, r := range rungs {
			if f.Rung == r.Name && f.LeftOut == "" && slices.ContainsFunc(r.Stages, func(s realedit.Stage) bool { return s.Name() == f.Name }) {
				if at = i; r.Name == a.report.Rung {
					return i
				}
			}
		}
	}
	return at
}

// record is a stage in a report.
type record struct {
	Name    string `json:"name"`
	Options any    `json:"options,omitempty"`
}

// UnmarshalJSON keeps the options as they are: a number of 64 bits must not go through a float.
func (r *record) UnmarshalJSON(b []byte) error {
	var raw struct {
		Name    string          `json:"name"`
		Options json.RawMessage `json:"options"`
	}
	if err := strictly(b, &raw); err != nil {
		return err
	}
	*r = record{Name: raw.Name}
	if len(raw.Options) > 0 {
		r.Options = raw.Options
	}
	return nil
}

func (a Assets) fromRecord(r record) (realedit.Stage, error) {
	fail := func(format string, a ...any) (realedit.Stage, error) {
		return nil, realedit.Errorf(realedit.CodeNotReplayable, "stage "+r.Name, format, a...)
	}
	registry.RLock()
	decode := registry.stages[r.Name]
	registry.RUnlock()
	if decode == nil {
		return fail("nobody has registered how it is made from its options")
	}
	raw, ok := r.Options.(json.RawMessage)
	if !ok && r.Options != nil {
		var err error
		if raw, err = json.Marshal(r.Options); err != nil {
			return fail("%w", err)
		}
	}
	s, err := a.stage(r.Name, raw, decode)
	switch {
	case err != nil:
		return fail("its options cannot be read: %w", err)
	case s == nil || s.Name() != r.Name:
		return fail("another stage is made from its options")
	}
	return s, nil
}

// stage decodes, with what a stage is made of beside its options.
func (a Assets) stage(name string, options json.RawMessage, decode decoder) (realedit.Stage, error) {
	switch name {
	case ladderName:
		return a.ladder(options)
	case segment.ReplaceSky{}.Name():
		return a.replaceSky(options)
	case diffuse.Correct{}.Name():
		return a.correct(options)
	}
	return decode(options)
}

// correct is the stage with what it took over, so that no model is needed to make the picture again.
func (a Assets) correct(options json.RawMessage) (realedit.Stage, error) {
	c := diffuse.Correct{Replay: true}
	if err := strictly(options, &c); err != nil {
		return nil, err
	}
	if a.report != nil && len(a.report.Lock) > 0 {
		c.Grid = &lock.Grid{}
		if err := json.Unmarshal(a.report.Lock, c.Grid); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// replaceSky is the stage with the skies that it had.
func (a Assets) replaceSky(options json.RawMessage) (realedit.Stage, error) {
	type plain segment.ReplaceSky
	var r struct {
		plain
		LibrarySHA256 string `json:"library_sha256"`
	}
	if err := strictly(options, &r); err != nil {
		return nil, err
	}
	s := segment.ReplaceSky(r.plain)
	if r.LibrarySHA256 != "" {
		if have := a.Skies.SHA256(); have != r.LibrarySHA256 {
			return nil, fmt.Errorf("the library of skies %q (SHA-256 %s) is not there", s.Library, r.LibrarySHA256)
		}
		s.Skies = a.Skies
	}
	return s, nil
}

// ladderRecord is a Ladder in a report.
type ladderRecord struct {
	Rungs    []rungRecord `json:"rungs"`
	Judge    *record      `json:"judge,omitempty"`
	Unjudged bool         `json:"unjudged,omitempty"`
}

type rungRecord struct {
	Name     string   `json:"name"`
	Stages   []record `json:"stages,omitempty"`
	Strength float64  `json:"strength,omitempty"`
	Retry    bool     `json:"retry,omitempty"`
}

// RecordedFor is the rungs with their stages' own records.
func (l Ladder) RecordedFor(set realedit.Set) any {
	r := ladderRecord{Rungs: []rungRecord{}, Unjudged: l.Unjudged}
	of := func(s realedit.Stage) record { return record{s.Name(), realedit.Recorded(s, set)} }
	for _, g := range l.Rungs {
		k := rungRecord{Name: g.Name, Strength: g.Strength, Retry: g.Retry}
		for _, s := range g.Stages {
			k.Stages = append(k.Stages, of(s))
		}
		r.Rungs = append(r.Rungs, k)
	}
	if l.Judge != nil {
		j := of(l.Judge)
		r.Judge = &j
	}
	return r
}

func (a Assets) ladder(options json.RawMessage) (realedit.Stage, error) {
	var r ladderRecord
	if err := strictly(options, &r); err != nil {
		return nil, err
	}
	l := Ladder{Unjudged: r.Unjudged}
	for _, g := range r.Rungs {
		k := Rung{Name: g.Name, Strength: g.Strength, Retry: g.Retry}
		for _, s := range g.Stages {
			stage, err := a.fromRecord(s)
			if err != nil {
				return nil, err
			}
			k.Stages = append(k.Stages, stage)
		}
		l.Rungs = append(l.Rungs, k)
	}
	if at := a.madeBy(l.Rungs); at > 0 { // those above failed, and the lock in the report is not theirs
		l.Rungs = l.Rungs[at:]
		l.Rungs[0].Retry = false
	}
	if r.Judge != nil {
		s, err := a.fromRecord(*r.Judge)
		if err != nil {
			return nil, err
		}
		j, ok := s.(Judge)
		if !ok {
			return nil, fmt.Errorf("%s is no judge", r.Judge.Name)
		}
		l.Judge = j
	}
	return l, nil
}
