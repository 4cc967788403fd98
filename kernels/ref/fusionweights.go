package ref

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

// fusionWeights is weight = contrast^wc · saturation^ws · exposedness^we + 1e-12.
func fusionWeights(dst, src *kernels.Image, p *kernels.MertensParams) error {
	w := mertensWeights(unitPlane(src), src.Format(), p)
	for y := range dst.Height() {
		row := dst.RowF32(y)
		for x := range row {
			row[x] = float32(w.at(x, y, 0))
		}
	}
	return nil
}

// mertensWeights is the weight of every pixel of m, which has 3 channels in [0,1].
//
// Where photos are flat or grey, contrast and saturation are rounding noise of binary32, and the noise
// decides which photo wins. So that a merge is OpenCV's there too, they are computed
// in its own operations: in binary32, in this order, luma with fused multiply-adds.
func mertensWeights(m *plane, f kernels.Format, p *kernels.MertensParams) *plane {
	// Samples are integers times 1/255 in binary32, which is not always n/255 rounded.
	sample := func(v float64) float32 { return float32(v) }
	if f != kernels.F32 {
		top := f.Max()
		sample = func(v float64) float32 { return float32(math.Round(v*top)) * float32(1/top) }
	}
	luma := make([]float32, m.w*m.h)
	for i := range luma {
		r, g, b := sample(m.v[3*i]), sample(m.v[3*i+1]), sample(m.v[3*i+2])
		luma[i] = fused(b, 0.114, fused(r, 0.299, g*0.587))
	}
	at := func(x, y int) float32 { return luma[mirror(y, m.h)*m.w+mirror(x, m.w)] }
	out := newPlane(m.w, m.h, 1)
	for y := range m.h {
		for x := range m.w {
			laplacian := at(x, y-1) + at(x-1, y) - 4*at(x, y) + at(x+1, y) + at(x, y+1)
			var sum, squares float32
			distance := 0.0
			for k := range 3 {
				sum += sample(m.at(x, y, k))
				distance += (m.at(x, y, k) - 0.5) * (m.at(x, y, k) - 0.5)
			}
			mean := float32(sum * float32(1.0/3))
			for k := range 3 {
				d := sample(m.at(x, y, k)) - mean
				squares += float32(d * d)
			}
			w := math.Exp(-distance / (2 * 0.2 * 0.2) * p.Exposedness)
			if p.Contrast != 0 {
				w *= math.Pow(math.Abs(float64(laplacian)), p.Contrast)
			}
			if p.Saturation != 0 {
				w *= math.Pow(math.Sqrt(float64(squares)), p.Saturation)
			}
			out.set(x, y, 0, w+1e-12)
		}
	}
	return out
}

// fused is a·b + c, rounded once: the product of two binary32 numbers is exact in binary64.
func fused(a, b, c float32) float32 { return float32(float64(a)*float64(b) + float64(c)) }
