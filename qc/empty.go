package qc

import (
	"math"
	"sync/atomic"

	"github.com/realedit/realedit/kernels"
)

// empty looks for pictures that are none: broken files decode to black, white, one
// colour, NaN or noise. Noise is recognised by what averaging does to it: for
// independent pixels the squared difference of neighbours is twice the variance at
// every scale, for pictures far less.
func (b *bench) empty(got *view) error {
	if f := got.src.Format(); f == kernels.F16 || f == kernels.F32 {
		n, err := b.countNaN(got.src)
		if err != nil {
			return err
		}
		b.add(Empty, "nan", float64(n), true, nil)
	}
	blacks, whites := 0, 0
	for _, is := range got.is {
		blacks += int(is / crushed & 1)
		whites += int(is / white & 1)
	}
	b.add(Empty, "uniform", float64(max(blacks, whites))/float64(got.w*got.h), true, nil)
	if min(got.w, got.h) < 16 {
		return nil
	}
	// Halved, so that the pixels' own noise in a dark picture is not taken for the picture.
	s, err := b.resized(got.rgb, got.w/2, got.h/2, kernels.F32)
	if err != nil {
		return err
	}
	defer s.Free()
	var sum, sq, diff float64
	n, m := 0, 0
	v, prev := make([]float64, s.Width()), make([]float64, s.Width())
	for y := range s.Height() {
		row := s.RowF32(y)
		for x := range v {
			v[x] = 0.299*float64(row[3*x]) + 0.587*float64(row[3*x+1]) + 0.114*float64(row[3*x+2])
		}
		for x, t := range v {
			sum += t
			sq += t * t
			n++
			if x > 0 {
				d := t - v[x-1]
				diff += d * d
				m++
			}
			if y > 0 {
				d := t - prev[x]
				diff += d * d
				m++
			}
		}
		v, prev = prev, v
	}
	variance := max(0, sq/float64(n)-sum/float64(n)*sum/float64(n))
	b.add(Empty, "contrast", math.Sqrt(variance)*255, true, nil)
	if variance > 0 {
		b.add(Empty, "noise", diff/float64(m)/(2*variance), true, nil)
	}
	return nil
}

// countNaN counts the samples of a float picture that are not finite numbers.
func (b *bench) countNaN(src *kernels.Image) (int64, error) {
	m, free, err := b.window(src, src.Bounds())
	if err != nil {
		return 0, err
	}
	defer free()
	var n atomic.Int64
	rows(m.Height(), func(y0, y1 int) {
		k := int64(0)
		for y := y0; y < y1; y++ {
			if m.Format() == kernels.F16 {
				for _, v := range m.RowHalf(y) {
					if v&0x7c00 == 0x7c00 {
						k++
					}
				}
				continue
			}
			for _, v := range m.RowF32(y) {
				if v-v != 0 {
					k++
				}
			}
		}
		n.Add(k)
	})
	return n.Load(), nil
}
