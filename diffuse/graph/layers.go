package graph

import (
	"github.com/realedit/realedit/internal/onnx"
)

// A picture's values lie channels last in the form for CUDA, channels first in the other. The functions of this file and those that use them
// take and give pictures as they lie.

// nchw is x, channels first.
func (b *builder) nchw(x value) value {
	if !b.form.CUDA {
		return x
	}
	return value{b.node("Transpose", "", []string{x.name}, 1, attr("perm", ints(0, 3, 1, 2)))[0], x.shape}
}

// lying is x, which has its channels first, as pictures lie.
func (b *builder) lying(x value) value {
	if !b.form.CUDA {
		return x
	}
	return value{b.node("Transpose", "", []string{x.name}, 1, attr("perm", ints(0, 2, 3, 1)))[0], x.shape}
}

// channels is the axis of a picture's channels.
func (b *builder) channels() int64 {
	if b.form.CUDA {
		return 3
	}
	return 1
}

// kernel is a convolution's side, step and padding.
type kernel struct {
	side, stride int
	pads         [4]int // top, left, bottom, right
}

var (
	conv1    = kernel{1, 1, [4]int{}}
	conv3    = kernel{3, 1, [4]int{1, 1, 1, 1}}
	halve    = kernel{3, 2, [4]int{1, 1, 1, 1}}
	halveVAE = kernel{3, 2, [4]int{0, 0, 1, 1}} // the autoencoder pads behind only
)

// conv is a convolution to out channels with its bias.
func (b *builder) conv(x value, name string, out int, k kernel) value {
	return b.convolve(x, name, out, k, true)
}

func (b *builder) convolve(x value, name string, out int, k kernel, bias bool) value {
	in := []string{b.nchw(x).name, b.param(name+".weight", out, x.shape[1], k.side, k.side)}
	if bias {
		in = append(in, b.param(name+".bias", out))
	}
	h := (x.shape[2]+k.pads[0]+k.pads[2]-k.side)/k.stride + 1
	w := (x.shape[3]+k.pads[1]+k.pads[3]-k.side)/k.stride + 1
	y := b.op("Conv", []int{x.shape[0], out, h, w}, in,
		attr("kernel_shape", ints(k.side, k.side)), attr("strides", ints(k.stride, k.stride)), attr("pads", ints(k.pads[:]...)))
	return b.lying(y)
}

// linear is x·Wᵀ (+ bias) of the rows of x, which is a matrix.
func (b *builder) linear(x value, name string, out int, bias bool) value {
	if y, ok := b.linear8(x, name, out); ok {
		if bias {
			y = b.add(y, value{b.param(name+".bias", out), y.shape})
		}
		return y
	}
	in := []string{x.name, b.param(name+".weight", out, x.shape[1])}
	if bias {
		in = append(in, b.param(name+".bias", out))
	}
	return b.op("Gemm", []int{x.shape[0], out}, in, attr("transB", int64(1)))
}

// silu is x·sigmoid(x).
func (b *builder) silu(x value) value {
	return value{b.node("QuickGelu", contrib, []string{x.name}, 1, attr("alpha", float32(1)))[0], x.shape}
}

// quickGelu is x·sigmoid(1.702·x).
func (b *builder) quickGelu(x value) value {
	return value{b.node("QuickGelu", contrib, []string{x.name}, 1, attr("alpha", float32(1.702)))[0], x.shape}
}

// gelu is x·Φ(x), with the exact Φ.
func (b *builder) gelu(x value) value { return b.op("Gelu", x.shape, []string{x.name}) }

// twice repeats every pixel of a picture in both directions.
func (b *builder) twice(x value) value {
	scales := []float32{1, 1, 2, 2}
	if b.form.CUDA {
		scales = []float32{1, 2, 2, 1}
	}
	shape := []int{x.shape[0], x.shape[1], 2 * x.shape[2], 2 * x.shape[3]}
	return b.op("Resize", shape, []string{x.name, "", b.float32s([]int{4}, scales)},
		attr("mode", "nearest"), attr("nearest_mode", "floor"), attr("coordinate_transformation_mode", "asymmetric"))
}

// join puts the channels of y behind those of x.
func (b *builder) join(x, y value) value {
	shape := []int{x.shape[0], x.shape[1] + y.shape[1], x.shape[2], x.shape[3]}
	return b.op("Concat", shape, []string{x.name, y.name}, attr("axis", b.channels()))
}

// rows is a picture as a matrix of its pixels: batch·height·width × channels.
func (b *builder) rows(x value) value {
	n := x.shape[0] * x.shape[2] * x.shape[3]
	if b.form.CUDA {
		return b.reshape(x, n, x.shape[1])
	}
	last := b.transpose(x, 0, 2, 3, 1)
	return b.reshape(last, n, x.shape[1])
}

// picture is what rows made of a picture of this shape.
func (b *builder) picture(x value, shape []int) value {
	if b.form.CUDA {
		y := b.reshape(x, shape[0], shape[2], shape[3], shape[1])
		y.shape = shape
		return y
	}
	last := b.reshape(x, shape[0], shape[2], shape[3], shape[1])
	return b.transpose(last, 0, 3, 1, 2)
}

// layerNorm normalises the rows of x.
func (b *builder) layerNorm(x value, name string) value {
	c := x.shape[len(x.shape)-1]
	return b.op("LayerNormalization", x.shape, []string{x.name, b.param(name+".weight", c), b.param(name+".bias", c)},
		attr("axis", int64(-1)), attr("epsilon", float32(1e-5)))
}

// affine32 is a weight of c numbers as float32, which is what group normalisation on a GPU takes.
func (b *builder) affine32(name string, c int) string {
	return b.paramAs(onnx.Float32, []int{c}, name, c)
}
