package hdr

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// WindowPull puts the view through a window in from the frame of the bracket that records
// it best, where the merge shows less of it than that frame does: only real pixels of what blew out in the reference, joined
// along its soft edge within MaskWindow. Where no frame holds the view, or a tenth of it and more, that stays bright and a
// finding says window_no_source with the share, for a single photo too, and MaskViewLost says where most of a view is lost. A view that is darker than the bright parts around it is brightened to them. Without the mask it does nothing.
type WindowPull struct {
	// MinGain is how much better the frame must show the view than the merge before its pixels are taken, as a ratio of
	// local contrast weighted by brightness (a washed-out view counts little); 0 = 2.
	MinGain float64 `json:"min_gain,omitempty"`
}

// Name is "hdr.windowpull".
func (WindowPull) Name() string { return "hdr.windowpull" }

// Needs the frames and the picture; the mask may be absent.
func (WindowPull) Needs() []realedit.Key {
	return []realedit.Key{realedit.KeyFrames, realedit.KeyImage}
}

// Uses the mask.
func (WindowPull) Uses() []realedit.Key { return []realedit.Key{realedit.MaskWindow} }

// Scenes are those that may be rooms.
func (WindowPull) Scenes() []realedit.SceneKind {
	return []realedit.SceneKind{realedit.SceneInterior, realedit.SceneUnknown}
}

// Gives the picture, and MaskViewLost when a view is lost.
func (WindowPull) Gives() []realedit.Key {
	return []realedit.Key{realedit.KeyImage, realedit.MaskViewLost}
}

// Alters: pixels from another real frame.
func (WindowPull) Alters() realedit.Change { return realedit.ChangeFrame }

// Bytes is two masks, a strip of one and of the picture, and the planes on which views are judged.
func (WindowPull) Bytes(w, h int) (host, device int64) {
	device = 2*kernels.ImageBytes(w, h, 1, kernels.U8) + maskStrip(w, h) + kernels.ImageBytes(w, stripRows(w, h), 3, kernels.U16) +
		planes(w, h, realedit.SmallSide, 4)
	return device, device
}

// Apply pulls.
func (p WindowPull) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if !(p.MinGain >= 0 && p.MinGain <= 100) {
		return realedit.Errorf(realedit.CodeBadOption, "windowpull", "MinGain: %v is outside [0, 100]", p.MinGain)
	}
	if p.MinGain == 0 {
		p.MinGain = 2
	}
	mask := w.Masks[realedit.MaskWindow]
	if mask == nil {
		return nil
	}
	alone := len(w.Frames) < 2
	if alone {
		w.Find(realedit.Finding{Check: realedit.CheckWindowNoSource, Severity: realedit.Info, Message: "there is no other photo that could hold the view through a window; it stays bright"})
		if len(w.Frames) == 0 {
			return nil
		}
	}
	pw, ph := realedit.SmallSize(w.Image.Width(), w.Image.Height())
	inside, err := resizedPlane(ctx, env, mask, pw, ph)
	if err != nil {
		return err
	}
	now, err := lumaPlane(ctx, env, w.Image, pw, ph)
	if err != nil {
		return err
	}
	frames := make([]*plane, len(w.Frames))
	for i := range w.Frames {
		small, err := w.Frames[i].Small(env)
		if err != nil {
			return err
		}
		if frames[i], err = greyPlane(ctx, env, small); err != nil {
			return err
		}
	}
	lost, err := blownOut(ctx, env, frames[w.Reference], now)
	if err != nil {
		return err
	}
	in := make([]bool, len(inside.v))
	for k := range inside.v {
		inside.v[k] *= lost.v[k]
		in[k] = inside.v[k] > 0.5
	}
	chosen := map[int][][]int{} // regions to pull, by frame
	var gone [][]int            // whose view is lost
	gamma := map[int]float64{}
	for _, region := range windowRegions(in, pw, ph) {
		i, lost := p.choose(now, frames, inside, region)
		if lost >= mostView {
			gone = append(gone, region)
		}
		if alone {
			continue
		}
		if lost >= reportLost {
			message := "no photo of the bracket holds the view through a window; it stays bright"
			if lost < mostView {
				message = fmt.Sprintf("%.0f %% of what blew out in a window is in no photo of the bracket; it stays bright", 100*lost)
			}
			w.Find(realedit.Finding{Check: realedit.CheckWindowNoSource, Severity: realedit.Info, Value: math.Round(lost*1000) / 1000, Message: message})
		}
		if i >= 0 {
			g := brighten(now, frames[i], inside, region)
			if len(chosen[i]) > 0 {
				g = min(g, gamma[i])
			}
			chosen[i], gamma[i] = append(chosen[i], region), g
		}
	}
	if len(gone) > 0 {
		if err := markLost(ctx, env, w, mask, gone, pw, ph); err != nil {
			return err
		}
	}
	for i := range w.Frames {
		if len(chosen[i]) == 0 {
			continue
		}
		only := lost.in(chosen[i])
		if err := p.pull(ctx, env, w, i, mask, only, gamma[i]); err != nil {
			return err
		}
	}
	return nil
}

// blownOut is the share of each pixel whose view the reference photo, or the merge, has lost, 0 to 1: what is blown in it, fitted to the reference's edges by the
// guided filter. Leaves before a blown sky are not lost, and a darker photo has them darker.
func blownOut(ctx context.Context, env *realedit.Env, ref, now *plane) (*plane, error) {
	p := newPlane(ref.w, ref.h)
	for k, v := range ref.v {
		if max(v, now.v[k]) >= heldLuma {
			p.v[k] = 1
		}
	}
	var im [3]*kernels.Image
	for i, v := range [3][]float32{p.v, ref.v, nil} {
		var err error
		if im[i], err = env.NewImage(p.w, p.h, 1, kernels.F32); err != nil {
			return nil, err
		}
		defer im[i].Free()
		if v == nil {
			continue
		}
		host, err := kernels.Wrap(v, p.w, p.h, 1)
		if err != nil {
			return nil, err
		}
		if err := env.Backend.Copy(ctx, im[i], host); err != nil {
			return nil, err
		}
	}
	if err := env.Ops.GuidedFilter(im[2], im[1], im[0], max(1, max(p.w, p.h)/192), 1e-4); err != nil {
		return nil, err
	}
	out, err := hostPlane(ctx, env, im[2])
	if err != nil {
		return nil, err
	}
	for k, v := range out.v {
		out.v[k] = min(max(v, 0), 1)
	}
	return out, nil
}

// lostView is the window mask's share where the reference photo is blown: what stands in daylight outside and is shown tells of the light as what is in the room does.
func lostView(ctx context.Context, env *realedit.Env, w *realedit.Work, window *plane) (*plane, error) {
	if w.Reference >= len(w.Frames) {
		return window, nil
	}
	small, err := w.Frames[w.Reference].Small(env)
	if err != nil {
		return nil, err
	}
	ref, err := lumaPlane(ctx, env, small, window.w, window.h)
	if err != nil {
		return nil, err
	}
	out := newPlane(window.w, window.h)
	for k, v := range ref.v {
		if v >= 0.93 {
			out.v[k] = window.v[k]
		}
	}
	return out, nil
}

// windowRegions are the mask's regions, panes that muntins part taken together, so that one
// window is pulled from one frame; specks of less than a thousandth of the picture are left to the merge.
func windowRegions(in []bool, w, h int) [][]int {
	var regions [][]int
	for _, wide := range components(dilate(in, w, h, max(2, max(w, h)/100)), w, h) {
		var r []int
		for _, k := range wide {
			if in[k] {
				r = append(r, k)
			}
		}
		if len(r)*1000 >= w*h {
			regions = append(regions, r)
		}
	}
	return regions
}

// heldLuma is the luma, and the largest channel, under which a photo holds what is in a pixel.
const heldLuma = 0.96

// leastHeld is the share of a window from which on what some photo holds of its view is kept. Less are leaves and shadows that no view can be joined to.
const leastHeld = 0.15

// markLost makes MaskViewLost: the regions' windows but for what some photo holds in all of its channels, in pieces of seven pixels of the small copy and more. A bright tree of
// which red is clipped is not held: beside a view it would be yellow.
func markLost(ctx context.Context, env *realedit.Env, w *realedit.Work, window *kernels.Image, gone [][]int, pw, ph int) error {
	held := make([]bool, pw*ph)
	for i := range w.Frames {
		small, err := w.Frames[i].Small(env)
		if err != nil {
			return err
		}
		v := make([]float32, 3*pw*ph)
		host, err := kernels.Wrap(v, pw, ph, 3)
		if err != nil {
			return err
		}
		if err := env.Backend.Copy(ctx, host, small); err != nil {
			return err
		}
		for k := range held {
			held[k] = held[k] || max(v[3*k], v[3*k+1], v[3*k+2]) < heldLuma
		}
	}
	held = dilate(erode(held, pw, ph, 3), pw, ph, 3)
	glass, err := resizedPlane(ctx, env, window, pw, ph)
	if err != nil {
		return err
	}
	nowhere := newPlane(pw, ph)
	for _, r := range gone {
		var all, kept float64
		in := dilate(marked(pw*ph, r), pw, ph, max(4, max(pw, ph)/64))
		for k, near := range in {
			if near && glass.v[k] > 0.5 {
				all++
				if held[k] {
					kept++
				}
			}
		}
		for k, near := range in {
			if near && (!held[k] || kept < leastHeld*all) {
				nowhere.v[k] = 1
			}
		}
	}
	nowhere = nowhere.smooth()
	full := realedit.Frame{Image: w.Image}
	if err := lowerValid(ctx, env, &full, nowhere); err != nil {
		return err
	}
	w.SetMask(realedit.MaskViewLost, full.Valid)
	return lower(ctx, env, full.Valid, window)
}

// Shares of a view's blown part that are blown in the photo that shows it best, too.
const (
	mostView   = 0.5 // from which on nothing is pulled from it
	reportLost = 0.1 // from which on a finding says so
)

// choose is the frame to pull a region from, −1 when the merge shows what there is or no frame holds most of it, and the share of the region that no frame holds.
func (p WindowPull) choose(now *plane, frames []*plane, inside *plane, region []int) (frame int, lost float64) {
	best, view := -1, viewQuality{}
	lost = 1
	for i, l := range frames {
		v := judgeView(l, inside, region)
		lost = min(lost, v.clipped)
		if v.clipped < mostView && (best < 0 || v.score() > view.score()) {
			best, view = i, v
		}
	}
	if best < 0 {
		return -1, lost
	}
	if have := judgeView(now, inside, region); have.score()*p.MinGain >= view.score() || have.detail >= view.detail {
		return -1, lost
	}
	return best, lost
}

// brighten is the exponent that brings the frame's view up to the bright parts of what surrounds it in the merge, at least ½: a
// sky is no darker than the leaves before it, a view no darker than the white frame around it.
func brighten(now, frame, inside *plane, region []int) float64 {
	in := marked(len(now.v), region)
	var shown []float64
	for _, k := range region {
		shown = append(shown, float64(frame.v[k]))
	}
	var around []float64
	for k, near := range dilate(in, now.w, now.h, 4) {
		if near && inside.v[k] < 0.1 {
			around = append(around, float64(now.v[k]))
		}
	}
	if len(around) == 0 {
		return 1
	}
	slices.Sort(around)
	have, want := median(shown), around[len(around)*3/4]
	if !(want > have && have > 0.05 && want < 1) {
		return 1
	}
	return max(0.5, math.Log(want)/math.Log(have))
}

// marked tells which of n pixels are in the regions.
func marked(n int, regions ...[]int) []bool {
	in := make([]bool, n)
	for _, r := range regions {
		for _, k := range r {
			in[k] = true
		}
	}
	return in
}

// in is p in the regions and a little around them, so that the mask alone has the say at their rims, and 0 elsewhere.
func (p *plane) in(regions [][]int) *plane {
	out := newPlane(p.w, p.h)
	for k, v := range dilate(marked(p.w*p.h, regions...), p.w, p.h, 4) {
		if v {
			out.v[k] = p.v[k]
		}
	}
	return out
}

// box is where p, scaled up to the size of full, is not 0, with room for the interpolation.
func (p *plane) box(full image.Rectangle) image.Rectangle {
	var b image.Rectangle
	for y := range p.h {
		for x := range p.w {
			if p.v[y*p.w+x] != 0 {
				b = b.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	b = b.Inset(-2)
	return image.Rect(b.Min.X*full.Dx()/p.w, b.Min.Y*full.Dy()/p.h, (b.Max.X*full.Dx()+p.w-1)/p.w, (b.Max.Y*full.Dy()+p.h-1)/p.h).Intersect(full)
}

// viewQuality says how well a picture shows what lies inside a mask.
type viewQuality struct {
	clipped float64 // share of the region that is blown
	detail  float64 // mean absolute gradient of the encoded luma
	median  float64
}

// score prefers detail at a brightness a viewer likes for the outdoors.
func (v viewQuality) score() float64 {
	return v.detail * math.Exp(-math.Pow((v.median-0.6)/0.3, 2))
}

func judgeView(l, inside *plane, region []int) viewQuality {
	var n, blown, grad float64
	var values []float64
	for _, k := range region {
		x, y := k%l.w, k/l.w
		if x == 0 || y == 0 || x == l.w-1 || y == l.h-1 || inside.v[k] < 0.98 {
			continue
		}
		n++
		if l.v[k] > 0.985 {
			blown++
		}
		grad += math.Hypot(float64(l.v[k+1]-l.v[k-1]), float64(l.v[k+l.w]-l.v[k-l.w])) / 2
		if (x+y)%3 == 0 {
			values = append(values, float64(l.v[k]))
		}
	}
	if n == 0 {
		return viewQuality{clipped: 1}
	}
	return viewQuality{blown / n, grad / n, median(values)}
}

// pull blends frame i, its encoded values raised to gamma, in through the mask, where only (the proxy's size) allows it, and records it.
func (p WindowPull) pull(ctx context.Context, env *realedit.Env, w *realedit.Work, i int, mask *kernels.Image, only *plane, gamma float64) error {
	f := w.Frames[i]
	allowed := realedit.Frame{Image: f.Image}
	if err := lowerValid(ctx, env, &allowed, only); err != nil { // its Valid: where to pull
		return err
	}
	defer allowed.Valid.Free()
	// Outside the regions' box nothing is allowed, so only the box is worked on.
	box := only.box(w.Image.Bounds())
	alpha := allowed.Valid.SubImage(box)
	if err := lower(ctx, env, alpha, mask.SubImage(box)); err != nil {
		return err
	}
	if f.Valid != nil { // what the moved frame does not cover stays the merge's
		if err := lower(ctx, env, alpha, f.Valid.SubImage(box)); err != nil {
			return err
		}
	}
	if err := blendIn(env, w.Image.SubImage(box), f.Image.SubImage(box), alpha, gamma); err != nil {
		return err
	}
	if err := w.MapChanges(); err != nil {
		return err
	}
	host, free, err := kernels.ToHost(ctx, env.Backend, alpha)
	if err != nil {
		return err
	}
	defer free()
	w.Find(realedit.Finding{Check: realedit.CheckWindowPulled, Severity: realedit.Info,
		Message: fmt.Sprintf("the view through the window is %s's own", f.Photo.Name)})
	changes := realedit.AlterationMap{Map: w.Changes.Map.SubImage(box)}
	return changes.Mark(host, realedit.ChangeFrame)
}
