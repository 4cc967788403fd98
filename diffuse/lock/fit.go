package lock

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Options are the lock's caps, in CIEDE2000 between what it gives and the deterministic picture. The zero value means the defaults.
type Options struct {
	Pixel float64 `json:"pixel"` // no colour moves further, whatever the picture; (0, 10], 0 = 5
	Block float64 `json:"block"` // mean over every block of 64×64 pixels; (0, 10], 0 = 2
}

func (o Options) withDefaults() (Options, error) {
	for _, v := range []struct {
		at   *float64
		name string
		def  float64
	}{{&o.Pixel, "Pixel", 5}, {&o.Block, "Block", 2}} {
		if *v.at == 0 {
			*v.at = v.def
		}
		if !(*v.at > 0 && *v.at <= 10) {
			return o, realedit.Errorf(realedit.CodeBadOption, "lock", "Options.%s: %g is outside (0, 10]", v.name, *v.at)
		}
	}
	return o, nil
}

// Check refuses caps outside their ranges. Errors: CodeBadOption.
func (o Options) Check() error {
	_, err := o.withDefaults()
	return err
}

// Stats say what a model did and what the lock let through. Colour differences are CIEDE2000, measured on reduced pictures and on as many single pixels.
type Stats struct {
	Asked   float64 `json:"asked"`   // mean from the deterministic picture to the model's
	Kept    float64 `json:"kept"`    // mean from the deterministic picture to the lock's
	Refused float64 `json:"refused"` // mean from the lock's to the model's: drawn, blurred, or beyond a cap
	Limited float64 `json:"limited"` // share of nodes that a cap scaled down, 0..1
	Pixel   float64 `json:"pixel"`   // largest over a lattice of all colours at all nodes
	Block   float64 `json:"block"`   // largest mean over a block
}

// blockSide is the side of the blocks whose mean is bounded, in pixels of the picture.
const blockSide = 64

// Fit finds the grid that makes picture follow model within the caps. picture is the deterministic picture, in env's memory: 3 channels,
// sRGB-encoded, any format. model is the model's output, on the host or in env's memory: the same framing at any size, 3 channels, any format. Neither is
// changed. Errors: CodeBadModel for an output that is not finite, out of range by more than a half, of other proportions (5 %) or of
// something else (a mean difference beyond a quarter of the range, or a correlation of luma under a half); CodeBadOption; those of env's backend.
func Fit(ctx context.Context, env *realedit.Env, picture, model *kernels.Image, o *Options) (*Grid, Stats, error) {
	if o == nil {
		o = &Options{}
	}
	caps, err := o.withDefaults()
	if err != nil {
		return nil, Stats{}, err
	}
	b := &bench{ctx: ctx, env: env, caps: caps}
	defer b.close()
	if err := b.look(picture, model); err != nil {
		return nil, Stats{}, err
	}
	g := Identity(picture.Width(), picture.Height())
	f, err := b.solve(g.field())
	if err != nil {
		return nil, Stats{}, err
	}
	return b.limit(g, f)
}

// quantise writes a field to the grid, rounded towards 0: rounding must not go beyond a cap.
func (g *Grid) quantise(f *field) {
	for i, v := range f.at {
		g.Shifts[i] = int16(math.Trunc(float64(v) / unit))
	}
}
