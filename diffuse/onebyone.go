package diffuse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/kernels/ort"
)

// beside is how many ControlNets are loaded beside each other where a card holds one large network at a time: two are as large as the UNet.
const beside = 2

// oneByOne runs the ControlNets over all tiles, each group adding to what the one before gave, and then the UNet. What they say lies in host memory: 24 MB for a tile of 768².
func (r *run) oneByOne(ctx context.Context, s *step) (*sampler.Planes, error) {
	e, n := r.e, min(r.e.o.Profile.batch(), r.tiles.Len())
	kept := make([]ort.Values, r.batches(n)) // by batch
	with := r.taking(s)
	shared, err := r.conditions(s, n)
	if err != nil {
		return nil, err
	}
	for nets := range slices.Chunk(with, beside) {
		controls, group := parts(nets)
		onto := kept[0] != nil // and what was added to is written to in its place: the network has read it when it writes
		m, err := e.model(fmt.Sprintf("controlnets %v onto %v", group, onto), r.form(n), func(f graph.Form) (*graph.Graph, error) {
			return graph.NewControls(e.n.Arch, f, onto, controls...)
		})
		if err != nil {
			return nil, err
		}
		if kept[0] == nil { // memory for what they say
			defer r.release(kept)
			if err := r.hold(kept, m); err != nil {
				return nil, err
			}
		}
		share := 0.3 / float64(r.Start.Executed()) * float64(len(nets)) / float64(len(with))
		err = e.run(ctx, &pass{model: m, batches: len(kept), last: true,
			in: func() ort.Values { return r.inputs(s, n, latents, group, shared) },
			fill: func(b int, in ort.Values) error {
				for name, v := range kept[b] {
					if onto {
						in[strings.Replace(name, "res", "add", 1)] = v
					}
				}
				return r.fill(b, n, in, s, latents, group)
			},
			into: func(b int) ort.Values { return kept[b] },
			take: func(b int, _ ort.Values) error {
				r.advance(share, b, n)
				return nil
			}})
		if err != nil {
			return nil, err
		}
	}
	controls, images := parts(with)
	m, err := e.model(fmt.Sprintf("unet after %v", images), r.form(n), func(f graph.Form) (*graph.Graph, error) {
		return graph.NewUNet(e.n.Arch, f, e.n.UNet, controls...)
	})
	if err != nil {
		return nil, err
	}
	return r.noiseOf(ctx, s, n, 0.3, &pass{model: m, last: true,
		in: func() ort.Values { return r.inputs(s, n, e.n.Arch.Inputs, images, shared) },
		fill: func(b int, in ort.Values) error {
			maps.Copy(in, kept[b])
			return r.fill(b, n, in, s, e.n.Arch.Inputs, images)
		}})
}

// hold takes memory for what ControlNets say of every batch: out of the host's pool, since gigabytes of fresh pages cost a second each, and in one piece for each batch, since
// the pool rounds every piece up.
func (r *run) hold(kept []ort.Values, m *ort.Model) error {
	sig, err := m.Signature()
	if err != nil {
		return plainError(err)
	}
	lengths, all := make([]int, len(sig.Outputs)), 0
	for i, o := range sig.Outputs {
		lengths[i] = 1
		for _, d := range o.Shape {
			lengths[i] *= int(d)
		}
		all += lengths[i]
	}
	for b := range kept {
		piece, free, err := r.e.pooled(nil, all)
		if err != nil {
			return plainError(err)
		}
		r.held = append(r.held, free)
		kept[b] = ort.Values{}
		at := 0
		for i, o := range sig.Outputs {
			kept[b][o.Name] = part(piece, o.Shape, at, lengths[i])
			at += lengths[i]
		}
	}
	return nil
}

// release gives back what hold took.
func (r *run) release(kept []ort.Values) {
	clear(kept)
	for _, free := range r.held {
		free()
	}
	r.held = nil
}
