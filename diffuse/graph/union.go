package graph

import "github.com/realedit/realedit"

// ControlType is what an image for a ControlNet Union shows.
type ControlType int

// The types, in the order of the published weights. Union knows those up to Segments, ProMax all.
const (
	Pose ControlType = iota // OpenPose
	Depth
	Scribble // sketches and soft edges
	Lines    // Canny's edges, lineart, straight lines
	Normals
	Segments // areas of one kind
	Tile     // the picture itself
	Repaint  // the picture without what is to be painted
)

const (
	unionTypes  = int(Segments) + 1
	promaxTypes = int(Repaint) + 1
)

// tasks is the network's token for each type of images it knows. Those are as many as its weights are for; without weights, as few as its images need.
func (b *builder) tasks(u *UNet, n *ControlNet) value {
	const name = "task_embedding"
	known := unionTypes
	for _, t := range n.Types {
		if t < 0 || int(t) >= promaxTypes {
			b.fail(realedit.CodeBadOption, "ControlNet.Types: there is no type %d of control images", t)
		}
		if int(t) >= unionTypes {
			known = promaxTypes
		}
	}
	if n.Weights != nil {
		if ref, ok := n.Weights.Lookup(name); ok && len(ref.Shape) == 2 && ref.Shape[0] == promaxTypes {
			known = promaxTypes
		}
	}
	c := u.Channels[0]
	return value{b.param(name, known, c), []int{known, c}}
}

// types embeds which types the images are of. They are the graph's own, which makes the embedding a constant.
func (b *builder) types(u *UNet, n *ControlNet) value {
	v := make([]float32, b.tasks(u, n).shape[0])
	for _, t := range n.Types {
		if b.err == nil {
			v[t] = 1
		}
	}
	has := value{b.float32s([]int{len(v)}, v), []int{len(v)}}
	return b.reshape(b.sinusoid(has, u.SizeDim), 1, len(v)*u.SizeDim)
}

// union adds to x, the sample, what a ControlNet Union reads from its images: each one's picture and what a transformer makes of its mean. Several images are
// scaled here, one is not; its scale is that of what the network gives.
func (b *builder) union(u *UNet, x value, n *ControlNet, images []controlImage) value {
	c := u.Channels[0]
	tasks := b.tasks(u, n)
	for i, m := range images {
		scaled := func(v value) value {
			if len(images) == 1 {
				return v
			}
			return b.scaled(v, m.scale)
		}
		h := b.hint(b.lying(m.cond), c)
		t := int(n.Types[i])
		token := scaled(b.add(b.mean(h), b.slice(tasks, 0, t, t+1)))
		h = scaled(h)
		x = b.add(x, b.add(h, b.spread(scaled(b.linear(b.token(token), "spatial_ch_projs", c, true)))))
	}
	return x
}

// mean is the mean of a picture's pixels: batch × channels.
func (b *builder) mean(x value) value {
	axes := b.int64s(2, 3)
	if b.form.CUDA {
		axes = b.int64s(1, 2)
	}
	return b.op("ReduceMean", x.shape[:2], []string{x.name, axes}, attr("keepdims", int64(0)))
}

// token takes the rows of x through the layer of attention between tokens. The weights' authors and diffusers run it with the batch in the place of the sequence: the
// tokens of a picture do not attend to each other, but each to those of the same image for the batch's other pictures. Of a picture alone a token attends to
// itself, with the weight 1 whatever queries and keys say, and attention is its value. This is what is computed for every picture of a batch: what becomes of a
// tile may not depend on which others are beside it.
func (b *builder) token(x value) value {
	const name = "transformer_layes.0" // as the files spell it
	c := x.shape[1]
	w := value{b.param(name+".attn.in_proj_weight", 3*c, c), []int{3 * c, c}}
	bias := value{b.param(name+".attn.in_proj_bias", 3*c), []int{3 * c}}
	v := b.op("Gemm", x.shape, []string{b.layerNorm(x, name+".ln_1").name, b.slice(w, 0, 2*c, 3*c).name, b.slice(bias, 0, 2*c, 3*c).name}, attr("transB", int64(1)))
	x = b.add(x, b.linear(v, name+".attn.out_proj", c, true))
	h := b.linear(b.layerNorm(x, name+".ln_2"), name+".mlp.c_fc", 4*c, true)
	return b.add(x, b.linear(b.quickGelu(h), name+".mlp.c_proj", c, true))
}
