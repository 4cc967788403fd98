// Package ort runs ONNX models: one ONNX Runtime environment for the process, opened when it is first needed.
package ort

// Tensor is an n-dimensional array, row-major.
type Tensor struct {
	Shape []int64
	// Data is []float32, []int64, []int32, []uint8 or, for float16, []kernels.Half.
	Data any
}

// Values are tensors by name.
type Values map[string]*Tensor
