package diffuse

import (
	"context"
	"encoding/json"
	"image"
	"io"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/lock"
	"github.com/realedit/realedit/diffuse/text"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ort"
)

// someModels has a kit ready for whoever asks.
type someModels struct {
	kit  *kit
	err  error
	keys []string
}

func (m *someModels) Model(kind string) (realedit.Model, bool) {
	return realedit.Model{Name: kind, Kind: kind, SHA256: kind, Licence: "x"}, m.kit != nil && kind != kindLoRA
}

func (m *someModels) Run(context.Context, string, ort.Values) (ort.Values, []realedit.Finding, error) {
	panic("not asked")
}
func (m *someModels) Files(context.Context, string) ([]string, error) { panic("not asked") }
func (m *someModels) Keep(_ context.Context, key string, make func() (io.Closer, error)) (io.Closer, error) {
	m.keys = append(m.keys, key)
	return m.kit, m.err
}

// model stands for an Engine: what it makes of a picture is known.
type model struct {
	jobs []*Job
	edit func(x, y int, v []float64) // samples of 255
	bad  bool
}

func (m *model) Run(ctx context.Context, j *Job) (*Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, &realedit.Error{Code: realedit.CodeCancelled, Err: err}
	}
	m.jobs = append(m.jobs, j)
	w, h := j.Picture.Width(), j.Picture.Height()
	out, err := kernels.NewHostImage(nil, w, h, 3, kernels.U8)
	if err != nil {
		return nil, err
	}
	for y := range h {
		for x := range w {
			v := make([]float64, 3)
			for c := range v {
				v[c] = float64(j.Picture.RowU8(y)[3*x+c])
			}
			m.edit(x, y, v)
			for c := range v {
				out.RowU8(y)[3*x+c] = uint8(min(max(v[c]+0.5, 0), 255))
			}
		}
	}
	r := &Result{Picture: out, Tiles: 1}
	if m.bad {
		r.Bad = []image.Rectangle{out.Bounds()}
	}
	return r, nil
}

func (m *model) Close() error { return nil }

func kitOf(e engine) *kit { return kitWith(e, "interior") }

func kitWith(e engine, preset string) *kit {
	p, _ := text.PresetOf(preset)
	return &kit{engine: e, kinds: []string{kindUNet, kindVAE}, controls: []string{kindTile, kindCanny}, encoded: map[string]*text.Embedding{},
		stored: []*text.Embedding{{Prompt: p.Prompt, Tokens: text.Fingerprint(p.Prompt), Hidden: []float32{1}, Pooled: []float32{1}}}}
}

var roomPixels = sync.OnceValues(func() (*scene.Scene, []uint8) {
	s := scene.Interior(scene.InteriorOptions{W: 360, H: 240, Samples: 1})
	_, pix := scene.Camera{Bits: 16}.Expose(s.Radiance, s.W, s.H, 0.4, 1)
	b := make([]uint8, len(pix))
	for i, v := range pix {
		b[i] = uint8(v / 257)
	}
	return s, b
})

// room is a picture in the work of an interior.
func room(t testing.TB, m realedit.Models) (*realedit.Env, *realedit.Work) {
	s, b := roomPixels()
	img, err := kernels.Wrap(b, s.W, s.H, 3)
	require.NoError(t, err)
	backend := kerneltest.Host(t)
	env := &realedit.Env{Backend: backend, Ops: kernels.Complete(backend, nil), Models: m, Seed: 5, Log: slog.New(slog.DiscardHandler)}
	return env, &realedit.Work{Image: img, Scene: realedit.SceneFacts{Scene: realedit.SceneInterior}, Report: &realedit.Report{Measures: map[string]float64{}}}
}

// A model's tone is taken over through the lock, and the report makes the same picture again.
func TestCorrect(t *testing.T) {
	m := &model{edit: func(x, y int, v []float64) { // warmer, with something drawn
		v[0] *= 1.03
		v[2] *= 0.97
		if x > 200 && x < 240 && y > 100 && y < 140 {
			v[0], v[1], v[2] = 20, 20, 20
		}
	}}
	models := &someModels{kit: kitOf(m)}
	env, w := room(t, models)
	before := w.Image
	require.NoError(t, Correct{}.Apply(context.Background(), env, w))
	require.Empty(t, w.Report.Findings)
	require.NotSame(t, before, w.Image)
	require.Equal(t, realedit.ChangeLocked, w.Changes.Strongest())
	require.Len(t, w.Report.Models, 2)
	require.Len(t, m.jobs, 1)
	j := m.jobs[0]
	require.EqualValues(t, 5, j.Seed)
	require.Equal(t, []float32{0.6, 0.5}, []float32{j.Controls[0].Scale, j.Controls[1].Scale})
	require.Same(t, j.Picture, j.Controls[0].Image)
	require.Equal(t, 2, j.Start.Executed())

	var g lock.Grid
	require.NoError(t, json.Unmarshal(w.Report.Lock, &g))
	again, err := kernels.NewHostImage(nil, before.Width(), before.Height(), 3, kernels.U8)
	require.NoError(t, err)
	require.NoError(t, lock.Apply(context.Background(), again, before, image.Point{}, &g))
	warmer := 0
	for y := range before.Height() {
		require.Equal(t, again.RowU8(y), w.Image.RowU8(y))
		for x, v := range w.Image.RowU8(y) {
			require.InDelta(t, int(before.RowU8(y)[x]), int(v), 16)
			if x%3 == 0 && v > before.RowU8(y)[x] {
				warmer++
			}
		}
	}
	require.Greater(t, warmer, before.Width()*before.Height()/3)
	require.Greater(t, w.Report.Measures["lock_refused"], 0.0)

	env, half := room(t, models)
	require.NoError(t, Correct{Blend: 0.5, Canny: -1}.Apply(context.Background(), env, half))
	require.NotEqual(t, w.Report.Lock, half.Report.Lock)
	require.NotEqual(t, models.keys[0], models.keys[1])
}

// The rungs below ask no model for what it has said of the same picture; another strength is another question.
func TestCorrectAsksOnce(t *testing.T) {
	m := &model{edit: func(x, y int, v []float64) { v[0] *= 1.03 }}
	env, w := room(t, &someModels{kit: kitOf(m)})
	w.Base = w.Image
	var first *realedit.Report
	for i, c := range []Correct{{}, {Blend: 0.5}, {Executed: 2}, {Executed: 1}} {
		w.Image, w.Changes, w.Report = w.Base, nil, &realedit.Report{Measures: map[string]float64{}}
		require.NoError(t, c.Apply(context.Background(), env, w))
		require.Len(t, m.jobs, 1+i/3)
		require.NotNil(t, w.Report.Lock)
		require.Len(t, w.Report.Models, 2)
		if i == 0 {
			first = w.Report
		}
		require.Equal(t, i == 0 || i == 2, string(first.Lock) == string(w.Report.Lock) && i < 3)
	}
	// Of a picture that may be written over nothing is kept.
	w.Base, w.Changes = nil, nil
	require.NoError(t, Correct{Steps: 4}.Apply(context.Background(), env, w))
	require.NoError(t, Correct{Steps: 4}.Apply(context.Background(), env, w))
	require.Len(t, m.jobs, 4)
}

// Free keeps the model's pixels, on a device as on the host, but where something is drawn: there the picture is what it was, and the map says so.
func TestCorrectFree(t *testing.T) {
	s, pix := roomPixels()
	object := image.Rect(194, 66, 254, 126)
	var first []uint8
	for _, b := range []kernels.Backend{kerneltest.Host(t), offhost.New(kerneltest.Host(t), "far:0", 1<<40)} {
		m := &model{edit: func(x, y int, v []float64) {
			v[0] *= 1.02
			if (image.Point{X: x, Y: y}).In(object) {
				v[0], v[1], v[2] = float64(40+20*(x/4%2)), 20, 20
			}
		}}
		env, w := masked(t, b, &someModels{kit: kitOf(m)}, s, pix, realedit.MaskSky, s.Sky)
		w.Scene.Scene = realedit.SceneInterior
		stage := Correct{Free: true}
		require.Equal(t, realedit.ChangeSynthesised, stage.Alters())
		require.NoError(t, stage.Apply(context.Background(), env, w))
		require.Nil(t, w.Report.Lock)
		require.False(t, m.jobs[0].Whole)
		require.Len(t, w.Report.Findings, 1)
		require.Contains(t, w.Report.Findings[0].Message, "taken back")
		now, before := bytesOf(t, b, w.Image), bytesOf(t, b, w.Unaltered)
		require.Equal(t, pix, before)
		own := 0
		for i := range s.W * s.H {
			x, y := i%s.W, i/s.W
			c := realedit.Change(w.Changes.Map.RowU8(y)[x])
			if c == realedit.ChangeSynthesised {
				own++
			} else {
				require.Equal(t, before[3*i:3*i+3], now[3*i:3*i+3])
			}
			if (image.Point{X: x, Y: y}).In(object) {
				require.Equal(t, before[3*i:3*i+3], now[3*i:3*i+3], "%d,%d", x, y)
			}
		}
		require.Greater(t, own, s.W*s.H/2)
		if first == nil {
			first = now
		}
		require.Equal(t, first, now)
	}
	env, w := room(t, &someModels{kit: kitOf(&model{edit: func(x, y int, v []float64) { v[0], v[1], v[2] = float64(x%256), 0, 0 }})})
	before := w.Image
	require.NoError(t, Correct{Free: true}.Apply(context.Background(), env, w))
	require.Same(t, before, w.Image)
	require.Equal(t, realedit.CheckModelBad, w.Report.Findings[0].Check)
	require.Nil(t, w.Unaltered)
	require.Nil(t, w.Changes)

	// Canny is of 8 bits; a picture of 16 comes to it so.
	deep := make([]uint16, len(pix))
	for i, v := range pix {
		deep[i] = uint16(v) * 257
	}
	img, err := kernels.Wrap(deep, s.W, s.H, 3)
	require.NoError(t, err)
	eight, free, err := inEight(img)
	require.NoError(t, err)
	defer free()
	require.Equal(t, pix, bytesOf(t, kerneltest.Host(t), eight))
}

// A report's grid is for pictures of its own size: of a larger one a part would fit, with the tone of another place.
func TestReplayOfAnotherSize(t *testing.T) {
	env, w := room(t, nil)
	before := w.Image
	for _, g := range []*lock.Grid{lock.Identity(before.Width()+1, before.Height()), lock.Identity(2*before.Width(), 2*before.Height())} {
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(Correct{Replay: true, Grid: g}.Apply(context.Background(), env, w)))
		require.Same(t, before, w.Image)
	}
	require.NoError(t, Correct{Replay: true, Grid: lock.Identity(before.Width(), before.Height())}.Apply(context.Background(), env, w))
}

// What the model cannot do is a finding, and the picture stays; what is the caller's is an error.
func TestCorrectWithoutUse(t *testing.T) {
	same := func(x, y int, v []float64) {}
	for name, c := range map[string]struct {
		models realedit.Models
		stage  Correct
		check  string
	}{
		"no models":     {nil, Correct{}, realedit.CheckModelMissing},
		"not there":     {&someModels{err: realedit.Errorf(realedit.CodeNoModel, "x", "none")}, Correct{}, realedit.CheckModelMissing},
		"tampered":      {&someModels{err: realedit.Errorf(realedit.CodeBadModel, "x", "hash")}, Correct{}, realedit.CheckModelBad},
		"no memory":     {&someModels{err: realedit.Errorf(realedit.CodeOutOfMemory, "x", "8 GB")}, Correct{}, realedit.CheckModelFailed},
		"closed":        {&someModels{err: realedit.Errorf(realedit.CodeBadOption, "models", "they are closed")}, Correct{}, realedit.CheckModelFailed},
		"another scene": {&someModels{kit: kitOf(&model{edit: func(x, y int, v []float64) { v[0], v[1], v[2] = float64(x%256), 0, 0 }})}, Correct{}, realedit.CheckModelBad},
		"NaN":           {&someModels{kit: kitOf(&model{edit: same, bad: true})}, Correct{}, realedit.CheckModelBad},
		"no prompt":     {&someModels{kit: kitOf(&model{edit: same})}, Correct{Preset: "sky"}, realedit.CheckModelMissing},
	} {
		env, w := room(t, c.models)
		before := w.Image
		require.NoError(t, c.stage.Apply(context.Background(), env, w), name)
		require.Same(t, before, w.Image, name)
		require.Nil(t, w.Report.Lock, name)
		require.Nil(t, w.Changes, name)
		require.Len(t, w.Report.Findings, 1, name)
		require.Equal(t, c.check, w.Report.Findings[0].Check, name)
	}
	asked := &model{edit: same}
	models := &someModels{kit: kitOf(asked)}
	env, w := room(t, models)
	for _, bad := range []Correct{{Blend: 1.1}, {Blend: -1}, {Tile: 3}, {Steps: 5}, {Steps: 4, Executed: 5}, {Preset: "x"}, {Caps: lock.Options{Pixel: 50}}} {
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(bad.Apply(context.Background(), env, w)), "%+v", bad)
	}
	require.Empty(t, asked.jobs, "options are checked before minutes are spent")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(Correct{}.Apply(ctx, env, w)))
}

// Networks that know nothing of pictures do no harm: the lock does not know what they give.
func TestCorrectWithTinyNetworks(t *testing.T) {
	e := open(t, "unet", false, Profile{})
	k := kitOf(e)
	k.controls, k.kinds = nil, nil
	k.stored[0].Hidden, k.stored[0].Pooled = prompt().Hidden, prompt().Pooled
	env, w := room(t, &someModels{kit: k})
	before := w.Image
	require.NoError(t, Correct{Steps: 4, Executed: 1}.Apply(context.Background(), env, w))
	require.Same(t, before, w.Image)
	require.Equal(t, realedit.CheckModelBad, w.Report.Findings[0].Check)
}

func TestSeen(t *testing.T) {
	for _, c := range [][4]int{{8192, 5464, 1247, 832}, {300, 200, 300, 200}, {6000, 4500, 1195, 896}, {16000, 2000, 2048, 256}, {1024, 8192, 256, 2048}, {1 << 16, 300, 2048, 9}} {
		w, h := seen(c[0], c[1])
		require.InDelta(t, c[2], w, 1)
		require.InDelta(t, c[3], h, 1)
	}
}

// A grid out of a report is held to the caps, and needs nothing that a model would: neither a preset that is still known nor options of the sampler.
func TestReplayIsHeldToTheCaps(t *testing.T) {
	env, w := room(t, nil)
	before := w.Image
	g := lock.Identity(before.Width(), before.Height())
	for i := range g.Shifts {
		g.Shifts[i] = 1200 // all brighter: within what a curve may do
	}
	err := Correct{Replay: true, Grid: g}.Apply(t.Context(), env, w)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	require.ErrorContains(t, err, "cap")
	require.Same(t, before, w.Image)
	require.Nil(t, w.Changes)
	require.NoError(t, Correct{Replay: true, Grid: g.Scaled(0.1), Preset: "of a later version", Steps: 3}.Apply(t.Context(), env, w))
	require.NotSame(t, before, w.Image)
}

// The report's measures of the lock are of the whole grid; how much of it was taken stands beside them.
func TestBlendIsReported(t *testing.T) {
	for _, blend := range []float64{0, 0.5} {
		m := &model{edit: func(x, y int, v []float64) { v[0] *= 1.03 }}
		env, w := room(t, &someModels{kit: kitOf(m)})
		require.NoError(t, Correct{Blend: blend}.Apply(t.Context(), env, w))
		if blend == 0 {
			blend = 1
		}
		require.Equal(t, blend, w.Report.Measures["lock_blend"])
		require.Positive(t, w.Report.Measures["lock_kept"])
	}
}
