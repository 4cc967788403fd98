package ref

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

// taps are the source samples one destination sample is made of.
type taps struct {
	first   int
	weights []float64 // sum 1
}

// resizeTaps gives the weights that take n samples to m: area shares when m ≤ n,
// else linear interpolation between centres with edges replicated.
func resizeTaps(n, m int) []taps {
	all := make([]taps, m)
	scale := float64(n) / float64(m)
	for i := range all {
		if m <= n {
			// Sample i covers [i·n, (i+1)·n) in units of 1/m source samples: whole numbers, so shares are exact.
			lo, hi := i*n, (i+1)*n
			first, last := lo/m, (hi-1)/m
			w := make([]float64, last-first+1)
			for k := range w {
				s := first + k
				w[k] = float64(min(hi, (s+1)*m)-max(lo, s*m)) / float64(n)
			}
			all[i] = taps{first, w}
			continue
		}
		p := max(0, min((float64(i)+0.5)*scale-0.5, float64(n-1)))
		first := int(math.Floor(p))
		f := p - float64(first)
		if f == 0 {
			all[i] = taps{first, []float64{1}}
		} else {
			all[i] = taps{first, []float64{1 - f, f}}
		}
	}
	return all
}

func resize(dst, src *kernels.Image) error {
	c := src.Channels()
	tx, ty := resizeTaps(src.Width(), dst.Width()), resizeTaps(src.Height(), dst.Height())
	in, sum, out := rowBuf(src), rowBuf(src), rowBuf(dst)
	scale := dst.Format().Max() / src.Format().Max()
	for y, v := range ty {
		clear(sum)
		for k, w := range v.weights {
			loadRow(src, v.first+k, in)
			for i := range sum {
				sum[i] += w * in[i]
			}
		}
		for x, h := range tx {
			for ch := range c {
				var s float64
				for k, w := range h.weights {
					s += w * sum[(h.first+k)*c+ch]
				}
				out[x*c+ch] = s * scale
			}
		}
		storeRow(dst, y, out)
	}
	return nil
}
