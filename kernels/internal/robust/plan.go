// Package robust is the part of the merge kernels.FuseRobust that does not go over pixels:
// which photos take part, from how bright each is; the tables that every backend applies to the pixels,
// from a Summary of the reduced pixels; the base, from histograms of cells. docs/merge.md derives the formulas.
//
// All sums that backends hand in are integers, so that no order of summation shows. Measure, Summarise and
// Base go over reduced pixels and cells themselves, for backends whose pixels are in this memory.
package robust

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
