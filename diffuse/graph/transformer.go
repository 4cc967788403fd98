package graph

import "slices"

// attention is softmax(q·kᵀ/√d)·v with the keys and values of ctx, before the bias of its last layer, whose name the caller has. x and ctx are matrices of the
// rows of batch sequences.
func (b *builder) attention(x, ctx value, name string, n, batch int) value {
	c := x.shape[1]
	q := b.linear(x, name+".to_q", c, false)
	k := b.linear(ctx, name+".to_k", c, false)
	v := b.linear(ctx, name+".to_v", c, false)
	o := b.attend(q, k, v, n, batch, false)
	return b.linear(o, name+".to_out.0", c, false)
}

func (b *builder) attend(q, k, v value, n, batch int, causal bool) value {
	in := make([]string, 3)
	for i, t := range []value{q, k, v} {
		in[i] = b.reshape(t, batch, t.shape[0]/batch, t.shape[1]).name
	}
	one := int64(0)
	if causal {
		one = 1
	}
	out := b.node("MultiHeadAttention", contrib, in, 1, attr("num_heads", int64(n)), attr("unidirectional", one))
	return b.reshape(value{out[0], []int{batch, q.shape[0] / batch, q.shape[1]}}, q.shape...)
}

// transformer is layers of attention within x and to ctx, of heads of dim channels, with the residual of x. normed is as for resnet.
func (b *builder) transformer(s *sum, ctx value, k *block, name string, dim, layers int, normed bool) *sum {
	y := b.rows(b.groupNorm(s, name+".norm", k.groups, 1e-6, false))
	shape := s.a.shape
	batch, c := shape[0], shape[1]
	x := whole(b.linear(y, name+".proj_in", c, true))
	for l := range layers {
		p := name + ".transformer_blocks." + itoa(l)
		y := b.layerNormOf(x, p+".norm1")
		x = b.sumOf(b.attention(y, y, p+".attn1", c/dim, batch), b.total(x), b.param(p+".attn1.to_out.0.bias", c))
		y = b.layerNormOf(x, p+".norm2")
		x = b.sumOf(b.attention(y, ctx, p+".attn2", c/dim, batch), b.total(x), b.param(p+".attn2.to_out.0.bias", c))
		y = b.layerNormOf(x, p+".norm3")
		y = b.gated(y, p+".ff.net.0.proj", 4*c, batch)
		x = b.sumOf(b.linear(y, p+".ff.net.2", c, false), b.total(x), b.param(p+".ff.net.2.bias", c))
	}
	res := b.total(s)
	if !normed || !b.form.CUDA {
		return b.sumOf(b.picture(b.linear(b.total(x), name+".proj_out", c, true), shape), res, "")
	}
	return b.sumOf(b.picture(b.linear(b.total(x), name+".proj_out", c, false), shape), res, b.param(name+".proj_out.bias", c))
}

// splitGelu are the widths that the CUDA provider's operator for gated units takes.
var splitGelu = []int{2560, 5120, 10240}

// gated is the gated linear unit: half of what a linear layer gives, times GELU of the other half.
func (b *builder) gated(x value, name string, out, batch int) value {
	if b.form.CUDA && slices.Contains(splitGelu, 2*out) {
		y := b.linear(x, name, 2*out, false)
		y = b.reshape(y, batch, y.shape[0]/batch, 2*out)
		g := b.node("BiasSplitGelu", contrib, []string{y.name, b.param(name+".bias", 2*out)}, 1)[0]
		return b.reshape(value{g, []int{batch, y.shape[1], out}}, x.shape[0], out)
	}
	y := b.linear(x, name, 2*out, true)
	half := b.node("Split", "", []string{y.name}, 2, attr("axis", int64(1)), attr("num_outputs", int64(2)))
	g := b.gelu(value{half[1], []int{x.shape[0], out}})
	return b.op("Mul", g.shape, []string{half[0], g.name})
}
