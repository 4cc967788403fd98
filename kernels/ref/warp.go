package ref

import (
	"math"

	"github.com/realedit/realedit/kernels"
)

// project is the source position of dst pixel (x,y). Operations and their order are
// part of the definition (the conversions keep Go from fusing them), so that every
// backend takes the same position for valid.
func project(h *[9]float64, x, y int) (px, py float64) {
	fx, fy := float64(x), float64(y)
	nx := float64(h[0]*fx) + (float64(h[1]*fy) + h[2])
	ny := float64(h[3]*fx) + (float64(h[4]*fy) + h[5])
	d := float64(h[6]*fx) + (float64(h[7]*fy) + h[8])
	r := 1 / d
	return nx * r, ny * r
}

// keys are the four weights of Keys' kernel with a = −½ for samples −1, 0, 1, 2 around a position at t in [0,1).
func keys(t float64) [4]float64 {
	return [4]float64{
		t * (-0.5 + t*(1-0.5*t)),
		1 + t*t*(-2.5+1.5*t),
		t * (0.5 + t*(2-1.5*t)),
		t * t * (-0.5 + 0.5*t),
	}
}

// inReach clamps a position to where the edges are all there is; NaN goes to the low end.
func inReach(p float64, n int) float64 {
	if !(p > -4) {
		return -4
	}
	return min(p, float64(n+4))
}

func warp(dst, valid, src *kernels.Image, h *[9]float64) error {
	sw, sh, c := src.Width(), src.Height(), src.Channels()
	out := rowBuf(dst)
	var flags []float64
	if valid != nil {
		flags = rowBuf(valid)
	}
	rows := newRowCache(src)
	for y := range dst.Height() {
		for x := range dst.Width() {
			px, py := project(h, x, y)
			if valid != nil {
				flags[x] = 0
				if px >= 0 && px <= float64(sw-1) && py >= 0 && py <= float64(sh-1) {
					flags[x] = 255
				}
			}
			px, py = inReach(px, sw), inReach(py, sh)
			ix, iy := int(math.Floor(px)), int(math.Floor(py))
			wx, wy := keys(px-float64(ix)), keys(py-float64(iy))
			for ch := range c {
				var sum float64
				for j, wj := range wy {
					row := rows.row(clampInt(iy+j-1, sh))
					var s float64
					for i, wi := range wx {
						s += wi * row[clampInt(ix+i-1, sw)*c+ch]
					}
					sum += wj * s
				}
				out[x*c+ch] = sum
			}
		}
		storeRow(dst, y, out)
		if valid != nil {
			storeRow(valid, y, flags)
		}
	}
	return nil
}

// rowCache keeps the rows of an image that were asked for last, as loadRow gives them.
type rowCache struct {
	m    *kernels.Image
	have map[int][]float64
}

func newRowCache(m *kernels.Image) *rowCache { return &rowCache{m, map[int][]float64{}} }

func (r *rowCache) row(y int) []float64 {
	if b, ok := r.have[y]; ok {
		return b
	}
	var b []float64
	if len(r.have) >= 64 {
		for k, v := range r.have {
			b = v
			delete(r.have, k)
			break
		}
	} else {
		b = rowBuf(r.m)
	}
	loadRow(r.m, y, b)
	r.have[y] = b
	return b
}
