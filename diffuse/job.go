package diffuse

import (
	"image"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/diffuse/text"
	"github.com/realedit/realedit/kernels"
)

// Job is one picture's way through the networks.
type Job struct {
	// Picture is what sampling begins from: RGB in host memory, sRGB, U8, U16 or F32 (0 to 1), of any size. It is read only.
	Picture *kernels.Image
	// Controls are the images for the Engine's ControlNets, in their order.
	Controls []Control
	// Prompt is what the text encoders said.
	Prompt *text.Embedding
	// Schedule and Start are the steps; nil = sampler.Default().
	Schedule *sampler.Schedule
	Start    sampler.Start
	Seed     uint64
	// Tile is the side of a tile in pixels, a multiple of 64; 0 = 768. Overlap is the least that neighbours share, a multiple of 8; 0 = 64, or half of a tile of 64.
	Tile, Overlap int
	// Whole takes the picture as one tile of its own proportions, up to 2048 pixels a side, whatever Tile says.
	Whole bool
	// Mask says where to paint anew: at 0.5 and above, over the whole picture; nil = everywhere. A UNet with 9 inputs wants one.
	Mask *sampler.Mask
	// Progress is told how far the job is, 0 to 1.
	Progress func(fraction float64)

	noise []float32 // tests: latents of noise instead of the field of Seed
}

// Control is an image of a ControlNet. Images of one Union have scales and parts of their own: while one of them takes part, those that do not are there with the scale 0,
// as in diffusers' pipelines.
type Control struct {
	// Image is of the picture's size, in host memory, with 1 or 3 channels, U8, U16 or F32 (0 to 1).
	Image *kernels.Image
	// Scale multiplies what the ControlNet adds; 0 leaves it out.
	Scale float32
	// From and To are the part of the executed steps in which it takes part, 0 to 1; To 0 = 1.
	From, To float64
}

// Result is what became of a picture.
type Result struct {
	// Picture is of the size and format of Job.Picture, in the host's pool; the caller frees it.
	Picture *kernels.Image
	// Bad are the tiles, in pixels, of which a network gave numbers that are none: there the picture is what it was.
	Bad []image.Rectangle
	// Tiles is how many tiles the picture had.
	Tiles int
	// Profile is how the devices' memory was used.
	Profile Profile
}

const (
	defaultTile    = 768
	defaultOverlap = 64
)

// check refuses what cannot be run, and fills in defaults.
func (e *Engine) check(j *Job) (*Job, error) {
	bad := func(format string, a ...any) (*Job, error) {
		return nil, realedit.Errorf(realedit.CodeBadOption, "diffuse", format, a...)
	}
	c := *j
	j = &c
	if j.Tile == 0 {
		j.Tile = defaultTile
	}
	if j.Overlap == 0 {
		j.Overlap = min(defaultOverlap, j.Tile/2)
	}
	if j.Tile < 64 || j.Tile > 1536 || j.Tile%64 != 0 {
		return bad("Job.Tile: %d is no multiple of 64 in [64, 1536]", j.Tile)
	}
	if j.Overlap < 0 || j.Overlap > j.Tile/2 || j.Overlap%sampler.LatentScale != 0 {
		return bad("Job.Overlap: %d is no multiple of 8 in [0, %d], half a tile", j.Overlap, j.Tile/2)
	}
	if j.Whole && j.Picture != nil && max(j.Picture.Width(), j.Picture.Height()) > graph.MaxSide {
		return bad("Job.Whole: %v is beyond %d pixels a side", j.Picture.Bounds().Size(), graph.MaxSide)
	}
	if j.Schedule == nil {
		j.Schedule, j.Start = sampler.Default()
	}
	if j.Start.Steps != j.Schedule.Steps() || j.Start.Index < 0 || j.Start.Index > j.Start.Steps {
		return bad("Job.Start: step %d of %d, with a schedule of %d", j.Start.Index, j.Start.Steps, j.Schedule.Steps())
	}
	if err := pixels(j.Picture, "Job.Picture", 3); err != nil {
		return nil, err
	}
	wanted := 0
	for _, c := range e.n.Controls {
		wanted += c.Images()
	}
	if len(j.Controls) != wanted {
		return bad("Job.Controls: %d images, and the %d ControlNets take %d", len(j.Controls), len(e.n.Controls), wanted)
	}
	j.Controls = append([]Control(nil), j.Controls...)
	for i := range j.Controls {
		k := &j.Controls[i]
		if err := pixels(k.Image, "Job.Controls.Image", 1, 3); err != nil {
			return nil, err
		}
		if k.Image.Bounds() != j.Picture.Bounds() {
			return bad("Job.Controls: image %d is %v, the picture %v", i, k.Image.Bounds().Size(), j.Picture.Bounds().Size())
		}
		if !(k.Scale >= 0 && k.Scale <= 4) {
			return bad("Job.Controls: scale %v is outside [0, 4]", k.Scale)
		}
		if k.To == 0 {
			k.To = 1
		}
		if _, err := sampler.Keep(k.From, k.To, max(j.Start.Executed(), 1)); err != nil {
			return nil, err
		}
	}
	u := &e.n.Arch
	if j.Prompt == nil || len(j.Prompt.Hidden) != text.Length*u.Context || len(j.Prompt.Pooled) != u.Pooled {
		return bad("Job.Prompt: the networks take %d×%d hidden states and %d pooled", text.Length, u.Context, u.Pooled)
	}
	for _, v := range [][]float32{j.Prompt.Hidden, j.Prompt.Pooled} {
		for _, x := range v {
			if !(math.Abs(float64(x)) <= 65504) {
				return bad("Job.Prompt: %v is no number that models take", x)
			}
		}
	}
	if u.Inputs == 9 && j.Mask == nil {
		return bad("Job.Mask: a UNet for inpainting wants one")
	}
	if m := j.Mask; m != nil && (m.Width != j.Picture.Width() || m.Height != j.Picture.Height() || len(m.Values) != m.Width*m.Height) {
		return bad("Job.Mask: %d×%d with %d values, the picture %v", m.Width, m.Height, len(m.Values), j.Picture.Bounds().Size())
	}
	return j, nil
}

// pixels refuses images that are not in host memory or of another kind.
func pixels(m *kernels.Image, what string, channels ...int) error {
	bad := func(format string, a ...any) error {
		return realedit.Errorf(realedit.CodeBadOption, "diffuse", what+": "+format, a...)
	}
	if m == nil {
		return bad("there is none")
	}
	if !m.OnHost() {
		return bad("it is not in host memory")
	}
	if f := m.Format(); f != kernels.U8 && f != kernels.U16 && f != kernels.F32 {
		return bad("%v is none of U8, U16, F32", f)
	}
	for _, c := range channels {
		if m.Channels() == c {
			return nil
		}
	}
	return bad("it has %d channels", m.Channels())
}
