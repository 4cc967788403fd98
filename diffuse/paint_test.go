package diffuse

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// artist is a model that paints what it is asked to, and shifts the rest as an autoencoder does.
func artist(paint func(x, y int, v []float64)) *model {
	m := &model{}
	m.edit = func(x, y int, v []float64) {
		if a := m.jobs[len(m.jobs)-1].Mask; a.Values[y*a.Width+x] != 0 {
			paint(x, y, v)
			return
		}
		for c := range v {
			v[c] = 0.97*v[c] + 2
		}
	}
	return m
}

// masked is a picture of 8 bits in the work of a set, on a backend, with a mask.
func masked(t testing.TB, b kernels.Backend, models realedit.Models, s *scene.Scene, pix []uint8, key realedit.Key, share []float32) (*realedit.Env, *realedit.Work) {
	t.Helper()
	env := &realedit.Env{Backend: b, Ops: kernels.Complete(b, nil), Models: models, Seed: 5, Log: slog.New(slog.DiscardHandler)}
	put := func(v []uint8, c int) *kernels.Image {
		host, err := kernels.Wrap(slices.Clone(v), s.W, s.H, c)
		require.NoError(t, err)
		m, err := env.NewImage(s.W, s.H, c, kernels.U8)
		require.NoError(t, err)
		require.NoError(t, b.Copy(context.Background(), m, host))
		return m
	}
	mask := make([]uint8, len(share))
	for i, v := range share {
		mask[i] = uint8(255*v + 0.5)
	}
	w := &realedit.Work{Set: realedit.Set{ID: "x", Photos: []*realedit.Photo{{Name: "x.jpg", Facts: realedit.Facts{Width: s.W, Height: s.H, Focal35: 24}}}},
		Image: put(pix, 3), Report: &realedit.Report{Measures: map[string]float64{}}}
	w.SetMask(key, put(mask, 1))
	return env, w
}

func bytesOf(t testing.TB, b kernels.Backend, m *kernels.Image) (v []uint8) {
	t.Helper()
	host, free, err := kernels.ToHost(context.Background(), b, m)
	require.NoError(t, err)
	defer free()
	for y := range host.Height() {
		v = append(v, host.RowU8(y)...)
	}
	return v
}

// held checks that what is not synthesised is the picture from before, and that nothing outside the mask is; it returns how many pixels are.
func held(t testing.TB, b kernels.Backend, w *realedit.Work, mask []float32) (synthesised int) {
	t.Helper()
	now, before := bytesOf(t, b, w.Image), bytesOf(t, b, w.Unaltered)
	for i, share := range mask {
		c := realedit.Change(w.Changes.Map.RowU8(i / w.Image.Width())[i%w.Image.Width()])
		if c == realedit.ChangeSynthesised {
			synthesised++
			require.Greater(t, share, float32(0), "pixel %d", i)
		} else {
			require.Equal(t, before[3*i:3*i+3], now[3*i:3*i+3], "pixel %d is %v", i, c)
		}
	}
	return synthesised
}

func skyOf(kind scene.SkyKind) (*scene.Scene, []uint8) {
	s := scene.Exterior(scene.ExteriorOptions{W: 330, H: 220, Sky: kind})
	pix, _ := scene.Camera{}.Expose(s.Radiance, s.W, s.H, 0, 0)
	return s, pix
}

// A model's sky goes where the sky is and nowhere else, on a device as on the host; what the model does beside it is not seen.
func TestSky(t *testing.T) {
	s, pix := skyOf(scene.SkyOvercast)
	var first []uint8
	for _, b := range []kernels.Backend{kerneltest.Host(t), offhost.New(kerneltest.Host(t), "far:0", 1<<40)} {
		m := artist(func(x, y int, v []float64) { v[0], v[1], v[2] = 60+float64(y)/3, 110+float64(y)/3, 190 })
		env, w := masked(t, b, &someModels{kit: kitWith(m, "sky")}, s, pix, realedit.MaskSky, s.Sky)
		stage := Sky{Bound: -1}
		require.NoError(t, stage.Apply(context.Background(), env, w))
		require.Equal(t, realedit.CheckSkyReplaced, w.Report.Findings[len(w.Report.Findings)-1].Check, w.Report.Findings)
		require.Equal(t, realedit.SkyModel, w.Report.Sky.Source)
		require.Len(t, w.Report.Models, 2)
		held(t, b, w, s.Sky)
		now := bytesOf(t, b, w.Image)
		for i, share := range s.Sky {
			c := realedit.Change(w.Changes.Map.RowU8(i / s.W)[i%s.W])
			require.Equal(t, share >= 0.5/255, c == realedit.ChangeSynthesised, "pixel %d", i)
			if share == 1 {
				require.Greater(t, int(now[3*i+2]), int(now[3*i])+30, "pixel %d,%d", i%s.W, i/s.W)
			}
		}
		require.Len(t, m.jobs, 1)
		require.Equal(t, 8, m.jobs[0].Start.Executed())
		require.True(t, m.jobs[0].Whole)
		if first == nil {
			first = now
		}
		require.Equal(t, first, now)
	}
}

// What a model paints is not taken where it is no better, has things in it, or belongs to another picture; a good sky is not shown to it.
func TestSkyNotTaken(t *testing.T) {
	blue := func(x, y int, v []float64) { v[0], v[1], v[2] = 70, 120, 190 }
	for name, c := range map[string]struct {
		sky    scene.SkyKind
		models realedit.Models
		check  string
		says   string
	}{
		"no models": {scene.SkyOvercast, nil, realedit.CheckModelMissing, "the photo's own sky stays"},
		"grey":      {scene.SkyOvercast, &someModels{kit: kitWith(artist(func(x, y int, v []float64) { v[0], v[1], v[2] = 200, 200, 202 }), "sky")}, realedit.CheckSkyKept, "no better"},
		"a tower": {scene.SkyOvercast, &someModels{kit: kitWith(artist(func(x, y int, v []float64) {
			if blue(x, y, v); x%60 < 3 {
				v[0], v[1], v[2] = 20, 20, 20
			}
		}), "sky")}, realedit.CheckSkyKept, "something in it"},
		"another picture": {scene.SkyOvercast, &someModels{kit: kitWith(&model{edit: blue}, "sky")}, realedit.CheckModelBad, "left alone"},
		"NaN":             {scene.SkyOvercast, &someModels{kit: kitWith(&model{edit: blue, bad: true}, "sky")}, realedit.CheckModelBad, "none"},
		"a good sky":      {scene.SkyClouds, &someModels{kit: kitWith(&model{edit: func(x, y int, v []float64) { panic("asked") }}, "sky")}, realedit.CheckSkyKept, "good"},
	} {
		s, pix := skyOf(c.sky)
		env, w := masked(t, kerneltest.Host(t), c.models, s, pix, realedit.MaskSky, s.Sky)
		before := w.Image
		require.NoError(t, Sky{}.Apply(context.Background(), env, w), name)
		require.Same(t, before, w.Image, name)
		require.Nil(t, w.Report.Sky, name)
		f := w.Report.Findings[len(w.Report.Findings)-1]
		require.Equal(t, c.check, f.Check, "%s: %s", name, f.Message)
		require.Contains(t, f.Message, c.says, name)
	}
	s, pix := skyOf(scene.SkyOvercast)
	env, w := masked(t, kerneltest.Host(t), &someModels{kit: kitWith(artist(blue), "sky")}, s, pix, realedit.MaskSky, s.Sky)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.Error(t, Sky{}.Apply(ctx, env, w))
	for _, bad := range []realedit.Stage{Sky{Painting: Painting{Steps: 3}}, WindowView{Painting{Steps: 4, Executed: 5}}, Sky{Bound: 6}} {
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(bad.Apply(context.Background(), env, w)), "%+v", bad)
	}
}

// A lost view is painted inside its mask and nowhere else, in the colours of the wall around it, without a step at the frame; each window is shown to the model with its wall.
func TestWindowView(t *testing.T) {
	s, pix := roomPixels()
	// Two more lost panes, one with a soft rim.
	lost := slices.Clone(s.Window)
	for y := range 40 {
		for x := range 40 {
			rim := min(x, 39-x, y, 39-y)
			lost[(y+190)*s.W+x+10] = float32(min(rim, 4)) / 4
		}
	}
	var first []uint8
	for _, b := range []kernels.Backend{kerneltest.Host(t), offhost.New(kerneltest.Host(t), "far:0", 1<<40)} {
		m := artist(func(x, y int, v []float64) { v[0], v[1], v[2] = 0.97*90+2, 0.97*140+2, 0.97*80+2 })
		env, w := masked(t, b, &someModels{kit: kitWith(m, "window_view")}, s, pix, realedit.MaskViewLost, lost)
		require.NoError(t, WindowView{}.Apply(context.Background(), env, w))
		require.Len(t, w.Report.Findings, 1)
		require.Equal(t, realedit.CheckWindowPainted, w.Report.Findings[0].Check)
		require.EqualValues(t, len(m.jobs), w.Report.Findings[0].Value)
		require.GreaterOrEqual(t, len(m.jobs), 2)
		require.NotEqual(t, m.jobs[0].Seed, m.jobs[1].Seed)
		require.Greater(t, held(t, b, w, lost), 1000)
		now := bytesOf(t, b, w.Image)
		// The middle of the pane with the soft rim has the view's colours as the wall's shift tells them, its outermost pixels are the picture's.
		at := 3 * ((190+20)*s.W + 10 + 20)
		require.InDelta(t, 90, int(now[at]), 3)
		require.InDelta(t, 140, int(now[at+1]), 3)
		require.InDelta(t, 80, int(now[at+2]), 3)
		before := bytesOf(t, b, w.Unaltered)
		for k := range 4 {
			i := 3 * ((190+20)*s.W + 10 + k)
			for c, view := range []float64{90, 140, 80} {
				share := float64(uint8(255*float32(k)/4+0.5)) / 255
				require.InDelta(t, float64(before[i+c])*(1-share)+view*share, float64(now[i+c]), 3, "the soft rim, %d", k)
			}
		}
		if first == nil {
			first = now
		}
		require.Equal(t, first, now)
	}
}

// Beside a frame the view takes the place of the white that shone through, and the frame's part stays: no white line and no dark one. What is no mixture with white is
// mixed with the view as it is.
func TestPutIn(t *testing.T) {
	view, err := kernels.Wrap([]uint8{100, 150, 200}, 1, 1, 3)
	require.NoError(t, err)
	shares := []uint8{0, 1, 64, 128, 200, 254, 255}
	alpha, err := kernels.Wrap(shares, len(shares), 1, 1)
	require.NoError(t, err)
	for _, frame := range []float64{0, 60, 230} {
		eight, sixteen := make([]uint8, 3*len(shares)), make([]uint16, 3*len(shares))
		for i := range eight {
			a := float64(shares[i/3]) / 255
			eight[i] = uint8(a*255 + (1-a)*frame + 0.5)
			sixteen[i] = uint16(257 * (a*255 + (1-a)*frame))
		}
		was := slices.Clone(eight)
		pic, err := kernels.Wrap(eight, len(shares), 1, 3)
		require.NoError(t, err)
		putIn(pic, view, alpha, alpha)
		deep, err := kernels.Wrap(sixteen, len(shares), 1, 3)
		require.NoError(t, err)
		putIn(deep, view, alpha, alpha)
		require.Equal(t, was[:3], eight[:3])
		for i := range eight {
			a := float64(shares[i/3]) / 255
			want := a*[]float64{100, 150, 200}[i%3] + (1-a)*frame
			require.InDelta(t, want, float64(eight[i]), 1.1, "frame %v, share %v", frame, a)
			require.InDelta(t, want, float64(sixteen[i])/257, 0.1, "frame %v, share %v", frame, a)
		}
	}
	// Yellow leaves behind a muntin.
	leaves := []uint8{255, 200, 20}
	pic, err := kernels.Wrap(leaves, 1, 1, 3)
	require.NoError(t, err)
	half, err := kernels.Wrap([]uint8{128}, 1, 1, 1)
	require.NoError(t, err)
	putIn(pic, view, half, half)
	require.Equal(t, []uint8{177, 175, 110}, leaves)
}

func TestWindowViewNotTaken(t *testing.T) {
	s, pix := roomPixels()
	green := func(x, y int, v []float64) { v[0], v[1], v[2] = 90, 140, 80 }
	for name, c := range map[string]struct {
		models realedit.Models
		check  string
	}{
		"no models":       {nil, realedit.CheckModelMissing},
		"another picture": {&someModels{kit: kitWith(&model{edit: green}, "window_view")}, realedit.CheckModelBad},
		"no prompt":       {&someModels{kit: kitWith(artist(green), "sky")}, realedit.CheckModelMissing},
	} {
		env, w := masked(t, kerneltest.Host(t), c.models, s, pix, realedit.MaskViewLost, s.Window)
		before := w.Image
		require.NoError(t, WindowView{}.Apply(context.Background(), env, w), name)
		require.Same(t, before, w.Image, name)
		require.Nil(t, w.Unaltered, name)
		require.Len(t, w.Report.Findings, 1, name)
		require.Equal(t, c.check, w.Report.Findings[0].Check, name)
	}
	env, w := masked(t, kerneltest.Host(t), nil, s, pix, realedit.MaskViewLost, make([]float32, s.W*s.H))
	require.NoError(t, WindowView{}.Apply(context.Background(), env, w))
	require.Empty(t, w.Report.Findings)
	w.SetMask(realedit.MaskViewLost, nil)
	require.NoError(t, WindowView{}.Apply(context.Background(), env, w))
	require.Empty(t, w.Report.Findings)
}

// Networks that know nothing of pictures, made for inpainting or not, paint nothing that is taken.
func TestPaintingWithTinyNetworks(t *testing.T) {
	s, pix := roomPixels()
	for _, unet := range []string{"unet", "unet_inpaint"} {
		k := kitWith(open(t, unet, false, Profile{}), "window_view")
		k.controls, k.kinds = nil, nil
		k.stored[0].Hidden, k.stored[0].Pooled = prompt().Hidden, prompt().Pooled
		env, w := masked(t, kerneltest.Host(t), &someModels{kit: k}, s, pix, realedit.MaskViewLost, s.Window)
		require.NoError(t, WindowView{Painting{Steps: 2}}.Apply(context.Background(), env, w))
		require.Nil(t, w.Unaltered)
		require.Equal(t, realedit.CheckModelBad, w.Report.Findings[0].Check)
		require.Contains(t, w.Report.Findings[0].Message, "left alone")
	}
}

// Windows side by side, each within what the model sees of the other, keep their own views, and one that fails is left as it was.
func TestWindowsBesideEachOther(t *testing.T) {
	const w, h = 960, 480
	s := &scene.Scene{W: w, H: h}
	pix, lost := make([]uint8, 3*w*h), make([]float32, w*h)
	for i := range pix {
		pix[i] = uint8(150 + i%7)
	}
	for _, x0 := range []int{200, 480} {
		for y := 120; y < 360; y++ {
			for x := x0; x < x0+230; x++ {
				lost[y*w+x] = 1
				for c := range 3 {
					pix[3*(y*w+x)+c] = 255
				}
			}
		}
	}
	for _, fails := range []bool{false, true} {
		m := &model{}
		m.edit = func(x, y int, v []float64) {
			j := m.jobs[len(m.jobs)-1]
			m.bad = fails && len(m.jobs) == 2
			if j.Mask.Values[y*j.Mask.Width+x] != 0 {
				v[0], v[1], v[2] = float64(60*len(m.jobs)), 120, 60
			}
		}
		b := kerneltest.Host(t)
		env, work := masked(t, b, &someModels{kit: kitWith(m, "window_view")}, s, pix, realedit.MaskViewLost, lost)
		require.NoError(t, WindowView{}.Apply(context.Background(), env, work))
		require.Len(t, m.jobs, 2)
		now := bytesOf(t, b, work.Image)
		for x := range w {
			i := 3 * (240*w + x)
			want := pix[i]
			if x >= 200 && x < 430 {
				want = 60
			} else if x >= 480 && x < 710 && !fails {
				want = 120
			}
			require.InDelta(t, want, now[i], 2, "column %d, the second fails: %v", x, fails)
		}
		held(t, b, work, lost)
	}
}

// theseModels are kinds that are there.
type theseModels struct {
	realedit.Models
	kinds []string
}

func (m theseModels) Model(kind string) (realedit.Model, bool) {
	return realedit.Model{Kind: kind}, slices.Contains(m.kinds, kind)
}

// The UNet for inpainting paints with the LoRA that lets it do with few steps, and with it alone.
func TestPaintWants(t *testing.T) {
	for _, c := range []struct {
		there   []string
		unet    string
		lora    string
		missing int
		code    realedit.Code
	}{
		{[]string{kindUNet}, kindUNet, "", 0, ""},
		{[]string{kindUNet, kindInpaint, kindFewStep}, kindInpaint, kindFewStep, 0, ""},
		{[]string{kindInpaint, kindFewStep}, kindInpaint, kindFewStep, 0, ""},
		{[]string{kindUNet, kindInpaint}, kindUNet, "", 1, ""},
		{[]string{kindInpaint}, "", "", 0, realedit.CodeNoModel},
	} {
		env, w := &realedit.Env{Models: theseModels{kinds: c.there}}, &realedit.Work{Report: &realedit.Report{}}
		want, err := paintWants(env, w)
		if c.code != "" {
			require.Equal(t, c.code, realedit.CodeOf(err), "%v", c.there)
			require.ErrorContains(t, err, kindFewStep)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, []string{c.unet, c.lora}, []string{want.unet, want.lora}, "%v", c.there)
		require.Len(t, w.Report.Findings, c.missing)
		if c.missing > 0 {
			require.Equal(t, realedit.CheckModelMissing, w.Report.Findings[0].Check)
		}
	}
}
