package control

import (
	"math"
	"slices"

	"github.com/realedit/realedit"
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
	v := blurred(src)
	dark := make([]float32, w*h)
	inRows(h, func(y int) {
		row := src.RowU8(y)
		for x := range w {
			d := float32(math.MaxFloat32)
			for c := range 3 {
				d = min(d, v[3*(y*w+x)+c]-float32(row[3*x+c]))
			}
			dark[y*w+x] = min(max(d, 0), 255)
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

// blurred is the picture under a Gaussian, interleaved.
func blurred(m *kernels.Image) []float32 {
	const radius = 24
	var k [2*radius + 1]float32
	sum := 0.0
	for i := range k {
		sum += math.Exp(-float64((i-radius)*(i-radius)) / (2 * lineartSigma * lineartSigma))
	}
	for i := range k {
		k[i] = float32(math.Exp(-float64((i-radius)*(i-radius))/(2*lineartSigma*lineartSigma)) / sum)
	}
	w, h := m.Width(), m.Height()
	across, out := make([]float32, 3*w*h), make([]float32, 3*w*h)
	columns := make([]int, w+2*radius)
	for i := range columns {
		columns[i] = 3 * mirror(i-radius, w)
	}
	inRows(h, func(y int) {
		row := m.RowU8(y)
		for x := range w {
			var s [3]float32
			for i, f := range k {
				at := columns[x+i]
				for c := range 3 {
					s[c] += float32(f * float32(row[at+c]))
				}
			}
			copy(across[3*(y*w+x):], s[:])
		}
	})
	inRows(h, func(y int) {
		dst := out[3*y*w:][:3*w]
		for i, f := range k {
			src := across[3*mirror(y+i-radius, h)*w:][:3*w]
			for x, v := range src {
				dst[x] += float32(f * v)
			}
		}
	})
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
