package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/realedit/realedit/diffuse/graph"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

type netOptions struct {
	batch, tile, reps int
	only              string
	cuda, config      map[string]string
}

func timeNets(dir string, o *netOptions) error {
	n, err := networks(dir, 2, false)
	if err != nil {
		return err
	}
	unet, vae, tile, canny := n.UNet, n.VAE, n.Controls[0], n.Controls[1]
	r, err := ort.New(&ort.Options{Providers: []ort.Provider{{Name: "cuda", Options: o.cuda}}})
	if err != nil {
		return err
	}
	defer r.Close()
	f := graph.Form{CUDA: true, Batch: o.batch, Width: o.tile, Height: o.tile}
	for _, n := range []struct {
		name  string
		build func() (*graph.Graph, error)
	}{
		{"controlnets", func() (*graph.Graph, error) { return graph.NewControls(graph.SDXL, f, false, tile, canny) }},
		{"unet", func() (*graph.Graph, error) { return graph.NewUNet(graph.SDXL, f, unet, tile, canny) }},
		{"unet-alone", func() (*graph.Graph, error) { return graph.NewUNet(graph.SDXL, f, unet) }},
		{"denoiser", func() (*graph.Graph, error) { return graph.NewDenoiser(graph.SDXL, f, unet, tile, canny) }},
		{"encoder", func() (*graph.Graph, error) { return graph.NewVAEEncoder(graph.SDXLVAE, f, vae) }},
		{"decoder", func() (*graph.Graph, error) { return graph.NewVAEDecoder(graph.SDXLVAE, f, vae) }},
	} {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), n.name) {
			continue
		}
		g, err := n.build()
		if err != nil {
			return err
		}
		if err := timeNet(r, g, n.name, o); err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
		r.Trim()
	}
	return nil
}

func timeNet(r *ort.Runtime, g *graph.Graph, name string, o *netOptions) error {
	ctx := context.Background()
	start := time.Now()
	m := g.Model(name)
	m.Memory, m.Config = 1, o.config // no budget is asked
	s, err := r.Acquire(ctx, m)
	if err != nil {
		return err
	}
	defer s.Release()
	load := time.Since(start)
	if len(s.Notes()) > 0 {
		return fmt.Errorf("not on the GPU: %v", s.Notes())
	}
	in := ort.Values{}
	for _, v := range s.Signature().Inputs {
		n := 1
		for _, d := range v.Shape {
			n *= int(d)
		}
		x := tiny.Field(v.Name, n)
		switch v.Name {
		case "timestep":
			x[0] = 374
		case "time_ids":
			for i := range x {
				x[i] = 1024
			}
		}
		t := &ort.Tensor{Shape: v.Shape, Data: x}
		if v.Type == "float16" {
			h := make([]kernels.Half, n)
			for i, f := range x {
				h[i] = kernels.HalfFrom(f)
			}
			t.Data = h
		}
		in[v.Name] = t
	}
	var times []float64
	var rms float64
	var kept ort.Values // the outputs' memory, which a caller keeps for all tiles
	for i := range o.reps + 1 {
		start := time.Now()
		out, err := s.RunInto(ctx, in, kept)
		if err != nil {
			return err
		}
		if i > 0 {
			times = append(times, time.Since(start).Seconds()*1e3/float64(o.batch))
			continue
		}
		for _, v := range out {
			sum, n := 0.0, 0
			for _, h := range v.Data.([]kernels.Half) {
				f := float64(h.Float32())
				sum += f * f
				n++
			}
			rms = max(rms, sum/float64(n))
			kept = out
		}
	}
	if len(times) == 0 {
		return nil
	}
	slices.Sort(times)
	fmt.Printf("%-12s batch %d tile %d: least %.2f median %.2f ms a tile, load %.2f s, largest mean square of an output %.3g\n",
		name, o.batch, o.tile, times[0], times[len(times)/2], load.Seconds(), rms)
	return nil
}
