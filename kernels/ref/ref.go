// Package ref is every operation of kernels.Ops in plain Go: slow, obviously right,
// and what the other backends are compared with. Each body is the formula in the
// comment of its field in kernels.Ops.
//
// Arithmetic is in float64 where a definition has sums, so that the reference is
// nearer the formula than any backend's own rounding.
package ref

import (
	"context"
	"fmt"

	"github.com/realedit/realedit/kernels"
)

func init() {
	kernels.Register("ref", 0, func(arg string) (kernels.Backend, error) {
		if arg != "" {
			return nil, fmt.Errorf("ref: takes no argument, got %q: %w", arg, kernels.ErrUnsupported)
		}
		return New(), nil
	})
	kernels.RegisterReference(ops)
}

// table lists what is here; a new operation is its own file and one line.
var table = kernels.Ops{
	Convert:            convert,
	DecodeSRGB:         decodeSRGB,
	EncodeSRGB:         encodeSRGB,
	YCbCrToRGB:         yCbCrToRGB,
	Luma:               luma,
	Resize:             resize,
	PyrDown:            pyrDown,
	PyrUp:              pyrUp,
	Warp:               warp,
	FusionWeights:      fusionWeights,
	Fuse:               fuse,
	Blend:              blend,
	Feather:            feather,
	ColorMatrix:        colorMatrix,
	Curve:              curve,
	Histogram:          histogram,
	MatchHistogram:     matchHistogram,
	BoxFilter:          boxFilter,
	GuidedFilter:       guidedFilter,
	GuidedCoefficients: guidedCoefficients,
	Gradient:           gradient,
	Edges:              edges,
	SSIM:               ssim,
	DeltaE:             deltaE,
	LocalTone:          localTone,
}

var ops = kernels.Checked(table)

type backend struct{}

// New returns the reference backend. Its images lie in kernels.Host.
func New() kernels.Backend { return backend{} }

func (backend) Name() string                   { return "ref" }
func (backend) Ops() *kernels.Ops              { return ops }
func (backend) Sync(ctx context.Context) error { return ctx.Err() }
func (backend) Close() error                   { return nil }

func (backend) Caps() kernels.Caps {
	c := kernels.HostCaps()
	c.Device, c.Threads = "plain Go", 1
	return c
}

func (b backend) NewImage(w, h, channels int, f kernels.Format) (*kernels.Image, error) {
	return kernels.NewHostImage(b, w, h, channels, f)
}

func (backend) Copy(ctx context.Context, dst, src *kernels.Image) error {
	return kernels.CopyHost(ctx, dst, src)
}
