package hdr

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Align decodes the photos of a set and brings them to the reference's geometry.
//
// Each photo is registered to its neighbour in exposure on the reference's side, which
// shares the most unclipped pixels with it, and the maps are chained: translation,
// then affine, then homography, each only if it beats the one before on matches it
// was not fitted to. A photo is moved only where that mends more than interpolation blurs, by whole
// pixels where these will do: brackets from a tripod keep their own pixels. One that
// cannot be registered stays where it is with a warning when it still agrees with its
// neighbour, else it is left out. Borders a moved photo does not cover are marked in Frame.Valid.
//
// It gives KeyFrames and, for a single photo, works the same without registration.
type Align struct {
	// Off keeps every photo where it is.
	Off bool `json:"off,omitempty"`
}

// Name is "hdr.align".
func (Align) Name() string { return "hdr.align" }

// Needs nothing but the set.
func (Align) Needs() []realedit.Key { return nil }

// Gives the frames.
func (Align) Gives() []realedit.Key { return []realedit.Key{realedit.KeyFrames} }

// Alters nothing: moving the frames of one moment over each other is part of the merge.
func (Align) Alters() realedit.Change { return realedit.ChangeNone }

// Bytes is, on the host, what two decoders hold and, in either memory, one photo beside its moved pixels.
func (Align) Bytes(w, h int) (host, device int64) {
	device = kernels.ImageBytes(w, h, 3, kernels.U16)
	return 6*int64(w)*int64(h) + device, device
}

// Apply decodes and registers. It fails with the decoder's code when no photo can be read. Photos that do not agree with the reference are left out with a finding,
// all of them if need be.
func (a Align) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if err := decodeAll(ctx, env, w); err != nil {
		return err
	}
	if len(w.Frames) == 1 || a.Off {
		return nil
	}
	return a.alignAll(ctx, env, w)
}

// decodeAll fills w.Frames with the set's photos, darkest first. A photo that cannot be used is left out
// with a finding; the reference moves to its nearest neighbour then.
func decodeAll(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	photos := w.Set.Photos
	images := make([]*kernels.Image, len(photos))
	errs := make([]error, len(photos))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 2) // decoders are single-threaded; two keep memory bounded
	for i, p := range photos {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if errs[i] = ctx.Err(); errs[i] == nil {
				images[i], errs[i] = p.Pixels(ctx, env.Backend)
			}
		})
	}
	wg.Wait()
	ref := w.Set.Reference
	fail := func(err error) error {
		for _, m := range images {
			m.Free()
		}
		return err
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	for _, err := range errs {
		if err != nil && (len(photos) == 1 || ofTheSet(err)) {
			return fail(err)
		}
	}
	leaveOut := func(i int, check, why string) {
		images[i].Free()
		images[i] = nil
		w.Find(realedit.Finding{Check: check, Severity: realedit.Warning, Message: photos[i].Name + " takes no part: " + why})
		for k := range w.Report.Inputs {
			if w.Report.Inputs[k].Name == photos[i].Name {
				w.Report.Inputs[k].Used = false
			}
		}
	}
	for i, err := range errs {
		if err != nil {
			leaveOut(i, realedit.CheckPhotoUnreadable, err.Error())
		}
	}
	for i, p := range photos {
		if images[i] != nil && i != ref && p.ClippedHigh+p.ClippedLow > 0.98 {
			leaveOut(i, realedit.CheckPhotoClipped, fmt.Sprintf("%.1f %% of it is clipped", 100*(p.ClippedHigh+p.ClippedLow)))
		}
	}
	best := -1
	for i := range images {
		if images[i] != nil && (best < 0 || abs(i-ref) < abs(best-ref)) {
			best = i
		}
	}
	if best < 0 {
		return fail(errs[ref])
	}
	for i, m := range images {
		if m == nil {
			continue
		}
		if m.Bounds() != images[best].Bounds() {
			leaveOut(i, realedit.CheckPhotoSize, fmt.Sprintf("it is %v, the reference %v", m, images[best]))
			continue
		}
		if i == best {
			w.Reference = len(w.Frames)
		}
		w.Frames = append(w.Frames, realedit.Frame{Photo: photos[i], Image: m, Homography: identity, EV: relativeEV(w.Set, i)})
	}
	return promote(env, w)
}

// ofTheSet tells the trouble of the set or its backend, memory and the like, from that of one bad file.
func ofTheSet(err error) bool {
	switch realedit.CodeOf(err) {
	case realedit.CodeOutOfMemory, realedit.CodeDeviceLost, realedit.CodeNoDevice, realedit.CodeCancelled:
		return true
	}
	return false
}

// promote brings frames of mixed depth to 16 bits: a merge wants one format.
func promote(env *realedit.Env, w *realedit.Work) error {
	deep := false
	for _, f := range w.Frames {
		deep = deep || f.Image.Format() == kernels.U16
	}
	for i := range w.Frames {
		f := &w.Frames[i]
		if !deep || f.Image.Format() == kernels.U16 {
			continue
		}
		m, err := env.NewImage(f.Image.Width(), f.Image.Height(), 3, kernels.U16)
		if err != nil {
			return err
		}
		if err := env.Ops.Convert(m, f.Image); err != nil {
			m.Free()
			return err
		}
		f.Image.Free()
		f.Image = m
	}
	return nil
}

func abs(i int) int { return max(i, -i) }

// prepare makes the frames' views.
func prepare(ctx context.Context, env *realedit.Env, frames []realedit.Frame) ([]*view, error) {
	views, errs := make([]*view, len(frames)), make([]error, len(frames))
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range frames {
		full := frames[i].Image
		small, err := frames[i].Small(env)
		if err != nil {
			return nil, err
		}
		wg.Go(func() { views[i], errs[i] = newView(ctx, env, full, small) })
	}
	wg.Wait()
	return views, errors.Join(errs...)
}

// neighbours registers every photo but the reference to the one beside it on the reference's side.
func neighbours(ctx context.Context, env *realedit.Env, views []*view, ref int) ([]registration, error) {
	pairs, errs := make([]registration, len(views)), make([]error, len(views))
	var wg sync.WaitGroup
	for i := range views {
		switch {
		case i < ref:
			wg.Go(func() { pairs[i], errs[i] = register(ctx, env, views[i+1], views[i]) })
		case i > ref:
			wg.Go(func() { pairs[i], errs[i] = register(ctx, env, views[i-1], views[i]) })
		}
	}
	wg.Wait()
	return pairs, errors.Join(errs...)
}

func (a Align) alignAll(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	width, height := w.Frames[0].Image.Width(), w.Frames[0].Image.Height()
	views, err := prepare(ctx, env, w.Frames)
	if err != nil {
		return err
	}
	pairs, err := neighbours(ctx, env, views, w.Reference)
	if err != nil {
		return err
	}
	ref := w.Reference
	maps := make([]placed, len(views))
	keep := make([]bool, len(views))
	maps[ref], keep[ref] = placed{identity, identity}, true
	done := 1
	for _, step := range []int{-1, 1} {
		last := ref // the nearest photo towards the reference that is registered
		for i := ref + step; i >= 0 && i < len(views); i += step {
			if err := ctx.Err(); err != nil {
				return err
			}
			// The neighbour first, then the photos on towards the reference.
			r, from := pairs[i], last
			for j := last; !(r.ok && j == i-step) && (j-ref)*step >= 0; j -= step {
				if j == i-step || !keep[j] {
					continue
				}
				if r, err = register(ctx, env, views[j], views[i]); err != nil {
					return err
				}
				if from = j; r.ok {
					break
				}
			}
			name := w.Frames[i].Photo.Name
			if h := r.h.mul(maps[from].lies); r.ok && h.sane(width, height) {
				taken := settle(r.found, maps[from], h, width, height)
				maps[i], keep[i] = placed{h, taken}, true
				env.Log.Debug("registered", "photo", name, "model", r.model, "corner", h.shift(width, height), "taken", taken.shift(width, height), "residual", r.rms, "matches", len(r.found))
				last = i
			} else if agree(views[last].grey[0], views[i].grey[0]) {
				maps[i], keep[i] = maps[last], true
				w.Find(realedit.Finding{Check: realedit.CheckAlignWeak, Severity: realedit.Info, Message: name + " has too little to register on; it is taken as unmoved"})
				last = i
			} else {
				w.Find(realedit.Finding{Check: realedit.CheckAlignFailed, Severity: realedit.Warning, Message: name + " could not be registered and takes no part"})
			}
			done++
			env.Progress(a.Name(), float64(done)/float64(len(views)))
		}
	}
	return a.resample(env, w, maps, keep)
}

// agree tells whether two photos show the same thing without movement: the thresholded pictures agree, and so do the edges that both resolve.
func agree(a, b *plane) bool {
	ta, tb, ok := commonThreshold(a, b)
	if !ok {
		return true // one of them resolves nothing: there is nothing to contradict
	}
	if bitmapError(a, b, ta, tb, 0, 0) >= 0.15 {
		return false
	}
	all := make([]int, len(a.v))
	for k := range all {
		all[k] = k
	}
	const few = 100 // pixels: fewer say nothing
	c, n := edgeCorrelation([]*plane{a}, []*plane{b}, all)
	return n < few || c > 0.3
}

// resample warps the photos that moved and drops those that are not to be kept.
func (a Align) resample(env *realedit.Env, w *realedit.Work, maps []placed, keep []bool) error {
	width, height := w.Frames[0].Image.Width(), w.Frames[0].Image.Height()
	var moved float64
	kept := w.Frames[:0]
	var failed error
	for i, f := range w.Frames {
		if !keep[i] || failed != nil {
			f.Free()
			continue
		}
		if h := maps[i].taken; h != identity {
			moved = max(moved, h.shift(width, height))
			f.Homography = h
			f, failed = warped(env, f)
		}
		if i == w.Reference {
			w.Reference = len(kept)
		}
		kept = append(kept, f)
	}
	w.Frames = kept
	w.Report.Measures["align_max_shift_px"] = math.Round(moved*100) / 100
	return failed
}

// warped replaces the frame's pixels by their resampled ones.
func warped(env *realedit.Env, f realedit.Frame) (realedit.Frame, error) {
	m, err := env.NewImage(f.Image.Width(), f.Image.Height(), 3, f.Image.Format())
	if err != nil {
		return f, err
	}
	valid, err := env.NewImage(f.Image.Width(), f.Image.Height(), 1, kernels.U8)
	if err != nil {
		m.Free()
		return f, err
	}
	h := [9]float64(f.Homography)
	if err := env.Ops.Warp(m, valid, f.Image, &h); err != nil {
		m.Free()
		valid.Free()
		return f, err
	}
	f.Image.Free()
	f.Image, f.Valid = m, valid
	return f, nil
}

// relativeEV is how many stops of light photo i of the set got beyond the reference, as
// grouping measured it; 0 when that is unknown.
func relativeEV(s realedit.Set, i int) float64 {
	if i < len(s.EVs) {
		return s.EVs[i]
	}
	return 0
}
