package pipeline

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/segment"
)

// exteriorRoute stands for what has found out that a picture was taken outdoors.
type exteriorRoute struct{}

func (exteriorRoute) Name() string { return "test.exterior" }

func (exteriorRoute) Apply(_ context.Context, _ *realedit.Env, w *realedit.Work) error {
	w.Scene = realedit.SceneFacts{Scene: realedit.SceneExterior, Room: realedit.RoomUnknown, Confidence: 1, Source: "route"}
	return nil
}

// windowsOf is the window mask of a set (nil: none) as the host sees it, and the report.
func windowsOf(t testing.TB, b kernels.Backend, set realedit.Set, before ...realedit.Stage) ([]byte, *realedit.Report) {
	t.Helper()
	p, err := New("windows", slices.Concat([]realedit.Stage{hdr.Align{}, hdr.Merge{}}, before, []realedit.Stage{segment.Windows{}})...)
	require.NoError(t, err)
	e, err := realedit.New(on(b))
	require.NoError(t, err)
	r, err := e.Process(context.Background(), p, set)
	require.NoError(t, err)
	defer r.Free()
	m := r.Masks[realedit.MaskWindow]
	if m == nil {
		return nil, r.Report
	}
	host, free, err := kernels.ToHost(context.Background(), b, m)
	require.NoError(t, err)
	defer free()
	var all []byte
	for y := range host.Height() {
		all = append(all, host.RowU8(y)[:host.Width()]...)
	}
	return all, r.Report
}

// agreement is the intersection of mask and truth over their union, both in shares of pixels.
func agreement(mask []byte, truth []float32) float64 {
	var both, either float64
	for i, v := range truth {
		m := 0.0
		if mask != nil {
			m = float64(mask[i]) / 255
		}
		both += min(m, float64(v))
		either += max(m, float64(v))
	}
	return both / either
}

// Window masks are the glass that shows the outside, within frames and between muntins, on rooms in every paint and light, from every view, by hand too; and where the
// corners of a window are reported, the glass lies between them. REALEDIT_FULL asks for all sets of scene.Interiors in which nobody walks.
func TestWindowMasks(t *testing.T) {
	takes, which := scene.Interiors(), []int{3, 6, 11, 12, 16, 27, 29}
	least := 0.88
	if testing.Short() {
		which = []int{3, 29}
	}
	if os.Getenv("REALEDIT_FULL") != "" {
		which, least = nil, 0.82
		for i, k := range takes {
			if !k.Bracket.Ghost {
				which = append(which, i)
			}
		}
	}
	var sum float64
	for _, i := range which {
		k := takes[i]
		s := k.Scene(900, 600)
		mask, report := windowsOf(t, kerneltest.Host(t), rendered(t, s.Bracket(k.Bracket)))
		v := agreement(mask, s.Window)
		sum += v
		t.Logf("%2d %-28s IoU %.3f, %d windows", i, k.Name, v, len(report.Windows))
		require.Greater(t, v, least, k.Name)
		for _, w := range report.Windows {
			require.Equal(t, "bracket", w.Evidence)
			require.Greater(t, w.Confidence, 0.3)
		}
		between := 0.0
		all := 0.0
		for p, g := range s.Window {
			if g == 1 {
				all++
				if slices.ContainsFunc(report.Windows, func(w realedit.WindowFacts) bool { return within(w.Corners, float64(p%s.W)+0.5, float64(p/s.W)+0.5, 3) }) {
					between++
				}
			}
		}
		require.Greater(t, between/all, 0.85, "%s: glass between reported corners", k.Name)
	}
	t.Logf("mean %.3f", sum/float64(len(which)))
	require.Greater(t, sum/float64(len(which)), 0.92)
}

// within tells whether a point lies between corners that go clockwise, or at most slack outside a side.
func within(c [4][2]float64, x, y, slack float64) bool {
	for i := range c {
		a, b := c[i], c[(i+1)%4]
		ex, ey := b[0]-a[0], b[1]-a[1]
		if ex*(y-a[1])-ey*(x-a[0]) < -slack*(max(ex, -ex)+max(ey, -ey)) {
			return false
		}
	}
	return true
}

// A wall that a lamp lights, between the picture's border and a window, is no part of the window. In a small picture nothing but the lack of a side tells.
func TestLitWallBesideAWindow(t *testing.T) {
	s := scene.Interior(scene.InteriorOptions{W: 240, H: 160, Room: scene.Living, Wall: scene.White, Light: scene.Lamps2700})
	mask, report := windowsOf(t, kerneltest.Host(t), rendered(t, s.Bracket(scene.BracketOptions{Base: -0.7, Seed: 1})))
	require.NotEmpty(t, report.Windows)
	outside, glass := 0, 0.0
	for i, v := range s.Window {
		if v == 0 && mask[i] > 127 {
			outside++
		}
		glass += float64(v)
	}
	require.Less(t, float64(outside), 0.1*glass, "taken for a window and none")
}

// The same bytes for any number of threads, each run, and where pixels are out of the processor's reach.
func TestWindowMasksAreTheSame(t *testing.T) {
	s := scene.Interior(scene.InteriorOptions{W: 360, H: 240, Room: scene.Bedroom, View: 2, Wall: scene.Sage})
	set := rendered(t, s.Bracket(scene.BracketOptions{Hand: 4, Base: -0.8}))
	want, report := windowsOf(t, kerneltest.Host(t), set)
	require.NotNil(t, want)
	old := runtime.GOMAXPROCS(1)
	one, same := windowsOf(t, kerneltest.Host(t), set)
	runtime.GOMAXPROCS(old)
	require.True(t, bytes.Equal(want, one), "one thread and many")
	require.Equal(t, report.Windows, same.Windows)
	away, same := windowsOf(t, offhost.New(kerneltest.Host(t), "far", 1<<30), set)
	require.True(t, bytes.Equal(want, away), "off the host")
	require.Equal(t, report.Windows, same.Windows)
}

// Without a bracket, clipping and shape find a window in a room, at less certainty, and nothing is pulled: no photo holds the view.
func TestWindowOfASinglePhoto(t *testing.T) {
	s := scene.Interior(scene.InteriorOptions{W: 600, H: 400, Room: scene.Bedroom, View: 2, Wall: scene.White, WindowEV: 6})
	set := rendered(t, s.Bracket(scene.BracketOptions{EVs: []float64{0}, Base: -0.5}))
	mask, report := windowsOf(t, kerneltest.Host(t), set)
	require.Greater(t, agreement(mask, s.Window), 0.85)
	require.Len(t, report.Windows, 1)
	require.Equal(t, "shape", report.Windows[0].Evidence)
	require.LessOrEqual(t, report.Windows[0].Confidence, 0.6)

	plain := process(t, "fuse", nil, realedit.AB723, set)
	defer plain.Free()
	p, err := New("pull", hdr.Align{}, hdr.Merge{}, segment.Windows{}, hdr.WindowPull{})
	require.NoError(t, err)
	e, err := realedit.New(on(kerneltest.Host(t)))
	require.NoError(t, err)
	r, err := e.Process(context.Background(), p, set)
	require.NoError(t, err)
	defer r.Free()
	require.Equal(t, []string{realedit.CheckWindowFound, realedit.CheckWindowNoSource}, checks(r.Report))
	lost := r.Masks[realedit.MaskViewLost]
	require.NotNil(t, lost)
	var blown, marked, heldMarked float64
	for y := range lost.Height() {
		for x, v := range lost.RowU8(y) {
			require.LessOrEqual(t, v, r.Masks[realedit.MaskWindow].RowU8(y)[x])
			p := r.Image.RowU8(y)[3*x:]
			if s.Window[y*s.W+x] > 0.99 && min(p[0], p[1], p[2]) > 250 {
				blown++
				marked += float64(v) / 255
			}
			if max(p[0], p[1], p[2]) < 217 {
				heldMarked += float64(v) / 255
			}
		}
	}
	require.Greater(t, blown, 1000.0)
	require.Greater(t, marked/blown, 0.9)
	require.Less(t, heldMarked/blown, 0.15, "a little of it is held, and no view could be joined to that")
	held, err := e.Process(context.Background(), p, rendered(t, s.Bracket(scene.BracketOptions{Base: -0.5})))
	require.NoError(t, err)
	defer held.Free()
	require.NotNil(t, held.Masks[realedit.MaskWindow])
	require.Nil(t, held.Masks[realedit.MaskViewLost], "the bracket holds the view")
	for y := range r.Image.Height() {
		require.True(t, bytes.Equal(plain.Image.Row(y), r.Image.Row(y)), "row %d changed", y)
	}
}

func checks(r *realedit.Report) (all []string) {
	for _, f := range r.Findings {
		all = append(all, f.Check)
	}
	return all
}

// Outdoors the stage does nothing, and where nobody knows that it is outdoors a house has no false windows.
func TestNoWindowsOutdoors(t *testing.T) {
	if testing.Short() {
		t.Skip("renders houses")
	}
	takes := scene.Exteriors()
	for _, k := range []scene.Take{scene.Listing()[0], takes[1], takes[4], takes[8], takes[18]} {
		set := rendered(t, k.Scene(600, 400).Bracket(k.Bracket))
		mask, report := windowsOf(t, kerneltest.Host(t), set, exteriorRoute{})
		require.Nil(t, mask)
		require.Empty(t, report.Findings)
		mask, report = windowsOf(t, kerneltest.Host(t), set)
		require.Nil(t, mask, "%s, of a scene that nobody knows: %+v", k.Name, report.Windows)
	}
}

// Photographs of rooms by other people, one exposure each: no false windows on lamps, white walls, ovens and mirrors.
func TestNoFalseWindowsOnPhotos(t *testing.T) {
	dir := phototest.Dir(t)
	for _, pattern := range []string{"interior/*.jpg", "exterior/*.jpg"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, names)
		for _, name := range names {
			p, err := realedit.Open(name, nil)
			require.NoError(t, err)
			sets, err := realedit.Group([]*realedit.Photo{p}, nil)
			require.NoError(t, err)
			_, report := windowsOf(t, kerneltest.Host(t), sets[0])
			require.Empty(t, report.Windows, name)
		}
	}
}

// Brackets by other people: every window found lies where a real one is, given as a share of the picture, and nothing else is one: no screen, no loudspeaker
// in a lamp's light, no blurred wall.
func TestWindowsOfPhotographedBrackets(t *testing.T) {
	dir := phototest.Dir(t)
	type area struct{ x0, y0, x1, y1 float64 }
	for _, c := range []struct {
		name  string
		least int
		real  []area
	}{
		{"fusion_house", 2, []area{{0.47, 0.05, 0.62, 0.7}, {0.64, 0.03, 0.79, 0.6}, {0.81, 0, 1, 0.6}}},
		{"pingpong", 2, []area{{0, 0, 0.24, 0.7}, {0.3, 0, 0.72, 0.66}, {0.79, 0, 1, 0.73}}},
		{"memorial", 0, []area{{0.7, 0.5, 0.9, 0.7}}}, // of stained glass
		{"matlab_office", 0, []area{{0.5, 0, 1, 1}}},
		{name: "mpi_exposures"}, {name: "fmurciag"}, {name: "lamp_stack"}, {name: "crusader"},
	} {
		names, err := filepath.Glob(filepath.Join(dir, "brackets", c.name, "*.[jJpP][pPnN]*[gG]"))
		require.NoError(t, err)
		require.NotEmpty(t, names, c.name)
		var photos []*realedit.Photo
		for _, name := range names {
			p, err := realedit.Open(name, nil)
			require.NoError(t, err)
			photos = append(photos, p)
		}
		sets, err := realedit.Group(photos, &realedit.GroupOptions{Mode: realedit.GroupCount, Count: len(photos)})
		require.NoError(t, err)
		_, report := windowsOf(t, kerneltest.Host(t), sets[0])
		require.GreaterOrEqual(t, len(report.Windows), c.least, c.name)
		w, h := float64(photos[0].Facts.Width), float64(photos[0].Facts.Height)
		for _, found := range report.Windows {
			require.True(t, slices.ContainsFunc(c.real, func(a area) bool {
				return !slices.ContainsFunc(found.Corners[:], func(p [2]float64) bool {
					return p[0] < a.x0*w-1 || p[0] > a.x1*w+1 || p[1] < a.y0*h-1 || p[1] > a.y1*h+1
				})
			}), "%s: %v", c.name, found.Corners)
		}
	}
}
