package hdr

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// A chromaLaw says how much of the scene's chromaticity a merged picture still holds, by level: a camera's shoulder
// and the choice of photos pull bright colours towards white, red before green before blue under lamps. With x = ln R/G or
// ln B/G in the scene, the merge holds k·x; a law is k for R and B over the linear level max(R,G,B) from 0 to 1.
type chromaLaw [lawLevels + 1][2]float64

const lawLevels = 64

func (l *chromaLaw) at(level float64) (kr, kb float64) {
	t := max(0, min(1, level)) * lawLevels
	j := min(int(t), lawLevels-1)
	f := t - float64(j)
	return l[j][0]*(1-f) + l[j+1][0]*f, l[j][1]*(1-f) + l[j+1][1]*f
}

// learnChroma compares a merge, reduced to the thumbs' size, with the photos: least squares of the merge's log chromaticity
// on that of the photos that resolve it, level by level. nil for a single photo.
func learnChroma(ctx context.Context, env *realedit.Env, s realedit.Set, photos []float32, small *kernels.Image) (*chromaLaw, error) {
	if len(s.Photos) < 2 {
		return nil, nil
	}
	ref := s.Ref().Thumb
	tiny, err := env.NewImage(ref.W, ref.H, 3, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer tiny.Free()
	if err := env.Ops.Resize(tiny, small); err != nil {
		return nil, err
	}
	merged, err := linearPixels(ctx, env, tiny)
	if err != nil {
		return nil, err
	}
	return fitLaw(photos, merged), nil
}

// fitLaw is the law that takes the photos' linear colours to the merge's.
func fitLaw(photos, merged []float32) *chromaLaw {
	const (
		bins  = 24  // over the encoded level
		width = 1.5 // bins: deviation of the smoothing
		ridge = 4.0 // ln²: how much evidence moves k half way from 1
		far   = 0.8 // ln: pixels that differ by more show different things
		least = 0.004
	)
	var xy, xx [bins][2]float64
	for i := 0; i+2 < len(photos); i += 3 {
		a, b := photos[i:i+3], merged[i:i+3]
		if min(a[0], a[1], a[2], b[0], b[1], b[2]) < least || max(a[0], a[1], a[2]) > 0.95 {
			continue
		}
		n := min(bins-1, int(encode(float64(max(b[0], b[1], b[2])))*bins))
		for c, k := range [2]int{0, 2} {
			x, y := math.Log(float64(a[k]/a[1])), math.Log(float64(b[k]/b[1]))
			if math.Abs(x-y) < far {
				xy[n][c], xx[n][c] = xy[n][c]+x*y, xx[n][c]+x*x
			}
		}
	}
	var law chromaLaw
	for j := range law {
		at := encode(float64(j)/lawLevels)*bins - 0.5
		for c := range 2 {
			sxy, sxx := ridge, ridge
			for n := range bins {
				d := (float64(n) - at) / width
				w := math.Exp(-d * d / 2)
				sxy, sxx = sxy+w*xy[n][c], sxx+w*xx[n][c]
			}
			law[j][c] = max(0.3, min(1.15, sxy/sxx))
		}
	}
	return &law
}

// restore takes a merge's linear colours back to the scene's chromaticity, in place; green stays.
func (l *chromaLaw) restore(pix []float32) {
	if l == nil {
		return
	}
	inRuns(len(pix)/3, func(from, to int) {
		for i := from; i < to; i++ {
			p := pix[3*i : 3*i+3]
			if min(p[0], p[1], p[2]) <= 0 {
				continue
			}
			kr, kb := l.at(float64(max(p[0], p[1], p[2])))
			p[0] = float32(float64(p[1]) * math.Pow(float64(p[0]/p[1]), 1/kr))
			p[2] = float32(float64(p[1]) * math.Pow(float64(p[2]/p[1]), 1/kb))
		}
	})
}

// encode takes linear light to sRGB.
func encode(v float64) float64 {
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}
