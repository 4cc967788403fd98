package segment

import (
	"context"
	"math"

	"github.com/realedit/realedit/internal/parallel"
)

// raster is a small picture of three channels on the host.
type raster struct {
	w, h int
	v    []float32
}

func newRaster(w, h int) *raster { return &raster{w, h, make([]float32, 3*w*h)} }

func (r *raster) row(y int) []float32 { return r.v[3*y*r.w : 3*(y+1)*r.w : 3*(y+1)*r.w] }

// smooth121 averages over 3×3 pixels, weights 1 2 1 in both directions, edges replicated.
func (r *raster) smooth121(ctx context.Context) error {
	across := newRaster(r.w, r.h)
	if err := inRows(ctx, r.h, func(y int) {
		src, dst := r.row(y), across.row(y)
		for x := range r.w {
			l, m, n := 3*max(x-1, 0), 3*x, 3*min(x+1, r.w-1)
			for k := range 3 {
				dst[m+k] = (src[l+k] + 2*src[m+k] + src[n+k]) / 4
			}
		}
	}); err != nil {
		return err
	}
	return inRows(ctx, r.h, func(y int) {
		up, mid, down, dst := across.row(max(y-1, 0)), across.row(y), across.row(min(y+1, r.h-1)), r.row(y)
		for i := range dst {
			dst[i] = (up[i] + 2*mid[i] + down[i]) / 4
		}
	})
}

// inRows calls fn for every row on all processors until ctx ends. What fn writes belongs to its row, so that the number of processors cannot be seen.
func inRows(ctx context.Context, h int, fn func(y int)) error {
	parallel.Each(h, func(y int) {
		if ctx.Err() == nil {
			fn(y)
		}
	})
	return ctx.Err()
}

// decodeSRGB is the sRGB transfer function, IEC 61966-2-1.
func decodeSRGB(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func encodeSRGB(v float64) float64 {
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

// smoothstep is 0 up to a, 1 from b on.
func smoothstep(a, b, x float64) float64 {
	t := max(0, min(1, (x-a)/(b-a)))
	return t * t * (3 - 2*t)
}
