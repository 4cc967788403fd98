package realedit

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// Run applies one stage to the Work as the Editor applies those of a route: the policy may refuse it, it may have nothing to do in
// this scene, a panic becomes an error, and its time and options go into the report and to the hooks. It is for stages
// that run other stages.
func (e *Env) Run(ctx context.Context, s Stage, w *Work) (err error) {
	if ctx.Err() != nil {
		return &Error{Code: CodeCancelled, Stage: s.Name(), Err: context.Cause(ctx)}
	}
	if run, err := e.due(s, w); !run {
		return err
	}
	before := e.fallbacks.Counts()
	start := time.Now()
	event := StageEvent{Set: w.Set.ID, Stage: s.Name(), Rung: e.rung, Backend: e.Backend.Name(), Device: e.device}
	if e.editor != nil {
		ctx = e.editor.stageStart(ctx, event)
		outer := w.found
		w.found = e.editor.finding(ctx, w.Set.ID)
		defer func() {
			w.found = outer
			e.editor.stageEnd(ctx, event, start, err)
		}()
	}
	if err := e.apply(ctx, s, w); err != nil {
		return err
	}
	facts := StageFacts{Name: s.Name(), Rung: e.rung, Options: Recorded(s, w.Set), Backend: e.Backend.Name(), Device: e.device, Seconds: time.Since(start).Seconds()}
	for op, n := range e.fallbacks.Counts() {
		if n -= before[op]; n > 0 {
			if facts.Fallbacks == nil {
				facts.Fallbacks = map[string]int{}
			}
			facts.Fallbacks[op] = n
		}
	}
	w.Report.Stages = append(w.Report.Stages, facts)
	return nil
}

// OnRung is the same Env for the stages of a ladder's rung: what they do is recorded under its name.
func (e *Env) OnRung(name string) *Env {
	c := *e
	c.rung = name
	return &c
}

// Judged tells the host's hooks what became of a ladder's rung; why is "" when it passed.
func (e *Env) Judged(ctx context.Context, w *Work, rung, why string) {
	if e.editor == nil || e.editor.cfg.Hooks.Rung == nil {
		return
	}
	e.editor.guarded("Rung", func() { e.editor.cfg.Hooks.Rung(ctx, RungEvent{w.Set.ID, rung, why == "", why}) })
}

// due tells whether a stage is to be applied to this Work. What the policy refuses, what has no place in this scene and what
// lacks a mask that this picture does not have is left out; to lack the photos or the picture is an error.
func (e *Env) due(s Stage, w *Work) (bool, error) {
	if b, ok := s.(SceneBound); ok && w.Scene.Scene != "" && !slices.Contains(b.Scenes(), w.Scene.Scene) {
		return false, nil
	}
	leaveOut := func(check, format string, a ...any) {
		w.Find(Finding{Check: check, Severity: Info, Message: fmt.Sprintf(format, a...)})
		w.Report.Stages = append(w.Report.Stages, StageFacts{Name: s.Name(), Rung: e.rung, LeftOut: check, Options: Recorded(s, w.Set), Backend: e.Backend.Name(), Device: e.device})
	}
	if a, ok := s.(Alterer); ok && !e.Policy.Allows(a.Alters()) {
		leaveOut(CheckPolicyRefused, "%s may cause %q, which policy %s forbids: left out", s.Name(), a.Alters(), e.Policy)
		return false, nil
	}
	c, ok := s.(Contract)
	if !ok {
		return true, nil
	}
	for _, k := range c.Needs() {
		switch {
		case w.Has(k):
		case k == KeyFrames || k == KeyImage:
			return false, Errorf(CodeBadWiring, s.Name(), "needs %q, which nothing before it gave", k)
		default:
			leaveOut(CheckStageSkipped, "%s needs %q, which this picture does not have: left out", s.Name(), k)
			return false, nil
		}
	}
	return true, nil
}

// apply applies a stage, guarded; its errors carry its name.
func (e *Env) apply(ctx context.Context, s Stage, w *Work) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Code: CodeInternal, Stage: s.Name(), Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	err = s.Apply(ctx, e, w)
	if err == nil {
		err = e.Backend.Sync(ctx) // so that a device's time and trouble are those of the stage
	}
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) && own.Stage == "" {
		own.Stage = s.Name()
		return err
	}
	return &Error{Code: CodeOf(err), Stage: s.Name(), Err: err}
}
