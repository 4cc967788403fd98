// Package sampler is the arithmetic around the networks of a latent diffusion model: the schedule of noise levels, the start from
// a photograph (img2img), the steps, inpainting, a reproducible field of noise, and tiles over a latent picture. It runs no network.
//
// Latents are planar float32 [channels, height, width], a channel after the other, eight picture pixels to a latent on each side.
// The formulas are those of diffusers 0.42.1 (EulerDiscreteScheduler and the Stable Diffusion XL pipelines), which
// testdata/reference.py records values of; where this package departs from them, the function says so.
//
// Results are the same bits on every machine. Go may fuse x*y + z into one rounding on processors that have such an instruction
// (arm64, ppc64, riscv64, s390x), and does not on amd64; an explicit conversion of the product forbids it. That is why products here are
// written float32(x*y) and float64(x*y).
package sampler

import (
	"fmt"

	"github.com/realedit/realedit"
)

// LatentScale is how many picture pixels lie along the side of one latent: 8, the VAE's three halvings.
const LatentScale = 8

// bad is the error of an argument that is out of its range: CodeBadOption.
func bad(op, format string, a ...any) error {
	return realedit.Errorf(realedit.CodeBadOption, "sampler: "+op, format, a...)
}

// sameLength refuses slices that are not all of one length.
func sameLength(op string, first []float32, others ...[]float32) error {
	for _, o := range others {
		if len(o) != len(first) {
			return bad(op, "%d values beside %d", len(o), len(first))
		}
	}
	return nil
}

// Planes are planar float32 values [Channels, Height, Width]: latents, a picture before the VAE's encoder or after its decoder.
// Values[(c·Height + y)·Width + x] belongs to channel c of row y, column x.
type Planes struct {
	Channels, Height, Width int
	Values                  []float32
}

// NewPlanes are planes of zeros. Sizes below 1 panic as make does: they are a caller's defect.
func NewPlanes(channels, height, width int) *Planes {
	if channels < 1 || height < 1 || width < 1 {
		panic(fmt.Sprintf("sampler: planes of [%d, %d, %d]", channels, height, width))
	}
	return &Planes{channels, height, width, make([]float32, channels*height*width)}
}

// Row is row y of channel c; it shares memory with the planes.
func (p *Planes) Row(c, y int) []float32 {
	i := (c*p.Height + y) * p.Width
	return p.Values[i : i+p.Width : i+p.Width]
}

// check refuses planes whose values are not as many as their sizes say.
func (p *Planes) check(op string) error {
	if p == nil {
		return bad(op, "no planes")
	}
	if p.Channels < 1 || p.Height < 1 || p.Width < 1 || len(p.Values) != p.Channels*p.Height*p.Width {
		return bad(op, "%d values for [%d, %d, %d]", len(p.Values), p.Channels, p.Height, p.Width)
	}
	return nil
}
