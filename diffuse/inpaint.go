package diffuse

import (
	"context"
	"image"

	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/kernels/ort"
)

// inpainting is what a job with a mask needs in latents.
type inpainting struct {
	mask   *sampler.Mask   // over the latents
	masked *sampler.Planes // the picture without what is under the mask, for a UNet with 9 inputs
}

func (r *run) inpainting(ctx context.Context) (*inpainting, error) {
	h, w := r.pad.Latent()
	in := &inpainting{mask: &sampler.Mask{Height: h, Width: w, Values: make([]float32, h*w)}}
	for y := range h {
		for x := range w {
			if r.Mask.Values[r.pad.SourceY(y*sampler.LatentScale)*r.Mask.Width+r.pad.SourceX(x*sampler.LatentScale)] >= 0.5 {
				in.mask.Values[y*w+x] = 1
			}
		}
	}
	var err error
	if r.e.n.Arch.Inputs == 9 {
		in.masked, err = r.encode(ctx, r.Mask)
	}
	return in, err
}

// input writes the nine channels of tile i: the scaled latents, the mask, the picture without what is under it.
func (in *inpainting) input(dst, scaled []float32, t *sampler.Tiling, i int) error {
	m := &sampler.Mask{Height: t.TileHeight, Width: t.TileWidth, Values: make([]float32, t.TileHeight*t.TileWidth)}
	if err := t.Cut(m.Values, &sampler.Planes{Channels: 1, Height: t.Height, Width: t.Width, Values: in.mask.Values}, i); err != nil {
		return err
	}
	masked := make([]float32, len(scaled))
	if err := t.Cut(masked, in.masked, i); err != nil {
		return err
	}
	return sampler.InpaintInput(dst, scaled, m, masked)
}

// erase sets what is under the mask to 0, mid-grey in [−1, 1], in the k-th picture of a batch, the part r of the padded picture.
func erase(t *ort.Tensor, k int, m *sampler.Mask, p sampler.Padding, r image.Rectangle) {
	w, plane := r.Dx(), r.Dx()*r.Dy()
	for y := range r.Dy() {
		row := m.Values[p.SourceY(r.Min.Y+y)*m.Width:]
		for x := range w {
			if row[p.SourceX(r.Min.X+x)] >= 0.5 {
				for c := range 3 {
					store(t, (3*k+c)*plane+y*w+x, []float32{0})
				}
			}
		}
	}
}
