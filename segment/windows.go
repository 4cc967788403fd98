package segment

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Windows finds windows by what a bracket proves: regions that blow out in the reference
// photo while a darker photo holds detail there. They become MaskWindow (255 inside),
// refined to the edges of the darkest photo that resolves them. Without such evidence
// there is no mask and a finding says so.
type Windows struct {
	// MinArea is the smallest window, as a share of the picture, 0 to 0.5; 0 = 0.003.
	MinArea float64 `json:"min_area,omitempty"`
}

// Name is "segment.windows".
func (Windows) Name() string { return "segment.windows" }

// Needs the aligned frames.
func (Windows) Needs() []realedit.Key { return []realedit.Key{realedit.KeyFrames} }

// Gives the mask, when there is a window.
func (Windows) Gives() []realedit.Key { return []realedit.Key{realedit.MaskWindow} }

// Alters nothing.
func (Windows) Alters() realedit.Change { return realedit.ChangeNone }

// side is the longer side of the picture on which windows are found.
const side = 768

// The encoded luma from which a photo counts as blown, and the range in which one holds detail.
const (
	blown               = 0.96
	detailLow, detailHi = 0.06, 0.90
)

// Bytes is the small picture of one photo and, after it, the planes that the mask is refined on.
func (Windows) Bytes(w, h int) (host, device int64) {
	w, h = realedit.FitInto(w, h, side)
	device = 4 * kernels.ImageBytes(w, h, 1, kernels.F32)
	return device, device
}

// Apply finds the windows. It never fails for want of one.
func (s Windows) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if !(s.MinArea >= 0 && s.MinArea <= 0.5) {
		return realedit.Errorf(realedit.CodeBadOption, "windows", "MinArea: %v is outside [0, 0.5]", s.MinArea)
	}
	if s.MinArea == 0 {
		s.MinArea = 0.003
	}
	if len(w.Frames) < 2 {
		return nil
	}
	full := w.Frames[0].Image.Bounds()
	pw, ph := realedit.FitInto(full.Dx(), full.Dy(), side)
	lumas := make([][]float32, len(w.Frames))
	for i := range w.Frames {
		frame, err := w.Frames[i].Small(env)
		if err != nil {
			return err
		}
		if lumas[i], err = luma(ctx, env, frame, pw, ph); err != nil {
			return err
		}
	}
	mask := evidence(lumas, w.Reference)
	// Muntins divide a window but are no part of the view: they join regions, and stay out of the mask.
	regions := closing(mask, pw, ph, max(1, pw/128))
	boxes := keepWindows(regions, lumas, pw, ph, s.MinArea)
	for k := range mask {
		mask[k] = mask[k] && regions[k]
	}
	if len(boxes) == 0 {
		w.Find(realedit.Finding{Check: realedit.CheckWindowNotFound, Severity: realedit.Info, Message: "no region blows out in the reference while a darker photo holds it"})
		return nil
	}
	sx, sy := float64(full.Dx())/float64(pw), float64(full.Dy())/float64(ph)
	for _, b := range boxes {
		r := image.Rect(int(float64(b.Min.X)*sx), int(float64(b.Min.Y)*sy), int(float64(b.Max.X)*sx), int(float64(b.Max.Y)*sy))
		w.Find(realedit.Finding{Check: realedit.CheckWindowFound, Severity: realedit.Info, Region: realedit.RectangleOf(r),
			Message: fmt.Sprintf("a window of %d×%d pixels", r.Dx(), r.Dy())})
	}
	m, err := refine(ctx, env, mask, lumas[w.Reference], pw, ph, full)
	if err != nil {
		return err
	}
	w.SetMask(realedit.MaskWindow, m)
	return nil
}

// luma is the area-averaged luma of m at w×h on the host.
func luma(ctx context.Context, env *realedit.Env, m *kernels.Image, w, h int) ([]float32, error) {
	small, err := env.NewImage(w, h, 3, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer small.Free()
	if err := env.Ops.Resize(small, m); err != nil {
		return nil, err
	}
	grey, err := env.NewImage(w, h, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer grey.Free()
	if err := env.Ops.Luma(grey, small); err != nil {
		return nil, err
	}
	v := make([]float32, w*h)
	host, err := kernels.Wrap(v, w, h, 1)
	if err != nil {
		return nil, err
	}
	return v, env.Backend.Copy(ctx, host, grey)
}

// evidence marks pixels that are blown in the reference and resolved in a darker frame.
func evidence(lumas [][]float32, reference int) []bool {
	m := make([]bool, len(lumas[0]))
	for k := range m {
		if lumas[reference][k] < blown {
			continue
		}
		for i := range lumas {
			if v := lumas[i][k]; v > detailLow && v < detailHi {
				m[k] = true
				break
			}
		}
	}
	return m
}

// closing bridges gaps of up to 2r pixels: muntins are part of the window they divide.
func closing(m []bool, w, h, r int) []bool {
	grow := func(src []bool, want bool) []bool {
		// A summed-area table makes any radius cost the same.
		sat := make([]int32, (w+1)*(h+1))
		for y := range h {
			var row int32
			for x := range w {
				if src[y*w+x] == want {
					row++
				}
				sat[(y+1)*(w+1)+x+1] = sat[y*(w+1)+x+1] + row
			}
		}
		out := make([]bool, len(src))
		for y := range h {
			y0, y1 := max(0, y-r), min(h, y+r+1)
			for x := range w {
				x0, x1 := max(0, x-r), min(w, x+r+1)
				n := sat[y1*(w+1)+x1] - sat[y0*(w+1)+x1] - sat[y1*(w+1)+x0] + sat[y0*(w+1)+x0]
				out[y*w+x] = n > 0 == want
			}
		}
		return out
	}
	return grow(grow(m, true), false)
}

// keepWindows removes from m the regions that are no windows and returns the others' boxes.
// A window is large enough and not ragged; its border is a jump in brightness, which a lamp's glow on
// a ceiling has not; and there is something to see in it, which a lamp has not.
func keepWindows(m []bool, lumas [][]float32, w, h int, minArea float64) []image.Rectangle {
	level := make([]float32, len(m)) // mean over the photos: rises with scene brightness and clips nowhere
	for _, l := range lumas {
		for k, v := range l {
			level[k] += v / float32(len(lumas))
		}
	}
	seen := make([]bool, len(m))
	var boxes []image.Rectangle
	for start := range m {
		if !m[start] || seen[start] {
			continue
		}
		region, box := flood(m, seen, start, w, h)
		solid := float64(len(region)) / float64(box.Dx()*box.Dy())
		if float64(len(region)) < minArea*float64(w*h) || solid < 0.35 || min(box.Dx(), box.Dy())*40 < max(w, h) ||
			borderJump(level, m, region, w, h) < minJump || texture(level, region, w) < minTexture {
			for _, k := range region {
				m[k] = false
			}
			continue
		}
		boxes = append(boxes, box)
	}
	return boxes
}

// minJump is the least jump of the photos' mean luma across a window's border, six pixels
// of the small picture wide; minTexture the least mean step between neighbours inside.
const (
	minJump    = 0.06
	minTexture = 0.004
)

// flood collects the 4-connected region around start and its box.
func flood(m, seen []bool, start, w, h int) ([]int, image.Rectangle) {
	seen[start] = true
	region := []int{start}
	box := image.Rect(start%w, start/w, start%w+1, start/w+1)
	for i := 0; i < len(region); i++ {
		x, y := region[i]%w, region[i]/w
		box = box.Union(image.Rect(x, y, x+1, y+1))
		for _, n := range [4]image.Point{{X: x - 1, Y: y}, {X: x + 1, Y: y}, {X: x, Y: y - 1}, {X: x, Y: y + 1}} {
			if n.X < 0 || n.Y < 0 || n.X >= w || n.Y >= h {
				continue
			}
			if q := n.Y*w + n.X; m[q] && !seen[q] {
				seen[q] = true
				region = append(region, q)
			}
		}
	}
	return region, box
}

// borderJump is the median over a region's border pixels of the level three pixels inside
// less that three pixels outside.
func borderJump(level []float32, m []bool, region []int, w, h int) float64 {
	const reach = 3
	var jumps []float64
	for _, k := range region {
		x, y := k%w, k/w
		for _, d := range [4]image.Point{{X: 1}, {X: -1}, {Y: 1}, {Y: -1}} {
			ox, oy := x+reach*d.X, y+reach*d.Y
			ix, iy := x-reach*d.X, y-reach*d.Y
			if min(ox, oy, ix, iy) < 0 || max(ox, ix) >= w || max(oy, iy) >= h || m[(y+d.Y)*w+x+d.X] {
				continue
			}
			jumps = append(jumps, float64(level[iy*w+ix]-level[oy*w+ox]))
		}
	}
	if len(jumps) == 0 {
		return 0
	}
	slices.Sort(jumps)
	return jumps[len(jumps)/2]
}

// texture is the mean step between horizontal neighbours inside a region.
func texture(level []float32, region []int, w int) float64 {
	var s float64
	for _, k := range region {
		if k%w+1 < w {
			s += math.Abs(float64(level[k+1] - level[k]))
		}
	}
	return s / float64(len(region))
}

// refine fits the mask to the reference's edges with the guided filter and brings it to the picture's size.
func refine(ctx context.Context, env *realedit.Env, mask []bool, guide []float32, pw, ph int, full image.Rectangle) (*kernels.Image, error) {
	v := make([]float32, len(mask))
	for k, in := range mask {
		if in {
			v[k] = 1
		}
	}
	upload := func(pix []float32) (*kernels.Image, error) {
		host, err := kernels.Wrap(pix, pw, ph, 1)
		if err != nil {
			return nil, err
		}
		m, err := env.NewImage(pw, ph, 1, kernels.F32)
		if err != nil {
			return nil, err
		}
		return m, env.Backend.Copy(ctx, m, host)
	}
	src, err := upload(v)
	defer src.Free()
	if err != nil {
		return nil, err
	}
	g, err := upload(guide)
	defer g.Free()
	if err != nil {
		return nil, err
	}
	fine, err := env.NewImage(pw, ph, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer fine.Free()
	if err := env.Ops.GuidedFilter(fine, g, src, max(1, pw/192), 1e-4); err != nil {
		return nil, err
	}
	m, err := env.NewImage(full.Dx(), full.Dy(), 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	if err := env.Ops.Resize(m, fine); err != nil {
		m.Free()
		return nil, err
	}
	return m, nil
}
