package ort

import (
	"fmt"
	"unsafe"

	"github.com/realedit/realedit/internal/onnx"
	"github.com/realedit/realedit/kernels"
)

// Tensor is an n-dimensional array, row-major.
type Tensor struct {
	Shape []int64 // empty: a single number
	// Data is []float32, []int64, []int32, []uint8 or, for float16, []kernels.Half, of as many elements as Shape says.
	Data any
}

// Values are tensors by name.
type Values map[string]*Tensor

// Info is the name, element type and shape of an input or output. A dimension of -1 is free; a nil Shape is unknown until the model has run.
type Info struct {
	Name  string
	Type  string // "float32", "float16", "int64", "int32", "uint8"; other types cannot be run
	Shape []int64
}

// typeOf is the element type of Tensor.Data, and the number of elements.
func typeOf(data any) (t onnx.Type, n int, ok bool) {
	switch d := data.(type) {
	case []float32:
		return onnx.Float32, len(d), true
	case []kernels.Half:
		return onnx.Float16, len(d), true
	case []int64:
		return onnx.Int64, len(d), true
	case []int32:
		return onnx.Int32, len(d), true
	case []uint8:
		return onnx.Uint8, len(d), true
	}
	return 0, 0, false
}

// elements is the product of a shape's dimensions; false where it is none or too large.
func elements(shape []int64) (int, bool) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d > 0 && n > (1<<48)/d {
			return 0, false
		}
		n *= d
	}
	return int(n), true
}

// newTensor is a tensor of zeros.
func newTensor(t onnx.Type, shape []int64) (*Tensor, error) {
	n, ok := elements(shape)
	if !ok {
		return nil, fmt.Errorf("shape %v: %w", shape, kernels.ErrHostMemory)
	}
	out := &Tensor{Shape: shape}
	switch t {
	case onnx.Float32:
		out.Data = make([]float32, n)
	case onnx.Float16:
		out.Data = make([]kernels.Half, n)
	case onnx.Int64:
		out.Data = make([]int64, n)
	case onnx.Int32:
		out.Data = make([]int32, n)
	case onnx.Uint8:
		out.Data = make([]uint8, n)
	default:
		return nil, fmt.Errorf("elements of %v: %w", t, kernels.ErrUnsupported)
	}
	return out, nil
}

// raw is the memory of Tensor.Data.
func raw(data any) []byte {
	switch d := data.(type) {
	case []float32:
		return bytesOf(d)
	case []kernels.Half:
		return bytesOf(d)
	case []int64:
		return bytesOf(d)
	case []int32:
		return bytesOf(d)
	case []uint8:
		return d
	}
	return nil
}

func bytesOf[T any](d []T) []byte {
	if len(d) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&d[0])), len(d)*int(unsafe.Sizeof(d[0])))
}
