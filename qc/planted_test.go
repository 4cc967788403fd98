package qc

import (
	"context"
	"image"
	"math"
	"slices"
	"testing"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// planted is one defect on top of a clean edit and the check that must find it.
type planted struct {
	name  string
	check Check
	do    func(t testing.TB, m *kernels.Image) *kernels.Image
}

var allOf = image.Rect(0, 0, 1<<20, 1<<20)

// defects that are drawn into a finished picture, at the size the limits promise to find.
func defects() []planted {
	part := image.Rect(390, 40, 640, 420) // shelf and cabinet
	return []planted{
		{"whole picture shifted 2 px", Shift, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return moved(t, m, m.Bounds(), 2, 0)
		}},
		{"whole picture shifted 2 px diagonally", Shift, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return moved(t, m, m.Bounds(), 1, 2)
		}},
		{"a part shifted 2 px", Shift, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return moved(t, m, part, 2, 0)
		}},
		{"1 px blur", Detail, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return blurred(t, m, allOf, 1)
		}},
		{"1 px blur of a part", Detail, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return blurred(t, m, part, 1)
		}},
		{"3 ΔE cast", Cast, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return each8(t, m, func(x, y, c int, v float64) float64 { return v * [3]float64{1.0, 1.004, 0.955}[c] })
		}},
		{"crushed shadows", Clipping, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return each8(t, m, func(x, y, c int, v float64) float64 { return (v - 75) * 255 / 180 })
		}},
		{"blown highlights", Clipping, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return each8(t, m, func(x, y, c int, v float64) float64 { return v * 1.4 })
		}},
		{"black frame", Empty, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return each8(t, m, func(x, y, c int, v float64) float64 { return 0 })
		}},
		{"white frame", Empty, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return each8(t, m, func(x, y, c int, v float64) float64 { return 255 })
		}},
		{"grey frame", Empty, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return each8(t, m, func(x, y, c int, v float64) float64 { return 117 })
		}},
		{"noise", Empty, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return each8(t, m, func(x, y, c int, v float64) float64 { return 255 * hash2(x, y, c) })
		}},
		{"NaN", Empty, func(t testing.TB, m *kernels.Image) *kernels.Image {
			f, err := kernels.NewHostImage(nil, m.Width(), m.Height(), 3, kernels.F32)
			if err != nil {
				t.Fatal(err)
			}
			for y := range m.Height() {
				for i, v := range m.RowU8(y) {
					f.RowF32(y)[i] = float32(v) / 255
				}
			}
			f.RowF32(m.Height() / 2)[100] = float32(math.NaN())
			return f
		}},
		{"wrong size", Resolution, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return copyOf(t, m.SubImage(image.Rect(0, 0, m.Width()-1, m.Height())))
		}},
		{"another picture", Structure, func(t testing.TB, m *kernels.Image) *kernels.Image {
			d := copyOf(t, m)
			for y := range m.Height() {
				for x := range m.Width() {
					copy(d.RowU8(y)[3*x:3*x+3], m.RowU8(m.Height() - 1 - y)[3*(m.Width()-1-x):])
				}
			}
			return d
		}},
		{"seam of 2/255", Seams, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return each8(t, m, func(x, y, c int, v float64) float64 {
				if x >= 320 {
					v += 2
				}
				return v
			})
		}},
		{"seam of 2/255 in blue, across", Seams, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return each8(t, m, func(x, y, c int, v float64) float64 {
				if y >= 240 && c == 2 {
					v += 2
				}
				return v
			})
		}},
	}
}

// rebuilt are defects of the scene itself: the picture is made of photos of a room that is not the one photographed.
func rebuilt() []struct {
	name  string
	check Check
	do    func(*room)
} {
	return []struct {
		name  string
		check Check
		do    func(*room)
	}{
		{"object removed", Edges, func(r *room) { r.clock = false }},
		{"object added", Edges, func(r *room) { r.vase = true }},
		{"stain faded out", Regions, func(r *room) { r.stain = 0 }},
		{"line bent by 1.5 px", Lines, func(r *room) { r.bent = 1.5 }},
		{"line tilted by 0.4°", Lines, func(r *room) { r.tilt = 0.4 }},
		{"cabinet moved by 2 px", Lines, func(r *room) { r.cabinetX = 2 }},
	}
}

var borders = Borders{X: []int{160, 320, 480}, Y: []int{240}}

func mustFind(t *testing.T, name string, check Check, v *Verdict) {
	t.Helper()
	if testing.Verbose() {
		report(t, name, v)
	}
	if !slices.Contains(v.Failed(), check) {
		t.Errorf("%s: found by %v, not by %s", name, v.Failed(), check)
	}
	for _, f := range v.Findings() {
		if f.Check == "qc_"+string(check) && f.Message != "" {
			return
		}
	}
	t.Errorf("%s: no finding", name)
}

// TestPlantedAgainstBracket plants every defect on clean classical edits that are judged up to tone.
func TestPlantedAgainstBracket(t *testing.T) {
	env := testEnv(t)
	r := plainRoom()
	evs := []float64{-3, 0, 2}
	hand := func(r room, frames []realedit.Frame) *kernels.Image {
		return toned(t, env, merged(t, frames), tone{ev: 3, open: 0.8, hold: 0.75, detail: 0.1})
	}
	frames := bracket(t, r, evs...)
	clean := hand(r, frames)
	o := &Options{Borders: borders}
	judge := func(m *kernels.Image) *Verdict {
		v, err := CompareFrames(context.Background(), env, m, frames, o)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := judge(clean); !v.Passed() {
		report(t, "clean", v)
		t.Fatalf("the clean edit: %v", v.Failed())
	}
	for _, d := range defects() {
		mustFind(t, d.name, d.check, judge(d.do(t, clean)))
	}
	for _, d := range rebuilt() {
		q := r
		d.do(&q)
		mustFind(t, d.name, d.check, judge(hand(q, bracket(t, q, evs...))))
	}
}

// TestPlantedAgainstPicture holds the same defects against the deterministic picture, strictly.
func TestPlantedAgainstPicture(t *testing.T) {
	env := testEnv(t)
	r := plainRoom()
	r.light = [3]float64{1, 0.98, 0.95}
	want := bracket(t, r, 0)[0].Image
	o := &Options{Borders: borders}
	judge := func(m *kernels.Image) *Verdict {
		v, err := Compare(context.Background(), env, m, want, o)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := judge(want); !v.Passed() {
		t.Fatalf("the same picture: %v", v.Failed())
	}
	list := append(defects(), planted{"3 ΔE cast", DeltaE, defects()[5].do},
		planted{"a step of one level in one block", Regions, func(t testing.TB, m *kernels.Image) *kernels.Image {
			return each8(t, m, func(x, y, c int, v float64) float64 {
				return v + 3*math.Exp(-float64((x-350)*(x-350)+(y-200)*(y-200))/(2*40*40))
			})
		}})
	for _, d := range list {
		mustFind(t, d.name, d.check, judge(d.do(t, want)))
	}
	for _, d := range rebuilt() {
		q := r
		d.do(&q)
		mustFind(t, d.name, d.check, judge(bracket(t, q, 0)[0].Image))
	}
}

// sharpened adds a tenth of what a blur takes away.
func sharpened(t testing.TB, m *kernels.Image) *kernels.Image {
	b := blurred(t, m, allOf, 1)
	return each8(t, m, func(x, y, c int, v float64) float64 { return v + 0.1*(v-float64(b.RowU8(y)[3*x+c])) })
}

// TestCleanAgainstPicture is what a faithful model stage does to the deterministic picture.
func TestCleanAgainstPicture(t *testing.T) {
	env := testEnv(t)
	want := bracket(t, plainRoom(), 0)[0].Image
	inside := image.Rect(72, 72, 228, 248)
	changes, err := realedit.NewAlterationMap(want.Width(), want.Height())
	if err != nil {
		t.Fatal(err)
	}
	for y := inside.Min.Y; y < inside.Max.Y; y++ {
		for x := inside.Min.X; x < inside.Max.X; x++ {
			changes.Map.RowU8(y)[x] = uint8(realedit.ChangeSynthesised)
		}
	}
	for _, c := range []struct {
		name string
		got  *kernels.Image
		o    *Options
	}{
		{"noise of one level", each8(t, want, func(x, y, c int, v float64) float64 { return v + math.Round(2*hash2(x, y, c)-1) }), nil},
		{"sharpened a little", sharpened(t, want), nil},
		{"half a level of tone", each8(t, want, func(x, y, c int, v float64) float64 { return v + 1 }), nil},
		{"view painted inside its mask", each8(t, want, func(x, y, c int, v float64) float64 {
			if image.Pt(x, y).In(inside) {
				return 255 * fractal(float64(x)/9, float64(y)/9, 5+c)
			}
			return v
		}), &Options{Changes: changes}},
		{"+0.7 EV, told that tone may differ", toned(t, env, want, tone{ev: 0.7}), &Options{Tone: true}},
	} {
		v, err := Compare(context.Background(), env, c.got, want, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if testing.Verbose() {
			report(t, c.name, v)
		}
		if !v.Passed() {
			t.Errorf("%s: %v", c.name, v.Failed())
		}
	}
	// One pixel beside the mask, by one level.
	leaked := copyOf(t, want)
	leaked.RowU8(300)[3*50+1] ^= 1
	v, err := Compare(context.Background(), env, leaked, want, &Options{Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	if f := v.Failed(); !slices.Equal(f, []Check{Leak}) {
		t.Errorf("one leaked pixel: %v", f)
	}
	if m := v.Measures[slices.IndexFunc(v.Measures, func(m Measure) bool { return m.Check == Leak })]; m.Value != 1 || m.Regions[0].Rect != image.Rect(50, 300, 51, 301) {
		t.Errorf("one leaked pixel: %+v", m)
	}
}
