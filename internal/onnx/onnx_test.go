package onnx

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func sample() *Model {
	return &Model{
		Name:    "sample",
		Domains: map[string]int64{"com.microsoft": 1},
		Nodes: []Node{
			{Op: "Gemm", Name: "first", In: []string{"x", "w", "b"}, Out: []string{"h"}, Attrs: []Attr{{"transB", int64(1)}, {"alpha", float32(0.5)}}},
			{Op: "Gelu", Domain: "com.microsoft", In: []string{"h"}, Out: []string{"y"}, Attrs: []Attr{{"mode", "tanh"}, {"axes", []int64{-1}}, {"scales", []float32{1}}}},
		},
		Inputs: []Value{
			{Name: "x", Type: Float16, Shape: []Dim{{Param: "batch"}, {N: 4}}}, {Name: "b", Type: Float32, Shape: Dims(3)},
			{Name: "t", Type: Int64, Shape: []Dim{}}, {Name: "u", Type: Uint8},
		},
		Outputs: []Value{{Name: "y", Type: Float32, Shape: []Dim{{Param: "?"}, {N: 3}}}},
		Weights: []Tensor{
			{Name: "w", Type: Float16, Dims: []int64{3, 4}, External: &External{File: "w.bin", Offset: 8, Length: 24}},
			{Name: "v", Type: Float16, Dims: []int64{2}, External: &External{File: "w.bin", Offset: 32, Length: 4}},
			Floats("b", []int64{3}, []float32{1, 2, 3}), Ints("shape", []int64{2}, []int64{-1, 3}),
		},
	}
}

func TestSignatureIsWhatWasWritten(t *testing.T) {
	m := sample()
	b := m.Encode()
	s, err := ReadSignature(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	require.Equal(t, []Value{m.Inputs[0], m.Inputs[2], m.Inputs[3]}, s.Inputs, "b has a default, so it is no input")
	require.Equal(t, m.Outputs, s.Outputs)
	require.EqualValues(t, 24+4+12+16, s.Weights)
	require.Equal(t, []string{"w.bin"}, s.External)
	require.Equal(t, b, m.Encode(), "the same bytes each time")
}

// Weights outside the file are found wherever the format may name them: in constants, graphs of nodes (branches and loops), sparse tensors and functions.
func TestExternalWeightsInNodes(t *testing.T) {
	out := func(file string) *Tensor {
		return &Tensor{Name: "c", Type: Float32, Dims: []int64{2}, External: &External{File: file, Length: 8}}
	}
	wrap := func(field int, b message) (m message) { m.bytes(field, b); return m }
	attr := func(field int, b message) message { return wrap(5, wrap(field, b)) } // of a NodeProto
	constant := (&Node{Op: "Constant", Attrs: []Attr{{"value", out("constant.bin")}}}).encode()
	branch := append(wrap(1, (&Node{Op: "Constant", Attrs: []Attr{{"value", out("branch.bin")}}}).encode()), wrap(5, out("inner.bin").encode())...)
	sparse := func(file string) message {
		return append(wrap(1, out(file).encode()), wrap(2, out("indices.bin").encode())...)
	}
	base := sample().Encode()
	for name, c := range map[string]struct {
		graph, model message
		want         []string
	}{
		"constant":          {wrap(1, constant), nil, []string{"constant.bin", "w.bin"}},
		"branch":            {wrap(1, attr(6, branch)), nil, []string{"branch.bin", "inner.bin", "w.bin"}},
		"branches":          {wrap(1, append(attr(11, branch), attr(10, out("list.bin").encode())...)), nil, []string{"branch.bin", "inner.bin", "list.bin", "w.bin"}},
		"branch of branch":  {wrap(1, attr(6, wrap(1, attr(6, branch)))), nil, []string{"branch.bin", "inner.bin", "w.bin"}},
		"sparse":            {wrap(15, sparse("sparse.bin")), nil, []string{"indices.bin", "sparse.bin", "w.bin"}},
		"sparse in a node":  {wrap(1, append(attr(22, sparse("one.bin")), attr(23, sparse("more.bin"))...)), nil, []string{"indices.bin", "more.bin", "one.bin", "w.bin"}},
		"sparse in a graph": {wrap(1, attr(6, wrap(15, sparse("deep.bin")))), nil, []string{"deep.bin", "indices.bin", "w.bin"}},
		"function":          {nil, wrap(25, wrap(7, constant)), []string{"constant.bin", "w.bin"}},
	} {
		var b message
		require.NoError(t, (&reader{byteReader(base), 0, int64(len(base))}).each(func(field, wire int, v uint64, sub *reader) error {
			switch {
			case field == 7:
				g, err := sub.all(1 << 20)
				b.bytes(7, append(g, c.graph...))
				return err
			case wire == 0:
				b.int(field, int64(v))
			case wire == 2:
				other, err := sub.all(1 << 20)
				b.bytes(field, other)
				return err
			}
			return nil
		}))
		b = append(b, c.model...)
		s, err := ReadSignature(bytes.NewReader(b), int64(len(b)))
		require.NoError(t, err, name)
		require.Equal(t, c.want, s.External, name)
	}
	deep := constant
	for range maxDepth {
		deep = attr(6, wrap(1, deep))
	}
	b := wrap(7, wrap(1, deep))
	_, err := ReadSignature(bytes.NewReader(b), int64(len(b)))
	require.ErrorIs(t, err, ErrFormat)
}

// A model that is cut anywhere is told from a whole one, or has lost only what comes after the graph.
func TestCutModels(t *testing.T) {
	b := sample().Encode()
	for n := range len(b) {
		s, err := ReadSignature(bytes.NewReader(b[:n]), int64(n))
		if err != nil {
			require.ErrorIs(t, err, ErrFormat)
			continue
		}
		require.Len(t, s.Outputs, 1)
	}
	_, err := ReadSignature(bytes.NewReader(b[:50]), int64(len(b))) // shorter than its size says
	require.ErrorIs(t, err, ErrFormat)
	_, err = ReadSignature(broken{}, 100)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func FuzzReadSignature(f *testing.F) {
	f.Add(sample().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadSignature(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			require.ErrorIs(t, err, ErrFormat)
			return
		}
		require.NotEmpty(t, s.Outputs)
		require.GreaterOrEqual(t, s.Weights, int64(0))
		for _, v := range append(s.Inputs, s.Outputs...) {
			for _, d := range v.Shape {
				require.GreaterOrEqual(t, d.N, int64(0))
			}
		}
	})
}
