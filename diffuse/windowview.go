package diffuse

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/parallel"
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

// Uses the masks.
func (WindowView) Uses() []realedit.Key {
	return []realedit.Key{realedit.MaskViewLost, realedit.MaskWindow}
}

// Gives the picture.
func (WindowView) Gives() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Alters: pixels that a model made up.
func (WindowView) Alters() realedit.Change { return realedit.ChangeSynthesised }

// Scenes are those that may be rooms.
func (WindowView) Scenes() []realedit.SceneKind {
	return []realedit.SceneKind{realedit.SceneInterior, realedit.SceneUnknown}
}

// Bytes is the copy that becomes the unaltered sibling, and of pictures in device memory a window as large as the picture on the host, with two masks.
func (WindowView) Bytes(w, h int) (host, device int64) {
	device = kernels.ImageBytes(w, h, 3, kernels.U16)
	return 2*device + 2*kernels.ImageBytes(w, h, 1, kernels.U8) + seenBytes(w, h), device
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
		view, err := v.paint(ctx, env, w, v.Name(), "window_view", w.Image.SubImage(box), mask.SubImage(box), 1./255, true, env.Seed+uint64(i))
		if err != nil {
			if err = notDone(env, w, "a window stays bright", err); err != nil {
				return err
			}
			break // what failed once is asked no more
		}
		if view == nil {
			continue
		}
		err = showIn(ctx, env, w, view, mask.SubImage(box), box)
		view.Free()
		if err != nil {
			return err
		}
		painted++
	}
	if painted > 0 {
		w.Find(realedit.Finding{Check: realedit.CheckWindowPainted, Severity: realedit.Info, Value: float64(painted), Message: fmt.Sprintf("the view through %d of %d windows is a model's", painted, len(panes))})
	}
	return nil
}

// showIn puts a view into the picture's part box through the mask, and marks it.
func showIn(ctx context.Context, env *realedit.Env, w *realedit.Work, view, mask *kernels.Image, box image.Rectangle) error {
	if err := w.Alter(ctx, env); err != nil {
		return err
	}
	alpha, free, err := kernels.ToHost(ctx, env.Backend, mask)
	if err != nil {
		return err
	}
	defer free()
	glass := alpha
	if m := w.Masks[realedit.MaskWindow]; m != nil {
		var freeGlass func()
		if glass, freeGlass, err = kernels.ToHost(ctx, env.Backend, m.SubImage(box)); err != nil {
			return err
		}
		defer freeGlass()
	}
	part := w.Image.SubImage(box)
	pic, freePic, err := kernels.ToHost(ctx, env.Backend, part)
	if err != nil {
		return err
	}
	defer freePic()
	putIn(pic, view, alpha, glass)
	if pic != part {
		if err := env.Backend.Copy(ctx, part, pic); err != nil {
			return err
		}
	}
	changes := realedit.AlterationMap{Map: w.Changes.Map.SubImage(box)}
	return changes.Mark(alpha, realedit.ChangeSynthesised)
}

// putIn puts a view, of any size, into a picture by alpha. Where glass says that a pixel is in part a frame, what shone through its glass was white: it is that part which the
// view takes the place of, and no white line is left around the pane.
func putIn(pic, view, alpha, glass *kernels.Image) {
	parallel.Bands(pic.Height(), 64, func(y0, y1 int) {
		line := make([]float32, 3*view.Width())
		for y := y0; y < y1; y++ {
			if pic.Format() == kernels.U16 {
				putRow(pic.RowU16(y), view, alpha.RowU8(y), glass.RowU8(y), line, y, pic.Height())
			} else {
				putRow(pic.RowU8(y), view, alpha.RowU8(y), glass.RowU8(y), line, y, pic.Height())
			}
		}
	})
}

// putRow does row y of h. line is memory for a row of the view.
func putRow[T uint8 | uint16](pic []T, view *kernels.Image, alpha, glass []uint8, line []float32, y, h int) {
	if bytes.Count(alpha, []byte{0}) == len(alpha) {
		return
	}
	white := float32(^T(0))
	between := func(i, n, m int) (int, int, float32) { // the samples of m on either side of the i-th of n, and how far it is between them
		u := max(0, min((float32(i)+0.5)*float32(m)/float32(n)-0.5, float32(m-1)))
		k := int(u)
		return k, min(k+1, m-1), u - float32(k)
	}
	j0, j1, v := between(y, h, view.Height())
	up, down := view.RowU8(j0), view.RowU8(j1)
	for i := range line {
		line[i] = (float32(up[i])*(1-v) + float32(down[i])*v) * (white / 255)
	}
	for x, a := range alpha {
		if a == 0 {
			continue
		}
		i0, i1, u := between(x, len(alpha), view.Width())
		share := float32(a) / 255
		// With white behind it no channel is darker than the white's share.
		least := 0.95 * float32(glass[x]) / 255 * white
		mixed := glass[x] < 255 && float32(min(pic[3*x], pic[3*x+1], pic[3*x+2])) >= least
		for c := range 3 {
			p := &pic[3*x+c]
			old := float32(*p)
			behind := old
			if mixed {
				behind = white
			}
			shown := line[3*i0+c]*(1-u) + line[3*i1+c]*u
			*p = T(max(0, min(white, old+float32(share*(shown-behind))+0.5)))
		}
	}
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
