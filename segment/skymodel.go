package segment

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// SkyPainter paints a sky where a picture's own is dull.
type SkyPainter interface {
	// PaintSky is Work.Image with another sky under MaskSky, in host memory: U8, 3 channels, sRGB-encoded, of any size and about the picture's proportions. What
	// it shows beside the sky is not used. The caller frees it. nil: there is none, and a finding says why.
	PaintSky(ctx context.Context, env *realedit.Env, w *realedit.Work, seed uint64) (*kernels.Image, error)
}

// painted is what a model paints, as far as it is a sky: it goes through the same matte, seam and haze as any other sky.
func (v *oldView) painted(ctx context.Context, env *realedit.Env, p SkyPainter, w *realedit.Work, seed uint64) (*raster, string, error) {
	m, err := p.PaintSky(ctx, env, w, seed)
	if err != nil || m == nil {
		return nil, "", err
	}
	defer m.Free()
	wide, high, scale := v.frame(max(m.Width(), m.Height()))
	all := newRaster(m.Width(), m.Height())
	for y := range all.h {
		for i, s := range m.RowU8(y) {
			all.v[3*y*all.w+i] = float32(s) / 255
		}
	}
	// Only what lies within the sky is sky: at its border the model has mixed it with roofs and branches. There it goes on as it is beside them.
	within := v.within()
	sky, weight := newSums(wide, high), make([]float32, wide*high)
	for y := range high {
		fy := (float64(y) + 0.5) * scale / float64(v.height)
		row := min(v.pix.h-1, int(fy*float64(v.pix.h)))
		for x := range wide {
			fx := (float64(x) + 0.5) * scale / float64(v.width)
			if fy >= 1 || fx >= 1 || !within.at(min(v.pix.w-1, int(fx*float64(v.pix.w))), row) {
				continue
			}
			i := y*wide + x
			weight[i], sky.n[i] = 1, 4
			for c := range 3 {
				sky.v[3*i+c] = 4 * all.bilinear(float32(fx*float64(all.w)-0.5), float32(fy*float64(all.h)-0.5), c)
			}
		}
	}
	next := sky.filled()
	good, f := judgeSky(next, weight)
	if !good {
		return nil, "", realedit.Errorf(realedit.CodeBadModel, "paint a sky", "it is no better: chroma %.1f, structure %.1f, %.0f %% blown", f.Chroma, f.Structure, 100*f.Blown)
	}
	if s := hardEdges(next, weight); s > mostHardEdges {
		return nil, "", realedit.Errorf(realedit.CodeBadModel, "paint a sky", "%.2g of it is hard edges, clouds have at most %v: there is something in it", s, mostHardEdges)
	}
	return next, "one that a model painted", v.transition(ctx, next, scale)
}

// within tells which pixels of the small copy have nothing but sky around them.
func (v *oldView) within() *bitMask {
	return bitMaskOf(v.pix.w, v.pix.h, func(x, y int) bool { return v.sky[y*v.pix.w+x] >= 0.98 }).shrunk(2)
}

// The hardest edges of clouds are soft: of a sky seen at 1000 pixels only few have a step of hardStep (encoded luma) to the pixel after the next.
const (
	hardStep      = 0.12
	mostHardEdges = 0.004
)

// hardEdges is the share of pixels from which luma changes by hardStep within two pixels. Both have to have a weight.
func hardEdges(r *raster, weight []float32) float64 {
	luma := func(i int) float64 {
		return 0.299*float64(r.v[3*i]) + 0.587*float64(r.v[3*i+1]) + 0.114*float64(r.v[3*i+2])
	}
	var n, hard float64
	for y := range r.h - 2 {
		for x := range r.w - 2 {
			i := y*r.w + x
			j, k := i+2, i+2*r.w
			if weight[i] == 0 || weight[j] == 0 || weight[k] == 0 {
				continue
			}
			n++
			if l := luma(i); math.Abs(l-luma(j)) > hardStep || math.Abs(l-luma(k)) > hardStep {
				hard++
			}
		}
	}
	return hard / max(n, 1)
}
