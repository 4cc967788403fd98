package qc

import (
	"context"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels"
)

// loadPhoto reads a photograph, reduced to at most 1000 pixels a side (never enlarged).
func loadPhoto(t *testing.T, env *realedit.Env, name string) *kernels.Image {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	im, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	m := fromImage(t, im)
	s := max(float64(max(m.Width(), m.Height()))/1000, 1)
	d, err := env.NewImage(int(float64(m.Width())/s), int(float64(m.Height())/s), 3, kernels.U8)
	if err != nil {
		t.Fatal(err)
	}
	if err := env.Ops.Resize(d, m); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRealPhotographs takes real singles through clean edits and plants defects on them.
func TestRealPhotographs(t *testing.T) {
	dir := phototest.Dir(t)
	env := testEnv(t)
	var names []string
	for _, k := range []string{"interior", "exterior"} {
		n, err := filepath.Glob(filepath.Join(dir, k, "*.jpg"))
		if err != nil || len(n) == 0 {
			t.Fatal("no photographs in ", k, err)
		}
		names = append(names, n...)
	}
	if testing.Short() {
		names = names[:2]
	}
	for _, n := range names {
		base := filepath.Base(n)
		src := loadPhoto(t, env, n)
		frames := []realedit.Frame{{Image: src}}
		judge := func(m *kernels.Image) *Verdict {
			v, err := CompareFrames(context.Background(), env, m, frames, &Options{Borders: Borders{X: []int{src.Width() / 2}}})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		for what, p := range map[string]tone{
			"bounded": {ev: 0.4, open: 0.5, detail: 0.1},
			"darker":  {ev: -0.2, gains: [3]float64{0.97, 1, 1.04}},
		} {
			m := toned(t, env, src, p)
			v := judge(m)
			if testing.Verbose() {
				report(t, base+" "+what, v)
			}
			if !v.Passed() {
				t.Errorf("%s, %s: %v", base, what, v.Failed())
			}
		}
		clean := toned(t, env, src, tone{ev: 0.3, detail: 0.1})
		mustFind(t, base+": shifted 2 px", Shift, judge(moved(t, clean, clean.Bounds(), 2, 0)))
		mustFind(t, base+": blurred", Detail, judge(blurred(t, clean, allOf, 1)))
		mustFind(t, base+": blown", Clipping, judge(each8(t, clean, func(x, y, c int, v float64) float64 { return v * 2 })))
	}
}

// TestRealBrackets merges real brackets that need no alignment; the merge is one of these photos' scene.
func TestRealBrackets(t *testing.T) {
	dir := phototest.Dir(t)
	env := testEnv(t)
	for _, k := range []string{"matlab_office", "fusion_house", "fusion_room"} {
		n, err := filepath.Glob(filepath.Join(dir, "brackets", k, "*.*"))
		if err != nil {
			t.Fatal(err)
		}
		var frames []realedit.Frame
		var photos []*kernels.Image
		for _, f := range n {
			if e := strings.ToLower(filepath.Ext(f)); e == ".jpg" || e == ".png" {
				m := loadPhoto(t, env, f)
				photos = append(photos, m)
				frames = append(frames, realedit.Frame{Image: m})
			}
		}
		if len(photos) < 3 {
			t.Fatalf("%s: %d photos", k, len(photos))
		}
		got, err := env.NewImage(photos[0].Width(), photos[0].Height(), 3, kernels.U8)
		if err != nil {
			t.Fatal(err)
		}
		if err := env.Ops.Fuse(got, photos, &kernels.FuseOptions{Method: kernels.FuseMertens}); err != nil {
			t.Fatal(err)
		}
		v, err := CompareFrames(context.Background(), env, got, frames, nil)
		if err != nil {
			t.Fatal(err)
		}
		if testing.Verbose() {
			report(t, k, v)
		}
		// Mertens' merge clips (5 % of matlab_office go black) and shifts tone and colour
		// locally; those warnings are right. What it shows must be the scene, in place and sharp.
		for _, c := range v.Failed() {
			if c == Structure || c == Shift || c == Lines || c == Detail || v.Undeliverable() {
				t.Errorf("%s: %v", k, v.Failed())
				break
			}
		}
	}
}
