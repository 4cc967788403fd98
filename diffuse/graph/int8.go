package graph

import (
	"fmt"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/internal/onnx"
)

// linear8 is x·Wᵀ with the weights in 8 bits, where the set has them so (weights.Set.Int8). Products are in the graph's element type.
func (b *builder) linear8(x value, name string, out int) (value, bool) {
	if b.w == nil || b.err != nil {
		return value{}, false
	}
	in := x.shape[1]
	q, scales, ok := b.w.Quantised(name + ".weight")
	if !ok {
		return value{}, false
	}
	blocks := in / weights.Int8Block
	if in%weights.Int8Block != 0 || !sameShape(q.Shape, []int{out, blocks, weights.Int8Block}) || !sameShape(scales.Shape, []int{out, blocks}) {
		b.fail(realedit.CodeBadModel, "%s: tensor %q has the shape %v in 8 bits, and %v is wanted", b.w.Name(), name+".weight", q.Shape, []int{out, in})
		return value{}, false
	}
	full := fmt.Sprint(b.scope, name, ".weight", weights.Int8Weights)
	if !b.params[full] {
		b.params[full] = true
		b.wanted[fmt.Sprint(b.scope, name, ".weight")] = []int{out, in}
		b.m.Weights = append(b.m.Weights, onnx.Tensor{Name: full, Type: onnx.Uint8, Dims: ints(out, blocks, weights.Int8Block),
			External: &onnx.External{File: underRoot(q.File), Offset: q.Offset, Length: q.Length}})
	}
	y := b.node("MatMulNBits", contrib, []string{x.name, full, b.paramAs(b.typ, []int{out * blocks}, name+".weight"+weights.Int8Scales, out, blocks)}, 1,
		attr("K", int64(in)), attr("N", int64(out)), attr("bits", int64(8)), attr("block_size", int64(weights.Int8Block)))[0]
	return value{y, []int{x.shape[0], out}}, true
}
