package graph

import "slices"

// sum is a picture or a matrix that is a sum: of a, where there is one of skip, and of a bias per channel. What normalises it computes the sum on the way, in one pass on a GPU;
// what else needs it takes total, and all get the same.
type sum struct {
	a    value
	skip *value // of a's shape, or batch × channels
	bias string // a parameter of as many numbers as channels; "" = none
	out  *value
}

func whole(x value) *sum { return &sum{a: x, out: &x} }

// total is the sum as a value.
func (b *builder) total(s *sum) value {
	if s.out == nil {
		y := s.a
		if s.bias != "" {
			y = b.add(y, value{b.perChannel(s.bias, y), nil})
		}
		if s.skip != nil {
			k := *s.skip
			if len(k.shape) == 2 && len(y.shape) == 4 {
				k = b.spread(k)
			}
			y = b.add(y, k)
		}
		s.out = &y
	}
	return *s.out
}

// spread gives batch × channels the two dimensions of pictures.
func (b *builder) spread(x value) value {
	n, c := x.shape[0], x.shape[1]
	if b.form.CUDA {
		return b.reshape(x, n, 1, 1, c)
	}
	return b.reshape(x, n, c, 1, 1)
}

// perChannel is a parameter as it is added to y.
func (b *builder) perChannel(param string, y value) string {
	if len(y.shape) == 2 || b.form.CUDA {
		return param
	}
	return b.reshape(value{param, []int{y.shape[1]}}, y.shape[1], 1, 1).name
}

// groupNorm normalises a picture over groups of channels and their pixels, scales it and, where act is set, applies SiLU.
func (b *builder) groupNorm(s *sum, name string, groups int, eps float32, act bool) value {
	c := s.a.shape[1]
	if b.form.CUDA {
		return b.groupNormCUDA(s, name, groups, eps, act)
	}
	x := b.total(s)
	ones, zeros := make([]float32, groups), make([]float32, groups)
	for i := range ones {
		ones[i] = 1
	}
	y := b.reshape(x, x.shape[0], groups, product(x.shape[1:])/groups)
	y = b.op("InstanceNormalization", y.shape, []string{y.name, b.float32s([]int{groups}, ones), b.float32s([]int{groups}, zeros)}, attr("epsilon", eps))
	y = b.reshape(y, x.shape...)
	dims := []int{c, 1, 1}
	y = b.op("Mul", y.shape, []string{y.name, b.paramAs(b.typ, dims, name+".weight", c)})
	y = b.op("Add", y.shape, []string{y.name, b.paramAs(b.typ, dims, name+".bias", c)})
	if act {
		y = b.silu(y)
	}
	return y
}

// groupNormCUDA is groupNorm by the CUDA provider's operators, which take pictures channels last and the sum with them.
func (b *builder) groupNormCUDA(s *sum, name string, groups int, eps float32, act bool) value {
	c := s.a.shape[1]
	in := []string{s.a.name, b.affine32(name+".weight", c), b.affine32(name+".bias", c)}
	op, outs := "GroupNorm", 1
	if s.out != nil {
		in[0] = s.out.name
	} else {
		op, outs = "SkipGroupNorm", 2
		in = append(in, s.skip.name)
		if s.bias != "" {
			in = append(in, s.bias)
		}
	}
	activation := int64(0)
	if act {
		activation = 1
	}
	out := b.node(op, contrib, in, outs, attr("epsilon", eps), attr("groups", int64(groups)), attr("activation", activation), attr("channels_last", int64(1)))
	if outs == 2 {
		s.out = &value{out[1], slices.Clone(s.a.shape)}
	}
	return value{out[0], s.a.shape}
}

// layerNormOf normalises the rows of a matrix that is a sum.
func (b *builder) layerNormOf(s *sum, name string) value {
	if !b.form.CUDA || s.out != nil {
		return b.layerNorm(b.total(s), name)
	}
	c := s.a.shape[1]
	out := b.node("SkipLayerNormalization", contrib, []string{s.a.name, s.skip.name, b.param(name+".weight", c), b.param(name+".bias", c), s.bias}, 4,
		attr("epsilon", float32(1e-5)))
	s.out = &value{out[3], s.a.shape}
	// The mean and the deviation, which only training needs, are not asked for.
	n := &b.m.Nodes[len(b.m.Nodes)-1]
	n.Out[1], n.Out[2] = "", ""
	return value{out[0], s.a.shape}
}
