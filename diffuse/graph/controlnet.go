package graph

import (
	"fmt"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/weights"
)

// hint are the channels by which a ControlNet reads its control image; the last picture is an eighth of the image.
var hint = []int{16, 32, 96, 256}

// ControlNet is one of the ControlNets of a graph.
type ControlNet struct {
	Weights *weights.Set
	// Types are of a ControlNet Union what its images show, one each; none = an ordinary ControlNet, which has one image.
	Types []ControlType
}

// Images is how many control images it takes.
func (n *ControlNet) Images() int { return max(1, len(n.Types)) }

func (n *ControlNet) union() bool { return len(n.Types) > 0 }

// controlImage is a control image with its scale.
type controlImage struct{ cond, scale value }

// NewControls is ControlNets of the UNet u, whose residuals are added up.
//
// Inputs: those of NewUNet with a sample of 4 channels, and for each image i of the ControlNets, one's after the other's, controlnet_cond_i [B, 3, 8h, 8w] in [0, 1] and conditioning_scale_i [1]. Outputs:
// down_block_res_1 …, mid_block_res; the first, down_block_res_0, is a fifth of them all and comes of a few convolutions, which the UNet's graph has itself.
// With onto what others gave comes in as down_block_add_1 … and mid_block_add, and is added too.
func NewControls(u UNet, f Form, onto bool, nets ...ControlNet) (*Graph, error) {
	u.Inputs = 4
	if err := u.check(); err != nil {
		return nil, err
	}
	if len(nets) == 0 {
		return nil, realedit.Errorf(realedit.CodeBadOption, "build graph", "no ControlNets")
	}
	b := newBuilder("controlnets", f, 64)
	kept, middle := b.controls(&u, b.conditions(&u), nets)
	out := func(x value, name string) {
		y := b.nchw(x)
		if onto {
			y = b.add(y, b.input(strings.Replace(name, "res", "add", 1), b.typ, x.shape...))
		}
		b.output(name, y)
	}
	for i, x := range kept[1:] {
		out(x, fmt.Sprintf("down_block_res_%d", i+1))
	}
	out(middle, "mid_block_res")
	return b.graph()
}

// each goes over ControlNets: f has their weights and their images, which become inputs of the graph unless they are.
func (b *builder) each(nets []ControlNet, f func(i int, n *ControlNet, images []controlImage)) {
	at := 0
	for i := range nets {
		n := &nets[i]
		images := make([]controlImage, n.Images())
		for k := range images {
			images[k].cond = b.input(fmt.Sprintf("controlnet_cond_%d", at), b.typ, b.form.batch(), 3, b.form.Height, b.form.Width)
			images[k].scale = b.input(fmt.Sprintf("conditioning_scale_%d", at), b.typ, 1)
			at++
		}
		b.within(fmt.Sprintf("controlnet %d/", i), n.Weights)
		f(i, n, images)
	}
}

// controls is the sum of what ControlNets add to each picture that a UNet keeps, and to its middle.
func (b *builder) controls(u *UNet, c *conditions, nets []ControlNet) (kept []value, middle value) {
	b.each(nets, func(i int, n *ControlNet, images []controlImage) {
		k, m := b.controlnet(u, c, n, images)
		if i == 0 {
			kept, middle = k, m
			return
		}
		for j := range kept {
			kept[j] = b.add(kept[j], k[j])
		}
		middle = b.add(middle, m)
	})
	return kept, middle
}

// first is the sum of the first residuals of ControlNets, which are of the sample and the control images alone.
func (b *builder) first(u *UNet, c *conditions, nets []ControlNet) (total value) {
	b.each(nets, func(i int, n *ControlNet, images []controlImage) {
		r := b.zero(b.read(u, c, n, images), "controlnet_down_blocks.0", images)
		if i == 0 {
			total = r
			return
		}
		total = b.add(total, r)
	})
	return total
}

// read is what a ControlNet begins with: the sample and the control images, in the size of latents.
func (b *builder) read(u *UNet, c *conditions, n *ControlNet, images []controlImage) value {
	sample := c.sample
	if sample.shape[1] > 4 { // of a UNet for inpainting: the mask and the masked picture are not for ControlNets
		sample = b.slice(sample, 1, 0, 4)
	}
	x := b.conv(b.lying(sample), "conv_in", u.Channels[0], conv3)
	if n.union() {
		return b.union(u, x, n, images)
	}
	return b.add(x, b.hint(b.lying(images[0].cond), u.Channels[0]))
}

// zero is a convolution that was zero before training, scaled: by the image's scale, or by none where several images were scaled before.
func (b *builder) zero(x value, name string, images []controlImage) value {
	y := b.conv(x, name, x.shape[1], conv1)
	if len(images) > 1 {
		return y
	}
	return b.scaled(y, images[0].scale)
}

func (b *builder) scaled(x, scale value) value {
	return b.op("Mul", x.shape, []string{x.name, scale.name})
}

// controlnet is what one ControlNet adds.
func (b *builder) controlnet(u *UNet, c *conditions, n *ControlNet, images []controlImage) (kept []value, middle value) {
	k := &block{groups: u.Groups, eps: 1e-5, time: b.embedding(u, c, n)}
	ctx := b.reshape(c.context, c.context.shape[0]*Tokens, u.Context)
	mid, sums := b.encoder(u, whole(b.read(u, c, n, images)), k, ctx)
	for i, s := range sums {
		kept = append(kept, b.zero(b.total(s), fmt.Sprintf("controlnet_down_blocks.%d", i), images))
	}
	return kept, b.zero(b.total(mid), "controlnet_mid_block", images)
}

// hint reads a control image.
func (b *builder) hint(x value, out int) value {
	const name = "controlnet_cond_embedding"
	x = b.silu(b.conv(x, name+".conv_in", hint[0], conv3))
	for i, c := range hint[1:] {
		x = b.silu(b.conv(x, fmt.Sprintf("%s.blocks.%d", name, 2*i), hint[i], conv3))
		x = b.silu(b.conv(x, fmt.Sprintf("%s.blocks.%d", name, 2*i+1), c, halve))
	}
	return b.conv(x, name+".conv_out", out, conv3)
}
