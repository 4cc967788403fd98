package realedit

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"time"

	"github.com/realedit/realedit/kernels"
	_ "github.com/realedit/realedit/kernels/cpu" // the backends register themselves
	_ "github.com/realedit/realedit/kernels/cuda"
	_ "github.com/realedit/realedit/kernels/ref"
)

// Config is what an Editor works with. The zero value works: the best backend of
// this machine, CorrectedOnly, one set at a time.
type Config struct {
	Backends    []kernels.Backend // sets are spread over them: see Process; empty = Open("auto"), closed by Close
	Budget      kernels.Budget    // for all running sets together; Host 0 = no limit of its own, Device (of each device) 0 = the backend's limit, which Open sets to nine tenths of what is free
	Policy      Policy
	PolicyFor   func(Set) Policy // a set's own policy, as for the primary photo of a listing; called from the working goroutines; nil = Policy for all
	Seed        uint64
	Models      Models         // nil = none; the caller's to close, after the last Process (docs/models.md: how long models stay loaded)
	Concurrency int            // sets in work at once in ProcessAll; 0 = one per backend
	Progress    func(Progress) // called from the working goroutines; may be nil
	Hooks       Hooks          // for metrics and tracing; may all be nil
	Log         *slog.Logger   // nil = silent
}

// Progress is one step of one set's edit.
type Progress struct {
	Set      string
	Stage    string
	Index    int     // of the stage, from 0
	Stages   int     // how many there are
	Fraction float64 // of this stage, 0..1; 1 when it has ended
}

// Editor runs sets through stages. It is safe for concurrent use.
type Editor struct {
	cfg    Config
	own    bool
	places *places
}

// New checks the configuration and opens the default backend if none is given.
func New(cfg Config) (*Editor, error) {
	if int(cfg.Policy) >= len(policyNames) {
		return nil, Errorf(CodeBadOption, "config", "Policy: %v is not a policy", cfg.Policy)
	}
	if cfg.Concurrency < 0 || cfg.Budget.Host < 0 || cfg.Budget.Device < 0 {
		return nil, Errorf(CodeBadOption, "config", "Concurrency %d, Budget %+v: must not be negative", cfg.Concurrency, cfg.Budget)
	}
	e := &Editor{cfg: cfg}
	if len(cfg.Backends) == 0 {
		b, err := kernels.Open("auto")
		if err != nil {
			return nil, &Error{Code: CodeOf(err), Op: "open backend", Err: err}
		}
		e.cfg.Backends, e.own = []kernels.Backend{b}, true
	}
	if e.cfg.Concurrency == 0 {
		e.cfg.Concurrency = len(e.cfg.Backends)
	}
	if e.cfg.Log == nil {
		e.cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	var err error
	if e.places, err = newPlaces(e.cfg.Backends, cfg.Budget.Device); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// Close closes the backend that New opened, if it did.
func (e *Editor) Close() error {
	if e.own {
		return e.cfg.Backends[0].Close()
	}
	return nil
}

// flatten lists the leaves of a stage in running order.
func flatten(s Stage) []Stage {
	c, ok := s.(Composite)
	if !ok {
		return []Stage{s}
	}
	var all []Stage
	for _, k := range c.Stages() {
		all = append(all, flatten(k)...)
	}
	return all
}

// Process takes one set through a stage. The result is the caller's to Free. A panic
// in a stage becomes an error with CodeInternal; a stage that the policy refuses is
// left out with a finding.
//
// The set goes to the backend with the fewest sets at work, the first of equals. One whose device memory is less
// than the stages say they take (Sizer) is passed over. A set that a device's memory does not suffice for is done again there
// with less, where that can be: without other sets beside it, and with Frugal stages; else on another device,
// else on the processor, which is opened for that when it is not configured. A device that fails (CodeDeviceLost) gets no more sets, and
// its sets are done elsewhere. Findings say so: backend_too_small, backend_out_of_memory, backend_lost.
//
// The policy is Config.PolicyFor's for the set, else Config.Policy. A picture that holds changes which its policy forbids, because
// a stage did more than it declares (Alterer), is not delivered: CodePolicyRefused.
func (e *Editor) Process(ctx context.Context, s Stage, set Set) (done *Result, err error) {
	if len(set.Photos) == 0 || set.Reference < 0 || set.Reference >= len(set.Photos) {
		return nil, Errorf(CodeBadOption, "process", "set %q: %d photos, reference %d", set.ID, len(set.Photos), set.Reference)
	}
	policy := e.cfg.Policy
	if e.cfg.PolicyFor != nil {
		if policy = e.cfg.PolicyFor(set); int(policy) >= len(policyNames) {
			return nil, Errorf(CodeBadOption, "process", "set %q: PolicyFor: %v is not a policy", set.ID, policy)
		}
	}
	event, start := SetEvent{Set: set.ID, Route: s.Name(), Policy: policy}, time.Now()
	ctx = e.setStart(ctx, event)
	defer func() { e.setEnd(ctx, event, start, done, err) }()
	return e.process(ctx, s, set, policy)
}

// process is Process without its checks and hooks of the set.
func (e *Editor) process(ctx context.Context, s Stage, set Set, policy Policy) (*Result, error) {
	stages := flatten(s)
	spare, canSpare := frugal(stages)
	r := &request{need: footprint(stages, set), tried: map[*place]bool{}}
	var failed error
	for {
		at, err := e.places.enter(ctx, r)
		if at == nil {
			return nil, withSet(cmp.Or(err, failed), set.ID)
		}
		run := stages
		if r.alone {
			run = spare
		}
		var done *Result
		done, failed = e.attempt(ctx, at, s, run, set, policy, r.notes)
		company := e.places.leave(at, r)
		if failed == nil {
			return done, nil
		}
		if ctx.Err() != nil || !e.places.handOver(at, r, failed, company, canSpare) {
			return nil, withSet(failed, set.ID)
		}
		e.cfg.Log.Warn(r.notes[len(r.notes)-1].Message, "set", set.ID, "error", failed)
		e.retry(ctx, set.ID, r.notes[len(r.notes)-1])
	}
}

// attempt takes a set through the stages at one place.
func (e *Editor) attempt(ctx context.Context, at *place, s Stage, stages []Stage, set Set, policy Policy, notes []Finding) (*Result, error) {
	b := at.backend
	fb := &kernels.Fallbacks{}
	env := &Env{
		Backend: b, Ops: kernels.Complete(b, fb), Budget: e.cfg.Budget, Policy: policy,
		Seed: e.cfg.Seed, Models: e.cfg.Models, Log: e.cfg.Log.With("set", set.ID), fallbacks: fb, device: at.caps.Device, editor: e,
	}
	w := &Work{Set: set, Reference: set.Reference, Report: newReport(e, s, set, policy), found: e.finding(ctx, set.ID)}
	for _, f := range notes {
		w.Find(f)
	}
	err := func() error {
		for i, st := range stages {
			env.progress = func(stage string, f float64) {
				if e.cfg.Progress != nil {
					e.cfg.Progress(Progress{set.ID, stage, i, len(stages), f})
				}
			}
			if err := env.Run(ctx, st, w); err != nil {
				return err
			}
			env.Progress(st.Name(), 1)
		}
		if w.Image == nil {
			return &Error{Code: CodeBadWiring, Set: set.ID, Op: "process", Err: errors.New("no stage made a picture")}
		}
		return nil
	}()
	if err != nil {
		w.free()
		return nil, err
	}
	return newResult(w)
}

// withSet names the set in an error that does not name one.
func withSet(err error, id string) error {
	var e *Error
	if errors.As(err, &e) && e.Set == "" {
		e.Set = id
		return err
	}
	return err
}

// ProcessAll takes sets through a stage, Config.Concurrency at a time, and yields the
// outcomes in the order of the sets. One set's failure does not stop the others;
// ending the loop does. Results are the caller's to Free.
func (e *Editor) ProcessAll(ctx context.Context, s Stage, sets iter.Seq[Set]) iter.Seq2[*Result, error] {
	type outcome struct {
		r   *Result
		err error
	}
	return func(yield func(*Result, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		queue := make(chan chan outcome, e.cfg.Concurrency-1)
		go func() {
			defer close(queue)
			for set := range sets {
				c := make(chan outcome, 1)
				select {
				case queue <- c:
				case <-ctx.Done():
					return
				}
				go func() {
					r, err := e.Process(ctx, s, set)
					c <- outcome{r, err}
				}()
			}
		}()
		stopped := false
		for c := range queue {
			o := <-c
			if stopped {
				o.r.Free()
				continue
			}
			if !yield(o.r, o.err) {
				stopped = true
				cancel()
			}
		}
	}
}
