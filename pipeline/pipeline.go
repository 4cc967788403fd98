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

// New checks that every stage's needs are given by the stages before it and that names
// are unique, and returns the pipeline. Errors have CodeBadWiring.
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
		if names[s.Name()] {
			return nil, realedit.Errorf(realedit.CodeBadWiring, name, "two stages are called %q", s.Name())
		}
		names[s.Name()] = true
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

func (p *Pipeline) find(name string) (int, error) {
	i := slices.IndexFunc(p.stages, func(s realedit.Stage) bool { return s.Name() == name })
	if i < 0 {
		var names []string
		for _, s := range p.stages {
			names = append(names, s.Name())
		}
		return 0, realedit.Errorf(realedit.CodeBadWiring, p.name, "no stage %q among %v", name, names)
	}
	return i, nil
}

func (p *Pipeline) splice(name string, before, after int, s ...realedit.Stage) (*Pipeline, error) {
	i, err := p.find(name)
	if err != nil {
		return nil, err
	}
	return New(p.name, slices.Concat(p.stages[:i+before], s, p.stages[i+after:])...)
}

// Replace returns a new pipeline with another stage in the place of the named one.
func (p *Pipeline) Replace(name string, s realedit.Stage) (*Pipeline, error) {
	return p.splice(name, 0, 1, s)
}

// Before returns a new pipeline with a stage put in before the named one.
func (p *Pipeline) Before(name string, s realedit.Stage) (*Pipeline, error) {
	return p.splice(name, 0, 0, s)
}

// After returns a new pipeline with a stage put in after the named one.
func (p *Pipeline) After(name string, s realedit.Stage) (*Pipeline, error) {
	return p.splice(name, 1, 1, s)
}

// Without returns a new pipeline that lacks the named stage.
func (p *Pipeline) Without(name string) (*Pipeline, error) { return p.splice(name, 0, 1) }
