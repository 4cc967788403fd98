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
	black, white := 0, 0
	for y := range got.h {
		p := got.rgb.RowU16(y)
		for x := range got.w {
			if float64(max(p[3*x], p[3*x+1], p[3*x+2])) <= crushedAt {
				black++
			}
			if float64(min(p[3*x], p[3*x+1], p[3*x+2])) >= blownAt {
				white++
			}
		}
	}
	b.add(Empty, "uniform", float64(max(black, white))/float64(got.w*got.h), true, nil)
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
	for y := range s.Height() {
		row := s.RowF32(y)
		var prev []float32
		if y > 0 {
			prev = s.RowF32(y - 1)
		}
		at := func(r []float32, x int) float64 {
			return 0.299*float64(r[3*x]) + 0.587*float64(r[3*x+1]) + 0.114*float64(r[3*x+2])
		}
		for x := range s.Width() {
			v := at(row, x)
			sum += v
			sq += v * v
			n++
			if x > 0 {
				d := v - at(row, x-1)
				diff += d * d
				m++
			}
			if prev != nil {
				d := v - at(prev, x)
				diff += d * d
				m++
			}
		}
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
