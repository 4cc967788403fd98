package lora

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/weights"
)

// DefaultWeight is how much of a LoRA is taken where nothing is said: styles for interiors are trained to be seen, and a photograph wants a third of that.
const DefaultWeight = 0.35

// LoRA is a file and how much of it is taken.
type LoRA struct {
	Path   string
	Weight float64 // in [−2, 2]; 0 = DefaultWeight. One that is to do nothing is left out.
}

func (l *LoRA) weight() float32 {
	if l.Weight == 0 {
		return DefaultWeight
	}
	return float32(l.Weight)
}

// Merged says what became of LoRAs.
type Merged struct {
	File    string // the side file, for weights.Set.With; "" where no LoRA has anything for this network
	Changed int    // tensors
	Others  int    // modules of the LoRAs that are of other networks
	Cached  bool   // the file was there
}

// format goes up whenever other bytes come out.
const format = "realedit merged LoRA 2"

// Merge merges LoRAs into the tensors of base that they change, and writes those, in base's element types, to a side file in cache whose name is a hash of the base, the
// LoRAs, their weights and the format. Where the file is there already it is checked and taken; files that were asked for long ago make room for it (safetensors.Cache), so that
// it is to be opened soon. Several processes may do it at once. Tensors are
// worked on one after the other: memory is that of the largest.
//
// Errors: CodeBadModel, CodeBadOption, CodeUnreadable, CodeCancelled, CodeDiskFull, CodeWriteFailed.
func Merge(ctx context.Context, base *weights.Set, loras []LoRA, cache safetensors.Cache) (*Merged, error) {
	known := newModules(base)
	m := &Merged{}
	by := map[string][]*change{} // by target, in the order of loras
	var key strings.Builder      // all that the bytes depend on
	hash, err := base.SHA256(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&key, "%s\n%s\n", format, hash)
	metadata := map[string]string{"format": format, "base": hash}
	for i := range loras {
		l := &loras[i]
		if !(math.Abs(l.Weight) <= 2) {
			return nil, realedit.Errorf(realedit.CodeBadOption, "merge LoRAs", "weight %v of %s is outside [−2, 2]", l.Weight, filepath.Base(l.Path))
		}
		changes, other, err := read(ctx, l, base, known)
		if err != nil {
			return nil, err
		}
		m.Others += other
		if len(changes) == 0 {
			continue
		}
		defer changes[0].from.Close()
		fmt.Fprintf(&key, "%s %x\n", changes[0].hash, math.Float32bits(l.weight()))
		metadata["lora."+strconv.Itoa(i)] = changes[0].hash + " " + strconv.FormatFloat(float64(l.weight()), 'g', -1, 32)
		for _, c := range changes {
			by[c.target] = append(by[c.target], c)
		}
	}
	if m.Changed = len(by); m.Changed == 0 {
		return m, nil
	}
	var specs []safetensors.Spec
	for _, name := range slices.Sorted(maps.Keys(by)) {
		r, _ := base.Lookup(name)
		if largest[r.DType] == 0 {
			return nil, realedit.Errorf(realedit.CodeBadModel, base.Name(), "tensor %q holds %s, which is none of F32, F16, BF16", name, r.DType)
		}
		specs = append(specs, safetensors.Spec{Name: name, DType: r.DType, Shape: r.Shape})
	}
	m.File, m.Cached, err = cache.File(ctx, key.String(), metadata, specs, func(path string) error {
		return safetensors.WriteFile(path, metadata, specs, func(i int, w io.Writer) error { return writeChanged(ctx, w, base, specs[i], by[specs[i].Name]) })
	})
	return m, err
}

// writeChanged writes a tensor of base with its changes.
func writeChanged(ctx context.Context, w io.Writer, base *weights.Set, spec safetensors.Spec, changes []*change) error {
	if ctx.Err() != nil {
		return &realedit.Error{Code: realedit.CodeCancelled, Op: "merge LoRAs", Err: context.Cause(ctx)}
	}
	v := make([]float32, product(spec.Shape))
	if err := base.ReadF32(spec.Name, v); err != nil {
		return err
	}
	for _, c := range changes {
		if err := c.add(v); err != nil {
			return err
		}
	}
	limit := float32(largest[spec.DType])
	for _, x := range v {
		if !(x <= limit && x >= -limit) {
			return realedit.Errorf(realedit.CodeBadModel, changes[0].name, "tensor %q would hold %v, more than %s can", spec.Name, x, spec.DType)
		}
	}
	b, _ := safetensors.FromF32(spec.DType, v)
	_, err := w.Write(b)
	return err
}

// add adds scale·(up·down) to w.
func (c *change) add(w []float32) error {
	up, err := c.matrix(c.up, c.out*c.rank)
	if err != nil {
		return err
	}
	down, err := c.matrix(c.down, c.rank*c.in)
	if err != nil {
		return err
	}
	blas32.Gemm(blas.NoTrans, blas.NoTrans, c.scale,
		blas32.General{Rows: c.out, Cols: c.rank, Stride: c.rank, Data: up},
		blas32.General{Rows: c.rank, Cols: c.in, Stride: c.in, Data: down},
		1, blas32.General{Rows: c.out, Cols: c.in, Stride: c.in, Data: w})
	return nil
}

// largest are the largest numbers of the element types that are merged into.
var largest = map[safetensors.DType]float64{safetensors.F32: math.MaxFloat32, safetensors.F16: 65504, safetensors.BF16: 3.38e38}
