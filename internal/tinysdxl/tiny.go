// Package tinysdxl has networks of SDXL's architectures that are small enough for tests: their weights by a formula, and what diffusers and transformers computed
// with them, recorded by gen.py beside it.
package tinysdxl

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/safetensors"
)

//go:embed networks.json
var networks []byte

//go:embed pipelines.json
var pipelines []byte

// The architectures of the networks.
var (
	UNet        = graph.UNet{Channels: []int{32, 64, 128}, Layers: []int{0, 2, 3}, HeadDim: 32, Context: 96, Pooled: 64, SizeDim: 32, Groups: 8, Inputs: 4}
	VAE         = graph.VAE{Channels: []int{16, 32, 64, 64}, Groups: 8}
	TextEncoder = graph.Text{Vocabulary: 512, Width: 32, Inner: 64, Layers: 3, Heads: 2, Quick: true}
	// TextEncoder2 has a pooled embedding.
	TextEncoder2 = graph.Text{Vocabulary: 512, Width: 64, Inner: 128, Layers: 3, Heads: 4, Pooled: 64}
)

// Output is a recorded result: every Step-th of its values.
type Output struct {
	Shape  []int
	Step   int
	Values []float32
}

// Recorded is what gen.py wrote of the networks.
type Recorded struct {
	Shapes  map[string]map[string][]int // of the tensors, by network and name
	IDs     [2][][]int64                // tokens for the text encoders
	Outputs map[string]map[string]Output
}

// Read reads what was recorded.
func Read() (*Recorded, error) {
	r := &Recorded{}
	return r, json.Unmarshal(networks, r)
}

// Runs reads what whole pipelines made of a picture.
func Runs() (map[string]Output, error) {
	var r struct{ Runs map[string]Output }
	err := json.Unmarshal(pipelines, &r)
	return r.Runs, err
}

// Write writes a network's weights, as F32, F16 or BF16, to a file.
func (r *Recorded) Write(path, network string, dtype safetensors.DType) error {
	var specs []safetensors.Spec
	for name, shape := range r.Shapes[network] {
		specs = append(specs, safetensors.Spec{Name: name, DType: dtype, Shape: shape})
	}
	return safetensors.WriteFile(path, nil, specs, func(i int, w io.Writer) error {
		b, ok := safetensors.FromF32(dtype, Weight(network+"/"+specs[i].Name, specs[i].Shape))
		if !ok {
			return fmt.Errorf("weights cannot be %s", dtype)
		}
		_, err := w.Write(b)
		return err
	})
}

// Field is n multiples of 2⁻¹⁵ in [−1, 1) that follow from a name.
func Field(name string, n int) []float32 {
	seed := uint32(2166136261)
	for i := range len(name) {
		seed = (seed ^ uint32(name[i])) * 16777619
	}
	v := make([]float32, n)
	for i := range v {
		h := uint32(i)*2654435761 + seed
		h ^= h >> 15
		h *= 2246822519
		h ^= h >> 13
		h *= 3266489917
		h ^= h >> 16
		v[i] = (float32(h>>16) - 32768) / 32768
	}
	return v
}

// Weight is a tensor of a network: near 1 for scales of normalisations, small for biases, else as large as keeps variances.
func Weight(name string, shape []int) []float32 {
	n, in := 1, 1
	for i, d := range shape {
		n *= d
		if i > 0 {
			in *= d
		}
	}
	v := Field(name, n)
	for i, u := range v {
		switch {
		case strings.HasSuffix(name, ".bias"):
			v[i] = u * 0.125
		case len(shape) == 1:
			v[i] = float32(u*0.25) + 1
		default:
			v[i] = u * float32(math.Sqrt(3/float64(in)))
		}
	}
	return v
}
