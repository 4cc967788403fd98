// Package robust is the part of the merge kernels.FuseRobust that does not go over pixels:
// from reduced copies of the photos and from histograms of cells it makes the tables and the
// base that every backend applies to the pixels. docs/merge.md derives the formulas.
//
// All sums that backends hand in are integers, so that no order of summation shows.
package robust

import (
	"sort"

	"github.com/realedit/realedit/kernels"
)

// Sizes of the tables.
const (
	Levels  = 256  // of scene level, at (k+½)/256
	Bins    = 4096 // of scene level in the weights
	Unit    = 32768
	Ranges  = 24   // levels of the base
	Detail  = 1024 // segments of the detail law over [0,1]
	Inverse = 4096 // segments of the inverse transfers over [0,1)
)

// Constants of the per-pixel formulas.
const (
	BaseContrast = 0.97  // what the base keeps of its distance from ½
	Knee         = 0.7   // bases brighter than that are lowered
	Lower        = 0.6   // by this part of the excess: room for the detail of bright views
	Boost        = 1.25  // of the detail
	White        = 0.985 // no luma is brighter
	Limit        = 0.99  // no channel is brighter
	Toe          = 0.03  // added to lumas whose ratio scales colours: 0.055 in sRGB's power, 0 in its line
	Claim        = 1.0 / 32
)

// Contrast is a step of local contrast, over windows of (2·Radius+1)² reduced pixels. Contrast is
// the standard deviation of luma.
type Contrast struct {
	Radius int
	Edge   float64 // a window with more contrast than that in the merge holds an edge and counts little
	Noise  float64 // contrast that is as likely noise as structure
}

// Steps are the steps of local contrast.
var Steps = [2]Contrast{{24, 0.045, 5.0 / 255}, {7, 0.04, 8.0 / 255}}

// Constants of local contrast.
const (
	Gain  = 2.0       // of the merge's contrast, at most
	Least = 2.0 / 255 // added to the merge's contrast before
	Faint = 1e-4      // added to contrasts that are compared
	Floor = 1e-3      // added to a photo's contrast that is divided by
	Self  = 3e-4      // weight of what is there already, beside that of windows

	Deepest = 0.92 // of the local mean a pixel may fall by: no shadow becomes black
)

// Plan is how a picture is divided.
type Plan struct {
	W, H   int
	Step   int // side of the box that makes one reduced pixel
	LW, LH int // reduced size; what is left over at the right and bottom is not counted
	Cell   int // side of a cell of the base, a multiple of Step
	GW, GH int // cells
	Every  int // cells count every pixel, or every second one in both directions
}

// NewPlan divides a picture of w×h pixels.
func NewPlan(w, h int) Plan {
	p := Plan{W: w, H: h, Every: 1}
	longest := max(w, h)
	p.Step = min(256, max(1, longest/1000), w, h)
	p.LW, p.LH = w/p.Step, h/p.Step
	quarter := max(2, max(8, longest/16)/4)
	p.Cell = max(1, (quarter+p.Step/2)/p.Step) * p.Step
	p.GW, p.GH = (w+p.Cell-1)/p.Cell, (h+p.Cell-1)/p.Cell
	if min(w, h) > 400 {
		p.Every = 2
	}
	return p
}

// Luma is 0.299 R + 0.587 G + 0.114 B of samples in 16 bits, rounded.
func Luma(r, g, b uint32) uint32 { return (19595*r + 38470*g + 7471*b + 32768) >> 16 }

// Level16 is a sample in [0,1] in 16 bits, as every backend rounds it; NaN is 0.
func Level16(v float32) uint32 {
	if !(v > 0) {
		return 0
	}
	return uint32(float32(min(v, 1)*65535) + 0.5)
}

// pixel is a pixel in 16 bits.
func pixel(m *kernels.Image, x, y int) (r, g, b uint32) {
	switch m.Format() {
	case kernels.U8:
		p := m.RowU8(y)[3*x:]
		return 257 * uint32(p[0]), 257 * uint32(p[1]), 257 * uint32(p[2])
	case kernels.U16:
		p := m.RowU16(y)[3*x:]
		return uint32(p[0]), uint32(p[1]), uint32(p[2])
	}
	p := m.RowF32(y)[3*x:]
	return Level16(p[0]), Level16(p[1]), Level16(p[2])
}

// Select tells which photos take part, darkest first, so that the caller's order does not matter: all but those of which 98 % is
// clipped (brightest channel at least 0.99 or at most 0.01), measured on the middle pixel of every
// reduced one. Of a set without any other it is the one in the middle by mean luma.
func (p Plan) Select(photos []*kernels.Image) []int {
	all, keep := make([]int, len(photos)), make([]int, 0, len(photos))
	light := make([]uint64, len(photos))
	clear := make([]bool, len(photos))
	for i, m := range photos {
		all[i] = i
		clipped := 0
		for y := p.Step / 2; y < p.LH*p.Step; y += p.Step {
			for x := p.Step / 2; x < p.LW*p.Step; x += p.Step {
				r, g, b := pixel(m, x, y)
				light[i] += uint64(Luma(r, g, b))
				if v := max(r, g, b); v >= 64880 || v <= 655 {
					clipped++
				}
			}
		}
		clear[i] = float64(clipped) <= 0.98*float64(p.LW*p.LH)
	}
	sort.SliceStable(all, func(a, b int) bool { return light[all[a]] < light[all[b]] })
	for _, i := range all {
		if clear[i] {
			keep = append(keep, i)
		}
	}
	if len(keep) == 0 {
		keep = append(keep, all[len(all)/2])
	}
	return keep
}
