package hdr

import (
	"math"

	"github.com/realedit/realedit"
)

// thumbLinear is a set's thumbs merged into one small linear picture: for each pixel
// the photos that resolve it, weighted by how well, each brought to the level of
// the reference. Where the reference is blown (windows, lamps) it is 1. It decides colour, not detail, so alignment does not matter.
func thumbLinear(s realedit.Set) []float32 {
	ref := s.Ref().Thumb
	n := ref.W * ref.H
	sum, weight := make([]float64, 3*n), make([]float64, n)
	for _, p := range s.Photos {
		t := p.Thumb
		if t.W != ref.W || t.H != ref.H {
			continue
		}
		scale := thumbScale(ref, t)
		for i := range n {
			var c [3]float64
			top, low := 0.0, 1.0
			for k := range 3 {
				v := float64(t.Pix[3*i+k]) / 255
				top, low = max(top, v), min(low, v)
				c[k] = decoded[t.Pix[3*i+k]]
			}
			wt := math.Exp(-math.Pow((0.5*top+0.5*low-0.5)/0.22, 2))
			if top > 0.97 || low < 0.02 {
				wt *= 1e-4
			}
			for k := range 3 {
				sum[3*i+k] += wt * c[k] * scale
			}
			weight[i] += wt
		}
	}
	out := make([]float32, 3*n)
	for i := range n {
		if len(s.Photos) > 1 && blown(ref.Pix[3*i:3*i+3]) {
			out[3*i], out[3*i+1], out[3*i+2] = 1, 1, 1
			continue
		}
		for k := range 3 {
			out[3*i+k] = float32(min(0.96, sum[3*i+k]/max(weight[i], 1e-12)))
		}
	}
	return out
}

// blownThumb is the luma of 255 from which the reference's thumb counts as blown.
const blownThumb = 235

// thumbScale is the factor from t's linear level to ref's, the median over jointly resolved samples.
func thumbScale(ref, t realedit.Thumb) float64 {
	var ratios []float64
	for i := 1; i < len(ref.Pix) && i < len(t.Pix); i += 3 {
		a, b := ref.Pix[i], t.Pix[i]
		if a > 12 && a < 240 && b > 12 && b < 240 {
			ratios = append(ratios, decoded[a]/decoded[b])
		}
	}
	if len(ratios) < 16 {
		return 1
	}
	return median(ratios)
}

// decode takes an sRGB-encoded value to linear light.
func decode(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// decoded is decode of the levels of 8 bits.
var decoded = func() (t [256]float64) {
	for i := range t {
		t[i] = decode(float64(i) / 255)
	}
	return t
}()
