package diffuse

import (
	"context"
	"strconv"
	"strings"

	"github.com/realedit/realedit/internal/onnx"
	"github.com/realedit/realedit/kernels/ort"
)

// devicesFor are the GPUs for a stage's networks: the backend's own, or where pictures are worked on by the processor the first one that ONNX Runtime can use. On a card with
// 8 GB the networks take all of it, and the pictures have no place beside them. why says why there is none.
func devicesFor(ctx context.Context, backend string, o *Options) (devices []int, why error) {
	if n, ok := strings.CutPrefix(backend, "cuda:"); ok {
		if i, err := strconv.Atoi(n); err == nil {
			return []int{i}, nil
		}
	}
	if err := tryGPU(ctx, o); err != nil {
		return nil, err
	}
	return []int{0}, nil
}

// tryGPU runs a network of a single node on the first GPU.
func tryGPU(ctx context.Context, o *Options) error {
	r, err := o.runtime(ort.Provider{Name: "cuda"})
	if err != nil {
		return err
	}
	defer r.Close()
	one := []onnx.Value{{Name: "x", Type: onnx.Float32, Shape: onnx.Dims(1)}}
	g := &onnx.Model{Name: "one", Nodes: []onnx.Node{{Op: "Neg", In: []string{"x"}, Out: []string{"y"}}}, Inputs: one, Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Shape: onnx.Dims(1)}}}
	s, err := acquire(ctx, r, &ort.Model{Key: "one", Data: g.Encode()})
	if err != nil {
		return err
	}
	defer s.Release()
	_, err = s.Run(ctx, ort.Values{"x": {Shape: []int64{1}, Data: []float32{1}}})
	return err
}
