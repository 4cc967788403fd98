package graph

// block says how the blocks of one network are built.
type block struct {
	groups int     // of group normalisation
	eps    float32 // of group normalisation in residual blocks
	time   value   // the activated embedding of time and conditions, batch × its width; no name = there is none
}

// resnet is a residual block to out channels. Where normed is set its result is left a sum for the normalisation that follows; else it is added up here, by
// a convolution that has its bias.
func (b *builder) resnet(x *sum, k *block, name string, out int, normed bool) *sum {
	in := x.a.shape[1]
	y := b.groupNorm(x, name+".norm1", k.groups, k.eps, true)
	var h *sum
	if k.time.name != "" {
		e := b.linear(k.time, name+".time_emb_proj", out, true)
		h = b.sumOf(b.convolve(y, name+".conv1", out, conv3, false), e, b.param(name+".conv1.bias", out))
	} else {
		h = whole(b.conv(y, name+".conv1", out, conv3))
	}
	y = b.groupNorm(h, name+".norm2", k.groups, k.eps, true)
	skip := b.total(x)
	if in != out {
		skip = b.conv(skip, name+".conv_shortcut", out, conv1)
	}
	if !normed || !b.form.CUDA {
		return b.sumOf(b.conv(y, name+".conv2", out, conv3), skip, "")
	}
	return b.sumOf(b.convolve(y, name+".conv2", out, conv3, false), skip, b.param(name+".conv2.bias", out))
}

func (b *builder) sumOf(a, skip value, bias string) *sum { return &sum{a: a, skip: &skip, bias: bias} }
