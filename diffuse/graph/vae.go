package graph

import (
	"fmt"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/weights"
)

// VAE is the architecture of an autoencoder that makes 4 channels of an eighth of the size out of a picture.
type VAE struct {
	Channels []int // of the levels, from the picture to the latents: 4 of them
	Groups   int
}

// SDXLVAE is SDXL's autoencoder.
var SDXLVAE = VAE{Channels: []int{128, 256, 512, 512}, Groups: 32}

func (v *VAE) check() error {
	if len(v.Channels) != 4 {
		return realedit.Errorf(realedit.CodeBadOption, "build graph", "VAE.Channels: %d levels, and 4 make an eighth", len(v.Channels))
	}
	for _, c := range v.Channels {
		if v.Groups < 1 || c < 1 || c > 1<<13 || c%v.Groups != 0 {
			return realedit.Errorf(realedit.CodeBadOption, "build graph", "VAE.Channels: %d is no multiple of Groups %d in [1, 8192]", c, v.Groups)
		}
	}
	return nil
}

const vaeEpsilon = 1e-6

// NewVAEEncoder is the half that encodes. Input: image [B, 3, H, W] in [−1, 1]. Output: mean [B, 4, H/8, W/8], the posterior's, not scaled.
func NewVAEEncoder(v VAE, f Form, w *weights.Set) (*Graph, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	b := newBuilder("vae encoder", f, 8)
	b.within("", w)
	k := &block{groups: v.Groups, eps: vaeEpsilon}
	x := whole(b.conv(b.lying(b.input("image", b.typ, f.batch(), 3, f.Height, f.Width)), "encoder.conv_in", v.Channels[0], conv3))
	for l, c := range v.Channels {
		name := "encoder.down_blocks." + itoa(l)
		last := l == len(v.Channels)-1
		for r := range 2 {
			x = b.resnet(x, k, fmt.Sprintf("%s.resnets.%d", name, r), c, r == 0 || last)
		}
		if !last {
			x = whole(b.conv(b.total(x), name+".downsamplers.0.conv", c, halveVAE))
		}
	}
	x = b.vaeMiddle(x, k, "encoder.mid_block")
	y := b.conv(b.groupNorm(x, "encoder.conv_norm_out", v.Groups, vaeEpsilon, true), "encoder.conv_out", 8, conv3)
	y = b.nchw(b.conv(y, "quant_conv", 8, conv1))
	mean := b.node("Slice", "", []string{y.name, b.int64s(0), b.int64s(4), b.int64s(1)}, 1)[0]
	b.output("mean", value{mean, []int{y.shape[0], 4, y.shape[2], y.shape[3]}})
	return b.graph()
}

// NewVAEDecoder is the half that decodes. Input: latent [B, 4, H/8, W/8], not scaled. Output: image [B, 3, H, W], mostly in [−1, 1].
func NewVAEDecoder(v VAE, f Form, w *weights.Set) (*Graph, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	b := newBuilder("vae decoder", f, 8)
	b.within("", w)
	k := &block{groups: v.Groups, eps: vaeEpsilon}
	y := b.conv(b.lying(b.input("latent", b.typ, f.batch(), 4, f.Height/8, f.Width/8)), "post_quant_conv", 4, conv1)
	x := whole(b.conv(y, "decoder.conv_in", v.Channels[3], conv3))
	x = b.vaeMiddle(x, k, "decoder.mid_block")
	for i := len(v.Channels) - 1; i >= 0; i-- {
		name := "decoder.up_blocks." + itoa(len(v.Channels)-1-i)
		c := v.Channels[i]
		for r := range 3 {
			x = b.resnet(x, k, fmt.Sprintf("%s.resnets.%d", name, r), c, r < 2 || i == 0)
		}
		if i > 0 {
			x = whole(b.conv(b.twice(b.total(x)), name+".upsamplers.0.conv", c, conv3))
		}
	}
	y = b.conv(b.groupNorm(x, "decoder.conv_norm_out", v.Groups, vaeEpsilon, true), "decoder.conv_out", 3, conv3)
	b.output("image", b.nchw(y))
	return b.graph()
}

// vaeMiddle is attention of one head between two residual blocks.
func (b *builder) vaeMiddle(x *sum, k *block, name string) *sum {
	c := x.a.shape[1]
	x = b.resnet(x, k, name+".resnets.0", c, true)
	p := name + ".attentions.0"
	y := b.rows(b.groupNorm(x, p+".group_norm", k.groups, vaeEpsilon, false))
	q, key, v := b.linear(y, p+".to_q", c, true), b.linear(y, p+".to_k", c, true), b.linear(y, p+".to_v", c, true)
	o := b.linear(b.attendWide(q, key, v, x.a.shape[0]), p+".to_out.0", c, !b.form.CUDA)
	bias := ""
	if b.form.CUDA {
		bias = b.param(p+".to_out.0.bias", c)
	}
	s := b.sumOf(b.picture(o, x.a.shape), b.total(x), bias)
	return b.resnet(s, k, name+".resnets.1", c, true)
}

// attendWide is attention of one head. On a GPU that is three operators: the provider's kernels of one pass are for heads of 256 channels or fewer,
// and what it has for wider ones takes three times as long as writing the scores down.
func (b *builder) attendWide(q, k, v value, batch int) value {
	if !b.form.CUDA {
		return b.attend(q, k, v, 1, batch, false)
	}
	n, c := q.shape[0]/batch, q.shape[1]
	three := func(x value) string { return b.reshape(x, batch, n, c).name }
	scale := float32(1 / math.Sqrt(float64(c)))
	scores := b.node("FusedMatMul", contrib, []string{three(q), three(k)}, 1, attr("transB", int64(1)), attr("alpha", scale))
	p := b.op("Softmax", nil, scores, attr("axis", int64(-1)))
	o := b.op("MatMul", []int{batch, n, c}, []string{p.name, three(v)})
	return b.reshape(o, batch*n, c)
}
