package graph

import (
	"fmt"

	"github.com/realedit/realedit/diffuse/weights"
)

// NewDenoiser is a UNet with its ControlNets in one graph, so that what they add never leaves the device: for GPUs that hold them all.
//
// Inputs: those of NewUNet without residuals, and for each ControlNet i controlnet_cond_i [B, 3, 8h, 8w] and conditioning_scale_i [1]. Output: out_sample.
// A UNet for inpainting gives its ControlNets the first 4 channels of the sample. nets have the architecture of u.
func NewDenoiser(u UNet, f Form, w *weights.Set, nets ...*weights.Set) (*Graph, error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	b := newBuilder("denoiser", f, 64)
	c := b.conditions(&u)
	var kept [][]value // by ControlNet
	var middle []value
	for i, n := range nets {
		cond := b.input(fmt.Sprintf("controlnet_cond_%d", i), b.typ, f.batch(), 3, f.Height, f.Width)
		scale := b.input(fmt.Sprintf("conditioning_scale_%d", i), b.typ, 1)
		b.within(fmt.Sprintf("controlnet %d/", i), n)
		k, m := b.controlnet(&u, c, cond, scale)
		kept, middle = append(kept, k), append(middle, m)
	}
	b.within("", w)
	return b.unet(&u, c, func(own []value, mid value) ([]value, value) {
		for i := range nets {
			for j := range own {
				own[j] = b.add(own[j], kept[i][j])
			}
			mid = b.add(mid, middle[i])
		}
		return own, mid
	})
}
