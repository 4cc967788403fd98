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
	sw, sh := seen(w, h)
	return 2*device + 3*kernels.ImageBytes(w, h, 1, kernels.U8) + seenBytes(w, h), device + kernels.ImageBytes(w, h, 1, kernels.U8) + kernels.ImageBytes(sw, sh, 4, kernels.F32)
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
	for i, p := range panes.largest() {
		alpha, err := panes.cut(ctx, env, mask, p)
		if err != nil {
			return err
		}
		done, err := v.paintOne(ctx, env, w, alpha, p.box, env.Seed+uint64(i))
		alpha.Free()
		if err != nil {
			return err
		}
		if !done {
			break // what failed once is asked no more
		}
		painted++
	}
	if painted > 0 {
		w.Find(realedit.Finding{Check: realedit.CheckWindowPainted, Severity: realedit.Info, Value: float64(painted), Message: fmt.Sprintf("the view through %d of %d windows is a model's", painted, len(panes.all))})
	}
	return nil
}

// paintOne paints what alpha covers in the picture's part box; false where a finding says why not.
func (v WindowView) paintOne(ctx context.Context, env *realedit.Env, w *realedit.Work, alpha *kernels.Image, box image.Rectangle, seed uint64) (bool, error) {
	view, err := v.paint(ctx, env, w, v.Name(), "window_view", w.Image.SubImage(box), alpha, 1./255, true, seed)
	if err != nil {
		return false, notDone(env, w, "a window stays bright", err)
	}
	if view == nil {
		return true, nil
	}
	defer view.Free()
	return true, showIn(ctx, env, w, view, alpha, box)
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

// panes are the windows of a mask, told apart in cells.
type panes struct {
	w, h int     // cells
	of   []uint8 // by cell, which window it belongs to, from 1; 0 = none
	all  []pane
}

// pane is a window: its number, and the part of the picture that a model is shown, with the wall around.
type pane struct {
	number uint8
	area   int // cells
	box    image.Rectangle
}

// largest are the windows that are painted, largest first.
func (p *panes) largest() []pane {
	all := slices.Clone(p.all)
	slices.SortStableFunc(all, func(a, b pane) int { return b.area - a.area })
	return all[:min(len(all), mostWindows)]
}

// cut is the mask in a window's box, without the other windows that are there.
func (p *panes) cut(ctx context.Context, env *realedit.Env, mask *kernels.Image, of pane) (*kernels.Image, error) {
	part := mask.SubImage(of.box)
	host, free, err := kernels.ToHost(ctx, env.Backend, part)
	if err != nil {
		return nil, err
	}
	defer free()
	own, err := kernels.NewHostImage(nil, of.box.Dx(), of.box.Dy(), 1, kernels.U8)
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "allocate", Err: err}
	}
	defer own.Free()
	for y := range own.Height() {
		row, cells := own.RowU8(y), p.of[(y+of.box.Min.Y)*p.h/mask.Height()*p.w:]
		for x, a := range host.RowU8(y) {
			if row[x] = 0; cells[(x+of.box.Min.X)*p.w/mask.Width()] == of.number {
				row[x] = a
			}
		}
	}
	out, err := env.NewImage(own.Width(), own.Height(), 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	if err := env.Backend.Copy(ctx, out, own); err != nil {
		out.Free()
		return nil, err
	}
	return out, nil
}

// windows tells the windows of a mask apart: a window's panes are one.
func windows(ctx context.Context, env *realedit.Env, mask *kernels.Image) (*panes, error) {
	w, h := realedit.FitInto(mask.Width(), mask.Height(), cells)
	host, free, err := kernels.ToHost(ctx, env.Backend, mask)
	if err != nil {
		return nil, err
	}
	defer free()
	p := &panes{w: w, h: h, of: make([]uint8, w*h)}
	in := make([]bool, w*h)
	for y := range mask.Height() {
		row := in[y*h/mask.Height()*w:]
		for x, v := range host.RowU8(y) {
			if v > 0 {
				row[x*w/mask.Width()] = true
			}
		}
	}
	for k := range in {
		if !in[k] || len(p.all) == 255 {
			continue
		}
		number := uint8(len(p.all) + 1)
		b, area := fill(in, p.of, number, w, h, k)
		margin := max(2, max(b.Dx(), b.Dy())/3)
		b = b.Inset(-margin).Intersect(image.Rect(0, 0, w, h))
		up := func(n, size, of int) int { return (n*size + of - 1) / of }
		p.all = append(p.all, pane{number, area, image.Rect(up(b.Min.X, mask.Width(), w), up(b.Min.Y, mask.Height(), h), up(b.Max.X, mask.Width(), w), up(b.Max.Y, mask.Height(), h))})
	}
	return p, nil
}

// fill takes the cells that hang together with k, over gaps of a cell, out of in and gives them a number; it returns the box around them and how many they are.
func fill(in []bool, of []uint8, number uint8, w, h, k int) (box image.Rectangle, n int) {
	in[k] = false
	for todo := []int{k}; len(todo) > 0; n++ {
		k, todo = todo[len(todo)-1], todo[:len(todo)-1]
		of[k] = number
		box = box.Union(image.Rect(k%w, k/w, k%w+1, k/w+1))
		for y := max(0, k/w-2); y <= min(h-1, k/w+2); y++ {
			for x := max(0, k%w-2); x <= min(w-1, k%w+2); x++ {
				if i := y*w + x; in[i] {
					in[i] = false
					todo = append(todo, i)
				}
			}
		}
	}
	return box, n
}
