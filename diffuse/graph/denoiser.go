package graph

import (
	"github.com/realedit/realedit/diffuse/weights"
)

// NewDenoiser is a UNet with its ControlNets in one graph, so that what they add never leaves the device: for GPUs that hold them all.
//
// Inputs: those of NewUNet without residuals, and those of NewControls for each control image. Output: out_sample.
// A UNet for inpainting gives its ControlNets the first 4 channels of the sample. nets have the architecture of u.
func NewDenoiser(u UNet, f Form, w *weights.Set, nets ...ControlNet) (*Graph, error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	b := newBuilder("denoiser", f, 64)
	c := b.conditions(&u)
	var kept []value
	var middle value
	if len(nets) > 0 {
		kept, middle = b.controls(&u, c, nets)
	}
	b.within("", w)
	return b.unet(&u, c, func(own []value, mid value) ([]value, value) {
		if len(nets) == 0 {
			return own, mid
		}
		for j := range own {
			own[j] = b.add(own[j], kept[j])
		}
		return own, b.add(mid, middle)
	})
}
