package diffuse

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/kernels/ort"
)

// residualBudget is the host memory for what ControlNets say of tiles that wait for the UNet: with more tiles the networks are loaded more than once.
const residualBudget = 3 << 30

func (e *Engine) sets(which []int) []*weights.Set {
	var s []*weights.Set
	for _, i := range which {
		s = append(s, e.n.Controls[i])
	}
	return s
}

// oneByOne runs the ControlNets over all tiles, one after the other, each adding to what the one before gave, and then the UNet, so that the card holds one at a time.
func (r *run) oneByOne(ctx context.Context, s *step) (*sampler.Planes, error) {
	e, n := r.e, min(r.e.o.Profile.batch(), r.tiles.Len())
	with := r.taking(s)
	kept := make([]ort.Values, r.batches(n)) // by batch
	for k, c := range with {
		onto := k > 0
		m, err := e.model(fmt.Sprintf("controlnet %d onto %v", c, onto), r.form(n), func(f graph.Form) (*graph.Graph, error) {
			return graph.NewControlNet(e.n.Arch, f, e.n.Controls[c], onto)
		})
		if err != nil {
			return nil, err
		}
		shared, err := r.conditions(s, n, latents)
		if err != nil {
			return nil, err
		}
		scale := e.tensor(1)
		store(scale, 0, []float32{s.scales[c]})
		err = e.run(ctx, &pass{model: m, batches: len(kept), last: true, keep: true,
			in: func() ort.Values {
				in := maps.Clone(shared)
				in["sample"], in["controlnet_cond"], in["conditioning_scale"] = e.tensor(n, latents, r.tiles.Side, r.tiles.Side), e.tensor(n, 3, r.Tile, r.Tile), scale
				return in
			},
			fill: func(b int, in ort.Values) error {
				for name, v := range kept[b] {
					in[strings.Replace(name, "res", "add", 1)] = v
				}
				return r.fillControl(b, n, in, s, c)
			},
			// What was added to is written to in its place: the network has read it when it writes.
			into: func(b int) ort.Values { return kept[b] },
			take: func(ctx context.Context, b int, out ort.Values) error {
				kept[b] = out
				_, count := r.batch(b, n)
				r.advance(0.3 / float64(r.Start.Executed()*len(with)) * float64(count) / float64(r.tiles.Len()))
				return nil
			}})
		if err != nil {
			return nil, err
		}
	}
	m, err := e.model("unet", r.form(n), func(f graph.Form) (*graph.Graph, error) { return graph.NewUNet(e.n.Arch, f, e.n.UNet, true) })
	if err != nil {
		return nil, err
	}
	channels := e.n.Arch.Inputs
	shared, err := r.conditions(s, n, channels)
	if err != nil {
		return nil, err
	}
	return r.noiseOf(ctx, s, n, &pass{model: m, last: true,
		in: func() ort.Values {
			in := maps.Clone(shared)
			in["sample"] = e.tensor(n, channels, r.tiles.Side, r.tiles.Side)
			return in
		},
		fill: func(b int, in ort.Values) error {
			maps.Copy(in, kept[b])
			first, count := r.batch(b, n)
			for k := range count {
				if err := r.sampleInto(in["sample"], k, first+k, s, channels); err != nil {
					return err
				}
			}
			return nil
		}})
}

func (r *run) fillControl(b, n int, in ort.Values, s *step, c int) error {
	first, count := r.batch(b, n)
	errs := make([]error, count)
	each(count, func(k int) {
		errs[k] = r.sampleInto(in["sample"], k, first+k, s, latents)
		r.controlInto(in["controlnet_cond"], k, first+k, r.Controls[c].Image)
	})
	return firstError(errs)
}
