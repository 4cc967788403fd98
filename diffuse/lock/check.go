package lock

import (
	"context"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Check refuses a grid that is valid but goes beyond the caps, as one of a report may that somebody has written: the cap of a pixel at every node, whatever the picture,
// and that of a block on picture, the deterministic one, in env's memory. What Fit gave for the same picture and caps passes, and so does what is Scaled.
// Errors: CodeBadOption; those of env's backend, CodeCancelled.
func Check(ctx context.Context, env *realedit.Env, picture *kernels.Image, g *Grid, o *Options) error {
	if o == nil {
		o = &Options{}
	}
	caps, err := o.withDefaults()
	if err != nil {
		return err
	}
	if err := g.valid(); err != nil {
		return err
	}
	if picture == nil || picture.Channels() != 3 || picture.Width() != g.Width || picture.Height() != g.Height {
		return realedit.Errorf(realedit.CodeBadOption, "lock", "the grid is for a picture of %d×%d, this one is %v", g.Width, g.Height, picture)
	}
	b := &bench{ctx: ctx, env: env, caps: caps}
	defer b.close()
	f := g.field()
	pixel, err := b.hold(f, make([]float32, f.columns*f.rows), false)
	if err != nil {
		return err
	}
	if pixel > caps.Pixel {
		return realedit.Errorf(realedit.CodeBadOption, "lock", "grid: a colour moves by %.3g ΔE00, beyond the cap of %g", pixel, caps.Pixel)
	}
	b.size(picture)
	if b.picture, err = b.reduced(picture); err != nil {
		return err
	}
	if err := b.pick(picture); err != nil {
		return err
	}
	var st Stats
	if _, err := b.blocks(f, &st); err != nil {
		return err
	}
	if st.Block > caps.Block {
		return realedit.Errorf(realedit.CodeBadOption, "lock", "grid: a block moves by %.3g ΔE00 in the mean, beyond the cap of %g", st.Block, caps.Block)
	}
	return nil
}
