package segment

import "math"

// resampler scales pictures by an even kernel that widens where the picture shrinks, so that it does not alias: what networks were trained on
// was scaled so. As Pillow's resize: weights are kernel((s + ½ − centre)/max(1, n/m)), normalised to sum 1; what lies outside is left out.
type resampler struct {
	reach  float64 // the kernel is 0 from here on
	kernel func(x float64) float64
}

var (
	bilinear = &resampler{1, func(x float64) float64 { return max(0, 1-math.Abs(x)) }}
	// bicubic is Keys' kernel with a = −½.
	bicubic = &resampler{2, func(x float64) float64 {
		switch x = math.Abs(x); {
		case x < 1:
			return (1.5*x-2.5)*x*x + 1
		case x < 2:
			return ((-0.5*x+2.5)*x-4)*x + 2
		}
		return 0
	}}
	lanczos = &resampler{3, func(x float64) float64 {
		if math.Abs(x) >= 3 {
			return 0
		}
		return sinc(x) * sinc(x/3)
	}}
)

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// tap is what one sample of the result is made of.
type tap struct {
	first   int
	weights []float32
}

// taps are the weights of samples from … from+count−1 of those m that n samples are scaled to.
func (r *resampler) taps(n, m, from, count int) []tap {
	ratio := float64(n) / float64(m)
	wide := max(1, ratio)
	all := make([]tap, count)
	for i := range all {
		centre := (float64(from+i) + 0.5) * ratio
		first := max(0, int(centre-r.reach*wide+0.5))
		last := min(n, int(centre+r.reach*wide+0.5))
		var sum float64
		w := make([]float64, last-first)
		for k := range w {
			w[k] = r.kernel((float64(first+k) + 0.5 - centre) / wide)
			sum += w[k]
		}
		f := make([]float32, len(w))
		for k := range w {
			f[k] = float32(w[k] / sum)
		}
		all[i] = tap{first, f}
	}
	return all
}

// scale brings v, sw×sh pixels of c interleaved samples of 0..1, to rw×rh and returns of that the w×h pixels from (x0, y0), clamped to 0..1.
func (r *resampler) scale(v []float32, sw, sh, c, rw, rh, x0, y0, w, h int) []float32 {
	tx, ty := r.taps(sw, rw, x0, w), r.taps(sh, rh, y0, h)
	across := make([]float32, sh*w*c)
	onAll(sh, func(y int) {
		in, out := v[y*sw*c:][:sw*c], across[y*w*c:][:w*c]
		for x, t := range tx {
			for ch := range c {
				var s float32
				for k, f := range t.weights {
					s += f * in[(t.first+k)*c+ch]
				}
				out[x*c+ch] = s
			}
		}
	})
	out := make([]float32, h*w*c)
	onAll(h, func(y int) {
		row := out[y*w*c:][:w*c]
		for k, f := range ty[y].weights {
			in := across[(ty[y].first+k)*w*c:][:w*c]
			for i := range row {
				row[i] += f * in[i]
			}
		}
		for i, f := range row {
			row[i] = max(0, min(1, f))
		}
	})
	return out
}
