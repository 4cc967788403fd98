package graph

import (
	"maps"

	"github.com/realedit/realedit/internal/onnx"
	"github.com/realedit/realedit/kernels/ort"
)

// Graph is a network that is ready to be loaded. It refers to the files of its weights, which must stay as they are. One that was made without weights (nil) can be asked for
// its Tensors and not be loaded.
type Graph struct {
	m      onnx.Model
	cuda   bool
	wanted map[string][]int
}

func (b *builder) graph() (*Graph, error) {
	if b.err != nil {
		return nil, b.err
	}
	return &Graph{b.m, b.form.CUDA, b.wanted}, nil
}

// Tensors are the shapes of the weights that the graph wants, by their names; those of a Denoiser's ControlNets begin with "controlnet N/".
func (g *Graph) Tensors() map[string][]int { return maps.Clone(g.wanted) }

// Parameters is how many numbers these tensors hold.
func (g *Graph) Parameters() (n int) {
	for _, shape := range g.wanted {
		n += product(shape)
	}
	return n
}

// Model is the graph for kernels/ort; key tells its session from others.
func (g *Graph) Model(key string) *ort.Model {
	m := &ort.Model{Key: key, Data: g.m.Encode(), Folder: "/"}
	if g.cuda {
		m.Options = map[string]map[string]string{"cuda": {"prefer_nhwc": "1"}}
	}
	return m
}
