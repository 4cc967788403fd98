package realedit

import (
	"context"
	"fmt"
	"time"
)

// Hooks tell a host what an Editor does, for metrics and tracing. Every field may be nil. They are called synchronously, in
// the goroutine that does the set's work, so for one set never two at a time; sets that run beside each other call them
// beside each other. The order for one set:
//
//	SetStart (StageStart (Finding | Rung | an inner stage's StageStart … StageEnd)* StageEnd | Finding | Retry)* SetEnd
//
// A stage that has nothing to do here (SceneBound, CheckStageSkipped) or that the policy refuses (CheckPolicyRefused) is never started;
// for the latter two there is a Finding. After Retry the set is done again from its first stage.
//
// A hook that starts something may return a context for what follows within it, derived from the one it got, as tracing has
// it: stages get that of their StageStart, which gets that of SetStart. nil means the one it got. A hook that panics is
// logged, and the set goes on.
type Hooks struct {
	SetStart   func(ctx context.Context, e SetEvent) context.Context
	SetEnd     func(ctx context.Context, e SetEvent)
	StageStart func(ctx context.Context, e StageEvent) context.Context
	StageEnd   func(ctx context.Context, e StageEvent)
	// Finding gets what stages and the Editor have to say, as it comes up. A rung that fails takes its findings back: the report is without them.
	Finding func(ctx context.Context, set string, f Finding)
	// Rung gets every rung of a ladder when it has been judged.
	Rung func(ctx context.Context, e RungEvent)
	// Retry gets why a set is done again from its photos: one of the backend_ findings.
	Retry func(ctx context.Context, set string, why Finding)
}

// SetEvent is the start or the end of a set.
type SetEvent struct {
	Set    string
	Route  string
	Policy Policy

	// At the end:
	Seconds float64
	Report  *Report // nil beside an error
	Err     error
}

// StageEvent is the start or the end of a stage.
type StageEvent struct {
	Set     string
	Stage   string
	Rung    string // of the ladder that the stage works for, "" outside
	Backend string // "cpu", "cuda:0"
	Device  string // its own name

	// At the end:
	Seconds float64
	Err     error
}

// RungEvent is a rung of a ladder that has been judged.
type RungEvent struct {
	Set    string
	Rung   string
	Passed bool
	Why    string // why it did not pass
}

// guarded calls a hook; a panic in it is logged and costs nobody anything.
func (e *Editor) guarded(name string, hook func()) {
	defer func() {
		if p := recover(); p != nil {
			e.cfg.Log.Error("a hook panicked", "hook", name, "panic", fmt.Sprint(p))
		}
	}()
	hook()
}

func (e *Editor) setStart(ctx context.Context, s SetEvent) (out context.Context) {
	out = ctx
	if h := e.cfg.Hooks.SetStart; h != nil {
		e.guarded("SetStart", func() {
			if c := h(ctx, s); c != nil {
				out = c
			}
		})
	}
	return out
}

func (e *Editor) setEnd(ctx context.Context, s SetEvent, start time.Time, r *Result, err error) {
	if h := e.cfg.Hooks.SetEnd; h != nil {
		s.Seconds, s.Err = time.Since(start).Seconds(), err
		if r != nil {
			s.Report = r.Report
		}
		e.guarded("SetEnd", func() { h(ctx, s) })
	}
}

func (e *Editor) stageStart(ctx context.Context, s StageEvent) (out context.Context) {
	out = ctx
	if h := e.cfg.Hooks.StageStart; h != nil {
		e.guarded("StageStart", func() {
			if c := h(ctx, s); c != nil {
				out = c
			}
		})
	}
	return out
}

func (e *Editor) stageEnd(ctx context.Context, s StageEvent, start time.Time, err error) {
	if h := e.cfg.Hooks.StageEnd; h != nil {
		s.Seconds, s.Err = time.Since(start).Seconds(), err
		e.guarded("StageEnd", func() { h(ctx, s) })
	}
}

// finding is the hook of findings for one set; nil when the host has none.
func (e *Editor) finding(ctx context.Context, set string) func(Finding) {
	h := e.cfg.Hooks.Finding
	if h == nil {
		return nil
	}
	return func(f Finding) { e.guarded("Finding", func() { h(ctx, set, f) }) }
}

func (e *Editor) retry(ctx context.Context, set string, why Finding) {
	if h := e.cfg.Hooks.Retry; h != nil {
		e.guarded("Retry", func() { h(ctx, set, why) })
	}
}
