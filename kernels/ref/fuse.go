package ref

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

func fuse(dst *kernels.Image, photos []*kernels.Image, o *kernels.FuseOptions) error {
	if o.Method == kernels.FuseMertens {
		return fuseMertens(dst, photos, &o.Mertens)
	}
	return fuseRobust(dst, photos, o)
}

// fuseMertens is OpenCV's MergeMertens: with Gᵢ and Wᵢ the Gaussian pyramids of photo i and of
// its weights divided by their sum over the photos,
//
//	Lᵢ = Gᵢ − up(next Gᵢ), the coarsest level is Gᵢ itself
//	out = collapse of Σ Wᵢ·Lᵢ, clamped to [0,1]
func fuseMertens(dst *kernels.Image, photos []*kernels.Image, p *kernels.MertensParams) error {
	w, h := dst.Width(), dst.Height()
	total := newPlane(w, h, 1)
	for _, m := range photos {
		for i, v := range mertensWeights(unitPlane(m), m.Format(), p).v {
			total.v[i] += v
		}
	}
	levels := mertensLevels(w, h)
	sum := make([]*plane, levels+1)
	for _, m := range photos {
		g := unitPlane(m)
		weight := mertensWeights(g, m.Format(), p)
		for i := range weight.v {
			weight.v[i] /= total.v[i]
		}
		for l := range sum {
			band := g
			var nextG, nextW *plane
			if l < levels {
				nextG, nextW = g.down(), weight.down()
				band = newPlane(g.w, g.h, 3)
				for i, v := range nextG.up(g.w, g.h).v {
					band.v[i] = g.v[i] - v
				}
			}
			if sum[l] == nil {
				sum[l] = newPlane(g.w, g.h, 3)
			}
			for i, v := range band.v {
				sum[l].v[i] += v * weight.v[i/3]
			}
			g, weight = nextG, nextW
		}
	}
	for l := levels; l > 0; l-- {
		for i, v := range sum[l].up(sum[l-1].w, sum[l-1].h).v {
			sum[l-1].v[i] += v
		}
	}
	for y := range h {
		row := sum[0].v[y*w*3 : (y+1)*w*3]
		for i, v := range row {
			row[i] = unit01(v)
		}
		storeUnitRow(dst, y, row)
	}
	return nil
}

// mertensLevels is how often OpenCV halves a picture: ⌊log₂ of its shorter side⌋, taken
// in binary32 (which makes it one less at exactly 32768).
func mertensLevels(w, h int) int {
	return int(float32(math.Log(float64(min(w, h)))) / float32(math.Ln2))
}
