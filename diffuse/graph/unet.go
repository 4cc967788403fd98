package graph

import (
	"fmt"
	"strconv"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/internal/onnx"
)

func itoa(n int) string { return strconv.Itoa(n) }

// UNet is the architecture of SDXL's UNet and of the ControlNets that are made of its half.
type UNet struct {
	Channels []int // of the levels, from the largest picture to the smallest
	Layers   []int // of the transformers of each level; 0 = the level has none
	Middle   int   // layers of the transformer in the middle; 0 = as the last level, −1 = none
	HeadDim  int   // channels of an attention head
	Context  int   // width of the text's hidden states
	Pooled   int   // width of the text's pooled embedding
	SizeDim  int   // width of the embedding of each of the six numbers of sizes and crops
	Groups   int   // of group normalisation
	Inputs   int   // channels of the sample: 4, or 9 for inpainting
}

// SDXL is the architecture of SDXL's base model, of Lightning and of what is trained from them. Inpainting has 9 Inputs.
var SDXL = UNet{Channels: []int{320, 640, 1280}, Layers: []int{0, 2, 10}, HeadDim: 64, Context: 2048, Pooled: 1280, SizeDim: 256, Groups: 32, Inputs: 4}

// Tokens is the length of the text's sequence.
const Tokens = 77

func (u *UNet) check() error {
	bad := func(field, format string, a ...any) error {
		return realedit.Errorf(realedit.CodeBadOption, "build graph", "UNet."+field+": "+format, a...)
	}
	if len(u.Channels) < 2 || len(u.Channels) > 4 {
		return bad("Channels", "%d levels are outside [2, 4]", len(u.Channels))
	}
	if len(u.Layers) != len(u.Channels) {
		return bad("Layers", "%d, with %d levels", len(u.Layers), len(u.Channels))
	}
	for _, n := range []struct {
		field      string
		n, lo, top int
	}{{"HeadDim", u.HeadDim, 1, 512}, {"Context", u.Context, 1, 1 << 14}, {"Pooled", u.Pooled, 1, 1 << 14}, {"SizeDim", u.SizeDim, 2, 1 << 12}, {"Groups", u.Groups, 1, 256}, {"Inputs", u.Inputs, 4, 9}, {"Middle", u.Middle, -1, 64}} {
		if n.n < n.lo || n.n > n.top {
			return bad(n.field, "%d is outside [%d, %d]", n.n, n.lo, n.top)
		}
	}
	for i, c := range u.Channels {
		if c < 1 || c > 1<<13 || c%u.Groups != 0 || c%u.HeadDim != 0 {
			return bad("Channels", "%d is no multiple of Groups %d and HeadDim %d in [1, 8192]", c, u.Groups, u.HeadDim)
		}
		if u.Layers[i] < 0 || u.Layers[i] > 64 {
			return bad("Layers", "%d is outside [0, 64]", u.Layers[i])
		}
	}
	return nil
}

// conditions are the inputs that a UNet and its ControlNets share.
type conditions struct{ sample, timestep, context, pooled, sizes value }

func (b *builder) conditions(u *UNet) *conditions {
	n, h, w := b.form.batch(), b.form.Height/8, b.form.Width/8
	return &conditions{
		sample:   b.input("sample", b.typ, n, u.Inputs, h, w),
		timestep: b.input("timestep", onnx.Float32, 1),
		context:  b.input("encoder_hidden_states", b.typ, n, Tokens, u.Context),
		pooled:   b.input("text_embeds", b.typ, n, u.Pooled),
		sizes:    b.input("time_ids", onnx.Float32, n, 6),
	}
}

// embedding is the activated embedding of time, text and sizes, and of a ControlNet Union's types of images, which every residual block takes.
func (b *builder) embedding(u *UNet, c *conditions, net *ControlNet) value {
	width := 4 * u.Channels[0]
	two := func(x value, name string) value {
		return b.linear(b.silu(b.linear(x, name+".linear_1", width, true)), name+".linear_2", width, true)
	}
	t := two(b.sinusoid(c.timestep, u.Channels[0]), "time_embedding") // one row, added to all
	n := c.pooled.shape[0]
	s := b.reshape(b.sinusoid(c.sizes, u.SizeDim), n, 6*u.SizeDim)
	a := b.op("Concat", []int{n, u.Pooled + 6*u.SizeDim}, []string{c.pooled.name, s.name}, attr("axis", int64(1)))
	e := b.add(two(a, "add_embedding"), t)
	if net != nil && net.union() {
		e = b.add(e, two(b.types(u, net), "control_add_embedding"))
	}
	return b.silu(e)
}

// encoder is the descending half and the middle: the picture of the middle, and before it what is kept for the ascending half.
func (b *builder) encoder(u *UNet, x *sum, k *block, ctx value) (middle *sum, kept []*sum) {
	kept = []*sum{x}
	for l, c := range u.Channels {
		name := "down_blocks." + itoa(l)
		last := l == len(u.Channels)-1
		for r := range 2 {
			attn := u.Layers[l] > 0
			normed := r == 0 || last // a convolution that halves follows the others
			x = b.resnet(x, k, fmt.Sprintf("%s.resnets.%d", name, r), c, attn || normed)
			if attn {
				x = b.transformer(x, ctx, k, fmt.Sprintf("%s.attentions.%d", name, r), u.HeadDim, u.Layers[l], normed)
			}
			kept = append(kept, x)
		}
		if !last {
			x = whole(b.conv(b.total(x), name+".downsamplers.0.conv", c, halve))
			kept = append(kept, x)
		}
	}
	c := u.Channels[len(u.Channels)-1]
	layers := u.Middle
	if layers == 0 {
		layers = u.Layers[len(u.Layers)-1]
	}
	x = b.resnet(x, k, "mid_block.resnets.0", c, true)
	if layers > 0 {
		x = b.transformer(x, ctx, k, "mid_block.attentions.0", u.HeadDim, layers, true)
	}
	return b.resnet(x, k, "mid_block.resnets.1", c, false), kept
}

// decoder is the ascending half: the network's estimate of the noise.
func (b *builder) decoder(u *UNet, middle value, kept []value, k *block, ctx value) value {
	x := middle
	for i := len(u.Channels) - 1; i >= 0; i-- {
		name := "up_blocks." + itoa(len(u.Channels)-1-i)
		c := u.Channels[i]
		for r := range 3 {
			joined := b.join(x, kept[len(kept)-1])
			kept = kept[:len(kept)-1]
			attn := u.Layers[i] > 0
			normed := i == 0 && r == 2 // another picture is joined to the others
			s := b.resnet(whole(joined), k, fmt.Sprintf("%s.resnets.%d", name, r), c, attn || normed)
			if attn {
				s = b.transformer(s, ctx, k, fmt.Sprintf("%s.attentions.%d", name, r), u.HeadDim, u.Layers[i], normed)
			}
			if normed {
				return b.conv(b.groupNorm(s, "conv_norm_out", u.Groups, 1e-5, true), "conv_out", 4, conv3)
			}
			x = b.total(s)
		}
		x = b.conv(b.twice(x), name+".upsamplers.0.conv", c, conv3)
	}
	panic("unreachable: the first level ends the loop")
}

// NewUNet is a UNet; with nets one that takes what NewControls gives of these ControlNets.
//
// Inputs, with the batch B and latents of h × w: sample [B, Inputs, h, w], timestep float32 [1], encoder_hidden_states [B, 77, Context], text_embeds [B, Pooled],
// time_ids float32 [B, 6] (original height and width, crop's top and left, target height and width), and with nets those of NewControls and its outputs.
// Output: out_sample [B, 4, h, w], the estimate of the noise.
func NewUNet(u UNet, f Form, w *weights.Set, nets ...ControlNet) (*Graph, error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	b := newBuilder("unet", f, 64)
	c := b.conditions(&u)
	var first value
	if len(nets) > 0 {
		first = b.first(&u, c, nets)
	}
	b.within("", w)
	return b.unet(&u, c, func(kept []value, middle value) ([]value, value) {
		if len(nets) == 0 {
			return kept, middle
		}
		sum := func(name string, x value) value {
			return b.add(x, b.lying(b.input(name, b.typ, x.shape...)))
		}
		kept[0] = b.add(kept[0], first)
		for i, x := range kept[1:] {
			kept[i+1] = sum(fmt.Sprintf("down_block_res_%d", i+1), x)
		}
		return kept, sum("mid_block_res", middle)
	})
}

// unet is the whole network; add changes what is kept for the ascending half.
func (b *builder) unet(u *UNet, c *conditions, add func(kept []value, middle value) ([]value, value)) (*Graph, error) {
	k := &block{groups: u.Groups, eps: 1e-5, time: b.embedding(u, c, nil)}
	ctx := b.reshape(c.context, c.context.shape[0]*Tokens, u.Context)
	x := b.conv(b.lying(c.sample), "conv_in", u.Channels[0], conv3)
	mid, sums := b.encoder(u, whole(x), k, ctx)
	middle, kept := b.total(mid), make([]value, len(sums))
	for i, s := range sums {
		kept[i] = b.total(s)
	}
	kept, middle = add(kept, middle)
	b.output("out_sample", b.nchw(b.decoder(u, middle, kept, k, ctx)))
	return b.graph()
}
