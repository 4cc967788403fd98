package diffuse

import (
	"context"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/weights"
)

// unionTypes are what images for ControlNets of these kinds are to a Union.
var unionTypes = map[string]graph.ControlType{kindTile: graph.Tile, kindCanny: graph.Lines}

// controlKinds are those of the kinds of ControlNets for which there is one; Lineart stands in for Canny. The last ones, union of them, are there in a Union only: an
// image's own ControlNet goes before it, so that a Union that is added beside them changes nothing.
func controlKinds(has func(kind string) bool, asked []string) (kinds []string, union int) {
	var rest []string
	for _, k := range asked {
		switch {
		case has(k):
			kinds = append(kinds, k)
		case k == kindCanny && has(kindLineart):
			kinds = append(kinds, kindLineart)
		case has(kindUnion):
			rest = append(rest, k)
		}
	}
	return append(kinds, rest...), len(rest)
}

// controlNets opens the kit's ControlNets.
func (k *kit) controlNets(ctx context.Context, env *realedit.Env) (nets []graph.ControlNet, err error) {
	own := len(k.controls) - k.union
	for _, kind := range k.controls[:own] {
		s, err := k.set(ctx, env, weights.ControlNet, kind)
		if err != nil {
			return nil, err
		}
		nets = append(nets, graph.ControlNet{Weights: s})
	}
	if k.union == 0 {
		return nets, nil
	}
	s, err := k.set(ctx, env, weights.ControlNet, kindUnion)
	if err != nil {
		return nil, err
	}
	u := graph.ControlNet{Weights: s}
	for _, kind := range k.controls[own:] {
		u.Types = append(u.Types, unionTypes[kind])
	}
	return append(nets, u), nil
}
