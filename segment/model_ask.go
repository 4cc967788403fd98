package segment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// The kinds of models that this package asks; docs/models.md says what goes in and comes out of each.
const (
	kindCLIP       = "clip"
	kindSaliency   = "saliency"
	kindSky        = "sky"
	kindSemantic   = "semantic"
	kindSAMEncoder = "sam2_encoder"
	kindSAMDecoder = "sam2_decoder"
	kindOWL        = "owlv2"
)

// asked is a model that is asked about one picture. Not for concurrent use.
type asked struct {
	env  *realedit.Env
	w    *realedit.Work
	spec realedit.Model
}

// errModelTold marks errors of Env.RunModel, which has told of them: modelFallback.
var errModelTold = errors.New("not used")

// ask is the model of a kind, for the picture that w is about. The error is CodeNoModel where there is none.
func ask(env *realedit.Env, w *realedit.Work, kind string) (*asked, error) {
	if env.Models == nil {
		return nil, realedit.Errorf(realedit.CodeNoModel, kind, "no models are configured")
	}
	spec, ok := env.Models.Model(kind)
	if !ok {
		return nil, realedit.Errorf(realedit.CodeNoModel, kind, "no model of this kind is there")
	}
	return &asked{env: env, w: w, spec: spec}, nil
}

// modelFallback takes the error of one of this package's model functions and returns nil where the stage is to go on with its default: the model
// is missing, is not what it has to be, or could not be run. A finding then says so; a missing model is told only where one was wanted, for a
// folder of models need not hold all kinds. Too little memory for its input is the model's too. Other errors that are not about it (cancelled) are returned.
//
//	mask, _, err := modelMask(ctx, env, w, kindSky, small, pw, ph)
//	if err = modelFallback(w, err, s.Source == "model"); err != nil {
//		return err
//	}
//	if mask == nil { … the default … }
func modelFallback(w *realedit.Work, err error, wanted bool) error {
	f := realedit.Finding{Severity: realedit.Warning}
	switch code := realedit.CodeOf(err); {
	case err == nil, errors.Is(err, errModelTold), code == realedit.CodeNoModel && !wanted:
		return nil
	case code == realedit.CodeBadModel:
		f.Check = realedit.CheckModelBad
	case code == realedit.CodeNoModel:
		f.Check = realedit.CheckModelMissing
	case code == realedit.CodeOutOfMemory:
		f.Check = realedit.CheckModelFailed
	default:
		return err
	}
	f.Message = "the default was used: " + err.Error()
	w.Find(f)
	return nil
}

// bad is an error about what the model is or answers.
func (m *asked) bad(format string, a ...any) error {
	return realedit.Errorf(realedit.CodeBadModel, m.spec.Kind+" "+m.spec.Name, format, a...)
}

// run asks.
func (m *asked) run(ctx context.Context, in ort.Values) (ort.Values, error) {
	out, err := m.env.RunModel(ctx, m.w, m.spec.Kind, in)
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%w: %w", errModelTold, err)
	}
	return out, err
}

// labels reads the model's labels file, which is JSON, into v. A model of a kind that needs one and has none is a bad model.
func (m *asked) labels(v any) error {
	b, err := m.env.ModelLabels(m.spec.Kind)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return m.bad("labels: %w", err)
	}
	return nil
}

// takes is the model's input of this name.
func (m *asked) takes(name string) (realedit.TensorSpec, bool) { return named(m.spec.Inputs, name) }

// gives tells whether the model declares an output.
func (m *asked) gives(name string) bool { _, ok := named(m.spec.Outputs, name); return ok }

func named(specs []realedit.TensorSpec, name string) (realedit.TensorSpec, bool) {
	i := slices.IndexFunc(specs, func(s realedit.TensorSpec) bool { return s.Name == name })
	if i < 0 {
		return realedit.TensorSpec{}, false
	}
	return specs[i], true
}

// answer is an output of a model, its samples as float32.
type answer struct {
	shape []int64
	v     []float32
}

// output is the output called name: there, of the rank and dimensions of shape (−1 fits any), its samples numbers.
func (m *asked) output(out ort.Values, name string, shape ...int64) (*answer, error) {
	t := out[name]
	if t == nil {
		return nil, m.bad("it gives no output %q", name)
	}
	if !fits(t.Shape, shape) {
		return nil, m.bad("%s: shape %v does not fit %v", name, t.Shape, shape)
	}
	v, err := floats(t)
	if err != nil {
		return nil, m.bad("%s: %w", name, err)
	}
	var wrong atomic.Bool
	const parts = 64
	onAll(parts, func(k int) {
		for _, f := range v[len(v)*k/parts : len(v)*(k+1)/parts] {
			if f-f != 0 { // NaN and infinities
				wrong.Store(true)
			}
		}
	})
	if wrong.Load() {
		return nil, m.bad("%s: not all of its samples are numbers", name)
	}
	return &answer{t.Shape, v}, nil
}

// fits tells whether shape is of want's rank and dimensions, where −1 fits any that is not empty.
func fits(shape, want []int64) bool {
	return slices.EqualFunc(shape, want, func(n, w int64) bool { return n == w || w < 0 && n > 0 })
}

// floats are a tensor's samples as float32. Those of a float32 tensor are its own.
func floats(t *ort.Tensor) ([]float32, error) {
	var v []float32
	switch d := t.Data.(type) {
	case []float32:
		v = d
	case []kernels.Half:
		v = samplesAs(d, kernels.Half.Float32)
	case []int64:
		v = samplesAs(d, func(n int64) float32 { return float32(n) })
	case []int32:
		v = samplesAs(d, func(n int32) float32 { return float32(n) })
	case []uint8:
		v = samplesAs(d, func(n uint8) float32 { return float32(n) })
	default:
		return nil, fmt.Errorf("data of type %T", t.Data)
	}
	if n := elements(t.Shape); n != int64(len(v)) {
		return nil, fmt.Errorf("%d samples do not fit shape %v", len(v), t.Shape)
	}
	return v, nil
}

func samplesAs[T any](d []T, to func(T) float32) []float32 {
	v := make([]float32, len(d))
	for i := range d {
		v[i] = to(d[i])
	}
	return v
}

// elements is how many samples a shape has.
func elements(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}

// tensor gives v the type that an input declares. Integers are rounded to the nearest.
func (m *asked) tensor(spec realedit.TensorSpec, v []float32, shape ...int64) (*ort.Tensor, error) {
	if len(spec.Shape) > 0 && !fits(shape, spec.Shape) {
		return nil, m.bad("input %s is %v: %v was expected", spec.Name, spec.Shape, shape)
	}
	t := &ort.Tensor{Shape: shape}
	switch spec.Type {
	case "float32":
		t.Data = v
	case "float16":
		d := make([]kernels.Half, len(v))
		for i := range v {
			d[i] = kernels.HalfFrom(v[i])
		}
		t.Data = d
	case "int64":
		d := make([]int64, len(v))
		for i := range v {
			d[i] = int64(math.Round(float64(v[i])))
		}
		t.Data = d
	case "int32":
		d := make([]int32, len(v))
		for i := range v {
			d[i] = int32(math.Round(float64(v[i])))
		}
		t.Data = d
	default:
		return nil, m.bad("input %s is of type %q, which is not supported here", spec.Name, spec.Type)
	}
	return t, nil
}
