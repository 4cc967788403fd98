package segment

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// stagesOn runs the stages that look at a scene on the picture of testdata/models/gen.py, the models' own answers being those of d; nil = no models.
func stagesOn(t *testing.T, d *double) *realedit.Work {
	t.Helper()
	var models realedit.Models
	if d != nil {
		models = d
	}
	env, w := modelEnv(t, models)
	w.Image = modelPicture(t, env)
	w.Frames = []realedit.Frame{{Photo: &realedit.Photo{}, Image: w.Image}}
	w.Set.Photos = []*realedit.Photo{w.Frames[0].Photo}
	for _, s := range []realedit.Stage{Scene{}, Windows{}, Sky{}} {
		require.NoError(t, s.Apply(t.Context(), env, w), s.Name())
	}
	t.Cleanup(func() {
		for _, m := range w.Masks {
			m.Free()
		}
	})
	return w
}

// inside is a mask's mean over a box.
func inside(m *kernels.Image, x0, y0, x1, y1 int) float64 {
	var sum float64
	for y := y0; y < y1; y++ {
		for _, v := range m.RowU8(y)[x0:x1] {
			sum += float64(v) / 255
		}
	}
	return sum / float64((x1-x0)*(y1-y0))
}

// seeing is a semantic network and a CLIP that see sky in the upper third or a window in the lower right, and no SAM 2.
func seeing(class int, scene []float32) *double {
	d := fullDouble()
	for _, k := range []string{kindOWL, kindSAMEncoder, kindSAMDecoder, kindSky, kindSaliency} {
		delete(d.models, k)
	}
	d.answer = func(kind string, _ ort.Values) (ort.Values, error) {
		if kind == kindCLIP {
			return ort.Values{"image_embeds": tensorOf(func(i int) float32 { return scene[i] }, 1, 2)}, nil
		}
		const w, h = 42, 30
		return ort.Values{"logits": tensorOf(func(i int) float32 {
			c, x, y := i/(w*h), i%w, i/w%h
			in := y < 10
			if class == adeWindow {
				in = x >= 25 && x < 35 && y >= 15 && y < 24
			}
			if in == (c == class) && (in || c == 0) {
				return 20
			}
			return 0
		}, 1, 150, h, w)}, nil
	}
	return d
}

func TestStagesTakeWhatModelsSee(t *testing.T) {
	outdoors, indoors := []float32{1, 0}, []float32{0, 1}
	w := stagesOn(t, seeing(adeSky, outdoors))
	require.Equal(t, realedit.SceneExterior, w.Scene.Scene)
	require.Equal(t, "model", w.Scene.Source)
	require.NotNil(t, w.Masks[realedit.MaskSky])
	require.Greater(t, inside(w.Masks[realedit.MaskSky], 0, 0, 420, 80), 0.95)
	require.Less(t, inside(w.Masks[realedit.MaskSky], 0, 130, 420, 300), 0.01)

	w = stagesOn(t, seeing(adeWindow, indoors))
	require.Equal(t, realedit.SceneInterior, w.Scene.Scene)
	require.Nil(t, w.Masks[realedit.MaskSky])
	require.Len(t, w.Report.Windows, 1)
	require.Equal(t, "model", w.Report.Windows[0].Evidence)
	require.NotNil(t, w.Masks[realedit.MaskWindow])
	require.Greater(t, inside(w.Masks[realedit.MaskWindow], 255, 155, 295, 235), 0.9)
	require.Less(t, inside(w.Masks[realedit.MaskWindow], 0, 0, 230, 300), 0.01)
}

// Each network is asked once about a picture, however many stages want to know.
func TestModelsAreAskedOnce(t *testing.T) {
	d := seeing(adeSky, []float32{0.5, 0.5}) // the scene is not told: both stages look
	stagesOn(t, d)
	require.Len(t, d.asked, 2)
}

// Models that cannot be used change nothing: findings say so, and the masks are those of the defaults.
func TestStagesWithoutUsableModels(t *testing.T) {
	want := stagesOn(t, nil)
	for name, answer := range map[string]func(string, ort.Values) (ort.Values, error){
		"nothing": func(string, ort.Values) (ort.Values, error) { return ort.Values{}, nil },
		"no library": func(kind string, _ ort.Values) (ort.Values, error) {
			return nil, realedit.Errorf(realedit.CodeNoLibrary, kind, "not there")
		},
		"size": func(string, ort.Values) (ort.Values, error) {
			one := tensorOf(func(int) float32 { return 1 }, 1, 1, 1)
			return ort.Values{"image_embeds": one, "logits": tensorOf(func(int) float32 { return 1 }, 1, 3, 1, 1), "d0": one}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := fullDouble()
			d.answer = answer
			got := stagesOn(t, d)
			require.Equal(t, want.Scene, got.Scene)
			require.Equal(t, want.Report.Windows, got.Report.Windows)
			for k, m := range want.Masks {
				require.NotNil(t, got.Masks[k], k)
				for y := range m.Height() {
					require.Equal(t, m.RowU8(y), got.Masks[k].RowU8(y))
				}
			}
			require.Len(t, got.Masks, len(want.Masks))
			told := 0
			for _, f := range got.Report.Findings {
				if f.Check == realedit.CheckModelBad || f.Check == realedit.CheckModelFailed {
					told++
				}
			}
			require.GreaterOrEqual(t, told, 3, "%v", got.Report.Findings)
		})
	}
}
