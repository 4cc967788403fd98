package qc

import (
	"context"
	"image"
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

func work(frames []realedit.Frame, m *kernels.Image) *realedit.Work {
	return &realedit.Work{Frames: frames, Image: m, Report: &realedit.Report{Measures: map[string]float64{}}}
}

func TestGate(t *testing.T) {
	env := testEnv(t)
	frames := bracket(t, plainRoom(), 0)
	pic := frames[0].Image
	apply := func(m *kernels.Image) (*realedit.Work, error) {
		w := work(frames, m)
		return w, Gate{}.Apply(context.Background(), env, w)
	}
	w, err := apply(toned(t, env, pic, tone{ev: 0.5}))
	if err != nil || len(w.Report.Findings) > 0 || w.Report.Measures["qc_structure_mean"] < 0.9 {
		t.Errorf("clean: %v, %v, %v", err, w.Report.Findings, w.Report.Measures)
	}
	// A blur can be delivered, with its warning and where it is.
	w, err = apply(blurred(t, pic, allOf, 1))
	if err != nil || len(w.Report.Findings) == 0 {
		t.Fatalf("blurred: %v, %v", err, w.Report.Findings)
	}
	for _, f := range w.Report.Findings {
		if f.Severity != realedit.Warning || f.Check == "qc_detail" && f.Region == nil {
			t.Errorf("blurred: %+v", f)
		}
	}
	// A black picture cannot.
	w, err = apply(each8(t, pic, func(x, y, c int, v float64) float64 { return 0 }))
	if realedit.CodeOf(err) != realedit.CodeQCFailed || w.Report.Findings[0].Severity != realedit.Failure {
		t.Errorf("black: %v, %v", err, w.Report.Findings)
	}
	// Limits are the caller's: a gate that minds no blur.
	w = work(frames, blurred(t, pic, allOf, 1))
	if err := (Gate{Limits: Limits{DetailKept: -1}}).Apply(context.Background(), env, w); err != nil {
		t.Fatal(err)
	}
	for _, f := range w.Report.Findings {
		if f.Check == "qc_detail" {
			t.Errorf("switched off: %+v", f)
		}
	}
}

// An altered picture is judged where it is not altered: a new upper third is no finding, one changed pixel under it is, and so is the new third where the map
// does not own up to it.
func TestGateOfAnAlteredPicture(t *testing.T) {
	env := testEnv(t)
	frames := bracket(t, plainRoom(), 0)
	unaltered := toned(t, env, frames[0].Image, tone{ev: 0.3})
	altered := copyOf(t, unaltered)
	changes, err := realedit.NewAlterationMap(altered.Width(), altered.Height())
	if err != nil {
		t.Fatal(err)
	}
	for y := range altered.Height() / 3 {
		row := altered.Row(y)
		for i := range row {
			row[i] = uint8(60 + (i/30+y/20)%5*35) // blocks of colour: edges, structure and levels that no photo has
		}
		mark := changes.Map.RowU8(y)
		for x := range mark {
			mark[x] = uint8(realedit.ChangeComputed)
		}
	}
	check := func(what string, m *kernels.Image, c *realedit.AlterationMap, want ...string) {
		t.Helper()
		w := work(frames, m)
		w.Changes, w.Unaltered = c, unaltered
		leaks := slices.Contains(want, "qc_leak")
		if err := (Gate{}).Apply(context.Background(), env, w); leaks != (realedit.CodeOf(err) == realedit.CodeQCFailed) || !leaks && err != nil {
			t.Fatal(what, err) // what is promised to be exact is not delivered when it is not
		}
		found := map[string]bool{}
		for _, f := range w.Report.Findings {
			found[f.Check] = true
		}
		for _, k := range want {
			if !found[k] {
				t.Errorf("%s: no %s in %v", what, k, w.Report.Findings)
			}
		}
		if len(want) == 0 && len(found) > 0 {
			t.Errorf("%s: %v", what, w.Report.Findings)
		}
		if n := w.Report.Measures["qc_leak_pixels"]; len(want) == 0 && n != 0 || what == "one pixel" && n != 1 {
			t.Errorf("%s: %v pixels leak", what, n)
		}
	}
	check("altered", altered, changes)
	leaky := copyOf(t, altered)
	leaky.Row(altered.Height() / 2)[300] ^= 1
	check("one pixel", leaky, changes, "qc_leak")
	check("no map", altered, nil, "qc_leak", "qc_edges")
	if _, err := CompareFrames(context.Background(), env, altered, frames, &Options{Unaltered: altered.SubImage(image.Rect(0, 0, 9, 9))}); realedit.CodeOf(err) != realedit.CodeBadOption {
		t.Errorf("unaltered of another size: %v", err)
	}
}

func TestBadArguments(t *testing.T) {
	env := testEnv(t)
	m := copyOf(t, bracket(t, room{w: 64, h: 48, light: [3]float64{1, 1, 1}}, 0)[0].Image)
	grey, _ := kernels.NewHostImage(nil, 64, 48, 1, kernels.U8)
	ctx := context.Background()
	small, _ := realedit.NewAlterationMap(8, 8)
	for name, f := range map[string]func() error{
		"nil":     func() error { _, err := Compare(ctx, env, nil, m, nil); return err },
		"no want": func() error { _, err := Compare(ctx, env, m, nil, nil); return err },
		"grey":    func() error { _, err := Compare(ctx, env, grey, m, nil); return err },
		"none":    func() error { _, err := CompareFrames(ctx, env, m, nil, nil); return err },
		"map":     func() error { _, err := Compare(ctx, env, m, m, &Options{Changes: small}); return err },
		"NaN": func() error {
			_, err := Compare(ctx, env, m, m, &Options{Limits: Limits{DeltaEMax: math.NaN()}})
			return err
		},
		"sizes": func() error {
			_, err := CompareFrames(ctx, env, m, []realedit.Frame{{Image: m}, {Image: m.SubImage(image.Rect(0, 0, 9, 9))}}, nil)
			return err
		},
	} {
		if err := f(); realedit.CodeOf(err) != realedit.CodeBadOption {
			t.Errorf("%s: %v", name, err)
		}
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Compare(done, env, m, m, nil); realedit.CodeOf(err) != realedit.CodeCancelled {
		t.Errorf("cancelled: %v", err)
	}
}

// TestAnySize holds pictures of any size against themselves.
func TestAnySize(t *testing.T) {
	env := testEnv(t)
	big := bracket(t, room{w: 200, h: 150, light: [3]float64{1, 1, 1}}, 0)[0].Image
	for _, s := range []image.Point{{1, 1}, {1, 90}, {7, 5}, {15, 16}, {33, 17}, {63, 65}, {200, 3}, {131, 77}} {
		m := big.SubImage(image.Rect(20, 20, 20+s.X, 20+s.Y))
		if m.Width() != s.X || m.Height() != s.Y {
			m = copyOf(t, big.SubImage(image.Rect(0, 0, s.X, s.Y)))
		}
		for _, o := range []*Options{nil, {Tone: true, Borders: Borders{X: []int{0, 3, 10, 999}, Y: []int{-4, 9}}}} {
			v, err := Compare(context.Background(), env, m, m, o)
			if err != nil {
				t.Fatal(s, err)
			}
			for _, c := range v.Failed() {
				if c != Empty { // a few pixels may well be all one colour
					t.Errorf("%v: %s", s, c)
				}
			}
		}
	}
}

// TestThreads: the verdict is the same for any number of processors.
func TestThreads(t *testing.T) {
	env := testEnv(t)
	frames := bracket(t, plainRoom(), -2, 0)
	got := moved(t, toned(t, env, frames[1].Image, tone{ev: 0.4}), image.Rect(300, 100, 640, 480), 1, 0)
	var first *Verdict
	old := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(old)
	for _, n := range []int{1, 2, 3} {
		runtime.GOMAXPROCS(n)
		v, err := CompareFrames(context.Background(), env, got, frames, &Options{Borders: borders})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = v
		} else if !reflect.DeepEqual(first, v) {
			t.Errorf("%d processors: another verdict", n)
		}
	}
}

// TestTable: docs/qc.md holds the table of limits as the code has it.
func TestTable(t *testing.T) {
	doc, err := os.ReadFile("../docs/qc.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(Limits{}.Table()), "\n")
	if len(rows) != reflect.TypeFor[Limits]().NumField() {
		t.Fatal(len(rows), "rows")
	}
	for _, r := range rows {
		if !strings.Contains(string(doc), "\n"+r) {
			t.Errorf("docs/qc.md lacks\n%s", r)
		}
	}
	if n := strings.Count(string(doc), "| ≤ ") + strings.Count(string(doc), "| ≥ "); n != len(rows) {
		t.Errorf("docs/qc.md has %d rows, the code %d", n, len(rows))
	}
}

// BenchmarkGate is the gate on a bracket of five at 45 MP.
func BenchmarkGate(b *testing.B) {
	env := testEnv(b)
	small := bracket(b, room{w: 1024, h: 683, clock: true, light: [3]float64{1, 1, 1}}, -4, -2, 0, 2, 4)
	var frames []realedit.Frame
	for _, f := range small {
		m, err := env.NewImage(8192, 5464, 3, kernels.U8)
		if err != nil {
			b.Fatal(err)
		}
		if err := env.Ops.Resize(m, f.Image); err != nil {
			b.Fatal(err)
		}
		frames = append(frames, realedit.Frame{Image: m, EV: f.EV})
	}
	changes, err := realedit.NewAlterationMap(8192, 5464)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := CompareFrames(context.Background(), env, frames[2].Image, frames, &Options{Changes: changes}); err != nil {
			b.Fatal(err)
		}
	}
}

// An altered picture is delivered only when every pixel outside its map is the deterministic picture's.
func TestGateHoldsAlteredPicturesToTheOnesBefore(t *testing.T) {
	env := testEnv(t)
	frames := bracket(t, plainRoom(), 0)
	before := frames[0].Image
	apply := func(leak bool, kept *kernels.Image) (*realedit.Work, error) {
		m := copyOf(t, before)
		changes, err := realedit.NewAlterationMap(m.Width(), m.Height())
		if err != nil {
			t.Fatal(err)
		}
		for y := range 40 {
			for x := range 50 {
				changes.Map.RowU8(y)[x] = uint8(realedit.ChangeComputed)
				m.Row(y)[3*x*m.Format().Size()] ^= 1
			}
		}
		if leak {
			m.Row(m.Height() - 1)[(3*m.Width()-1)*m.Format().Size()] ^= 1
		}
		w := work(frames, m)
		w.Changes, w.Unaltered = changes, kept
		return w, Gate{}.Apply(context.Background(), env, w)
	}
	w, err := apply(false, before)
	if v, ok := w.Report.Measures["qc_leak_pixels"]; err != nil || !ok || v != 0 {
		t.Errorf("clean: %v, leak %v %v", err, v, ok)
	}
	w, err = apply(true, before)
	if realedit.CodeOf(err) != realedit.CodeQCFailed || w.Report.Measures["qc_leak_pixels"] != 1 {
		t.Errorf("one pixel: %v, %v", err, w.Report.Measures["qc_leak_pixels"])
	}
	want := realedit.RectangleOf(image.Rect(before.Width()-1, before.Height()-1, before.Width(), before.Height()))
	found := false
	for _, f := range w.Report.Findings {
		found = found || f.Check == "qc_leak" && f.Severity == realedit.Failure && *f.Region == *want
	}
	if !found {
		t.Errorf("one pixel: %+v", w.Report.Findings)
	}
	for name, kept := range map[string]*kernels.Image{"none": nil, "another size": before.SubImage(image.Rect(0, 0, 9, 9))} {
		if _, err = apply(false, kept); realedit.CodeOf(err) != realedit.CodeQCFailed {
			t.Errorf("%s kept: %v", name, err)
		}
	}
}
