// Package onnx writes ONNX models and reads their signatures: the few messages of the format (onnx.proto, IR version 8) that a graph of
// nodes, weights and external weights needs, without a protobuf library.
package onnx

import (
	"encoding/binary"
	"math"
)

// Type is a tensor's element type, with the numbers of TensorProto.DataType.
type Type int32

// The element types that are written.
const (
	Float32  Type = 1
	Uint8    Type = 2
	Int32    Type = 6
	Int64    Type = 7
	Bool     Type = 9
	Float16  Type = 10
	BFloat16 Type = 16
)

// String is the name that models.json uses, "type N" for others.
func (t Type) String() string {
	if int(t) < len(typeNames) && t >= 0 && typeNames[t] != "" {
		return typeNames[t]
	}
	return "type " + itoa(int64(t))
}

var typeNames = [...]string{1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
	10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16"}

// Size is an element's bytes, 0 where it has no fixed size here.
func (t Type) Size() int64 {
	switch t {
	case Uint8, Bool, 3:
		return 1
	case Float16, 4, 5, 16:
		return 2
	case Float32, Int32, 12:
		return 4
	case Int64, 11, 13:
		return 8
	}
	return 0
}

// Dim is one dimension: a number, or where Param is set a name for what is known when the model runs.
type Dim struct {
	N     int64
	Param string
}

// Dims are fixed dimensions.
func Dims(n ...int64) []Dim {
	d := make([]Dim, len(n))
	for i, v := range n {
		d[i].N = v
	}
	return d
}

// Value is an input or output of the graph. A nil Shape is an unknown rank, an empty one a scalar.
type Value struct {
	Name  string
	Type  Type
	Shape []Dim
}

// External says where a tensor's bytes lie outside the model: in a file beside it.
type External struct {
	File           string
	Offset, Length int64
}

// Tensor is a weight: its bytes (little-endian) in Raw, or elsewhere.
type Tensor struct {
	Name     string
	Type     Type
	Dims     []int64
	Raw      []byte
	External *External
}

// Floats is a float32 weight.
func Floats(name string, dims []int64, v []float32) Tensor {
	raw := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(x))
	}
	return Tensor{Name: name, Type: Float32, Dims: dims, Raw: raw}
}

// Ints is an int64 weight, such as a shape.
func Ints(name string, dims []int64, v []int64) Tensor {
	raw := make([]byte, 8*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint64(raw[8*i:], uint64(x))
	}
	return Tensor{Name: name, Type: Int64, Dims: dims, Raw: raw}
}

// Attr is a node's attribute: Value is an int64, float32, string, []int64, []float32 or *Tensor.
type Attr struct {
	Name  string
	Value any
}

// Node is one operation. Domain "" is the standard's.
type Node struct {
	Op, Domain, Name string
	In, Out          []string
	Attrs            []Attr
}

// Model is a graph with what it needs to run.
type Model struct {
	Name    string
	Opset   int64            // of the standard's operators; 0 = 17
	Domains map[string]int64 // further operator sets and their versions
	Nodes   []Node
	Inputs  []Value
	Outputs []Value
	Weights []Tensor
}
