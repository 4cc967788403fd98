package weights

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/internal/parallel"
	"github.com/realedit/realedit/kernels"
)

// Int8Block is how many weights of a row share a scale.
const Int8Block = 32

// int8Format goes up whenever other bytes come out.
const int8Format = "realedit int8 weights 2"

// The tensors of a matrix in int8 have its name with these endings: the weights as scale·(q − 128), q of U8 [rows, columns/32, 32], and the scales of F16
// [rows, columns/32].
const (
	Int8Weights = ".int8"
	Int8Scales  = ".scales"
)

// Int8 is the set with its linear layers in 8 bits beside it, in a side file in cache whose name is a hash of the set: half of the memory, at 0.5 % of a weight's deviation.
// Convolutions, embeddings of time and sizes, biases and normalisations stay as they are. A graph takes the 8 bits where they are. Where the file is there already it is checked
// and taken; files that were asked for long ago make room for it (safetensors.Cache). The new set has its own files open.
//
// Errors: CodeBadModel for weights that are no numbers, CodeUnreadable, CodeCancelled, CodeDiskFull, CodeWriteFailed.
func (s *Set) Int8(ctx context.Context, cache safetensors.Cache) (*Set, error) {
	if s.int8 {
		return nil, realedit.Errorf(realedit.CodeBadOption, s.Name(), "it is in 8 bits already")
	}
	hash, err := s.SHA256(ctx)
	if err != nil {
		return nil, err
	}
	metadata := map[string]string{"format": int8Format, "base": hash}
	var specs []safetensors.Spec
	for _, name := range s.Names() {
		if r := s.refs[name]; quantised(name, r.Shape) {
			rows, blocks := r.Shape[0], r.Shape[1]/Int8Block
			specs = append(specs, safetensors.Spec{Name: name + Int8Weights, DType: safetensors.U8, Shape: []int{rows, blocks, Int8Block}},
				safetensors.Spec{Name: name + Int8Scales, DType: safetensors.F16, Shape: []int{rows, blocks}})
		}
	}
	path, _, err := cache.File(ctx, int8Format+"\n"+string(s.network)+"\n"+hash, metadata, specs, func(path string) error { return s.quantise(ctx, path, metadata, specs) })
	if err != nil {
		return nil, err
	}
	n, err := s.again()
	if err != nil {
		return nil, err
	}
	f, err := safetensors.Open(path)
	if err != nil {
		n.Close()
		return nil, err
	}
	f.Hold()
	n.files, n.paths, n.int8 = append(n.files, f), append(n.paths, path), true
	for _, spec := range specs {
		t, _ := f.Tensor(spec.Name)
		n.refs[spec.Name] = Ref{File: path, Offset: t.Offset, Length: t.Length, DType: t.DType, Shape: t.Shape, in: f, name: spec.Name}
	}
	return n, nil
}

// quantised tells which tensors are in 8 bits: matrices, but for those that are read once for a picture.
func quantised(name string, shape []int) bool {
	return len(shape) == 2 && shape[1]%Int8Block == 0 && strings.HasSuffix(name, ".weight") &&
		!strings.HasPrefix(name, "time_embedding.") && !strings.HasPrefix(name, "add_embedding.") && !strings.HasPrefix(name, "control_add_embedding.")
}

// quantise writes the side file: a matrix's weights, then its scales, which come of the same reading.
func (s *Set) quantise(ctx context.Context, path string, metadata map[string]string, specs []safetensors.Spec) error {
	var k []byte
	return safetensors.WriteFileInOrder(path, metadata, specs, func(i int, w io.Writer) error {
		if ctx.Err() != nil {
			return &realedit.Error{Code: realedit.CodeCancelled, Op: "quantise", Err: context.Cause(ctx)}
		}
		name, weights := strings.CutSuffix(specs[i].Name, Int8Weights)
		if !weights {
			_, err := w.Write(k)
			return err
		}
		v := make([]float32, product(s.refs[name].Shape))
		if err := s.ReadF32(name, v); err != nil {
			return err
		}
		q := make([]byte, len(v))
		k = make([]byte, 2*len(v)/Int8Block)
		bad := make([]bool, len(v)/Int8Block)
		parallel.Bands(len(bad), 1<<12, func(from, to int) {
			for b := from; b < to; b++ {
				scale, ok := quantiseBlock(q[b*Int8Block:(b+1)*Int8Block], v[b*Int8Block:(b+1)*Int8Block])
				bad[b] = !ok
				binary.LittleEndian.PutUint16(k[2*b:], uint16(scale))
			}
		})
		for _, b := range bad {
			if b {
				return realedit.Errorf(realedit.CodeBadModel, s.Name(), "tensor %q holds what is no number or has no place in 8 bits", name)
			}
		}
		_, err := w.Write(q)
		return err
	})
}

// quantiseBlock quantises the weights of a block: to the nearest of 255 steps around 128, the largest of which is the largest weight. ok is false where one is no number.
func quantiseBlock(q []byte, v []float32) (scale kernels.Half, ok bool) {
	most := float32(0)
	for _, x := range v {
		if x != x {
			return 0, false
		}
		most = max(most, x, -x)
	}
	scale = kernels.HalfFrom(most / 127)
	by := scale.Float32()
	if by > 65504 {
		return 0, false
	}
	for i, x := range v {
		q[i] = 128
		if by > 0 {
			q[i] = uint8(max(1, min(255, math.RoundToEven(float64(x/by))+128)))
		}
	}
	return scale, true
}

// Quantised are a matrix's weights in 8 bits and their scales; ok is false where there are none.
func (s *Set) Quantised(name string) (q, scales Ref, ok bool) {
	q, ok = s.refs[name+Int8Weights]
	return q, s.refs[name+Int8Scales], ok
}
