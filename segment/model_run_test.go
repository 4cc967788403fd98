package segment

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// The tiny models of testdata/models, and what its gen.py found that they say of its picture: scaled by Pillow, run by
// ONNX Runtime's Python, the rest by numpy.
const modelFolder = "../testdata/models"

type sampledPlane struct {
	Mean    float64
	Samples []float64
}

type labelled struct {
	Label       string
	Probability float64
}

// expected is what gen.py found, by folder and kind.
type expected map[string]map[string]struct {
	Input struct {
		Means, Samples []float64
	}
	Scenes, Rooms             labelled
	Mask, Sky, Window, Logits sampledPlane
	Peak, IoU, Inside         float64
	Boxes                     [][5]float64
}

// watched are models that remember what they were given.
type watched struct {
	realedit.Models
	mu    sync.Mutex
	given map[string]ort.Values
}

func (m *watched) Run(ctx context.Context, kind string, in ort.Values) (ort.Values, []realedit.Finding, error) {
	m.mu.Lock()
	m.given[kind] = in
	m.mu.Unlock()
	return m.Models.Run(ctx, kind, in)
}

func (m *watched) Labels(kind string) ([]byte, error) {
	return m.Models.(realedit.ModelLabels).Labels(kind)
}

// samePlane compares every 20th sample of every 20th row.
func samePlane(t testing.TB, want sampledPlane, got []float32, w int, tolerance float64) {
	t.Helper()
	var sum float64
	for _, v := range got {
		sum += float64(v)
	}
	require.InDelta(t, want.Mean, sum/float64(len(got)), tolerance)
	var samples []float64
	for y := 10; y < len(got)/w; y += 20 {
		for x := 10; x < w; x += 20 {
			samples = append(samples, float64(got[y*w+x]))
		}
	}
	require.InDeltaSlice(t, want.Samples, samples, tolerance)
}

func TestKindsSayWhatTheReferenceSays(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(modelFolder, "expected.json"))
	require.NoError(t, err)
	var all expected
	require.NoError(t, json.Unmarshal(data, &all))
	for _, folder := range []string{".", "variants"} {
		models := &watched{Models: openModels(t, filepath.Join(modelFolder, folder), nil), given: map[string]ort.Values{}}
		env, w := modelEnv(t, models)
		src := modelPicture(t, env)
		pw, ph := src.Width(), src.Height()
		var sam *samPicture
		for _, kind := range []string{kindCLIP, kindSaliency, kindSky, kindSemantic, kindOWL, kindSAMEncoder, kindSAMDecoder} {
			want, ok := all[folder][kind]
			if !ok {
				continue
			}
			t.Run(folder+" "+kind, func(t *testing.T) {
				spec, ok := models.Model(kind)
				require.True(t, ok)
				// The recorded numbers are rounded to 1e-5 and nothing else was seen to differ. Of float16's inputs up to 2, half a step is 5e-4.
				tolerance := 1e-5
				if spec.Inputs[0].Type == "float16" {
					tolerance = 6e-4
				}
				ctx := t.Context()
				switch kind {
				case kindCLIP:
					facts, err := modelScene(ctx, env, w, src)
					require.NoError(t, err)
					require.Equal(t, want.Scenes.Label, string(facts.Scene))
					require.Equal(t, want.Rooms.Label, string(facts.Room))
					require.InDelta(t, want.Scenes.Probability, facts.Confidence, tolerance)
				case kindSaliency, kindSky:
					mask, peak, err := modelMask(ctx, env, w, kind, src, pw, ph)
					require.NoError(t, err)
					require.InDelta(t, want.Peak, peak, tolerance)
					samePlane(t, want.Mask, mask, pw, tolerance)
				case kindSemantic:
					sky, window, err := modelClasses(ctx, env, w, src, pw, ph)
					require.NoError(t, err)
					if len(spec.Outputs[0].Shape) == 3 {
						tolerance = 5e-4 // a class at a border may fall to either side; no sample may
					}
					samePlane(t, want.Sky, sky, pw, tolerance)
					samePlane(t, want.Window, window, pw, tolerance)
				case kindOWL:
					boxes, err := modelWindows(ctx, env, w, src)
					require.NoError(t, err)
					require.Len(t, boxes, len(want.Boxes))
					for i, b := range boxes {
						require.InDeltaSlice(t, want.Boxes[i][:], []float64{b.score, b.x0, b.y0, b.x1, b.y1}, 2e-4)
					}
				case kindSAMEncoder:
					sam, err = encodeSAM(ctx, env, w, src)
					require.NoError(t, err)
				case kindSAMDecoder:
					logits, iou, err := sam.mask(ctx, samPrompt{w: pw, h: ph, box: [4]int{250, 150, 349, 239}, inside: [][2]int{{275, 190}, {325, 200}}, outside: [][2]int{{230, 200}}})
					require.NoError(t, err)
					require.InDelta(t, want.IoU, iou, tolerance)
					samePlane(t, want.Logits, logits, pw, 1e-4) // of up to 30
					inside := 0
					for _, l := range logits {
						if l > 0 {
							inside++
						}
					}
					require.InDelta(t, want.Inside, float64(inside)/float64(len(logits)), 1e-4)
					return
				}
				for _, in := range spec.Inputs {
					x := models.given[kind][in.Name]
					if len(x.Shape) != 4 {
						continue
					}
					v, err := floats(x)
					require.NoError(t, err)
					h, w := int(x.Shape[2]), int(x.Shape[3])
					for c := range 3 {
						var sum float64
						for _, f := range v[c*h*w:][:h*w] {
							sum += float64(f)
						}
						require.InDelta(t, want.Input.Means[c], sum/float64(h*w), tolerance)
						for k := range 25 {
							j, i := k/5, k%5
							require.InDelta(t, want.Input.Samples[25*c+k], v[(c*h+h*(2*j+1)/10)*w+w*(2*i+1)/10], tolerance)
						}
					}
				}
			})
		}
		require.Empty(t, w.Report.Findings)
	}
}

// The rough mask of the picture's window, too small and shifted, comes back as the tiny decoder draws it, the same each time.
func TestRefiningOnTheRuntime(t *testing.T) {
	for _, folder := range []string{".", "variants"} {
		env, w := modelEnv(t, openModels(t, filepath.Join(modelFolder, folder), nil))
		src := modelPicture(t, env)
		pw, ph := src.Width(), src.Height()
		p, err := encodeSAM(t.Context(), env, w, src)
		require.NoError(t, err)
		rough := blocks(pw, ph, [4]int{245, 145, 345, 235}, [4]int{20, 20, 90, 80})
		got, redrawn, err := p.refine(t.Context(), rough, pw, ph)
		require.NoError(t, err)
		require.Equal(t, 2, redrawn)
		require.NotEqual(t, rough, got)
		p, err = encodeSAM(t.Context(), env, w, src)
		require.NoError(t, err)
		again, _, err := p.refine(t.Context(), rough, pw, ph)
		require.NoError(t, err)
		require.Equal(t, got, again)
		for _, v := range got {
			require.True(t, v == 0 || v == 1)
		}
	}
}

var (
	benchModels = flag.String("models", "", "the folder of BenchmarkModels: scripts/models/full.py makes one")
	benchGPU    = flag.Bool("models.cuda", false, "run BenchmarkModels' models on GPU 0, and fail where that cannot be")
)

// BenchmarkModels times every kind that a folder holds, from a photograph's small picture in the backend's memory to what the stage gets: scaling, transfers,
// the network, and what follows.
func BenchmarkModels(b *testing.B) {
	if *benchModels == "" {
		b.Skip("-models names no folder")
	}
	var providers []ort.Provider
	if *benchGPU {
		providers = []ort.Provider{{Name: "cuda"}}
	}
	backend, err := kernels.Open("auto")
	require.NoError(b, err)
	defer backend.Close()
	env := &realedit.Env{Backend: backend, Ops: kernels.Complete(backend, nil), Models: openModels(b, *benchModels, providers), Log: noLog}
	w := &realedit.Work{Report: &realedit.Report{}}
	const pw, ph = 1024, 683
	src, err := env.NewImage(pw, ph, 3, kernels.F32)
	require.NoError(b, err)
	defer src.Free()
	require.NoError(b, env.Ops.Resize(src, modelPicture(b, env)))
	rough := blocks(pw, ph, [4]int{600, 340, 850, 550})
	for _, c := range []struct {
		name, kind string
		ask        func(ctx context.Context) error
	}{
		{"clip", kindCLIP, func(ctx context.Context) error { _, err := modelScene(ctx, env, w, src); return err }},
		{"saliency", kindSaliency, func(ctx context.Context) error {
			_, _, err := modelMask(ctx, env, w, kindSaliency, src, pw, ph)
			return err
		}},
		{"sky", kindSky, func(ctx context.Context) error { _, _, err := modelMask(ctx, env, w, kindSky, src, pw, ph); return err }},
		{"semantic", kindSemantic, func(ctx context.Context) error { _, _, err := modelClasses(ctx, env, w, src, pw, ph); return err }},
		{"owlv2", kindOWL, func(ctx context.Context) error { _, err := modelWindows(ctx, env, w, src); return err }},
		{"sam2", kindSAMEncoder, func(ctx context.Context) error {
			p, err := encodeSAM(ctx, env, w, src)
			if err != nil {
				return err
			}
			_, _, err = p.refine(ctx, rough, pw, ph)
			return err
		}},
	} {
		if _, ok := env.Models.Model(c.kind); !ok {
			continue
		}
		b.Run(c.name, func(b *testing.B) {
			for range 3 { // loads the model, and a GPU's libraries choose their algorithms
				require.NoError(b, c.ask(b.Context()))
			}
			for b.Loop() {
				require.NoError(b, c.ask(b.Context()))
			}
			if *benchGPU {
				for _, f := range w.Report.Findings {
					require.NotEqual(b, realedit.CheckProvider, f.Check, f.Message)
				}
			}
		})
	}
}
