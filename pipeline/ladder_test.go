package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/qc"
	"github.com/realedit/realedit/segment"
)

// sceneStand says what the scene is.
type sceneStand struct{ Is realedit.SceneKind }

func (sceneStand) Name() string          { return "test.scene" }
func (sceneStand) Needs() []realedit.Key { return nil }
func (sceneStand) Gives() []realedit.Key { return nil }
func (s sceneStand) Apply(_ context.Context, _ *realedit.Env, w *realedit.Work) error {
	w.Scene.Scene = s.Is
	return nil
}

// skyStand takes the upper third for sky, with a soft edge.
type skyStand struct{}

func (skyStand) Name() string                { return "test.sky" }
func (skyStand) Needs() []realedit.Key       { return []realedit.Key{realedit.KeyImage} }
func (skyStand) Gives() []realedit.Key       { return []realedit.Key{realedit.MaskSky} }
func (skyStand) Bytes(w, h int) (a, b int64) { return 0, kernels.ImageBytes(w, h, 1, kernels.U8) }
func (skyStand) Scenes() []realedit.SceneKind {
	return []realedit.SceneKind{realedit.SceneExterior, realedit.SceneUnknown}
}

func (skyStand) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	host, err := kernels.NewHostImage(nil, w.Image.Width(), w.Image.Height(), 1, kernels.U8)
	if err != nil {
		return err
	}
	defer host.Free()
	edge := host.Height() / 3
	for y := range host.Height() {
		row := host.RowU8(y)
		for x := range row {
			row[x] = uint8(max(0, min(255, 255+32*(edge-8-y))))
		}
	}
	m, err := env.NewImage(host.Width(), host.Height(), 1, kernels.U8)
	if err != nil {
		return err
	}
	w.SetMask(realedit.MaskSky, m)
	return env.Backend.Copy(ctx, m, host)
}

// replaceStand makes the sky blue. What it does beside is what ladders are for.
type replaceStand struct {
	As      string `json:"as,omitempty"`
	Change  realedit.Change
	Leak    int  // side of a square at 40 pixels from the left and two thirds down that it makes black and keeps quiet about
	Mirror  bool // it shows all of the picture the other way round and tells of it
	Fail    bool
	Panic   bool
	Nothing bool
}

func (r replaceStand) Name() string {
	if r.As != "" {
		return r.As
	}
	return "test.replace"
}

func (r replaceStand) Alters() realedit.Change {
	if r.Change == 0 {
		return realedit.ChangeComputed
	}
	return r.Change
}
func (replaceStand) Needs() []realedit.Key { return []realedit.Key{realedit.KeyImage} }
func (replaceStand) Uses() []realedit.Key  { return []realedit.Key{realedit.MaskSky} }
func (replaceStand) Gives() []realedit.Key { return []realedit.Key{realedit.KeyImage} }
func (replaceStand) Scenes() []realedit.SceneKind {
	return []realedit.SceneKind{realedit.SceneExterior}
}
func (replaceStand) Bytes(w, h int) (a, b int64) {
	return 0, 2 * kernels.ImageBytes(w, h, 3, kernels.U16)
}

func (r replaceStand) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	w.Find(realedit.Finding{Check: realedit.CheckSkyReplaced, Severity: realedit.Info})
	w.Report.Measures["sky"]++
	mask := w.Masks[realedit.MaskSky]
	if mask == nil || r.Nothing {
		return nil
	}
	blue, err := kernels.NewHostImage(nil, w.Image.Width(), w.Image.Height(), 3, kernels.U16)
	if err != nil {
		return err
	}
	for y := range blue.Height() {
		for i := range blue.RowU16(y) {
			blue.RowU16(y)[i] = [3]uint16{20000, 35000, 60000}[i%3]
		}
	}
	new, err := env.NewImage(blue.Width(), blue.Height(), 3, kernels.U16)
	if err != nil {
		return err
	}
	far, err := env.NewImage(blue.Width(), blue.Height(), 3, kernels.U16)
	if err != nil {
		new.Free()
		return err
	}
	defer far.Free()
	err = errors.Join(env.Backend.Copy(ctx, far, blue), env.Ops.Blend(new, w.Image, far, mask))
	blue.Free()
	w.Unaltered = w.Image
	w.SetImage(new)
	if err != nil {
		return err
	}
	host, free, err := kernels.ToHost(ctx, env.Backend, mask)
	if err != nil {
		return err
	}
	defer free()
	if err := w.Changes.Mark(host, realedit.ChangeComputed); err != nil {
		return err
	}
	switch {
	case r.Fail:
		return errors.New("no such sky")
	case r.Panic:
		panic("no such sky")
	case r.Leak > 0, r.Mirror:
		pic, free, err := kernels.ToHost(ctx, env.Backend, w.Image)
		if err != nil {
			return err
		}
		defer free()
		for y := range pic.Height() {
			row := pic.RowU16(y)
			if r.Mirror {
				slices.Reverse(row)
				continue
			}
			for i := range row {
				if x := i / 3; x >= 40 && x < 40+r.Leak && y >= pic.Height()*2/3 && y < pic.Height()*2/3+r.Leak {
					row[i] = 0
				}
			}
		}
		if r.Mirror {
			w.Changes.MarkAll(realedit.ChangeLocked)
		}
		return env.Backend.Copy(ctx, w.Image, pic)
	}
	return nil
}

// rungsOf are a stage in full and half of it.
func rungsOf(s realedit.Stage) []Rung {
	return []Rung{{Name: "sky", Stages: []realedit.Stage{s}}, {Name: "sky-half", Strength: 0.5}}
}

// standing is a route with the stands.
func standing(t testing.TB, is realedit.SceneKind, replace realedit.Stage) *Pipeline {
	p, err := full("auto", realedit.SceneUnknown, parts{scene: func(realedit.SceneKind) realedit.Stage { return sceneStand{is} }, sky: skyStand{}, rungs: rungsOf(replace)}, nil)
	require.NoError(t, err)
	return p
}

func ran(r *realedit.Report) (names []string) {
	for _, s := range r.Stages {
		switch {
		case s.LeftOut != "":
		case s.Rung != "":
			names = append(names, s.Rung+"/"+s.Name)
		default:
			names = append(names, s.Name)
		}
	}
	return names
}

func severe(r *realedit.Report, check string) (found []realedit.Finding) {
	for _, f := range r.Findings {
		if f.Check == check {
			found = append(found, f)
		}
	}
	return found
}

// picture are a result's samples on the host.
func picture(t testing.TB, m *kernels.Image) []byte {
	var owner kernels.Backend = kerneltest.Host(t)
	if !m.OnHost() {
		owner = m.Memory().Owner
	}
	host, free, err := kernels.ToHost(context.Background(), owner, m)
	require.NoError(t, err)
	defer free()
	var all []byte
	for y := range host.Height() {
		all = append(all, host.Row(y)...)
	}
	return all
}

// exact holds that what is neither computed nor synthesised is the deterministic picture's, bit by bit, and returns the share that is.
func exact(t testing.TB, r *realedit.Result, want []byte) float64 {
	t.Helper()
	got, w := picture(t, r.Image), r.Image.Width()
	altered := 0
	for y := range r.Image.Height() {
		for x, c := range r.Changes.Map.RowU8(y) {
			i := 6 * (y*w + x)
			if realedit.Change(c) >= realedit.ChangeComputed {
				altered++
			} else if !bytes.Equal(got[i:i+6], want[i:i+6]) {
				t.Fatalf("(%d, %d) differs", x, y)
			}
		}
	}
	return float64(altered) / float64(w*r.Image.Height())
}

// A scene takes its own way through the one list; what has no place in it is not done.
func TestRouteOfEachScene(t *testing.T) {
	set := scaled(t, byName(t)["DSC00126"], 0.2)
	before, after := []string{"hdr.align", "hdr.merge", "test.scene"}, []string{"classical/qc", "ladder"}
	for is, middle := range map[realedit.SceneKind][]string{
		realedit.SceneInterior: {"segment.windows", "hdr.windowpull", "hdr.tone"},
		realedit.SceneExterior: {"test.sky", "hdr.tone", "sky/test.replace"},
		realedit.SceneUnknown:  {"segment.windows", "hdr.windowpull", "test.sky", "hdr.tone"},
	} {
		end := after
		if is == realedit.SceneExterior {
			end = []string{"sky/qc", "classical/qc", "ladder"}
		}
		r, _ := edited(t, on(kerneltest.Host(t)), realedit.AB723, standing(t, is, replaceStand{}), set)
		require.Equal(t, slices.Concat(before, middle, end), ran(r.Report), "%v", is)
		r.Free()
	}
	stand := parts{scene: func(k realedit.SceneKind) realedit.Stage { return sceneStand{k} }, sky: skyStand{}, rungs: rungsOf(replaceStand{})}
	for known, want := range map[realedit.SceneKind][]string{
		realedit.SceneInterior: {"hdr.align", "hdr.merge", "test.scene", "segment.windows", "hdr.windowpull", "hdr.tone", "qc"},
		realedit.SceneExterior: {"hdr.align", "hdr.merge", "test.scene", "test.sky", "hdr.tone", "ladder"},
	} {
		p, err := full(string(known), known, stand, nil)
		require.NoError(t, err)
		var names []string
		for _, s := range p.Stages() {
			names = append(names, s.Name())
		}
		require.Equal(t, want, names)
	}
}

func edited(t testing.TB, c realedit.Config, policy realedit.Policy, p *Pipeline, set realedit.Set) (*realedit.Result, []byte) {
	t.Helper()
	c.Policy = policy
	e, err := realedit.New(c)
	require.NoError(t, err)
	r, err := e.Process(context.Background(), p, set)
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, r.Encode(&file, &realedit.ExportOptions{Format: realedit.PNG}))
	return r, file.Bytes()
}

// Every way down the ladder, on the host and off it: which rung passes, what the report says, and that all but the altered pixels are
// the deterministic picture's.
func TestLadder(t *testing.T) {
	set := scaled(t, byName(t)["DSC00126"], 0.4)
	plain, _ := edited(t, on(kerneltest.Host(t)), realedit.AB723, standing(t, realedit.SceneUnknown, replaceStand{}), set)
	want := picture(t, plain.Image)
	defer plain.Free()
	for name, c := range map[string]struct {
		policy  realedit.Policy
		replace replaceStand
		rung    string
		failed  int // rungs
		class   realedit.Class
		checks  []string
		stages  []string
	}{
		"passes":         {realedit.AB723, replaceStand{}, "sky", 0, realedit.Altered, []string{"sky_replaced"}, []string{"sky/test.replace", "sky/qc", "classical/qc"}},
		"small leak":     {realedit.AB723, replaceStand{Leak: 5}, "rollback", 2, realedit.Altered, []string{"rung_failed", "rung_failed", "sky_replaced"}, []string{"sky/test.replace", "sky/qc", "classical/qc", "sky-half/qc", "rollback/qc", "classical/qc"}},
		"mirrored":       {realedit.AB723, replaceStand{Mirror: true}, "classical", 0, realedit.Corrected, nil, nil},
		"fails":          {realedit.AB723, replaceStand{Fail: true}, "classical", 1, realedit.Corrected, []string{"rung_failed"}, []string{"classical/qc"}},
		"panics":         {realedit.AB723, replaceStand{Panic: true}, "classical", 1, realedit.Corrected, []string{"rung_failed"}, []string{"classical/qc"}},
		"keeps":          {realedit.AB723, replaceStand{Nothing: true}, "classical", 0, realedit.Corrected, []string{"sky_replaced"}, []string{"sky/test.replace", "classical/qc"}},
		"refused":        {realedit.CorrectedOnly, replaceStand{}, "classical", 0, realedit.Corrected, []string{"policy_refused"}, []string{"classical/qc"}},
		"not to primary": {realedit.Primary, replaceStand{}, "classical", 0, realedit.Corrected, []string{"policy_refused"}, []string{"classical/qc"}},
		"strict":         {realedit.MLSStrict, replaceStand{Change: realedit.ChangeSynthesised}, "classical", 0, realedit.Corrected, []string{"policy_refused"}, []string{"classical/qc"}},
		"strict allows":  {realedit.MLSStrict, replaceStand{}, "sky", 0, realedit.Altered, []string{"sky_replaced"}, []string{"sky/test.replace", "sky/qc", "classical/qc"}},
	} {
		var files [][]byte
		for _, far := range []bool{false, true} {
			var b kernels.Backend = kerneltest.Host(t)
			var off *offhost.Backend
			if far {
				off = offhost.New(b, "far:0", 1<<40)
				b = off
			}
			var rungs []string
			cfg := on(b)
			cfg.Hooks.Rung = func(_ context.Context, e realedit.RungEvent) {
				rungs = append(rungs, fmt.Sprintf("%s %v", e.Rung, e.Passed))
			}
			p := standing(t, realedit.SceneExterior, c.replace)
			r, file := edited(t, cfg, c.policy, p, set)
			files = append(files, file)
			require.Equal(t, c.rung, r.Report.Rung, "%s: %+v", name, r.Report.Findings)
			require.Equal(t, c.class, r.Report.Class, name)
			require.Equal(t, c.rung+" true", rungs[len(rungs)-1], name)
			if !c.replace.Mirror {
				require.Len(t, severe(r.Report, "rung_failed"), c.failed, name)
				require.Len(t, rungs, c.failed+1, name)
				var own []string
				for _, f := range r.Report.Findings {
					if f.Check[:3] != "qc_" && f.Check[:3] != "win" {
						own = append(own, f.Check)
					}
				}
				require.Equal(t, c.checks, own, name)
				stages := ran(r.Report)
				at := slices.Index(stages, "hdr.tone") + 1
				require.Equal(t, append(c.stages, "ladder"), stages[at:], name)
			}
			share := exact(t, r, want)
			switch c.class {
			case realedit.Altered:
				require.Equal(t, want, picture(t, r.Unaltered), name)
				require.InDelta(t, 1./3, share, 0.03, name)
				require.NotZero(t, r.Report.Measures["sky"])
			default:
				require.Nil(t, r.Unaltered)
				require.Equal(t, want, picture(t, r.Image), name)
			}
			if c.rung == "rollback" {
				require.Equal(t, realedit.ChangeTone, realedit.Change(r.Changes.Map.RowU8(r.Image.Height() * 2 / 3)[42]))
			}
			r.Free()
			if far {
				used, _ := off.Memory()
				require.Zero(t, used, name)
				if c.policy == realedit.AB723 {
					covers(t, set, p, off.Caps().Peak)
				}
			}
		}
		require.Equal(t, files[0], files[1], name)
	}
}

// A more careful form of a rung is tried where that one failed, and nowhere else.
func TestRetryOfARung(t *testing.T) {
	set := scaled(t, byName(t)["DSC00126"], 0.2)
	for _, c := range []struct {
		policy realedit.Policy
		first  replaceStand
		stages []string
		rung   string
	}{
		{realedit.AB723, replaceStand{}, []string{"sky/test.replace"}, "sky"},
		{realedit.AB723, replaceStand{Nothing: true}, []string{"sky/test.replace"}, "classical"},
		{realedit.AB723, replaceStand{Fail: true}, []string{"sky/test.replace", "careful/test.replace"}, "careful"},
		{realedit.AB723, replaceStand{Mirror: true}, []string{"sky/test.replace", "careful/test.replace"}, "careful"},
		{realedit.CorrectedOnly, replaceStand{}, nil, "classical"},
	} {
		p, err := full("auto", realedit.SceneUnknown, parts{scene: func(realedit.SceneKind) realedit.Stage { return sceneStand{realedit.SceneExterior} }, sky: skyStand{},
			rungs: []Rung{{Name: "sky", Stages: []realedit.Stage{c.first}}, {Name: "careful", Stages: []realedit.Stage{replaceStand{}}, Retry: true}}}, nil)
		require.NoError(t, err)
		r, _ := edited(t, on(kerneltest.Host(t)), c.policy, p, set)
		var stages []string
		for _, s := range ran(r.Report) {
			if strings.HasSuffix(s, "/test.replace") {
				stages = append(stages, s)
			}
		}
		if c.first.Fail {
			c.stages = c.stages[1:]
		}
		require.Equal(t, c.stages, stages)
		require.Equal(t, c.rung, r.Report.Rung)
		r.Free()
	}
}

// What hooks hear of a ladder, in order.
func TestHooksOfALadder(t *testing.T) {
	var log []string
	c := on(kerneltest.Host(t))
	c.Hooks.StageStart = func(_ context.Context, e realedit.StageEvent) context.Context {
		log = append(log, fmt.Sprintf("%s/%s", e.Rung, e.Stage))
		return nil
	}
	c.Hooks.StageEnd = func(_ context.Context, e realedit.StageEvent) {
		log = append(log, fmt.Sprintf("%s/%s ends %s", e.Rung, e.Stage, realedit.CodeOf(e.Err)))
	}
	c.Hooks.Finding = func(_ context.Context, _ string, f realedit.Finding) { log = append(log, f.Check) }
	c.Hooks.Rung = func(_ context.Context, e realedit.RungEvent) {
		log = append(log, fmt.Sprintf("%s: %v", e.Rung, e.Passed))
	}
	r, _ := edited(t, c, realedit.AB723, standing(t, realedit.SceneExterior, replaceStand{Fail: true}), scaled(t, byName(t)["DSC00126"], 0.2))
	defer r.Free()
	require.Equal(t, []string{
		"/ladder", "sky/test.replace", "sky_replaced", "sky/test.replace ends internal", "sky: false",
		"classical/qc", "classical/qc ends ", "rung_failed", "classical: true", "qc_cast", "/ladder ends ",
	}, log[slices.Index(log, "/ladder"):])
}

// A deterministic picture that cannot be delivered is a failed set, whatever the rungs did.
func TestLadderEndsInAnError(t *testing.T) {
	set := scaled(t, byName(t)["DSC00126"], 0.2)
	p := standing(t, realedit.SceneExterior, replaceStand{})
	p, err := p.After("hdr.tone", spoiled{})
	require.NoError(t, err)
	b := offhost.New(kerneltest.Host(t), "far:0", 1<<40)
	c := on(b)
	c.Policy = realedit.AB723
	e, err := realedit.New(c)
	require.NoError(t, err)
	_, err = e.Process(context.Background(), p, set)
	require.Equal(t, realedit.CodeQCFailed, realedit.CodeOf(err))
	used, _ := b.Memory()
	require.Zero(t, used)
}

// spoiled makes the picture black.
type spoiled struct{}

func (spoiled) Name() string { return "test.spoiled" }
func (spoiled) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	host, err := kernels.NewHostImage(nil, w.Image.Width(), w.Image.Height(), 3, kernels.U16)
	if err != nil {
		return err
	}
	defer host.Free()
	for y := range host.Height() {
		clear(host.RowU16(y))
	}
	m, err := env.NewImage(host.Width(), host.Height(), 3, kernels.U16)
	if err != nil {
		return err
	}
	w.SetImage(m)
	return env.Backend.Copy(ctx, m, host)
}

// No memory is left behind wherever a set is cancelled while it is on the ladder.
func TestLadderCleansUp(t *testing.T) {
	set := scaled(t, byName(t)["DSC00126"], 0.2)
	p := standing(t, realedit.SceneExterior, replaceStand{Leak: 5})
	for n := 1; ; n++ {
		b := offhost.New(kerneltest.Host(t), "far:0", 1<<40)
		c, calls := on(b), 0
		c.Policy = realedit.AB723
		ctx, cancel := context.WithCancel(context.Background())
		c.Hooks.StageStart = func(ctx context.Context, e realedit.StageEvent) context.Context {
			if calls++; calls == n {
				cancel()
			}
			return nil
		}
		e, err := realedit.New(c)
		require.NoError(t, err)
		r, err := e.Process(ctx, p, set)
		cancel()
		done := err == nil
		if !done {
			require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err), "at %d", n)
		}
		r.Free()
		used, _ := b.Memory()
		require.Zero(t, used, "at %d", n)
		if done {
			require.Greater(t, n, 8)
			return
		}
	}
}

func TestLadderWiring(t *testing.T) {
	ok := Rung{Name: "a", Stages: []realedit.Stage{replaceStand{}}}
	for name, c := range map[string]struct {
		rungs []Rung
		code  realedit.Code
	}{
		"one":                 {[]Rung{ok}, ""},
		"none":                {nil, ""},
		"same stage, weaker":  {[]Rung{ok, {Name: "b", Stages: []realedit.Stage{replaceStand{Leak: 1}}}}, ""},
		"two of a name":       {[]Rung{ok, ok}, realedit.CodeBadWiring},
		"reserved":            {[]Rung{{Name: "rollback", Stages: ok.Stages}}, realedit.CodeBadWiring},
		"nothing to weaken":   {[]Rung{{Name: "a", Strength: 0.5}}, realedit.CodeBadWiring},
		"not weaker":          {[]Rung{ok, {Name: "b"}}, realedit.CodeBadOption},
		"not weaker than b":   {[]Rung{ok, {Name: "b", Strength: 0.3}, {Name: "c", Strength: 0.3}}, realedit.CodeBadOption},
		"as weak as b":        {[]Rung{ok, {Name: "b", Strength: 0.3}, {Name: "c", Strength: 0.2995}}, realedit.CodeBadOption},
		"nothing of it":       {[]Rung{ok, {Name: "b", Strength: 0.001}}, realedit.CodeBadOption},
		"stronger than there": {[]Rung{{Name: "a", Stages: ok.Stages, Strength: 1.5}}, realedit.CodeBadOption},
		"nil":                 {[]Rung{{Name: "a", Stages: []realedit.Stage{nil}}}, realedit.CodeBadWiring},
		"needs":               {[]Rung{{Name: "a", Stages: []realedit.Stage{needy{}}}}, realedit.CodeBadWiring},
		"taken":               {[]Rung{{Name: "a", Stages: []realedit.Stage{hdr.Tone{}}}}, realedit.CodeBadWiring},
	} {
		_, err := New("x", hdr.Align{}, hdr.Merge{}, hdr.Tone{}, Ladder{Rungs: c.rungs})
		require.Equal(t, c.code, realedit.CodeOf(err), name)
	}
	// What a stage can do without must not come after it.
	_, err := New("x", hdr.Align{}, hdr.Merge{}, Ladder{Rungs: []Rung{ok}}, skyStand{})
	require.Equal(t, realedit.CodeBadWiring, realedit.CodeOf(err))

	p := standing(t, realedit.SceneExterior, replaceStand{})
	q, err := p.Replace("test.replace", replaceStand{Leak: 3})
	require.NoError(t, err)
	last := func(p *Pipeline) realedit.Stage { return p.Stages()[len(p.Stages())-1] }
	require.Equal(t, replaceStand{Leak: 3}, last(q).(Ladder).Rungs[0].Stages[0])
	require.Equal(t, replaceStand{}, last(p).(Ladder).Rungs[0].Stages[0], "the old one is as it was")
	q, err = p.Replace("qc", qc.Gate{Limits: qc.Limits{DetailKept: 0.5}})
	require.NoError(t, err)
	require.Equal(t, 0.5, last(q).(Ladder).Judge.(qc.Gate).Limits.DetailKept)
	_, err = p.Replace("qc", skyStand{})
	require.Equal(t, realedit.CodeBadWiring, realedit.CodeOf(err))
	q, err = p.Without("qc")
	require.NoError(t, err)
	require.True(t, last(q).(Ladder).Unjudged)
	q, err = q.Without("test.replace")
	require.NoError(t, err)
	require.Equal(t, "hdr.tone", last(q).Name())
	q, err = p.Without("test.replace")
	require.NoError(t, err)
	require.Empty(t, last(q).(Ladder).Rungs)
	q, err = p.Before("qc", needless{})
	require.NoError(t, err)
	require.Equal(t, "test.needless", q.Stages()[len(q.Stages())-2].Name())
	q, err = p.After("test.replace", needless{})
	require.NoError(t, err)
	require.Equal(t, "test.needless", last(q).Name())
}

type needless struct{}

func (needless) Name() string                                               { return "test.needless" }
func (needless) Apply(context.Context, *realedit.Env, *realedit.Work) error { return nil }

type needy struct{ needless }

func (needy) Name() string          { return "test.needy" }
func (needy) Needs() []realedit.Key { return []realedit.Key{"depth"} }
func (needy) Gives() []realedit.Key { return nil }

// Recorded options make the same stages again, each of the library's.
func TestRecordedStages(t *testing.T) {
	set, azimuth := realedit.Set{ID: "x"}, 181.25
	shared := &hdr.Shared{Light: [3]float64{1.1, 1. / 3, 0.7}, CCT: 2701.3, Confidence: 0.35, Seen: []float64{-0.123456789}, Bound: true, Level: -3.25, Luma: -0.01}
	sky := segment.ReplaceSky{Source: segment.SkyPhysical, Force: true, Mirror: true, Bound: -1, Turbidity: 3, Clouds: 0.5,
		Plan: &segment.SkyPlan{Elevation: 31.7, Azimuth: &azimuth, From: segment.SunFromDefault, Seed: 1<<63 + 1}}
	full := map[string][]realedit.Stage{
		"hdr.align":          {hdr.Align{Off: true}},
		"hdr.merge":          {hdr.Merge{Method: kernels.FuseMertens, Deghost: -1}},
		"hdr.windowpull":     {hdr.WindowPull{MinGain: 3}},
		"hdr.tone":           {hdr.Tone{Key: 0.5, MaxExposure: 1, Shadows: -1, Detail: 0.2, WhiteBalance: 0.1, Shared: shared}},
		"segment.scene":      {segment.Scene{Known: realedit.SceneExterior}},
		"segment.sky":        {segment.Sky{Force: true}},
		"segment.replacesky": {sky},
		"qc":                 {qc.Gate{Limits: qc.Limits{DetailKept: 0.5, LeakPixels: -1}, Borders: qc.Borders{X: []int{5}, Y: []int{7, 9}}}},
		"ladder":             {Ladder{Unjudged: true}, Ladder{Rungs: []Rung{{Name: "a", Stages: []realedit.Stage{hdr.Tone{Key: 0.4}, sky}}, {Name: "b", Strength: 0.25, Retry: true}}, Judge: qc.Gate{Limits: qc.Limits{DetailKept: 0.5}}}},
	}
	for _, name := range Registered() {
		zero, err := (Assets{}).fromRecord(record{Name: name})
		require.NoError(t, err)
		for _, s := range append(full[name], zero) {
			text, err := json.Marshal(realedit.Recorded(s, set))
			require.NoError(t, err)
			got, err := (Assets{}).fromRecord(record{name, json.RawMessage(text)})
			require.NoError(t, err, "%s", text)
			require.Equal(t, s, got, "%s", text)
		}
		_, err = (Assets{}).fromRecord(record{name, json.RawMessage(`{"nonsense": 1}`)})
		require.Equal(t, realedit.CodeNotReplayable, realedit.CodeOf(err), name)
	}
}
