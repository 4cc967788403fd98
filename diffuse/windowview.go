package diffuse

import (
	"context"
	"fmt"
	"image"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// WindowView lets SDXL paint a view where a window's is lost: inside realedit.MaskViewLost, which hdr.WindowPull gives where no photo of the set holds it, and nowhere
// else. Each window is seen with the wall around it, what comes back is brought to that wall's colours, and joined along a feathered seam that lies within the mask. Every
// pixel that is not exactly the picture's is synthesised.
//
// The models are Sky's. What is missing or fails is a finding, and the window stays bright.
type WindowView struct {
	Painting
}

// Name is "diffuse.windowview".
func (WindowView) Name() string { return "diffuse.windowview" }

// Needs the picture.
func (WindowView) Needs() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Uses the mask.
func (WindowView) Uses() []realedit.Key { return []realedit.Key{realedit.MaskViewLost} }

// Gives the picture.
func (WindowView) Gives() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Alters: pixels that a model made up.
func (WindowView) Alters() realedit.Change { return realedit.ChangeSynthesised }

// Scenes are those that may be rooms.
func (WindowView) Scenes() []realedit.SceneKind {
	return []realedit.SceneKind{realedit.SceneInterior, realedit.SceneUnknown}
}

// Bytes is the copy that becomes the unaltered sibling, and of a window as large as the picture what is put in and two masks of it.
func (WindowView) Bytes(w, h int) (host, device int64) {
	device = 2*kernels.ImageBytes(w, h, 3, kernels.U16) + 2*kernels.ImageBytes(w, h, 1, kernels.U8)
	return device + seenBytes(w, h), device
}

// Apply paints the views.
func (v WindowView) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if _, _, err := v.start(); err != nil {
		return err
	}
	mask := w.Masks[realedit.MaskViewLost]
	if mask == nil {
		return nil
	}
	panes, err := windows(ctx, env, mask)
	if err != nil {
		return err
	}
	painted := 0
	for i, box := range panes {
		done, err := v.paintOne(ctx, env, w, mask.SubImage(box), box, env.Seed+uint64(i))
		if err != nil {
			if err = notDone(env, w, "a window stays bright", err); err != nil {
				return err
			}
			break // what failed once is asked no more
		}
		if done {
			painted++
		}
	}
	if painted > 0 {
		w.Find(realedit.Finding{Check: realedit.CheckWindowPainted, Severity: realedit.Info, Value: float64(painted), Message: fmt.Sprintf("the view through %d of %d windows is a model's", painted, len(panes))})
	}
	return nil
}

// paintOne paints what the mask covers in the picture's part box.
func (v WindowView) paintOne(ctx context.Context, env *realedit.Env, w *realedit.Work, mask *kernels.Image, box image.Rectangle, seed uint64) (bool, error) {
	view, err := v.paint(ctx, env, w, v.Name(), "window_view", w.Image.SubImage(box), mask, 1./255, true, seed)
	if err != nil || view == nil {
		return false, err
	}
	defer view.Free()
	alpha, err := feathered(ctx, env, mask)
	if err != nil {
		return false, err
	}
	defer alpha.Free()
	full, err := env.NewImage(box.Dx(), box.Dy(), 3, w.Image.Format())
	if err != nil {
		return false, err
	}
	defer full.Free()
	at, err := env.NewImage(view.Width(), view.Height(), 3, view.Format())
	if err != nil {
		return false, err
	}
	defer at.Free()
	if err := env.Backend.Copy(ctx, at, view); err != nil {
		return false, err
	}
	if err := env.Ops.Resize(full, at); err != nil {
		return false, err
	}
	if err := w.Alter(ctx, env); err != nil {
		return false, err
	}
	part := w.Image.SubImage(box)
	if err := env.Ops.Blend(part, part, full, alpha); err != nil {
		return false, err
	}
	host, free, err := kernels.ToHost(ctx, env.Backend, alpha)
	if err != nil {
		return false, err
	}
	defer free()
	changes := realedit.AlterationMap{Map: w.Changes.Map.SubImage(box)}
	return true, changes.Mark(host, realedit.ChangeSynthesised)
}

// featherSide is how many pixels of what the model sees a seam is wide.
const featherSide = 3

// feathered is a mask that falls off to 0 within its own border, over featherSide pixels of the size in which the model sees it: there the painted picture is mixed with the frame.
func feathered(ctx context.Context, env *realedit.Env, mask *kernels.Image) (alpha *kernels.Image, err error) {
	sw, sh := seen(mask.Width(), mask.Height())
	var at [2]*kernels.Image
	for i := range at {
		if at[i], err = env.NewImage(sw, sh, 1, kernels.F32); err != nil {
			return nil, err
		}
		defer at[i].Free()
	}
	if err := env.Ops.Resize(at[0], mask); err != nil {
		return nil, err
	}
	if err := env.Ops.BoxFilter(at[1], at[0], featherSide); err != nil {
		return nil, err
	}
	// Of the border the mean is ½: from there it rises.
	if err := env.Ops.Curve(at[1], at[1], [][]float32{{0, 0, 1}}); err != nil {
		return nil, err
	}
	// Muntins are thinner than the filter: the mask itself has the last word.
	soft, err := env.NewImage(mask.Width(), mask.Height(), 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	defer soft.Free()
	if err := env.Ops.Resize(soft, at[1]); err != nil {
		return nil, err
	}
	m, freeM, err := kernels.ToHost(ctx, env.Backend, mask)
	if err != nil {
		return nil, err
	}
	defer freeM()
	s, freeS, err := kernels.ToHost(ctx, env.Backend, soft)
	if err != nil {
		return nil, err
	}
	defer freeS()
	for y := range s.Height() {
		row := s.RowU8(y)
		for x, v := range m.RowU8(y) {
			row[x] = uint8((int(row[x])*int(v) + 127) / 255)
		}
	}
	if alpha, err = env.NewImage(mask.Width(), mask.Height(), 1, kernels.U8); err != nil {
		return nil, err
	}
	if err := env.Backend.Copy(ctx, alpha, s); err != nil {
		alpha.Free()
		return nil, err
	}
	return alpha, nil
}

const (
	// cells of a picture along its longer side, in which windows are told apart.
	cells = 96
	// mostWindows is how many are painted, the largest ones.
	mostWindows = 8
)

// windows are the parts of the picture that a model is shown, largest first: a window's panes together, with the wall around it.
func windows(ctx context.Context, env *realedit.Env, mask *kernels.Image) ([]image.Rectangle, error) {
	w, h := realedit.FitInto(mask.Width(), mask.Height(), cells)
	at, err := env.NewImage(w, h, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer at.Free()
	if err := env.Ops.Resize(at, mask); err != nil {
		return nil, err
	}
	host, free, err := kernels.ToHost(ctx, env.Backend, at)
	if err != nil {
		return nil, err
	}
	defer free()
	in := make([]bool, w*h)
	for y := range h {
		for x, v := range host.RowF32(y) {
			in[y*w+x] = v > 0
		}
	}
	var boxes []image.Rectangle
	for k := range in {
		if in[k] {
			boxes = append(boxes, fill(in, w, h, k))
		}
	}
	area := func(r image.Rectangle) int { return r.Dx() * r.Dy() }
	slices.SortStableFunc(boxes, func(a, b image.Rectangle) int { return area(b) - area(a) })
	boxes = boxes[:min(len(boxes), mostWindows)]
	for i, b := range boxes {
		margin := max(2, max(b.Dx(), b.Dy())/3)
		b = b.Inset(-margin).Intersect(image.Rect(0, 0, w, h))
		boxes[i] = image.Rect(b.Min.X*mask.Width()/w, b.Min.Y*mask.Height()/h, (b.Max.X*mask.Width()+w-1)/w, (b.Max.Y*mask.Height()+h-1)/h)
	}
	return boxes, nil
}

// fill clears the cells that hang together with k, over gaps of a cell, and returns the box around them.
func fill(in []bool, w, h, k int) image.Rectangle {
	in[k] = false
	box := image.Rect(k%w, k/w, k%w+1, k/w+1)
	for todo := []int{k}; len(todo) > 0; {
		k, todo = todo[len(todo)-1], todo[:len(todo)-1]
		for y := max(0, k/w-2); y <= min(h-1, k/w+2); y++ {
			for x := max(0, k%w-2); x <= min(w-1, k%w+2); x++ {
				if n := y*w + x; in[n] {
					in[n] = false
					box = box.Union(image.Rect(x, y, x+1, y+1))
					todo = append(todo, n)
				}
			}
		}
	}
	return box
}
