package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/qc"
)

// Rung is one way to go beyond the deterministic picture.
type Rung struct {
	// Name is what the report calls it.
	Name string
	// Stages make the rung's picture from the deterministic one, which they do not write over (Work.OwnsImage). What they do to all
	// of it before they compute or synthesise belongs to the deterministic picture: they leave that as Work.Unaltered. Without any stages it is the picture of
	// the nearest rung above that has some, which is not computed again.
	Stages []realedit.Stage
	// Strength is how much there is of what the stages made, the rest being the deterministic picture: 1/255 to 1, 0 = 1. Of a rung without stages it
	// has to be less than that of the rung above, by 1/255 of it, or the two were one picture.
	Strength float64
	// Retry is for a rung that does what one above does, more carefully: it is tried only where one above has failed, not where they had nothing to do.
	Retry bool
}

// Judge tells whether a picture may be delivered. qc.Gate is one.
type Judge interface {
	realedit.Stage
	// Judge holds Work.Image against Work.Frames and changes nothing.
	Judge(ctx context.Context, env *realedit.Env, w *realedit.Work) (*qc.Verdict, error)
	// Record writes a verdict into the report; it is an error for a picture that cannot be delivered.
	Record(w *realedit.Work, v *qc.Verdict) error
}

// Ladder ends a route whose last steps may fail: it tries its rungs from the strongest down, judges each, and takes the first that
// passes. A rung passes when no measure is beyond its limit by more than the deterministic picture's is, in the pixels that the rung did
// not compute or synthesise, and nothing has changed outside the alteration map (qc.Leaks). Below the last rung it takes the deterministic picture back in the tiles where that one
// failed, feathered, several times where need be (realedit.RungRollback; not where more than a quarter of the tiles or a measure of the whole picture fails, nor where nothing computed would be left), and then everywhere (realedit.RungClassical): only when that
// cannot be delivered either is it an error with realedit.CodeQCFailed.
//
// Nothing is computed twice: the deterministic picture and its map are kept meanwhile, masks stay, a rung without stages is a blend, and one that differs from a failed one
// by stages that have nothing to do is passed over; only where the roll-back wants the picture of the last one that failed and it has gone it is made again. A
// failed rung is a finding rung_failed, and what its stages found and measured is taken back; an error of a stage fails its rung, but for those that
// concern the whole set (cancelled, out_of_memory, device_lost, no_device, bad_option, bad_wiring). Inner stages are refused by the policy, told to the
// hooks and recorded like those of a route, with the rung's name. Rungs that change nothing are passed over.
type Ladder struct {
	Rungs []Rung
	// Judge is what judges; nil = qc.Gate{}.
	Judge Judge
	// Unjudged takes the first rung that changes something as it is.
	Unjudged bool
}

const (
	ladderName = "ladder"

	rollbacks     = 4  // attempts to take failing tiles back
	rollbackShare = 4  // of the tiles at most one in so many: what fails in more places fails altogether
	tilesAside    = 16 // tiles along the longer side
	tileLeast     = 32 // pixels

	strengthStep = 1. / 255 // weights of a blend have 8 bits
)

// Name is "ladder".
func (Ladder) Name() string { return ladderName }

func (l Ladder) judge() Judge {
	if l.Judge == nil {
		return qc.Gate{}
	}
	return l.Judge
}

// Inner lists the stages of the rungs and the judge.
func (l Ladder) Inner() []realedit.Stage {
	var all []realedit.Stage
	for _, r := range l.Rungs {
		all = append(all, r.Stages...)
	}
	if !l.Unjudged {
		all = append(all, l.judge())
	}
	return all
}

// replace is the ladder with another stage in the place of the named one.
func (l Ladder) replace(name string, s realedit.Stage) (realedit.Stage, error) {
	if !l.Unjudged && name == l.judge().Name() {
		j, ok := s.(Judge)
		if !ok {
			return nil, realedit.Errorf(realedit.CodeBadWiring, ladderName, "%s is no Judge", s.Name())
		}
		l.Judge = j
		return l, nil
	}
	l.Rungs = slices.Clone(l.Rungs)
	for i, r := range l.Rungs {
		if k := slices.IndexFunc(r.Stages, func(t realedit.Stage) bool { return t.Name() == name }); k >= 0 {
			l.Rungs[i].Stages = slices.Concat(r.Stages[:k], []realedit.Stage{s}, r.Stages[k+1:])
		}
	}
	return l, nil
}

// without is the ladder without the named stage.
func (l Ladder) without(name string) Ladder {
	if !l.Unjudged && name == l.judge().Name() {
		l.Unjudged = true
		return l
	}
	rungs := l.Rungs
	l.Rungs = nil
	gone := false // the rung above has gone with its only stage
	for _, r := range rungs {
		had := len(r.Stages) > 0
		r.Stages = slices.DeleteFunc(slices.Clone(r.Stages), func(s realedit.Stage) bool { return s.Name() == name })
		if had {
			gone = len(r.Stages) == 0
		}
		if !gone {
			l.Rungs = append(l.Rungs, r)
		}
	}
	return l
}

// check refuses rungs that cannot be: CodeBadWiring or CodeBadOption.
func (l Ladder) check() error {
	names := map[string]bool{"": true, realedit.RungRollback: true, realedit.RungClassical: true}
	last := 0.0
	for i, r := range l.Rungs {
		if names[r.Name] {
			return realedit.Errorf(realedit.CodeBadWiring, ladderName, "rung %d: the name %q is taken or empty", i, r.Name)
		}
		names[r.Name] = true
		s := cmp.Or(r.Strength, 1)
		if !(s >= strengthStep && s <= 1) || len(r.Stages) == 0 && i > 0 && s > last*(1-strengthStep) {
			return realedit.Errorf(realedit.CodeBadOption, ladderName, "Rungs[%d].Strength: %v is outside [1/255, 1] or not less than the rung's above by 1/255 of it", i, r.Strength)
		}
		if len(r.Stages) == 0 && i == 0 {
			return realedit.Errorf(realedit.CodeBadWiring, ladderName, "rung %q has no stages, and none is above it", r.Name)
		}
		if slices.Contains(r.Stages, nil) {
			return realedit.Errorf(realedit.CodeBadWiring, ladderName, "rung %q: a stage is nil", r.Name)
		}
		last = s
	}
	return nil
}

// Needs is the picture, and what a rung's stages need that none before them in their rung gives.
func (l Ladder) Needs() []realedit.Key {
	needs := []realedit.Key{realedit.KeyImage}
	l.each(func(c realedit.Contract, have map[realedit.Key]bool) {
		for _, k := range c.Needs() {
			if !have[k] && !slices.Contains(needs, k) {
				needs = append(needs, k)
			}
		}
	})
	return needs
}

// Gives is the picture, and what the rungs' stages give.
func (l Ladder) Gives() []realedit.Key {
	gives := []realedit.Key{realedit.KeyImage}
	l.each(func(c realedit.Contract, _ map[realedit.Key]bool) {
		for _, k := range c.Gives() {
			if !slices.Contains(gives, k) {
				gives = append(gives, k)
			}
		}
	})
	return gives
}

// Uses is what the rungs' stages use.
func (l Ladder) Uses() []realedit.Key {
	var uses []realedit.Key
	for _, s := range l.Inner() {
		if o, ok := s.(realedit.Optional); ok {
			uses = append(uses, o.Uses()...)
		}
	}
	return uses
}

// each calls fn for the inner stages that have a contract, with what has been given before in their rung.
func (l Ladder) each(fn func(c realedit.Contract, have map[realedit.Key]bool)) {
	chains := [][]realedit.Stage{}
	for _, r := range l.Rungs {
		chains = append(chains, r.Stages)
	}
	if !l.Unjudged {
		chains = append(chains, []realedit.Stage{l.judge()})
	}
	for _, chain := range chains {
		have := map[realedit.Key]bool{}
		for _, s := range chain {
			if c, ok := s.(realedit.Contract); ok {
				fn(c, have)
				for _, k := range c.Gives() {
					have[k] = true
				}
			}
		}
	}
}

// SetBytes is the most that an inner stage takes beside the deterministic picture, which it does not write over, or the judge beside that, the
// rung's and the one that the rung is held to; and on the host a second map and the weights of a blend.
func (l Ladder) SetBytes(set realedit.Set) (host, device int64) {
	f := set.Ref().Facts
	if f.Width < 1 || f.Height < 1 {
		return 0, 0
	}
	picture, plane := kernels.ImageBytes(f.Width, f.Height, 3, kernels.U16), kernels.ImageBytes(f.Width, f.Height, 1, kernels.U8)
	for _, r := range l.Rungs {
		for _, s := range r.Stages {
			h, d := realedit.StageBytes(s, set)
			host, device = max(host, h+picture), max(device, d+picture)
		}
	}
	h, d := realedit.StageBytes(l.judge(), set)
	if len(l.Rungs) > 0 {
		h, d = h+2*picture, 2*picture+max(d, plane)
	}
	return max(host, h) + 2*plane, max(device, d)
}

// Frugal is the ladder with those inner stages that can do with less memory in their frugal form; nil when none can.
func (l Ladder) Frugal() realedit.Stage {
	some := false
	l.Rungs = slices.Clone(l.Rungs)
	for i, r := range l.Rungs {
		r.Stages = slices.Clone(r.Stages)
		for k, s := range r.Stages {
			if f, ok := s.(realedit.Frugal); ok {
				if less := f.Frugal(); less != nil {
					r.Stages[k], some = less, true
				}
			}
		}
		l.Rungs[i] = r
	}
	if !some {
		return nil
	}
	return l
}

// Apply climbs down.
func (l Ladder) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if err := l.check(); err != nil {
		return err
	}
	c, err := newClimb(l, ctx, env, w)
	if err != nil {
		return err
	}
	defer c.close()
	return c.run()
}

// ofTheSet tells errors that concern the whole set from those of a rung.
func ofTheSet(ctx context.Context, err error) bool {
	switch realedit.CodeOf(err) {
	case realedit.CodeCancelled, realedit.CodeOutOfMemory, realedit.CodeDeviceLost, realedit.CodeNoDevice, realedit.CodeBadOption, realedit.CodeBadWiring:
		return true
	}
	return ctx.Err() != nil
}

// judged lets a judge work as a stage, so that its time is recorded.
type judged struct {
	Judge
	v *qc.Verdict
}

// Recorded is the judge's own record.
func (j *judged) Recorded() any { return realedit.Recorded(j.Judge, realedit.Set{}) }

// Apply judges.
func (j *judged) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) (err error) {
	j.v, err = j.Judge.Judge(ctx, env, w)
	return err
}

// worse lists what counts against a picture: measures beyond their limits that the deterministic picture keeps to, or by a tenth of the
// limit farther beyond than it is. A picture that cannot be delivered has all of its own against it.
func worse(v, base *qc.Verdict) []qc.Measure {
	var out []qc.Measure
	for _, m := range v.Measures {
		if !m.Failed {
			continue
		}
		i := slices.IndexFunc(base.Measures, func(b qc.Measure) bool { return b.Check == m.Check && b.Name == m.Name })
		if i >= 0 && base.Measures[i].Failed && !m.Hard {
			beyond := m.Value - base.Measures[i].Value
			if m.AtLeast {
				beyond = -beyond
			}
			if beyond <= 0.1*max(m.Limit, -m.Limit) {
				continue
			}
		}
		out = append(out, m)
	}
	return out
}

// why is a rung's failure for people.
func why(against []qc.Measure) string {
	m := against[0]
	s := fmt.Sprintf("%s %s is %.4g, limit %.4g", m.Check, m.Name, m.Value, m.Limit)
	if n := len(against) - 1; n > 0 {
		s += fmt.Sprintf(", and %d more", n)
	}
	return s
}

// errText is an error's code and the first line of its cause: a panic's stack has no place in a report, where it would differ from run to run.
func errText(err error) string {
	var e *realedit.Error
	if errors.As(err, &e) && e.Err != nil {
		line, _, _ := strings.Cut(e.Err.Error(), "\n")
		return fmt.Sprintf("%s: %s", e.Code, line)
	}
	return string(realedit.CodeOf(err))
}
