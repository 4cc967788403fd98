package realedit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// act is a stage made of a function that leaves the picture alone.
type act struct {
	name   string
	change Change
	needs  []Key
	scenes []SceneKind
	do     func(ctx context.Context, env *Env, w *Work) error
}

func (s act) Name() string   { return s.name }
func (s act) Recorded() any  { return nil }
func (s act) Alters() Change { return s.change }
func (s act) Needs() []Key   { return s.needs }
func (act) Gives() []Key     { return nil }
func (s act) Scenes() []SceneKind {
	if s.scenes == nil {
		return []SceneKind{SceneInterior, SceneExterior, SceneUnknown}
	}
	return s.scenes
}

func (s act) Apply(ctx context.Context, env *Env, w *Work) error {
	if s.do == nil {
		return nil
	}
	return s.do(ctx, env, w)
}

type acts []Stage

func (acts) Name() string      { return "acts" }
func (s acts) Stages() []Stage { return s }
func (s acts) Apply(ctx context.Context, env *Env, w *Work) error {
	return errors.New("the Editor looks inside")
}

type spanKey struct{}

// traced are hooks that write down what they are called with and hand on spans: each thing's names all that it lies in.
func traced(log *[]string) Hooks {
	say := func(format string, a ...any) { *log = append(*log, fmt.Sprintf(format, a...)) }
	within := func(ctx context.Context) string { s, _ := ctx.Value(spanKey{}).(string); return s }
	open := func(ctx context.Context, name string) context.Context {
		return context.WithValue(ctx, spanKey{}, within(ctx)+"/"+name)
	}
	return Hooks{
		SetStart: func(ctx context.Context, e SetEvent) context.Context {
			say("set %s %s %v", e.Set, e.Route, e.Policy)
			return open(ctx, e.Set)
		},
		SetEnd: func(ctx context.Context, e SetEvent) {
			say("set end %s report=%v err=%s", within(ctx), e.Report != nil, CodeOf(e.Err))
		},
		StageStart: func(ctx context.Context, e StageEvent) context.Context {
			say("stage %s/%s rung=%q", within(ctx), e.Stage, e.Rung)
			return open(ctx, e.Stage)
		},
		StageEnd: func(ctx context.Context, e StageEvent) {
			say("stage end %s timed=%v err=%s", within(ctx), e.Seconds > 0, CodeOf(e.Err))
		},
		Finding: func(ctx context.Context, set string, f Finding) { say("finding %s %s %s", within(ctx), set, f.Check) },
		Retry:   func(ctx context.Context, set string, why Finding) { say("retry %s %s", within(ctx), why.Check) },
	}
}

func TestHooksInOrder(t *testing.T) {
	var log []string
	seen := ""
	route := acts{
		doing{},
		act{name: "outer", do: func(ctx context.Context, env *Env, w *Work) error {
			w.Find(Finding{Check: "a"})
			inner := act{name: "inner", do: func(ctx context.Context, _ *Env, w *Work) error {
				seen, _ = ctx.Value(spanKey{}).(string)
				w.Find(Finding{Check: "b"})
				return nil
			}}
			if err := env.OnRung("top").Run(ctx, inner, w); err != nil {
				return err
			}
			w.Find(Finding{Check: "c"})
			w.Scene.Scene = SceneInterior
			return nil
		}},
		act{name: "outdoors", scenes: []SceneKind{SceneExterior}},
		act{name: "inventing", change: ChangeSynthesised},
		act{name: "masked", needs: []Key{MaskSky}},
		act{name: "last"},
	}
	e := editor(t, Config{Backends: []kernels.Backend{kerneltest.Host(t)}, Hooks: traced(&log)})
	r, err := e.Process(context.Background(), route, tiny(t, "a"))
	require.NoError(t, err)
	defer r.Free()
	require.Equal(t, []string{
		"set a acts corrected-only",
		`stage /a/doing rung=""`, "stage end /a/doing timed=true err=",
		`stage /a/outer rung=""`, "finding /a/outer a a",
		`stage /a/outer/inner rung="top"`, "finding /a/outer/inner a b", "stage end /a/outer/inner timed=true err=",
		"finding /a/outer a c", "stage end /a/outer timed=true err=",
		"finding /a a policy_refused", "finding /a a stage_skipped",
		`stage /a/last rung=""`, "stage end /a/last timed=true err=",
		"set end /a report=true err=",
	}, log)
	require.Equal(t, "/a/outer/inner", seen, "the stage works in its span")
	require.Equal(t, []string{"a", "b", "c", "policy_refused", "stage_skipped"}, checks(r))
	var names []string
	for _, s := range r.Report.Stages {
		names = append(names, s.Rung+":"+s.Name+s.LeftOut)
	}
	require.Equal(t, []string{":doing", "top:inner", ":outer", ":inventingpolicy_refused", ":maskedstage_skipped", ":last"}, names)

	// A device that fails, and a set that does.
	log = nil
	failing := acts{doing{do: func(_ context.Context, env *Env, w *Work) error {
		if env.Backend.Name() == "far:0" {
			return kernels.ErrDeviceLost
		}
		return errors.New("no")
	}}}
	e = editor(t, Config{Backends: devices(far(t, "far:0")), Hooks: traced(&log)})
	_, err = e.Process(context.Background(), failing, tiny(t, "b"))
	require.Equal(t, CodeInternal, CodeOf(err))
	require.Equal(t, []string{
		"set b acts corrected-only",
		`stage /b/doing rung=""`, "stage end /b/doing timed=true err=device_lost", "retry /b backend_lost",
		"finding /b b backend_lost", `stage /b/doing rung=""`, "stage end /b/doing timed=true err=internal",
		"set end /b report=false err=internal",
	}, log)
}

// Hooks that panic, and hooks that return no context, cost nobody a picture.
func TestHooksThatPanic(t *testing.T) {
	h := Hooks{
		SetStart:   func(context.Context, SetEvent) context.Context { panic(1) },
		SetEnd:     func(context.Context, SetEvent) { panic(2) },
		StageStart: func(context.Context, StageEvent) context.Context { return nil },
		StageEnd:   func(context.Context, StageEvent) { panic(3) },
		Finding:    func(context.Context, string, Finding) { panic(4) },
		Rung:       func(context.Context, RungEvent) { panic(5) },
		Retry:      func(context.Context, string, Finding) { panic(6) },
	}
	e := editor(t, Config{Backends: devices(far(t, "far:0")), Hooks: h})
	failed := false
	r, err := e.Process(context.Background(), acts{doing{do: func(ctx context.Context, env *Env, w *Work) error {
		w.Find(Finding{Check: "a"})
		env.Judged(ctx, w, "top", "")
		if !failed {
			failed = true
			return kernels.ErrDeviceLost
		}
		return nil
	}}}, tiny(t, "a"))
	require.NoError(t, err)
	require.Equal(t, []string{"backend_lost", "a"}, checks(r))
	r.Free()
}

// Neither the report nor the copy of it in the picture's file tells where photos, libraries and models lie on this machine.
func TestReportsHaveNoFolders(t *testing.T) {
	path, p := takenPhoto(t)
	t.Setenv("HOME", t.TempDir())
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	r := edited(t, stages{list: []Stage{asShot{}, saying{"open " + path + ": gone; " + filepath.Join(home, "lib", "libonnxruntime.so") + ": not there"}}}, p, CorrectedOnly)
	require.Equal(t, "open "+filepath.Base(path)+": gone; "+filepath.Join("~", "lib", "libonnxruntime.so")+": not there", r.Report.Findings[0].Message)
}

// saying is a stage that has something to say.
type saying struct{ text string }

func (saying) Name() string { return "host.saying" }
func (s saying) Apply(_ context.Context, _ *Env, w *Work) error {
	w.Find(Finding{Check: "host_says", Severity: Info, Message: s.text})
	return nil
}

// A stage that crops the picture and forgets the map: no result, since nothing could be proven of it.
func TestMapOfAnotherSize(t *testing.T) {
	_, p := takenPhoto(t)
	e, err := New(Config{Backends: []kernels.Backend{kerneltest.Host(t)}, Policy: AB723})
	require.NoError(t, err)
	for _, before := range []Stage{asShot{}, stages{list: []Stage{asShot{}, skied{Source: SkyPhysical}}}} {
		_, err = e.Process(context.Background(), stages{list: []Stage{before, marked{}, halved{}}}, Set{ID: "one", Photos: []*Photo{p}})
		require.Equal(t, CodeInternal, CodeOf(err))
		require.ErrorContains(t, err, "one: ")
	}
}

// marked is a stage that says that it changed tone.
type marked struct{}

func (marked) Name() string { return "host.marked" }
func (marked) Apply(_ context.Context, _ *Env, w *Work) (err error) {
	if w.Changes == nil {
		w.Changes, err = NewAlterationMap(w.Image.Width(), w.Image.Height())
	}
	return err
}
