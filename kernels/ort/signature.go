package ort

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/realedit/realedit/internal/onnx"
	"github.com/realedit/realedit/kernels"
)

// Signature is how a model is called and how large it is. It is read from the model's file alone, without the library.
type Signature struct {
	Inputs, Outputs []Info
	Weights         int64    // bytes, those in other files included
	External        []string // the files beside the model that hold weights, relative to it

	sig *onnx.Signature
}

// ReadSignature reads a model's signature; the weights are skipped. Errors wrap ErrBadModel where the bytes are wrong, else they are those of r.
func ReadSignature(r io.ReaderAt, size int64) (*Signature, error) {
	s, err := onnx.ReadSignature(r, size)
	if errors.Is(err, onnx.ErrFormat) {
		err = fmt.Errorf("%w: %w", ErrBadModel, err)
	}
	if err != nil {
		return nil, err
	}
	return &Signature{infos(s.Inputs), infos(s.Outputs), s.Weights, s.External, s}, nil
}

// Signature reads the model's signature: ReadSignature of Path or Data.
func (m *Model) Signature() (*Signature, error) {
	if m.Data != nil {
		return ReadSignature(bytes.NewReader(m.Data), int64(len(m.Data)))
	}
	f, err := os.Open(m.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return ReadSignature(f, info.Size())
}

func infos(vs []onnx.Value) []Info {
	all := make([]Info, len(vs))
	for i, v := range vs {
		all[i] = Info{Name: v.Name, Type: v.Type.String()}
		if v.Shape != nil {
			all[i].Shape = make([]int64, len(v.Shape))
		}
		for k, d := range v.Shape {
			all[i].Shape[k] = d.N
			if d.Param != "" {
				all[i].Shape[k] = -1
			}
		}
	}
	return all
}

// call is a session's signature as a run needs it: the inputs, and the outputs that are asked for.
type call struct {
	in, out []onnx.Value
	shapes  map[string][]int64 // Model.Shapes
}

func newCall(s *onnx.Signature, m *Model) (*call, error) {
	c := &call{in: s.Inputs, out: s.Outputs, shapes: m.Shapes}
	if len(c.in) == 0 {
		return nil, fmt.Errorf("%w: it has no inputs", ErrBadModel)
	}
	if m.Want != nil {
		c.out = nil
		for _, w := range m.Want {
			i := slices.IndexFunc(s.Outputs, func(v onnx.Value) bool { return v.Name == w })
			if i < 0 {
				return nil, fmt.Errorf("%w: it has no output %q, but %s", ErrBadModel, w, names(s.Outputs))
			}
			c.out = append(c.out, s.Outputs[i])
		}
	}
	if len(c.out) == 0 {
		return nil, fmt.Errorf("%w: no outputs", ErrBadModel)
	}
	for _, v := range slices.Concat(c.in, c.out) {
		switch v.Type {
		case onnx.Float32, onnx.Float16, onnx.Int64, onnx.Int32, onnx.Uint8:
		default:
			return nil, fmt.Errorf("%w: %q holds %v, which is none of float32, float16, int64, int32, uint8", ErrBadModel, v.Name, v.Type)
		}
		if v.Type == onnx.Float16 && v.Shape != nil && len(v.Shape) == 0 {
			return nil, fmt.Errorf("%w: %q is a float16 without dimensions; give it the shape [1]", ErrBadModel, v.Name)
		}
	}
	for _, v := range c.out {
		if s, fixed := c.shape(v, nil); fixed {
			if err := sane(v, s); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func names(vs []onnx.Value) string {
	var n []string
	for _, v := range vs {
		n = append(n, v.Name)
	}
	return strings.Join(n, ", ")
}

// bind checks what a run is given against the signature, before any of it reaches the library. It returns the inputs in the session's order, and the
// outputs with the memory they are written to: the caller's, new memory, or nil where only the library can tell the shape. Errors wrap kernels.ErrInvalid.
func (c *call) bind(in, into Values) (ins, outs []*Tensor, err error) {
	bad := func(name, format string, a ...any) error {
		return &kernels.ArgError{Op: "ort.Run", Arg: name, Msg: fmt.Sprintf(format, a...)}
	}
	params := map[string]int64{}
	for _, v := range c.in {
		t := in[v.Name]
		if t == nil {
			return nil, nil, bad(v.Name, "this input is missing")
		}
		typ, n, ok := typeOf(t.Data)
		switch {
		case !ok:
			return nil, nil, bad(v.Name, "a %T is no tensor's data", t.Data)
		case typ != v.Type:
			return nil, nil, bad(v.Name, "holds %v, the model takes %v", typ, v.Type)
		case v.Shape != nil && len(t.Shape) != len(v.Shape):
			return nil, nil, bad(v.Name, "shape %v has %d dimensions, the model takes %d", t.Shape, len(t.Shape), len(v.Shape))
		case typ == onnx.Float16 && len(t.Shape) == 0:
			return nil, nil, bad(v.Name, "a float16 without dimensions cannot be given; the shape [1] can")
		}
		if want, ok := elements(t.Shape); !ok || want != n {
			return nil, nil, bad(v.Name, "%d elements do not fill the shape %v", n, t.Shape)
		}
		if n == 0 {
			return nil, nil, bad(v.Name, "shape %v holds nothing", t.Shape)
		}
		for k, d := range v.Shape {
			have, known := d.N, d.Param == ""
			if !known && d.Param != "?" {
				have, known = params[d.Param]
				params[d.Param] = t.Shape[k]
			}
			if known && have != t.Shape[k] {
				return nil, nil, bad(v.Name, "shape %v: dimension %d has to be %d", t.Shape, k, have)
			}
		}
		ins = append(ins, t)
	}
	if len(in) != len(c.in) {
		for name := range in {
			if !slices.ContainsFunc(c.in, func(v onnx.Value) bool { return v.Name == name }) {
				return nil, nil, bad(name, "no input of the model, which takes %s", names(c.in))
			}
		}
	}
	outs = make([]*Tensor, len(c.out))
	for i, v := range c.out {
		shape, fixed := c.shape(v, params)
		switch {
		case fixed || shape != nil && v.Type == onnx.Float16:
			if err := sane(v, shape); err != nil {
				return nil, nil, err
			}
			if t := into[v.Name]; t != nil {
				if typ, n, ok := typeOf(t.Data); !ok || typ != v.Type || !slices.Equal(t.Shape, shape) || int64(n)*typ.Size() != bytesOfShape(typ, shape) {
					return nil, nil, bad(v.Name, "memory for %v of the shape %v is wanted", v.Type, shape)
				}
				if outs[i] = t; len(raw(t.Data)) > 0 {
					continue
				}
			}
			if outs[i], err = newTensor(v.Type, shape); err != nil {
				return nil, nil, err
			}
			if len(raw(outs[i].Data)) == 0 {
				return nil, nil, fmt.Errorf("%w: output %q has the shape %v, which holds nothing", ErrBadModel, v.Name, shape)
			}
		case v.Type == onnx.Float16:
			return nil, nil, fmt.Errorf("%w: the shape of the float16 output %q does not follow from the inputs; Model.Shapes or a float32 output would do",
				ErrBadModel, v.Name)
		}
	}
	return ins, outs, nil
}

// shape is an output's shape: as the caller or the file says (fixed), or as it follows from the inputs' named dimensions; nil where none does.
func (c *call) shape(v onnx.Value, params map[string]int64) (s []int64, fixed bool) {
	if s, ok := c.shapes[v.Name]; ok {
		return s, true
	}
	if v.Shape == nil {
		return nil, false
	}
	s, fixed = make([]int64, len(v.Shape)), true
	for k, d := range v.Shape {
		s[k] = d.N
		if d.Param != "" {
			n, ok := params[d.Param]
			if !ok {
				return nil, false
			}
			s[k], fixed = n, false
		}
	}
	return s, fixed
}

// maxOutput is the most bytes of one output, far above what any network gives: memory for a larger one is not asked for, since Go ends a process that gets none.
const maxOutput = 4 << 30

// sane refuses an output that no memory should be asked for.
func sane(v onnx.Value, shape []int64) error {
	if b := bytesOfShape(v.Type, shape); b > maxOutput {
		return fmt.Errorf("%w: output %q has the shape %v: more than %d GiB", ErrBadModel, v.Name, shape, maxOutput>>30)
	}
	return nil
}

// maxSession is what a session is charged at most: more is no memory that a machine has, and sums of it stay within an int64.
const maxSession = 1 << 50

// bytesOfShape is the size of a tensor, maxSession at most.
func bytesOfShape(t onnx.Type, shape []int64) int64 {
	b := t.Size()
	for _, d := range shape {
		if d > 0 && b > maxSession/d {
			return maxSession
		}
		b *= max(d, 0)
	}
	return b
}

// estimate is the bytes a session takes: twice the weights (as they are and as kernels want them), and eight times inputs and outputs, a free dimension counted as one.
func (c *call) estimate(weights int64) int64 {
	n := 2 * min(weights, maxSession)
	for _, v := range slices.Concat(c.in, c.out) {
		shape, ok := c.shapes[v.Name]
		if !ok {
			shape = make([]int64, len(v.Shape))
			for i, d := range v.Shape {
				shape[i] = max(d.N, 1)
			}
		}
		n = min(n+8*bytesOfShape(v.Type, shape), maxSession)
	}
	return min(n, maxSession)
}
