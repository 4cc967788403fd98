package control

import (
	"math"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/parallel"
	"github.com/realedit/realedit/kernels"
)

// What Lineart is computed with.
const (
	lineartSigma = 6.0 // of the blur, in pixels
	lineartLeast = 8   // an intensity that counts for what is usual
	lineartUsual = 16  // what is usual is at least this
)

// Lineart is the lines of a picture, without a model: how much darker it is than its surroundings, 0 to 255, in new host memory that the caller frees. src is sRGB-encoded,
// U8, with 3 channels on the host. It is the form that the annotators of ControlNet call "lineart standard":
//
//	I = max(0, min over channels of (G₆ ∗ v − v)),  127·I / max(16, median of I above 8)
//
// with a Gaussian of σ = 6 pixels over 49 (as OpenCV has it), mirrored at the border, and what comes out cut off, not rounded.
func Lineart(src *kernels.Image) (*kernels.Image, error) {
	if src == nil || !src.OnHost() || src.Format() != kernels.U8 || src.Channels() != 3 {
		return nil, realedit.Errorf(realedit.CodeBadOption, "control image", "%v: want u8 of 3 channels on the host", src)
	}
	w, h := src.Width(), src.Height()
	dark := make([]float32, w*h)
	g := newGaussian(w)
	const band = 128 // rows at a time: a whole blurred picture would take twelve bytes a pixel, twice
	parallel.Bands(h, band, func(y0, y1 int) {
		v := g.blurred(src, y0, y1)
		for y := y0; y < y1; y++ {
			row := src.RowU8(y)
			for x := range w {
				d := float32(math.MaxFloat32)
				for c := range 3 {
					d = min(d, v[3*((y-y0)*w+x)+c]-float32(row[3*x+c]))
				}
				dark[y*w+x] = min(max(d, 0), 255)
			}
		}
	})
	usual := float32(lineartUsual)
	if m, ok := medianAbove(dark, lineartLeast); ok {
		usual = max(usual, m)
	}
	out, err := kernels.NewHostImage(nil, w, h, 1, kernels.U8)
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "lineart", Err: err}
	}
	inRows(h, func(y int) {
		for x, d := range dark[y*w:][:w] {
			out.RowU8(y)[x] = uint8(min(float32(d/usual)*127, 255))
		}
	})
	return out, nil
}

// medianAbove is numpy's median of the values above a bound.
func medianAbove(v []float32, bound float32) (float32, bool) {
	var above []float32
	for _, x := range v {
		if x > bound {
			above = append(above, x)
		}
	}
	if len(above) == 0 {
		return 0, false
	}
	slices.Sort(above)
	n := len(above)
	return (above[(n-1)/2] + above[n/2]) / 2, true
}

// lineartRadius is how far the Gaussian reaches.
const lineartRadius = 24

// gaussian are its taps, and where the samples of a row with its mirrored ends begin.
type gaussian struct {
	taps    [2*lineartRadius + 1]float32
	columns []int
}

func newGaussian(w int) *gaussian {
	g := &gaussian{columns: make([]int, w+2*lineartRadius)}
	at := func(i int) float64 {
		return math.Exp(-float64((i-lineartRadius)*(i-lineartRadius)) / (2 * lineartSigma * lineartSigma))
	}
	sum := 0.0
	for i := range g.taps {
		sum += at(i)
	}
	for i := range g.taps {
		g.taps[i] = float32(at(i) / sum)
	}
	for i := range g.columns {
		g.columns[i] = 3 * mirror(i-lineartRadius, w)
	}
	return g
}

// blurred is rows y0 to before y1 of the picture under the Gaussian, interleaved.
func (g *gaussian) blurred(m *kernels.Image, y0, y1 int) []float32 {
	w, h := m.Width(), m.Height()
	across := make([]float32, 3*w*(y1-y0+2*lineartRadius))
	for i := range y1 - y0 + 2*lineartRadius {
		row := m.RowU8(mirror(y0+i-lineartRadius, h))
		for x := range w {
			var s [3]float32
			for j, f := range g.taps {
				at := g.columns[x+j]
				for c := range 3 {
					s[c] += float32(f * float32(row[at+c]))
				}
			}
			copy(across[3*(i*w+x):], s[:])
		}
	}
	out := make([]float32, 3*w*(y1-y0))
	for y := range y1 - y0 {
		dst := out[3*y*w:][:3*w]
		for i, f := range g.taps {
			for x, v := range across[3*(y+i)*w:][:3*w] {
				dst[x] += float32(f * v)
			}
		}
	}
	return out
}

// mirror reflects i at the middles of the first and the last of n pixels.
func mirror(i, n int) int {
	if n == 1 {
		return 0
	}
	i = (i%(2*n-2) + 2*n - 2) % (2*n - 2)
	return min(i, 2*n-2-i)
}
