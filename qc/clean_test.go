package qc

import (
	"context"
	"image"
	"testing"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// edit is one clean classical edit: frames and the picture made of them.
type edit struct {
	name   string
	frames []realedit.Frame
	got    *kernels.Image
}

// cleanEdits are what a pipeline may do. All must pass.
func cleanEdits(t testing.TB, env *realedit.Env) []edit {
	t.Helper()
	r := plainRoom()
	fs := bracket(t, r, -3, 0, 2)
	one := fs[1:2]
	warm := r
	warm.light = [3]float64{1.35, 1, 0.55}
	lamp := bracket(t, warm, -3, 0, 2)
	neutral := [3]float64{1 / 1.35, 1, 1 / 0.55}
	mid := one[0].Image
	all := merged(t, fs)
	pulled := toned(t, env, all, tone{ev: 3, open: 0.3, hold: 0.2})
	mask := image.Rect(72, 72, 228, 248)
	dark := toned(t, env, fs[0].Image, tone{ev: 1})
	return []edit{
		{"as shot", one, mid},
		{"exposure +1 EV", one, toned(t, env, mid, tone{ev: 1})},
		{"exposure −1 EV", one, toned(t, env, mid, tone{ev: -1})},
		{"shadows opened", one, toned(t, env, mid, tone{open: 1.5})},
		{"warm lamp to neutral", lamp[1:2], toned(t, env, lamp[1].Image, tone{gains: neutral})},
		{"local contrast 0.2", one, toned(t, env, mid, tone{detail: 0.2})},
		{"dark corners lifted", one, toned(t, env, mid, tone{corners: 0.8})},
		{"through JPEG 95", one, throughJPEG(t, toned(t, env, mid, tone{ev: 0.7, open: 0.5}), 95)},
		{"merge, shadows opened", fs, toned(t, env, all, tone{ev: 3, open: 1.5, hold: 0.75})},
		{"window pull", fs, each8(t, pulled, func(x, y, c int, v float64) float64 {
			if image.Pt(x, y).In(mask) {
				return float64(dark.RowU8(y)[3*x+c])
			}
			return v
		})},
		{"merge, neutral, everything", lamp, toned(t, env, merged(t, lamp), tone{ev: 2.7, open: 1, hold: 0.75, detail: 0.2, corners: 0.5, gains: neutral})},
	}
}

func report(t testing.TB, name string, v *Verdict) {
	t.Helper()
	for _, m := range v.Measures {
		mark := ""
		if m.Failed {
			mark = " FAILED"
		}
		t.Logf("%-28s %-10s %-10s %9.4f  limit %.4g%s", name, m.Check, m.Name, m.Value, m.Limit, mark)
	}
}

func TestCleanEditsPass(t *testing.T) {
	env := testEnv(t)
	edits := cleanEdits(t, env)
	if len(edits) < 10 {
		t.Fatal("fewer than ten edits")
	}
	for _, e := range edits {
		v, err := CompareFrames(context.Background(), env, e.got, e.frames, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !v.Passed() {
			t.Errorf("%s: %v", e.name, v.Failed())
		}
		if v.Judged < 0.6 {
			t.Errorf("%s: only %.2f of the picture judged", e.name, v.Judged)
		}
		if testing.Verbose() {
			report(t, e.name, v)
		}
	}
}
