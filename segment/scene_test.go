package segment_test

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/pipeline"
	"github.com/realedit/realedit/segment"
)

// look is what the stages found in a set.
type look struct {
	scene    realedit.SceneFacts
	mask     []uint8 // nil without one
	w, h     int
	findings []realedit.Finding
}

func (l look) found(check string) bool {
	for _, f := range l.findings {
		if f.Check == check {
			return true
		}
	}
	return false
}

// note keeps what a Work knows after the stages.
type note struct{ into *look }

func (note) Name() string { return "note" }

func (n note) Apply(_ context.Context, _ *realedit.Env, w *realedit.Work) error {
	n.into.scene = w.Scene
	return nil
}

// lookAt merges a set and runs the stages on it.
func lookAt(t testing.TB, set realedit.Set, stages ...realedit.Stage) look {
	t.Helper()
	var l look
	p, err := pipeline.New("look", append(append([]realedit.Stage{hdr.Align{}, hdr.Merge{}}, stages...), note{&l})...)
	require.NoError(t, err)
	e, err := realedit.New(realedit.Config{Backends: []kernels.Backend{kerneltest.Host(t)}})
	require.NoError(t, err)
	defer e.Close()
	r, err := e.Process(context.Background(), p, set)
	require.NoError(t, err)
	defer r.Free()
	l.findings, l.w, l.h = r.Report.Findings, r.Image.Width(), r.Image.Height()
	if m := r.Masks[realedit.MaskSky]; m != nil {
		host, free, err := kernels.ToHost(context.Background(), kerneltest.Host(t), m)
		require.NoError(t, err)
		defer free()
		for y := range l.h {
			l.mask = append(l.mask, host.RowU8(y)...)
		}
	}
	return l
}

// exposed is a bracket of a scene as files; without EXIF they tell nothing but pixels.
func exposed(t testing.TB, s *scene.Scene, o scene.BracketOptions, exif bool) realedit.Set {
	t.Helper()
	var set realedit.Set
	for i, p := range s.Bracket(o).Photos {
		file, err := scene.EncodeJPEG(&p, 92)
		require.NoError(t, err)
		if !exif {
			var b bytes.Buffer
			require.NoError(t, jpeg.Encode(&b, p.Image(), &jpeg.Options{Quality: 92}))
			file = b.Bytes()
		}
		q, err := realedit.Decode(bytes.NewReader(file), nil)
		require.NoError(t, err)
		q.Name = fmt.Sprintf("%d.jpg", i)
		set.Photos = append(set.Photos, q)
	}
	sets, err := realedit.Group(set.Photos, nil)
	require.NoError(t, err)
	if len(sets) == 1 {
		return sets[0]
	}
	require.False(t, exif, "a bracket with EXIF is one set")
	return realedit.Set{Photos: set.Photos}
}

// takes are rendered scenes as a photographer would expose them.
type take struct {
	name   string
	kind   realedit.SceneKind
	render func(w, h int) *scene.Scene
	o      scene.BracketOptions
}

func exteriorTakes() (all []take) {
	shutter := map[scene.SkyKind]float64{scene.SkyClouds: 1. / 250, scene.SkyClear: 1. / 250, scene.SkyOvercast: 1. / 125, scene.SkyBlown: 1. / 125, scene.SkyDusk: 1. / 4, scene.SkyHaze: 1. / 200}
	for k := scene.SkyClouds; k <= scene.SkyHaze; k++ {
		o := scene.ExteriorOptions{Sky: k, View: int(k), Seed: uint32(k)}
		if k == scene.SkyHaze {
			o.Wall = scene.White
		}
		all = append(all, take{fmt.Sprintf("exterior %v", k), realedit.SceneExterior, func(w, h int) *scene.Scene { o := o; o.W, o.H = w, h; return scene.Exterior(o) },
			scene.BracketOptions{Shutter: shutter[k]}})
	}
	o := scene.ExteriorOptions{Sky: scene.SkyOvercast, View: 2, Winter: true, Seed: 6}
	return append(all, take{"exterior winter", realedit.SceneExterior, func(w, h int) *scene.Scene { o := o; o.W, o.H = w, h; return scene.Exterior(o) }, scene.BracketOptions{Shutter: 1. / 125}})
}

func interiorTakes() (all []take) {
	for i, o := range []scene.InteriorOptions{{Sun: true}, {Room: scene.Kitchen, Wall: scene.Red, View: 1}, {Room: scene.Bedroom, Wall: scene.Sage},
		{View: 1, Light: scene.Mixed, WindowEV: 5}, {Room: scene.Bedroom, Wall: scene.White, Light: scene.Lamps2700, Seed: 6}, {Room: scene.Kitchen, Wall: scene.White, View: 2, WindowEV: 4}} {
		all = append(all, take{fmt.Sprintf("interior %d", i), realedit.SceneInterior, func(w, h int) *scene.Scene { o := o; o.W, o.H = w, h; return scene.Interior(o) },
			scene.BracketOptions{Base: -0.7, Shutter: 1. / 10}})
	}
	return all
}

// Rooms and houses are told apart, from single photos and brackets, with EXIF and from pixels alone.
func TestSceneOfRenderedPictures(t *testing.T) {
	unknown, all := 0, 0
	for _, k := range append(exteriorTakes(), interiorTakes()...) {
		s := k.render(480, 320)
		for _, evs := range [][]float64{{0}, {0, -2, 2}} {
			for _, exif := range []bool{true, false} {
				o := k.o
				o.EVs = evs
				l := lookAt(t, exposed(t, s, o, exif), segment.Scene{}, segment.Sky{})
				name := fmt.Sprintf("%s, %d photos, EXIF %v", k.name, len(evs), exif)
				t.Logf("%-45s %-9s %.2f %-8s sky mask %v, uncertain %v", name, l.scene.Scene, l.scene.Confidence, l.scene.Source, l.mask != nil, l.found(realedit.CheckSkyUncertain))
				all++
				if l.scene.Scene == realedit.SceneUnknown {
					unknown++
					continue
				}
				if k.kind != l.scene.Scene {
					t.Errorf("%s: %v", name, l.scene)
				}
				if k.kind == realedit.SceneInterior {
					require.Nil(t, l.mask, name)
				}
			}
		}
	}
	t.Logf("%d of %d unknown", unknown, all)
	require.LessOrEqual(t, 10*unknown, all)
}

// Other people's photographs: what they show is known from looking at them.
func TestSceneOfPhotographs(t *testing.T) {
	dir := phototest.Dir(t)
	type picture struct {
		name string
		kind realedit.SceneKind
		set  realedit.Set
	}
	var all []picture
	for _, k := range []struct {
		folder string
		kind   realedit.SceneKind
	}{{"exterior", realedit.SceneExterior}, {"interior", realedit.SceneInterior}} {
		names, err := filepath.Glob(filepath.Join(dir, k.folder, "*.jpg"))
		require.NoError(t, err)
		for _, n := range names {
			p, err := realedit.Open(n, nil)
			require.NoError(t, err)
			all = append(all, picture{filepath.Base(n), k.kind, realedit.Set{Photos: []*realedit.Photo{p}}})
		}
	}
	for _, n := range []string{"matlab_office", "fusion_house", "fusion_room", "mpi_exposures", "lamp_stack", "pingpong"} {
		files, err := os.ReadDir(filepath.Join(dir, "brackets", n))
		require.NoError(t, err)
		var photos []*realedit.Photo
		for _, f := range files {
			if p, err := realedit.Open(filepath.Join(dir, "brackets", n, f.Name()), nil); err == nil {
				photos = append(photos, p)
			}
		}
		sets, err := realedit.Group(photos, nil)
		require.NoError(t, err)
		for i, s := range sets {
			all = append(all, picture{fmt.Sprintf("%s %d", n, i), realedit.SceneInterior, s})
		}
	}
	unknown := 0
	start := time.Now()
	for _, p := range all {
		l := lookAt(t, p.set, segment.Scene{}, segment.Sky{})
		t.Logf("%-30s %d photos: %-9s %.2f %-8s sky mask %v, uncertain %v", p.name, len(p.set.Photos), l.scene.Scene, l.scene.Confidence, l.scene.Source, l.mask != nil, l.found(realedit.CheckSkyUncertain))
		if l.scene.Scene == realedit.SceneUnknown {
			unknown++
		} else if p.kind != l.scene.Scene {
			t.Errorf("%s: %v", p.name, l.scene)
		}
	}
	t.Logf("%d of %d unknown, %v", unknown, len(all), time.Since(start))
	// Two white rooms without EXIF, a kitchen and an office as bright as a dull day: with the rendered ones fewer than one in ten.
	require.LessOrEqual(t, 5*unknown, len(all))
}
