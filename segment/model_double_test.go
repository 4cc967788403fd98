package segment

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ort"
)

// double are models that answer what a test says.
type double struct {
	models map[string]realedit.Model
	labels map[string]any
	answer func(kind string, in ort.Values) (ort.Values, error)
	asked  []ort.Values
}

func (d *double) Model(kind string) (realedit.Model, bool) { m, ok := d.models[kind]; return m, ok }

func (d *double) Run(ctx context.Context, kind string, in ort.Values) (ort.Values, []realedit.Finding, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	d.asked = append(d.asked, in)
	out, err := d.answer(kind, in)
	return out, nil, err
}

func (d *double) Labels(kind string) ([]byte, error) {
	if l, ok := d.labels[kind]; ok {
		return json.Marshal(l)
	}
	return nil, realedit.Errorf(realedit.CodeNoModel, kind, "no labels")
}

// entry is an entry with one picture input.
func entry(kind string, side int64, resize string, outputs ...string) realedit.Model {
	m := realedit.Model{Name: kind + "_double", Kind: kind, Inputs: []realedit.TensorSpec{{Name: "x", Type: "float32", Shape: []int64{1, 3, side, side}}},
		Preprocess: realedit.Preprocess{Width: int(side), Height: int(side), Resize: resize}}
	for _, o := range outputs {
		m.Outputs = append(m.Outputs, realedit.TensorSpec{Name: o, Type: "float32"})
	}
	return m
}

// tensorOf is a tensor of float32, filled by f.
func tensorOf(f func(i int) float32, shape ...int64) *ort.Tensor {
	v := make([]float32, elements(shape))
	for i := range v {
		v[i] = f(i)
	}
	return &ort.Tensor{Shape: shape, Data: v}
}

func modelEnv(t testing.TB, models realedit.Models) (*realedit.Env, *realedit.Work) {
	t.Helper()
	b := kerneltest.Host(t)
	return &realedit.Env{Backend: b, Ops: kernels.Complete(b, nil), Models: models, Log: noLog}, &realedit.Work{Report: &realedit.Report{}}
}

// modelPicture is the picture of testdata/models/gen.py, U8.
func modelPicture(t testing.TB, env *realedit.Env) *kernels.Image {
	t.Helper()
	const w, h = 420, 300
	pix := make([]uint8, 3*w*h)
	for y := range h {
		for x := range w {
			p := [3]int{90 + (3*x+5*y)%40, 80 + x*y%30, 60 + (x+2*y)%50}
			switch {
			case x >= 250 && x < 350 && y >= 150 && y < 240:
				p = [3]int{250, 250, 240}
				if x >= 298 && x < 303 {
					p = [3]int{40, 30, 20}
				}
			case y < 90+x/15%7*4:
				p = [3]int{120 + y/2, 160 + y/3, 230 - y/4}
			}
			for c, v := range p {
				pix[3*(y*w+x)+c] = uint8(v)
			}
		}
	}
	host, err := kernels.Wrap(pix, w, h, 3)
	require.NoError(t, err)
	m, err := env.NewImage(w, h, 3, kernels.U8)
	require.NoError(t, err)
	t.Cleanup(m.Free)
	require.NoError(t, env.Backend.Copy(t.Context(), m, host))
	return m
}

// askAll asks every kind about a picture and returns each one's error, by kind.
func askAll(ctx context.Context, env *realedit.Env, w *realedit.Work, m *kernels.Image) map[string]error {
	errs := map[string]error{}
	_, errs[kindCLIP] = modelScene(ctx, env, w, m)
	_, _, errs[kindSky] = modelMask(ctx, env, w, kindSky, m, 42, 30)
	_, _, errs[kindSaliency] = modelMask(ctx, env, w, kindSaliency, m, 42, 30)
	_, _, errs[kindSemantic] = modelClasses(ctx, env, w, m, 42, 30)
	_, errs[kindOWL] = modelWindows(ctx, env, w, m)
	p, err := encodeSAM(ctx, env, w, m)
	errs[kindSAMEncoder] = err
	if err == nil {
		_, _, errs[kindSAMDecoder] = p.mask(ctx, samPrompt{w: 42, h: 30, box: [4]int{2, 2, 20, 20}})
	}
	return errs
}

// fullDouble answers every kind rightly.
func fullDouble() *double {
	d := &double{models: map[string]realedit.Model{}, labels: map[string]any{
		kindCLIP: clipLabels{Scenes: []clipLabel{{"exterior", []float32{1, 0}}, {"interior", []float32{0, 2}}}},
		kindOWL:  json.RawMessage(`{"queries": [{"label": "window", "input_ids": [1, 2], "attention_mask": [1, 1]}]}`),
	}}
	for _, m := range []realedit.Model{entry(kindCLIP, 8, "fit_crop", "image_embeds"), entry(kindSky, 8, "stretch", "d0"), entry(kindSaliency, 8, "stretch", "d0"),
		entry(kindSemantic, 8, "stretch", "logits"), entry(kindOWL, 8, "pad", "logits", "pred_boxes"), entry(kindSAMEncoder, 64, "stretch", "high_res_feats_0", "high_res_feats_1", "image_embed"),
		entry(kindSAMDecoder, 64, "stretch", "masks", "iou_predictions")} {
		d.models[m.Kind] = m
	}
	in := func(name, typ string, shape ...int64) realedit.TensorSpec {
		return realedit.TensorSpec{Name: name, Type: typ, Shape: shape}
	}
	m := d.models[kindOWL]
	m.Inputs = append(m.Inputs, in("input_ids", "int64", -1, 2), in("attention_mask", "int64", -1, 2))
	d.models[kindOWL] = m
	m = d.models[kindSAMDecoder]
	m.Inputs = []realedit.TensorSpec{in("image_embed", "float32", 1, 8, 4, 4), in("high_res_feats_0", "float32", 1, 2, 16, 16), in("high_res_feats_1", "float16", 1, 4, 8, 8),
		in("point_coords", "float32", -1, -1, 2), in("point_labels", "int32", -1, -1), in("mask_input", "float32", -1, 1, 16, 16), in("has_mask_input", "float32", -1)}
	d.models[kindSAMDecoder] = m
	ramp := func(i int) float32 { return float32(i % 7) }
	d.answer = func(kind string, _ ort.Values) (ort.Values, error) {
		switch kind {
		case kindCLIP:
			return ort.Values{"image_embeds": tensorOf(func(i int) float32 { return float32(i) }, 1, 2)}, nil
		case kindSemantic:
			return ort.Values{"logits": tensorOf(ramp, 1, 150, 4, 4)}, nil
		case kindOWL:
			return ort.Values{"logits": tensorOf(ramp, 1, 6, 1), "pred_boxes": tensorOf(func(i int) float32 { return []float32{0.5, 0.3, 0.2, 0.2}[i%4] }, 1, 6, 4)}, nil
		case kindSAMEncoder:
			return ort.Values{"high_res_feats_0": tensorOf(ramp, 1, 2, 16, 16), "high_res_feats_1": tensorOf(ramp, 1, 4, 8, 8), "image_embed": tensorOf(ramp, 1, 8, 4, 4)}, nil
		case kindSAMDecoder:
			return ort.Values{"masks": tensorOf(ramp, 1, 3, 16, 16), "iou_predictions": tensorOf(func(i int) float32 { return float32(i%2) / 2 }, 1, 3)}, nil
		}
		return ort.Values{"d0": tensorOf(ramp, 1, 1, 8, 8)}, nil
	}
	return d
}

func TestModelsThatAreThereAreUsed(t *testing.T) {
	d := fullDouble()
	env, w := modelEnv(t, d)
	for kind, err := range askAll(t.Context(), env, w, modelPicture(t, env)) {
		require.NoError(t, err, kind)
	}
	require.Len(t, d.asked, 7)
}

// Whatever is wrong with a model's answer, the stage is told in a finding and goes on.
func TestBadAnswersBecomeFindings(t *testing.T) {
	nan := float32(math.NaN())
	for name, spoil := range map[string]func(ort.Values, string){
		"missing": func(v ort.Values, k string) { delete(v, k) },
		"rank":    func(v ort.Values, k string) { v[k] = tensorOf(func(int) float32 { return 0 }, 2) },
		"empty": func(v ort.Values, k string) {
			v[k] = &ort.Tensor{Shape: make([]int64, len(v[k].Shape)), Data: []float32{}}
		},
		"batch of two": func(v ort.Values, k string) {
			s := append([]int64{2}, v[k].Shape[1:]...)
			v[k] = tensorOf(func(int) float32 { return 0 }, s...)
		},
		"short":    func(v ort.Values, k string) { v[k].Data = v[k].Data.([]float32)[1:] },
		"NaN":      func(v ort.Values, k string) { f := v[k].Data.([]float32); f[len(f)-1] = nan },
		"infinite": func(v ort.Values, k string) { v[k].Data.([]float32)[0] = float32(math.Inf(1)) },
		"type":     func(v ort.Values, k string) { v[k].Data = make([]string, elements(v[k].Shape)) },
	} {
		t.Run(name, func(t *testing.T) {
			good := fullDouble()
			for kind, m := range good.models {
				for _, o := range m.Outputs {
					d := fullDouble()
					answer := d.answer
					d.answer = func(k string, in ort.Values) (ort.Values, error) {
						out, err := answer(k, in)
						if k == kind {
							spoil(out, o.Name)
						}
						return out, err
					}
					env, w := modelEnv(t, d)
					err := askAll(t.Context(), env, w, modelPicture(t, env))[kind]
					require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%s %s: %v", kind, o.Name, err)
					require.NoError(t, modelFallback(w, err, false))
					require.Len(t, w.Report.Findings, 1)
					require.Equal(t, realedit.CheckModelBad, w.Report.Findings[0].Check)
				}
			}
		})
	}
}

// A model whose entry cannot be what the kind needs is refused before it is run.
func TestBadEntriesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		kind  string
		spoil func(*realedit.Model)
	}{
		"no picture":   {kindSky, func(m *realedit.Model) { m.Inputs[0].Shape = []int64{1, 4, 8, 8} }},
		"input type":   {kindSky, func(m *realedit.Model) { m.Inputs[0].Type = "string" }},
		"sizes differ": {kindSky, func(m *realedit.Model) { m.Preprocess.Width = 9 }},
		"no size": {kindSky, func(m *realedit.Model) {
			m.Preprocess.Width, m.Preprocess.Height, m.Inputs[0].Shape = 0, 0, []int64{1, 3, -1, -1}
		}},
		"resize":        {kindCLIP, func(m *realedit.Model) { m.Preprocess.Resize = "mirror" }},
		"cropped mask":  {kindSemantic, func(m *realedit.Model) { m.Preprocess.Resize = "fit_crop" }},
		"cropped boxes": {kindOWL, func(m *realedit.Model) { m.Preprocess.Resize = "fit_crop" }},
		"no outputs":    {kindSaliency, func(m *realedit.Model) { m.Outputs = nil }},
		"decoder's inputs": {kindSAMDecoder, func(m *realedit.Model) {
			m.Inputs = append(m.Inputs, realedit.TensorSpec{Name: "text", Type: "float32"})
		}},
		"no points": {kindSAMDecoder, func(m *realedit.Model) { m.Inputs[3].Shape = []int64{1, 0, 2} }},
	} {
		t.Run(name, func(t *testing.T) {
			d := fullDouble()
			m := d.models[c.kind]
			c.spoil(&m)
			d.models[c.kind] = m
			env, w := modelEnv(t, d)
			err := askAll(t.Context(), env, w, modelPicture(t, env))[c.kind]
			require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%v", err)
		})
	}
}

func TestBadLabelsAreRefused(t *testing.T) {
	embedding := func(label string, v ...float32) clipLabels { return clipLabels{Scenes: []clipLabel{{label, v}}} }
	for name, c := range map[string]struct {
		kind   string
		labels any
	}{
		"no JSON object":  {kindCLIP, "text"},
		"none":            {kindCLIP, clipLabels{}},
		"length":          {kindCLIP, embedding("interior", 1, 2, 3)},
		"no direction":    {kindCLIP, embedding("interior", 0, 0)},
		"not in the list": {kindCLIP, embedding("cave", 1, 2)},
		"no queries":      {kindOWL, json.RawMessage(`{}`)},
		"ragged":          {kindOWL, json.RawMessage(`{"queries": [{"label": "window", "input_ids": [1, 2], "attention_mask": [1]}]}`)},
		"tokens":          {kindOWL, json.RawMessage(`{"queries": [{"label": "window", "input_ids": [1, 2, 3], "attention_mask": [1, 1, 1]}]}`)},
	} {
		t.Run(name, func(t *testing.T) {
			d := fullDouble()
			d.labels[c.kind] = c.labels
			env, w := modelEnv(t, d)
			err := askAll(t.Context(), env, w, modelPicture(t, env))[c.kind]
			require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%v", err)
			delete(d.labels, c.kind)
			require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(askAll(t.Context(), env, w, modelPicture(t, env))[c.kind]))
		})
	}
}

func TestMissingModels(t *testing.T) {
	d := fullDouble()
	d.models = nil
	for _, models := range []realedit.Models{nil, d} {
		env, w := modelEnv(t, models)
		for kind, err := range askAll(t.Context(), env, w, modelPicture(t, env)) {
			require.Equal(t, realedit.CodeNoModel, realedit.CodeOf(err), kind)
			require.NoError(t, modelFallback(w, err, false))
			require.Empty(t, w.Report.Findings, "nobody asked for one")
		}
		_, _, err := modelMask(t.Context(), env, w, kindSky, modelPicture(t, env), 4, 3)
		require.NoError(t, modelFallback(w, err, true))
		require.Len(t, w.Report.Findings, 1)
		require.Equal(t, realedit.CheckModelMissing, w.Report.Findings[0].Check)
	}
}

// What is not the model's fault ends the stage; what the runtime says of a model does not.
// A model that wants a picture for which there is no memory does not end the edit.
func TestNoMemoryForInputs(t *testing.T) {
	d := fullDouble()
	m := d.models[kindSemantic]
	m.Preprocess.Width, m.Preprocess.Height, m.Inputs[0].Shape = 4096, 4096, []int64{1, 3, 4096, 4096}
	d.models[kindSemantic] = m
	env, w := modelEnv(t, d)
	src := modelPicture(t, env)
	kernels.Host.SetLimit(32 << 20)
	t.Cleanup(func() { kernels.Host.SetLimit(0) })
	_, _, err := modelClasses(t.Context(), env, w, src, 42, 30)
	require.Equal(t, realedit.CodeOutOfMemory, realedit.CodeOf(err))
	require.NoError(t, modelFallback(w, err, false))
	require.Len(t, w.Report.Findings, 1)
	require.Equal(t, realedit.CheckModelFailed, w.Report.Findings[0].Check)
}

func TestErrorsOfRuns(t *testing.T) {
	d := fullDouble()
	env, w := modelEnv(t, d)
	m := modelPicture(t, env)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for kind, err := range askAll(ended, env, w, m) {
		require.Error(t, modelFallback(w, err, true), kind)
		require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err), kind)
	}
	for _, code := range []realedit.Code{realedit.CodeNoLibrary, realedit.CodeOutOfMemory, realedit.CodeBadModel} {
		d.answer = func(kind string, _ ort.Values) (ort.Values, error) {
			return nil, realedit.Errorf(code, kind, "the runtime's")
		}
		env, w := modelEnv(t, d)
		_, _, err := modelMask(t.Context(), env, w, kindSky, m, 4, 3)
		require.Equal(t, code, realedit.CodeOf(err))
		require.NoError(t, modelFallback(w, err, false))
		require.Len(t, w.Report.Findings, 1, "told once, by Env.RunModel")
	}
}
