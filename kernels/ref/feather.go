package ref

import "github.com/realedit/realedit/kernels"

// ramp is one direction's weight at coordinate p of a tile over [lo,hi) in a picture of n pixels.
func ramp(p, lo, hi, n, overlap int) float64 {
	w := 1.0
	if lo > 0 {
		w = min(w, float64(p-lo+1)/float64(overlap+1))
	}
	if hi < n {
		w = min(w, float64(hi-p)/float64(overlap+1))
	}
	return w
}

func feather(dst *kernels.Image, tiles []kernels.Tile, overlap int) error {
	w, h, c := dst.Width(), dst.Height(), dst.Channels()
	scale := dst.Format().Max() / tiles[0].Image.Format().Max()
	sum, weight := rowBuf(dst), make([]float64, w)
	for y := range h {
		clear(sum)
		clear(weight)
		for _, t := range tiles {
			m := t.Image
			if y < t.At.Y || y >= t.At.Y+m.Height() {
				continue
			}
			row := rowBuf(m)
			loadRow(m, y-t.At.Y, row)
			wy := ramp(y, t.At.Y, t.At.Y+m.Height(), h, overlap)
			for i := range m.Width() {
				x := t.At.X + i
				wi := wy * ramp(x, t.At.X, t.At.X+m.Width(), w, overlap)
				weight[x] += wi
				for ch := range c {
					sum[x*c+ch] += wi * row[i*c+ch]
				}
			}
		}
		for i := range sum {
			sum[i] = sum[i] / weight[i/c] * scale
		}
		storeRow(dst, y, sum)
	}
	return nil
}
