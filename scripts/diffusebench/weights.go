package main

import (
	"encoding/binary"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/kernels"
)

var form = graph.Form{CUDA: true, Width: 768, Height: 768}

// makeWeights writes the files of all networks side by side.
func makeWeights(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cn := func() (*graph.Graph, error) { return graph.NewControls(graph.SDXL, form, false, graph.ControlNet{}) }
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for name, build := range map[string]func() (*graph.Graph, error){
		"unet":  func() (*graph.Graph, error) { return graph.NewUNet(graph.SDXL, form, nil) },
		"tile":  cn,
		"canny": cn,
		"vae":   func() (*graph.Graph, error) { return graph.NewVAEDecoder(graph.SDXLVAE, form, nil) },
	} {
		g, err := build()
		if err != nil {
			return err
		}
		tensors := g.Tensors()
		if name == "vae" { // both halves in one file
			g, err := graph.NewVAEEncoder(graph.SDXLVAE, form, nil)
			if err != nil {
				return err
			}
			maps.Copy(tensors, g.Tensors())
		}
		for k, v := range tensors { // a ControlNet's own names
			if own, ok := strings.CutPrefix(k, "controlnet 0/"); ok {
				delete(tensors, k)
				tensors[own] = v
			}
		}
		wg.Go(func() {
			if err := random(filepath.Join(dir, name+".safetensors"), tensors); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// random writes normal deviates that keep variances: a block of them, repeated.
func random(path string, tensors map[string][]int) error {
	r := rand.New(rand.NewPCG(1, 2))
	block := make([]float64, 1<<18)
	for i := range block {
		block[i] = r.NormFloat64()
	}
	var specs []safetensors.Spec
	for name, shape := range tensors {
		specs = append(specs, safetensors.Spec{Name: name, DType: safetensors.F16, Shape: shape})
	}
	return safetensors.WriteFile(path, nil, specs, func(i int, w io.Writer) error {
		s := specs[i]
		n, in := 1, 1
		for k, d := range s.Shape {
			n *= d
			if k > 0 {
				in *= d
			}
		}
		mean, scale := 0.0, 1/math.Sqrt(float64(in))
		if strings.HasSuffix(s.Name, ".bias") {
			scale = 0.02
		} else if len(s.Shape) == 1 {
			mean, scale = 1, 0.02
		}
		b := make([]byte, 0, 2*min(n, len(block)))
		for _, v := range block[:min(n, len(block))] {
			b = binary.LittleEndian.AppendUint16(b, uint16(kernels.HalfFrom(float32(mean+scale*v))))
		}
		for left := 2 * n; left > 0; left -= len(b) {
			if _, err := w.Write(b[:min(left, len(b))]); err != nil {
				return err
			}
		}
		return nil
	})
}
