package segment

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	_ "github.com/realedit/realedit/kernels/cpu"
	"github.com/realedit/realedit/kernels/kerneltest"
	_ "github.com/realedit/realedit/kernels/ref"
	"github.com/stretchr/testify/require"
)

func envOn(b kernels.Backend) *realedit.Env {
	return &realedit.Env{Backend: b, Ops: kernels.Complete(b, nil), Log: slog.New(slog.DiscardHandler)}
}

// imageOf brings samples into the backend's memory.
func imageOf[T uint8 | uint16](t testing.TB, b kernels.Backend, pix []T, w, h, channels int) *kernels.Image {
	t.Helper()
	host, err := kernels.Wrap(pix, w, h, channels)
	require.NoError(t, err)
	m, err := b.NewImage(w, h, channels, host.Format())
	require.NoError(t, err)
	require.NoError(t, b.Copy(context.Background(), m, host))
	return m
}

// samplesOf are an image's samples, as 16 bits.
func samplesOf(t testing.TB, b kernels.Backend, m *kernels.Image) (v []uint16) {
	t.Helper()
	host, free, err := kernels.ToHost(context.Background(), b, m)
	require.NoError(t, err)
	defer free()
	for y := range host.Height() {
		if host.Format() == kernels.U16 {
			v = append(v, host.RowU16(y)...)
			continue
		}
		for _, x := range host.RowU8(y) {
			v = append(v, uint16(x)*257)
		}
	}
	return v
}

// house is a rendered house with its exact mask.
type house struct {
	w, h   int
	scene  *scene.Scene
	pix    []uint16
	pix8   []uint8
	mask   []uint8
	facts  realedit.Facts
	frames []realedit.Frame
}

func newHouse(kind scene.SkyKind, view, w, h int, ev float64) *house {
	s := scene.Exterior(scene.ExteriorOptions{W: w, H: h, Sky: kind, View: view})
	k := &house{w: w, h: h, scene: s, mask: maskOf(s), facts: realedit.Facts{Width: w, Height: h, Focal35: 24}}
	_, k.pix = scene.Camera{Bits: 16}.Expose(s.Radiance, w, h, ev, 0)
	k.pix8, _ = scene.Camera{}.Expose(s.Radiance, w, h, ev, 0)
	return k
}

func maskOf(s *scene.Scene) []uint8 {
	m := make([]uint8, len(s.Sky))
	for i, v := range s.Sky {
		m[i] = uint8(v*255 + 0.5)
	}
	return m
}

// work is the house on its way through the stages; deep pictures have 16 bits.
func (k *house) work(t testing.TB, b kernels.Backend, deep bool) *realedit.Work {
	w := &realedit.Work{Set: realedit.Set{ID: "house", Photos: []*realedit.Photo{{Name: "house.jpg", Facts: k.facts}}}, Frames: k.frames,
		Report: &realedit.Report{Measures: map[string]float64{}}}
	if deep {
		w.Image = imageOf(t, b, k.pix, k.w, k.h, 3)
	} else {
		w.Image = imageOf(t, b, k.pix8, k.w, k.h, 3)
	}
	w.SetMask(realedit.MaskSky, imageOf(t, b, k.mask, k.w, k.h, 1))
	return w
}

// replaced runs the stage and returns its last finding.
func replaced(t testing.TB, s ReplaceSky, b kernels.Backend, w *realedit.Work) realedit.Finding {
	t.Helper()
	require.NoError(t, s.Apply(context.Background(), envOn(b), w))
	require.NotEmpty(t, w.Report.Findings)
	return w.Report.Findings[len(w.Report.Findings)-1]
}

func back(t testing.TB, name string) kernels.Backend {
	b, err := kernels.Open(name)
	require.NoError(t, err)
	return b
}

// Every pixel that the map does not call computed is the unaltered picture's, bit for bit; computed is what the mask covers, however little; the unaltered picture
// differs from the one before by tone alone, within the bound. The same on a device, whose memory is given back, and for any number of threads.
func TestReplaceSkyTouchesTheSkyOnly(t *testing.T) {
	k := newHouse(scene.SkyOvercast, 0, 330, 220, 0)
	for _, deep := range []bool{true, false} {
		var results [][]uint16
		far := offhost.New(back(t, "cpu"), "far:0", 1<<40)
		for _, b := range []kernels.Backend{back(t, "ref"), back(t, "cpu"), far, back(t, "cpu")} {
			threads := runtime.GOMAXPROCS(0)
			if len(results) == 3 {
				threads = runtime.GOMAXPROCS(7)
			}
			w := k.work(t, b, deep)
			before := samplesOf(t, b, w.Image)
			f := replaced(t, ReplaceSky{}, b, w)
			runtime.GOMAXPROCS(threads)
			require.Equal(t, realedit.CheckSkyReplaced, f.Check, f.Message)
			got, unaltered := samplesOf(t, b, w.Image), samplesOf(t, b, w.Unaltered)
			changed := 0
			for i, a := range k.mask {
				c := realedit.Change(w.Changes.Map.RowU8(i / k.w)[i%k.w])
				if (a > 0) != (c == realedit.ChangeComputed) {
					t.Fatalf("pixel %d: mask %d, change %v", i, a, c)
				}
				if p, q := got[3*i:3*i+3], unaltered[3*i:3*i+3]; !slices.Equal(p, q) {
					changed++
					if c != realedit.ChangeComputed {
						t.Fatalf("pixel %d is %v, was %v, and its change is %v", i, p, q, c)
					}
				}
			}
			require.Greater(t, changed, k.w*k.h/4)
			require.NotEqual(t, before, unaltered)
			require.Equal(t, w.Image.Format(), w.Unaltered.Format())
			results = append(results, got)
			w.Image.Free()
			w.Unaltered.Free()
			for _, m := range w.Masks {
				m.Free()
			}
		}
		require.Equal(t, results[1], results[2], "on a device")
		require.Equal(t, results[1], results[3], "seven threads")
		used, _ := far.Memory()
		require.Zero(t, used)
		_, device := ReplaceSky{}.Bytes(k.w, k.h)
		mask, pic := kernels.ImageBytes(k.w, k.h, 1, kernels.U8), kernels.ImageBytes(k.w, k.h, 3, kernels.U16)
		require.LessOrEqual(t, far.Caps().Peak, device+mask+pic)
	}
}

// A picture that is a frame's own is not written over, and is the unaltered one where no light is changed.
func TestReplaceSkyOfAFramesPicture(t *testing.T) {
	b := back(t, "cpu")
	k := newHouse(scene.SkyOvercast, 1, 300, 200, 0)
	for _, bound := range []float64{0, -1} {
		w := k.work(t, b, false)
		w.Frames = []realedit.Frame{{Photo: w.Set.Photos[0], Image: w.Image}}
		first := w.Image
		before := samplesOf(t, b, first)
		require.Equal(t, realedit.CheckSkyReplaced, replaced(t, ReplaceSky{Bound: bound}, b, w).Check)
		require.Equal(t, before, samplesOf(t, b, first))
		require.Equal(t, bound < 0, w.Unaltered == first)
		require.NotSame(t, w.Unaltered, w.Image)
		if bound < 0 {
			require.NotContains(t, w.Changes.Shares(), "tone")
		} else {
			require.Contains(t, w.Changes.Shares(), "tone")
		}
		again := w.Unaltered
		require.Equal(t, realedit.CheckSkyReplaced, replaced(t, ReplaceSky{Bound: -1, Force: true}, b, w).Check)
		require.Same(t, again, w.Unaltered, "what was there before the first computed pixel stays")
	}
}

// The light moves no further than the bound, over what is not sky.
func TestReplaceSkyBound(t *testing.T) {
	b := back(t, "cpu")
	k := newHouse(scene.SkyOvercast, 2, 300, 200, 0)
	for _, bound := range []float64{0.2, 1, 2, 5} {
		w := k.work(t, b, true)
		before := imageOf(t, b, k.pix, k.w, k.h, 3)
		replaced(t, ReplaceSky{Bound: bound}, b, w)
		ground := make([]uint8, len(k.mask))
		for i, a := range k.mask {
			if a == 0 {
				ground[i] = 255
			}
		}
		d, err := b.Ops().DeltaE(before, w.Unaltered, nil, imageOf(t, b, ground, k.w, k.h, 1))
		require.NoError(t, err)
		t.Logf("bound %.1f: mean ΔE00 %.2f, p95 %.2f", bound, d.Mean, d.P95)
		require.LessOrEqual(t, d.Mean, bound)
		require.Greater(t, d.Mean, 0.05)
	}
}

// Which skies are replaced.
func TestDullSkies(t *testing.T) {
	b := back(t, "cpu")
	for _, c := range []struct {
		kind  scene.SkyKind
		ev    float64
		check string
	}{
		{scene.SkyClear, 0, realedit.CheckSkyKept}, {scene.SkyClear, -1, realedit.CheckSkyKept}, {scene.SkyClouds, 0, realedit.CheckSkyKept},
		{scene.SkyOvercast, 0, realedit.CheckSkyReplaced}, {scene.SkyOvercast, -1, realedit.CheckSkyReplaced}, {scene.SkyBlown, 0, realedit.CheckSkyReplaced},
		{scene.SkyOvercast, -5, realedit.CheckSkyKept},
	} {
		for view := range 3 {
			f := replaced(t, ReplaceSky{}, b, newHouse(c.kind, view, 240, 160, c.ev).work(t, b, true))
			require.Equal(t, c.check, f.Check, "%v at %v, view %d: %s", c.kind, c.ev, view, f.Message)
		}
	}
	// Overexposed, the white wall is as blown as the sky before which it stands: where it ends cannot be seen, and nothing is put there.
	for view := range 3 {
		f := replaced(t, ReplaceSky{}, b, newHouse(scene.SkyClear, view, 240, 160, 2.5).work(t, b, true))
		require.Contains(t, []string{realedit.CheckSkyReplaced, realedit.CheckSkyUncertain}, f.Check, "view %d: %s", view, f.Message)
	}
	f := replaced(t, ReplaceSky{Force: true}, b, newHouse(scene.SkyClear, 0, 240, 160, 0).work(t, b, true))
	require.Equal(t, realedit.CheckSkyReplaced, f.Check)

	// Real pixels come first: a darker photo holds the blue that the picture has lost.
	k := newHouse(scene.SkyClear, 0, 240, 160, 2.5)
	dark := newHouse(scene.SkyClear, 0, 240, 160, 0)
	k.frames = []realedit.Frame{{Photo: &realedit.Photo{Name: "dark.jpg"}, Image: imageOf(t, b, dark.pix8, 240, 160, 3)}}
	f = replaced(t, ReplaceSky{}, b, k.work(t, b, true))
	require.Equal(t, realedit.CheckSkyKept, f.Check)
	require.Contains(t, f.Message, "dark.jpg")
}

// A darker photo of an overcast sky is no better, at any exposure.
func TestDullSkyInAllPhotos(t *testing.T) {
	b := back(t, "cpu")
	k := newHouse(scene.SkyOvercast, 1, 240, 160, 0)
	for _, ev := range []float64{-1, -2, -3, -4, -6} {
		k.frames = append(k.frames, realedit.Frame{Photo: &realedit.Photo{}, Image: imageOf(t, b, newHouse(scene.SkyOvercast, 1, 240, 160, ev).pix8, 240, 160, 3)})
	}
	f := replaced(t, ReplaceSky{}, b, k.work(t, b, true))
	require.Equal(t, realedit.CheckSkyReplaced, f.Check, f.Message)
}

// What a report holds of the stage is enough to make the picture again, through numbers as any JSON reader keeps them; another seed gives another sky.
func TestReplaceSkyAgain(t *testing.T) {
	b := back(t, "cpu")
	skies, err := OpenSkies(testSkies(t))
	require.NoError(t, err)
	k := newHouse(scene.SkyOvercast, 0, 240, 160, 0)
	p := &realedit.Photo{SHA256: [32]byte{0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0xff}, Facts: realedit.Facts{Start: testTime(11), Zoned: true, HasGPS: true, Lat: 47, Lon: 9.5}}
	sets := []realedit.Set{{Photos: []*realedit.Photo{p}}}
	for _, s := range []ReplaceSky{
		{Source: SkyPhysical, Plan: PlanSkies(sets, nil, false), Clouds: 0.5, Bound: 1},
		{Source: SkyLibrary, Library: "mine", Skies: skies, Plan: PlanSkies(sets, skies, true), Mirror: true},
	} {
		w := k.work(t, b, true)
		require.Equal(t, realedit.CheckSkyReplaced, replaced(t, s, b, w).Check)
		text, err := json.Marshal(s.Recorded())
		require.NoError(t, err)
		require.Equal(t, s.Skies.Len() > 0, bytes.Contains(text, []byte(skies.SHA256())))
		var loose any
		require.NoError(t, json.Unmarshal(text, &loose))
		text, err = json.Marshal(loose)
		require.NoError(t, err)
		var again ReplaceSky
		require.NoError(t, json.Unmarshal(text, &again))
		again.Skies = s.Skies
		require.Equal(t, s, again)
		second := k.work(t, b, true)
		replaced(t, again, b, second)
		require.Equal(t, samplesOf(t, b, w.Image), samplesOf(t, b, second.Image))
	}
	env := envOn(b)
	env.Seed = 1
	w, other := k.work(t, b, true), k.work(t, b, true)
	replaced(t, ReplaceSky{}, b, w)
	require.NoError(t, ReplaceSky{}.Apply(context.Background(), env, other))
	require.NotEqual(t, samplesOf(t, b, w.Image), samplesOf(t, b, other.Image))
}

// A mask that ends within the sky is not believed: what would be left of the old sky under the new one is worse than any dull sky.
func TestReplaceSkyOfHalfASky(t *testing.T) {
	b := back(t, "cpu")
	for view := range 3 {
		k := newHouse(scene.SkyOvercast, view, 360, 240, -0.5)
		for i := range k.mask {
			if i/k.w > 30+(i%k.w)/20 {
				k.mask[i] = 0
			}
		}
		w := k.work(t, b, true)
		f := replaced(t, ReplaceSky{}, b, w)
		require.Equal(t, realedit.CheckSkyUncertain, f.Check, f.Message)
		require.Nil(t, w.Unaltered)
		require.Equal(t, k.pix, samplesOf(t, b, w.Image))
	}
}

// skyFile is a JPEG of a computed sky.
func skyFile(t testing.TB, s physicalSky) *fstest.MapFile {
	const w, h = 480, 320
	r := newRaster(w, h)
	require.NoError(t, s.render(context.Background(), r, horizonView{focal: 320, centre: w / 2, horizon: h}, 1, nil))
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		c := [3]uint8{}
		for k := range c {
			c[k] = uint8(255 * encodeSRGB(shoulder(float64(r.v[3*i+k])/16)))
		}
		m.SetNRGBA(i%w, i/w, color.NRGBA{c[0], c[1], c[2], 255})
	}
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, nil))
	return &fstest.MapFile{Data: b.Bytes()}
}

func testSkies(t testing.TB) fstest.MapFS {
	grey := image.NewGray(image.Rect(0, 0, 90, 60))
	for i := range grey.Pix {
		grey.Pix[i] = 200
	}
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, grey, nil))
	return fstest.MapFS{
		"left.jpg":         skyFile(t, physicalSky{Elevation: 35, Azimuth: -80, Turbidity: 2.5, Clouds: 0.2, Seed: 1}),
		"more/right.JPG":   skyFile(t, physicalSky{Elevation: 35, Azimuth: 80, Turbidity: 2.5, Clouds: 0.2, Seed: 2}),
		"more/broken.jpg":  {Data: []byte("\xff\xd8\xff\xe0 this is no photograph")},
		"empty.png":        {},
		"grey.jpg":         {Data: b.Bytes()},
		"notes.txt":        {Data: []byte("not a sky")},
		".hidden/sky.jpg":  {Data: []byte("nor this")},
		"more/deep/x.tiff": {Data: []byte("II*\x00")},
	}
}

// A library's broken files are named and stop nothing; the sky is chosen by the side of the sun, mirrored where that is allowed and said.
func TestSkyLibrary(t *testing.T) {
	b := back(t, "cpu")
	skies, err := OpenSkies(testSkies(t))
	require.NoError(t, err)
	require.Equal(t, 2, skies.Len())
	var names []string
	for _, f := range skies.Findings() {
		require.Equal(t, realedit.CheckSkySource, f.Check)
		names = append(names, f.Message)
	}
	require.Len(t, names, 4, "%q", names)
	for _, n := range []string{"more/broken.jpg", "empty.png", "grey.jpg", "more/deep/x.tiff"} {
		require.True(t, slices.ContainsFunc(names, func(s string) bool { return len(s) > len(n) && s[:len(n)] == n }), n)
	}
	require.Equal(t, -1.0, skies.find("left.jpg", "").side)
	require.Equal(t, 1.0, skies.find("more/right.JPG", "").side)
	require.Equal(t, "left.jpg", skies.choose(35, false, -1, false).name)
	require.Equal(t, "more/right.JPG", skies.choose(35, false, 1, false).name)

	k := newHouse(scene.SkyOvercast, 0, 300, 200, 0)
	// A sky that is brighter to the right.
	for i := range k.pix {
		if k.mask[i/3] > 0 {
			k.pix[i] = uint16(float64(k.pix[i]) * (0.75 + 0.2*float64(i/3%k.w)/float64(k.w)))
		}
	}
	plan := &SkyPlan{Sky: "left.jpg", SkySHA256: skies.find("left.jpg", "").sha, Elevation: 35}
	f := replaced(t, ReplaceSky{Source: SkyLibrary, Skies: skies, Plan: plan}, b, k.work(t, b, true))
	require.Equal(t, realedit.CheckSkyReplaced, f.Check)
	require.Contains(t, f.Message, "left.jpg")
	require.NotContains(t, f.Message, "mirrored")
	plain := k.work(t, b, true)
	replaced(t, ReplaceSky{Source: SkyLibrary, Skies: skies, Plan: plan}, b, plain)
	w := k.work(t, b, true)
	f = replaced(t, ReplaceSky{Source: SkyLibrary, Skies: skies, Plan: plan, Mirror: true}, b, w)
	require.Contains(t, f.Message, "mirrored")
	require.NotEqual(t, samplesOf(t, b, plain.Image), samplesOf(t, b, w.Image))
	require.Len(t, w.Report.Findings, 1+len(names))

	// A file that is another one by now, or gone, is a finding; auto then computes a sky, library keeps the photo's.
	for name, change := range map[string]func(fs fstest.MapFS){
		"changed": func(fs fstest.MapFS) { fs["left.jpg"] = fs["more/right.JPG"] },
		"gone":    func(fs fstest.MapFS) { delete(fs, "left.jpg") },
	} {
		fs := testSkies(t)
		skies, err := OpenSkies(fs)
		require.NoError(t, err)
		change(fs)
		w := k.work(t, b, true)
		f = replaced(t, ReplaceSky{Source: SkyLibrary, Skies: skies, Plan: plan}, b, w)
		require.Equal(t, realedit.CheckSkyKept, f.Check, name)
		require.Nil(t, w.Unaltered)
		require.Equal(t, k.pix, samplesOf(t, b, w.Image))
		f = replaced(t, ReplaceSky{Skies: skies, Plan: plan}, b, k.work(t, b, true))
		require.Contains(t, f.Message, "computed", name)
	}
	_, err = OpenSkies(brokenFS{})
	require.Equal(t, realedit.CodeUnreadable, realedit.CodeOf(err))
}

// One sky for a listing, whatever the order of its sets; another library or other photos give another plan.
func TestSkyPlan(t *testing.T) {
	skies, err := OpenSkies(testSkies(t))
	require.NoError(t, err)
	var sets []realedit.Set
	for i := range 7 {
		p := &realedit.Photo{Facts: realedit.Facts{Start: testTime(10 + i), Zoned: true, HasGPS: true, Lat: 47, Lon: 9.5, HasHeading: true, Heading: float64(20 * i), FNumber: 8, ISO: 100, Exposure: 4e6}}
		p.SHA256[0] = byte(i + 1)
		sets = append(sets, realedit.Set{Photos: []*realedit.Photo{p}})
	}
	want := PlanSkies(sets, skies, false)
	require.Equal(t, SunFromGPS, want.From)
	require.InDelta(t, 64, want.Elevation, 3) // noon of June, summer time
	require.Equal(t, "more/right.JPG", want.Sky)
	for i := range sets {
		turned := slices.Concat(sets[i:], sets[:i])
		require.Equal(t, want, PlanSkies(turned, skies, false))
		slices.Reverse(turned)
		require.Equal(t, want, PlanSkies(turned, skies, false))
	}
	require.NotEqual(t, want.Seed, PlanSkies(sets[1:], skies, false).Seed)
	require.Empty(t, PlanSkies(sets, nil, false).Sky)
	require.Equal(t, SunFromDefault, PlanSkies(nil, nil, false).From)
}

// What stops nothing but the stage itself: no mask, a wrong one, an interior, no source; and what is refused.
func TestReplaceSkyLeavesAlone(t *testing.T) {
	b := back(t, "cpu")
	k := newHouse(scene.SkyOvercast, 0, 240, 160, 0)
	check := func(s ReplaceSky, want string, change func(w *realedit.Work)) {
		t.Helper()
		w := k.work(t, b, true)
		if change != nil {
			change(w)
		}
		require.NoError(t, s.Apply(context.Background(), envOn(b), w))
		require.Equal(t, k.pix, samplesOf(t, b, w.Image))
		require.Nil(t, w.Unaltered)
		require.Nil(t, w.Changes)
		if want == "" {
			require.Empty(t, w.Report.Findings)
		} else {
			require.Equal(t, want, w.Report.Findings[len(w.Report.Findings)-1].Check)
		}
	}
	check(ReplaceSky{}, "", func(w *realedit.Work) { w.Masks = nil })
	check(ReplaceSky{}, "", func(w *realedit.Work) { w.Scene.Scene = realedit.SceneInterior })
	check(ReplaceSky{}, realedit.CheckSkyKept, func(w *realedit.Work) { w.SetMask(realedit.MaskSky, imageOf(t, b, make([]uint8, 6), 3, 2, 1)) })
	check(ReplaceSky{}, realedit.CheckSkyKept, func(w *realedit.Work) {
		w.SetMask(realedit.MaskSky, imageOf(t, b, make([]uint8, 240*160), 240, 160, 1))
	})
	check(ReplaceSky{Source: SkyKeep}, realedit.CheckSkyKept, nil)
	check(ReplaceSky{Source: SkyModel}, realedit.CheckModelMissing, nil)
	check(ReplaceSky{Source: SkyLibrary}, realedit.CheckSkyKept, nil)

	for _, s := range []ReplaceSky{{Source: "moon"}, {Bound: 6}, {Turbidity: 1}, {Turbidity: 9}, {Clouds: 0.9}} {
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(s.Apply(context.Background(), envOn(b), k.work(t, b, true))), "%+v", s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(ReplaceSky{}.Apply(ctx, envOn(b), k.work(t, b, true))))
	for s, want := range map[string]SkySource{"auto": SkyAuto, "keep": SkyKeep, "physical": SkyPhysical, "model": SkyModel, "library:a:b": SkyLibrary} {
		source, dir, err := ParseSkySource(s)
		require.NoError(t, err)
		require.Equal(t, want, source)
		require.Equal(t, want == SkyLibrary, dir == "a:b")
	}
	for _, s := range []string{"", "library", "library:", "Auto", "none"} {
		_, _, err := ParseSkySource(s)
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err), s)
	}
}

// given is a stage that gives a house.
type given struct {
	t *testing.T
	k *house
}

func (g given) Name() string { return "given" }
func (g given) Apply(_ context.Context, env *realedit.Env, w *realedit.Work) error {
	m := g.k.work(g.t, env.Backend, true)
	w.SetImage(m.Image)
	w.SetMask(realedit.MaskSky, m.Masks[realedit.MaskSky])
	return nil
}

type route []realedit.Stage

func (route) Name() string                                               { return "route" }
func (r route) Stages() []realedit.Stage                                 { return r }
func (route) Apply(context.Context, *realedit.Env, *realedit.Work) error { panic("composite") }

// The Editor keeps the stage out where the policy forbids a computed pixel, and gives the unaltered picture along where it does not.
func TestReplaceSkyAndPolicies(t *testing.T) {
	k := newHouse(scene.SkyBlown, 0, 240, 160, 0)
	for _, p := range []realedit.Policy{realedit.CorrectedOnly, realedit.Primary, realedit.Permissive, realedit.AB723, realedit.MLSStrict} {
		e, err := realedit.New(realedit.Config{Backends: []kernels.Backend{kerneltest.Host(t)}, Policy: p})
		require.NoError(t, err)
		r, err := e.Process(context.Background(), route{given{t, k}, ReplaceSky{}}, realedit.Set{ID: "house", Photos: []*realedit.Photo{{Facts: k.facts}}})
		require.NoError(t, err)
		if p.Allows(realedit.ChangeComputed) {
			require.Equal(t, realedit.Altered, r.Report.Class)
			require.NotNil(t, r.Unaltered)
			require.Contains(t, r.Report.Shares, "computed")
			require.Equal(t, realedit.CheckSkyReplaced, r.Report.Findings[0].Check)
		} else {
			require.Equal(t, realedit.Unaltered, r.Report.Class)
			require.Nil(t, r.Unaltered)
			require.Equal(t, string(realedit.CodePolicyRefused), r.Report.Findings[0].Check)
		}
		r.Free()
	}
}
