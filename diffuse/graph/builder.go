package graph

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/internal/onnx"
)

// value is a tensor of the graph with its shape. Pictures have theirs in the order batch, channels, height, width, however they lie.
type value struct {
	name  string
	shape []int
}

// builder collects the nodes of a graph. The first error stays; what follows it does nothing of use.
type builder struct {
	form   Form
	typ    onnx.Type
	m      onnx.Model
	w      *weights.Set
	scope  string            // before the weights' names, where a graph holds several networks
	params map[string]bool   // weights that the graph has, by their names in it
	wanted map[string][]int  // their shapes in the files, by scope and name
	consts map[string]string // constants, by their content
	named  int
	err    error
}

func newBuilder(name string, f Form, multiple int) *builder {
	b := &builder{form: f, typ: onnx.Float32, params: map[string]bool{}, wanted: map[string][]int{}, consts: map[string]string{}}
	if f.CUDA {
		b.typ = onnx.Float16
	}
	b.m = onnx.Model{Name: name, Opset: 21, Domains: map[string]int64{contrib: 1}}
	b.err = f.check(multiple)
	return b
}

// contrib is the domain of ONNX Runtime's own operators.
const contrib = "com.microsoft"

// within makes w the weights of what follows; with nil the graph is only asked what it wants.
func (b *builder) within(scope string, w *weights.Set) { b.scope, b.w = scope, w }

func (b *builder) fail(code realedit.Code, format string, a ...any) {
	if b.err == nil {
		b.err = realedit.Errorf(code, "build graph", format, a...)
	}
}

func (b *builder) fresh() string {
	b.named++
	return fmt.Sprintf("t%d", b.named)
}

// node adds an operation with n outputs.
func (b *builder) node(op, domain string, in []string, n int, attrs ...onnx.Attr) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = b.fresh()
	}
	b.m.Nodes = append(b.m.Nodes, onnx.Node{Op: op, Domain: domain, Name: out[0], In: in, Out: out, Attrs: attrs})
	return out
}

// op adds a standard operation with one output of this shape.
func (b *builder) op(op string, shape []int, in []string, attrs ...onnx.Attr) value {
	return value{b.node(op, "", in, 1, attrs...)[0], shape}
}

func attr(name string, v any) onnx.Attr { return onnx.Attr{Name: name, Value: v} }

func ints(v ...int) []int64 {
	r := make([]int64, len(v))
	for i, n := range v {
		r[i] = int64(n)
	}
	return r
}

// constant is an initializer of the graph's own; equal ones are one.
func (b *builder) constant(t onnx.Tensor) string {
	key := fmt.Sprint(t.Type, t.Dims, string(t.Raw))
	if name, ok := b.consts[key]; ok {
		return name
	}
	t.Name = fmt.Sprintf("c%d", len(b.consts))
	b.consts[key] = t.Name
	b.m.Weights = append(b.m.Weights, t)
	return t.Name
}

func (b *builder) int64s(v ...int) string {
	return b.constant(onnx.Ints("", []int64{int64(len(v))}, ints(v...)))
}

func (b *builder) float32s(dims []int, v []float32) string {
	return b.constant(onnx.Floats("", ints(dims...), v))
}

// param is a weight of this shape, in the graph's element type.
func (b *builder) param(name string, shape ...int) string {
	return b.paramAs(b.typ, shape, name, shape...)
}

// paramAs is a weight that has shape in the file and dims in the graph, as elements of typ.
func (b *builder) paramAs(typ onnx.Type, dims []int, name string, shape ...int) string {
	if b.err != nil {
		return ""
	}
	full := fmt.Sprint(b.scope, name)
	cast := fmt.Sprintf("%s as %v%v", full, typ, dims)
	if b.params[cast] {
		return cast
	}
	b.wanted[full] = shape
	if b.w == nil {
		return cast
	}
	ref, ok := b.w.Lookup(name)
	if !ok {
		b.fail(realedit.CodeBadModel, "%s has no tensor %q", b.w.Name(), name)
		return ""
	}
	in, ok := dtypes[ref.DType]
	if !ok {
		b.fail(realedit.CodeBadModel, "%s: tensor %q holds %s, which is none of F32, F16, BF16", b.w.Name(), name, ref.DType)
		return ""
	}
	if !sameShape(ref.Shape, shape) {
		b.fail(realedit.CodeBadModel, "%s: tensor %q has the shape %v, and %v is wanted", b.w.Name(), name, ref.Shape, shape)
		return ""
	}
	b.params[cast] = true
	stored := cast
	if in != typ || ref.Transposed {
		stored = fmt.Sprintf("%s for %v%v", full, typ, dims)
	}
	held := dims
	if ref.Transposed {
		held = []int{dims[1], dims[0]}
	}
	b.m.Weights = append(b.m.Weights, onnx.Tensor{Name: stored, Type: in, Dims: ints(held...),
		External: &onnx.External{File: underRoot(ref.File), Offset: ref.Offset, Length: ref.Length}})
	if ref.Transposed {
		to := cast
		if in != typ {
			to = stored + "ᵀ"
		}
		b.m.Nodes = append(b.m.Nodes, onnx.Node{Op: "Transpose", Name: to, In: []string{stored}, Out: []string{to}, Attrs: []onnx.Attr{attr("perm", ints(1, 0))}})
		stored = to
	}
	if in != typ {
		b.m.Nodes = append(b.m.Nodes, onnx.Node{Op: "Cast", Name: cast, In: []string{stored}, Out: []string{cast}, Attrs: []onnx.Attr{attr("to", int64(typ))}})
	}
	return cast
}

var dtypes = map[safetensors.DType]onnx.Type{safetensors.F32: onnx.Float32, safetensors.F16: onnx.Float16, safetensors.BF16: onnx.BFloat16}

// sameShape takes a convolution of one pixel for the matrix that it is.
func sameShape(have, want []int) bool {
	if len(want) == 2 && len(have) == 4 && have[2] == 1 && have[3] == 1 {
		have = have[:2]
	}
	return slices.Equal(have, want)
}

// underRoot is a file's path as ONNX Runtime wants it of weights: from a folder, which is the root, so that files of several folders can serve one graph.
func underRoot(file string) string {
	return strings.TrimPrefix(filepath.ToSlash(file), "/")
}

// input adds an input of the graph.
func (b *builder) input(name string, typ onnx.Type, shape ...int) value {
	b.m.Inputs = append(b.m.Inputs, onnx.Value{Name: name, Type: typ, Shape: onnx.Dims(ints(shape...)...)})
	return value{name, shape}
}

// output makes x an output under this name.
func (b *builder) output(name string, x value) {
	b.m.Nodes = append(b.m.Nodes, onnx.Node{Op: "Identity", Name: name, In: []string{x.name}, Out: []string{name}})
	b.m.Outputs = append(b.m.Outputs, onnx.Value{Name: name, Type: b.typ, Shape: onnx.Dims(ints(x.shape...)...)})
}

func product(n []int) int {
	p := 1
	for _, v := range n {
		p *= v
	}
	return p
}

// reshape changes dimensions, not the order of elements.
func (b *builder) reshape(x value, shape ...int) value {
	if b.err == nil && product(shape) != product(x.shape) {
		b.fail(realedit.CodeInternal, "%v cannot become %v", x.shape, shape)
	}
	return b.op("Reshape", shape, []string{x.name, b.int64s(shape...)})
}

func (b *builder) transpose(x value, perm ...int) value {
	shape := make([]int, len(perm))
	for i, p := range perm {
		shape[i] = x.shape[p]
	}
	return b.op("Transpose", shape, []string{x.name}, attr("perm", ints(perm...)))
}

// slice is x from index from up to index to of an axis.
func (b *builder) slice(x value, axis, from, to int) value {
	shape := slices.Clone(x.shape)
	shape[axis] = to - from
	return b.op("Slice", shape, []string{x.name, b.int64s(from), b.int64s(to), b.int64s(axis)})
}

func (b *builder) add(x, y value) value {
	return b.op("Add", x.shape, []string{x.name, y.name})
}

// sinusoid embeds each number of x (float32) as dim/2 cosines and dim/2 sines of falling frequency, in the graph's element type: n numbers become n × dim.
func (b *builder) sinusoid(x value, dim int) value {
	n, half := product(x.shape), dim/2
	f := make([]float32, half)
	for i := range f {
		f[i] = float32(math.Exp(-math.Log(10000) * float64(i) / float64(half)))
	}
	angle := b.op("Mul", []int{n, half}, []string{b.reshape(x, n, 1).name, b.float32s([]int{1, half}, f)})
	cos, sin := b.op("Cos", angle.shape, []string{angle.name}), b.op("Sin", angle.shape, []string{angle.name})
	e := b.op("Concat", []int{n, dim}, []string{cos.name, sin.name}, attr("axis", int64(1)))
	if b.typ != onnx.Float32 {
		e = b.op("Cast", e.shape, []string{e.name}, attr("to", int64(b.typ)))
	}
	return e
}
