package diffuse

import (
	"math"
	"sync"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// tensor is memory for a network's values: float16 on a GPU, else float32.
func (e *Engine) tensor(shape ...int) *ort.Tensor {
	n := 1
	dims := make([]int64, len(shape))
	for i, d := range shape {
		n *= d
		dims[i] = int64(d)
	}
	if e.cuda {
		return &ort.Tensor{Shape: dims, Data: make([]kernels.Half, n)}
	}
	return &ort.Tensor{Shape: dims, Data: make([]float32, n)}
}

// pooled is memory for n values out of the host's pool; what is in it is undefined.
func (e *Engine) pooled(shape []int64, n int) (*ort.Tensor, func(), error) {
	if e.cuda {
		v, free, err := kernels.Scratch[kernels.Half](n)
		return &ort.Tensor{Shape: shape, Data: v}, free, err
	}
	v, free, err := kernels.Scratch[float32](n)
	return &ort.Tensor{Shape: shape, Data: v}, free, err
}

// part is n values of t from value at on, as a tensor of their own shape.
func part(t *ort.Tensor, shape []int64, at, n int) *ort.Tensor {
	switch d := t.Data.(type) {
	case []float32:
		return &ort.Tensor{Shape: shape, Data: d[at : at+n : at+n]}
	case []kernels.Half:
		return &ort.Tensor{Shape: shape, Data: d[at : at+n : at+n]}
	}
	panic("diffuse: a tensor of another type")
}

// store writes v into t from value at on.
func store(t *ort.Tensor, at int, v []float32) {
	switch d := t.Data.(type) {
	case []float32:
		copy(d[at:], v)
	case []kernels.Half:
		d = d[at : at+len(v)]
		for i, x := range v {
			d[i] = kernels.HalfFrom(x)
		}
	}
}

// load reads n values of t from value at on, into memory of their own.
func load(t *ort.Tensor, at, n int) []float32 {
	v := make([]float32, n)
	switch d := t.Data.(type) {
	case []float32:
		copy(v, d[at:])
	case []kernels.Half:
		table := kernels.HalfTable()
		for i, h := range d[at : at+n] {
			v[i] = table[h]
		}
	}
	return v
}

// finite says whether all values are numbers.
func finite(v []float32) bool {
	for _, x := range v {
		if math.Float32bits(x)&0x7f800000 == 0x7f800000 {
			return false
		}
	}
	return true
}

// each runs f(0) … f(n−1) side by side and gives the first error in their order.
func each(n int, f func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
