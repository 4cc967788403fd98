package qc

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Options steer Compare and CompareFrames; nil means the zero value.
type Options struct {
	Limits Limits
	// Changes marks computed and synthesised pixels. They are left out of every
	// check; Compare then holds all other pixels to be equal bit by bit (Leak).
	Changes *realedit.AlterationMap
	// Unaltered is the deterministic picture where Changes has computed or synthesised pixels. CompareFrames then holds
	// all other pixels to be equal to it bit by bit (Leak); Compare is given it as the picture to compare with.
	Unaltered *kernels.Image
	// Borders are where tiles met, for Seams.
	Borders Borders
	// Tone allows exposure, tone and white balance to differ from the picture that Compare is
	// given: structure, edges, shift, lines, regions, detail and seams are then judged up to tone, the
	// cast by its distance from neutral, and ΔE00 and leak not at all.
	Tone bool
	// Lamps tells that white balance may follow the mixture of lamplight and daylight over the
	// picture. Regions then bounds changes along the line of these lights by RegionsLamps, others by RegionsColour.
	Lamps bool
}

// Compare holds got against the picture it should be, the deterministic one. Both are
// sRGB-encoded with 3 channels and one format. The error tells that the comparison could not be
// made; what it found is in the verdict. Safe for concurrent use.
func Compare(ctx context.Context, env *realedit.Env, got, want *kernels.Image, o *Options) (*Verdict, error) {
	if o == nil {
		o = &Options{}
	}
	return compare(ctx, env, got, []realedit.Frame{{Image: want}}, o, !o.Tone)
}

// CompareFrames holds got against the aligned photos it was made from, up to tone: region
// by region against those that record the region. Frames whose size differs from the first one's are refused.
func CompareFrames(ctx context.Context, env *realedit.Env, got *kernels.Image, frames []realedit.Frame, o *Options) (*Verdict, error) {
	if o == nil {
		o = &Options{}
	}
	return compare(ctx, env, got, frames, o, false)
}

func usable(name string, m *kernels.Image) error {
	switch {
	case m == nil:
		return realedit.Errorf(realedit.CodeBadOption, "qc", "%s: no image", name)
	case m.Channels() != 3:
		return realedit.Errorf(realedit.CodeBadOption, "qc", "%s: is %v, want 3 channels", name, m)
	}
	return nil
}

func compare(ctx context.Context, env *realedit.Env, got *kernels.Image, frames []realedit.Frame, o *Options, strict bool) (*Verdict, error) {
	if err := usable("got", got); err != nil {
		return nil, err
	}
	if len(frames) == 0 {
		return nil, realedit.Errorf(realedit.CodeBadOption, "qc", "frames: there are none")
	}
	for i, f := range frames {
		if err := usable(fmt.Sprintf("frame %d", i), f.Image); err != nil {
			return nil, err
		}
		if f.Image.Bounds() != frames[0].Image.Bounds() {
			return nil, realedit.Errorf(realedit.CodeBadOption, "qc", "frame %d: is %v, frame 0 is %v", i, f.Image, frames[0].Image)
		}
		if f.Valid != nil && (f.Valid.Bounds() != f.Image.Bounds() || f.Valid.Channels() != 1 || f.Valid.Format() != kernels.U8) {
			return nil, realedit.Errorf(realedit.CodeBadOption, "qc", "frame %d: Valid is %v, want u8 of the frame's size", i, f.Valid)
		}
	}
	b, err := newBench(ctx, env, o.Limits)
	if err != nil {
		return nil, err
	}
	defer b.close()
	if err := b.run(got, frames, o, strict); err != nil {
		var own *realedit.Error
		if errors.As(err, &own) {
			return nil, err
		}
		return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "qc", Err: err}
	}
	return &b.out, nil
}

func (b *bench) run(got *kernels.Image, frames []realedit.Frame, o *Options, strict bool) error {
	first := frames[0].Image
	off := math.Abs(float64(got.Width()-first.Width())) + math.Abs(float64(got.Height()-first.Height()))
	b.add(Resolution, "pixels", off, true, nil)
	g := geometryOf(got.Width(), got.Height())
	p, err := b.viewOf(got, g)
	if err != nil {
		return err
	}
	if off != 0 {
		return b.empty(p) // nothing else can be compared
	}
	checks := []func(*bench) error{func(b *bench) error { return b.empty(p) }}
	var skip []uint8
	if o.Changes != nil {
		if o.Changes.Map.Bounds() != got.Bounds() || !o.Changes.Map.OnHost() {
			return realedit.Errorf(realedit.CodeBadOption, "qc", "Changes: is %v, want the picture's size on the host", o.Changes.Map)
		}
		// Moved pixels lie elsewhere in the photos; the intended picture has them moved already.
		skip = skipMask(g, o.Changes.Map, func(v uint8) bool {
			return synthetic(v) || !strict && realedit.Change(v) == realedit.ChangeGeometry
		})
		if strict {
			if got.Format() != first.Format() {
				return realedit.Errorf(realedit.CodeBadOption, "qc", "want: is %v, got is %v: pixels can only be equal in one format", first, got)
			}
			checks = append(checks, func(b *bench) error { return b.leak(got, first, o.Changes, false) })
		}
	}
	if !strict && o.Unaltered != nil {
		if o.Unaltered.Bounds() != got.Bounds() || o.Unaltered.Channels() != got.Channels() || o.Unaltered.Format() != got.Format() {
			return realedit.Errorf(realedit.CodeBadOption, "qc", "Unaltered: is %v, the picture %v", o.Unaltered, got)
		}
		checks = append(checks, func(b *bench) error { return b.leak(got, o.Unaltered, o.Changes, true) })
	}
	refs := make([]*view, len(frames))
	valid := make([]*kernels.Image, len(frames))
	for i, f := range frames {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		if refs[i], err = b.viewOf(f.Image, g); err != nil {
			return err
		}
		valid[i] = f.Valid
	}
	checks = append(checks, func(b *bench) error { b.clipping(p, refs, skip); return nil })
	if min(g.w, g.h) < 2*shiftReach {
		return b.together(checks)
	}
	if err := b.record(refs, valid, skip); err != nil {
		return err
	}
	if err := b.normalise(append([]*view{p}, refs...)); err != nil {
		return err
	}
	checks = append(checks,
		func(b *bench) error { return b.structure(p, refs, skip) },
		func(b *bench) error { return b.edges(p, refs, skip) },
		func(b *bench) error { b.shift(p, refs); return nil },
		func(b *bench) error { b.lines(p, refs); return nil },
		func(b *bench) error {
			if strict {
				b.regionsShift(p, refs[0], skip)
			} else {
				b.regionsTone(p, refs, o.Lamps)
			}
			return nil
		},
		func(b *bench) error { return b.cast(p, refs, skip, strict) },
		func(b *bench) error {
			if !strict {
				return nil
			}
			return b.deltaE(p, refs[0], skip)
		},
		func(b *bench) error { return b.detail(p, refs, skip) },
		func(b *bench) error { return b.seams(p, refs, o.Borders, strict) })
	return b.together(checks)
}
