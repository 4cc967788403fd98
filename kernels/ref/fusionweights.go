package ref

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

// fusionWeights is weight = contrast^wc · saturation^ws · exposedness^we + 1e-12.
func fusionWeights(dst, src *kernels.Image, p *kernels.MertensParams) error {
	w := mertensWeights(unitPlane(src), p)
	for y := range dst.Height() {
		row := dst.RowF32(y)
		for x := range row {
			row[x] = float32(w.at(x, y, 0))
		}
	}
	return nil
}

// mertensWeights is the weight of every pixel of m, which has 3 channels in [0,1].
func mertensWeights(m *plane, p *kernels.MertensParams) *plane {
	luma := newPlane(m.w, m.h, 1)
	for i := range luma.v {
		luma.v[i] = (299*m.v[3*i] + 587*m.v[3*i+1] + 114*m.v[3*i+2]) / 1000
	}
	out := newPlane(m.w, m.h, 1)
	for y := range m.h {
		for x := range m.w {
			laplacian := luma.mirrored(x-1, y, 0) + luma.mirrored(x+1, y, 0) +
				luma.mirrored(x, y-1, 0) + luma.mirrored(x, y+1, 0) - 4*luma.at(x, y, 0)
			r, g, b := m.at(x, y, 0), m.at(x, y, 1), m.at(x, y, 2)
			// Σ(v−mean)² of three numbers, from their differences: exactly 0 for grey.
			variation := ((r-g)*(r-g) + (g-b)*(g-b) + (b-r)*(b-r)) / 3
			distance := (r-0.5)*(r-0.5) + (g-0.5)*(g-0.5) + (b-0.5)*(b-0.5)
			w := math.Exp(-distance / (2 * 0.2 * 0.2) * p.Exposedness)
			if p.Contrast != 0 {
				w *= math.Pow(math.Abs(laplacian), p.Contrast)
			}
			if p.Saturation != 0 {
				w *= math.Pow(math.Sqrt(variation), p.Saturation)
			}
			out.set(x, y, 0, w+1e-12)
		}
	}
	return out
}
