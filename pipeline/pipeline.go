// Package pipeline composes stages into routes: Fuse, Interior, Exterior and Auto, or a
// host's own, with the wiring checked when a pipeline is made and not at photo 900.
package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/realedit/realedit"
)

// Pipeline is stages in order. It is itself a stage, immutable, and safe for concurrent use.
type Pipeline struct {
	name   string
	stages []realedit.Stage
}

// New checks that every stage's needs are given by the stages before it, that what it uses where it is there
// (realedit.Optional) is not given only by those after it, and that names are unique, those of a ladder's inner stages
// included; then it returns the pipeline. Errors have CodeBadWiring.
func New(name string, stages ...realedit.Stage) (*Pipeline, error) {
	p := &Pipeline{name, slices.Clone(stages)}
	if len(stages) == 0 {
		return nil, realedit.Errorf(realedit.CodeBadWiring, name, "no stages")
	}
	have := map[realedit.Key]bool{}
	names := map[string]bool{}
	for i, s := range stages {
		if s == nil {
			return nil, realedit.Errorf(realedit.CodeBadWiring, name, "stage %d is nil", i)
		}
		own := []string{s.Name()}
		if l, ok := s.(Ladder); ok {
			if err := l.check(); err != nil {
				return nil, err
			}
			for _, k := range l.Inner() {
				if !slices.Contains(own[1:], k.Name()) { // rungs may differ in a stage's options only
					own = append(own, k.Name())
				}
			}
		}
		for _, n := range own {
			if names[n] {
				return nil, realedit.Errorf(realedit.CodeBadWiring, name, "two stages are called %q", n)
			}
			names[n] = true
		}
		if o, ok := s.(realedit.Optional); ok {
			for _, k := range o.Uses() {
				if !have[k] && givenBy(stages[i+1:], k) != "" {
					return nil, realedit.Errorf(realedit.CodeBadWiring, name, "%s uses %q, which only %s after it gives", s.Name(), k, givenBy(stages[i+1:], k))
				}
			}
		}
		c, ok := s.(realedit.Contract)
		if !ok {
			continue
		}
		for _, k := range c.Needs() {
			if !have[k] {
				return nil, realedit.Errorf(realedit.CodeBadWiring, name, "%s needs %q, which no stage before it gives", s.Name(), k)
			}
		}
		for _, k := range c.Gives() {
			have[k] = true
		}
	}
	if !have[realedit.KeyImage] {
		return nil, realedit.Errorf(realedit.CodeBadWiring, name, "no stage gives %q", realedit.KeyImage)
	}
	return p, nil
}

// givenBy names the first of the stages that gives the key, "" when none does.
func givenBy(stages []realedit.Stage, k realedit.Key) string {
	for _, s := range stages {
		if c, ok := s.(realedit.Contract); ok && slices.Contains(c.Gives(), k) {
			return s.Name()
		}
	}
	return ""
}

// Name is the route's name in reports.
func (p *Pipeline) Name() string { return p.name }

// Stages lists the stages; the Editor runs them one by one.
func (p *Pipeline) Stages() []realedit.Stage { return slices.Clone(p.stages) }

// Apply runs the stages in order.
func (p *Pipeline) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	for _, s := range p.stages {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.Apply(ctx, env, w); err != nil {
			return fmt.Errorf("%s: %w", s.Name(), err)
		}
	}
	return nil
}

// find tells at which stage the named one is: it itself, or a ladder that holds it.
func (p *Pipeline) find(name string) (at int, inner bool, err error) {
	var names []string
	for i, s := range p.stages {
		if s.Name() == name {
			return i, false, nil
		}
		names = append(names, s.Name())
		if l, ok := s.(Ladder); ok {
			for _, k := range l.Inner() {
				if k.Name() == name {
					return i, true, nil
				}
				names = append(names, k.Name())
			}
		}
	}
	return 0, false, realedit.Errorf(realedit.CodeBadWiring, p.name, "no stage %q among %v", name, names)
}

func (p *Pipeline) splice(at, before, after int, s ...realedit.Stage) (*Pipeline, error) {
	return New(p.name, slices.Concat(p.stages[:at+before], s, p.stages[at+after:])...)
}

// Replace returns a new pipeline with another stage in the place of the named one, which may stand in a ladder; a ladder's judge
// is replaced by a Judge only, and a stage that several rungs have in all of them.
func (p *Pipeline) Replace(name string, s realedit.Stage) (*Pipeline, error) {
	at, inner, err := p.find(name)
	if err != nil {
		return nil, err
	}
	if inner {
		if s, err = p.stages[at].(Ladder).replace(name, s); err != nil {
			return nil, err
		}
	}
	return p.splice(at, 0, 1, s)
}

// Before returns a new pipeline with a stage put in before the named one, or before the ladder that holds it.
func (p *Pipeline) Before(name string, s realedit.Stage) (*Pipeline, error) {
	at, _, err := p.find(name)
	if err != nil {
		return nil, err
	}
	return p.splice(at, 0, 0, s)
}

// After returns a new pipeline with a stage put in after the named one, or after the ladder that holds it.
func (p *Pipeline) After(name string, s realedit.Stage) (*Pipeline, error) {
	at, _, err := p.find(name)
	if err != nil {
		return nil, err
	}
	return p.splice(at, 1, 1, s)
}

// Without returns a new pipeline that lacks the named stage. A ladder without its judge takes its first rung unjudged; a rung without stages
// goes, and so do those that only weaken it.
func (p *Pipeline) Without(name string) (*Pipeline, error) {
	at, inner, err := p.find(name)
	if err != nil {
		return nil, err
	}
	if !inner {
		return p.splice(at, 0, 1)
	}
	l := p.stages[at].(Ladder).without(name)
	if len(l.Rungs) == 0 && l.Unjudged {
		return p.splice(at, 0, 1)
	}
	return p.splice(at, 0, 1, l)
}
