package diffuse

import (
	"context"
	"fmt"
	"image"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/qc"
	"github.com/realedit/realedit/tile"
)

// Of a free picture the tiles that fail are taken back, in so many rounds; where more than one in freeShare would go it is another picture.
const (
	freeRounds = 8
	freeShare  = 4
)

// free keeps the model's own pixels, at full size, tile by tile, but where quality control finds something lost or invented.
func (c Correct) free(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	r, err := c.runFree(ctx, env, w)
	if err != nil {
		return notDone(env, w, "the picture is without the model's", err)
	}
	defer r.Picture.Free()
	base, before := w.Image, w.Changes
	pic, err := env.NewImage(base.Width(), base.Height(), 3, base.Format())
	if err != nil {
		return err
	}
	changes, err := realedit.NewAlterationMap(base.Width(), base.Height())
	if err != nil {
		pic.Free()
		return err
	}
	changes.MarkAll(realedit.ChangeSynthesised)
	var back, grid int
	if err = env.Backend.Copy(ctx, pic, r.Picture); err == nil {
		back, grid, err = takeBack(ctx, env, pic, base, changes, before, r.Bad)
	}
	if err != nil {
		pic.Free()
		changes.Map.Free()
		if realedit.CodeOf(err) != realedit.CodeBadModel {
			return err
		}
		return notDone(env, w, "the picture is without the model's", err)
	}
	if w.Unaltered == nil {
		w.Unaltered = base
	}
	w.SetImage(pic)
	if w.Changes = changes; before != nil {
		before.Map.Free()
	}
	if back > 0 {
		w.Find(realedit.Finding{Check: realedit.CheckModelBad, Severity: realedit.Info, Value: float64(back), Limit: float64(grid / freeShare),
			Message: fmt.Sprintf("in %d of %d tiles the model's pixels did not pass quality control, and were taken back", back, grid)})
	}
	return nil
}

// takeBack makes the tiles of pic that fail, and those of which there are no numbers, base's again. It returns how many of how many these are.
func takeBack(ctx context.Context, env *realedit.Env, pic, base *kernels.Image, changes, before *realedit.AlterationMap, bad []image.Rectangle) (n, of int, err error) {
	size := max(64, max(base.Width(), base.Height())/16)
	grid, err := tile.Grid(base.Width(), base.Height(), size, 0)
	if err != nil {
		return 0, 0, err
	}
	gone := map[image.Rectangle]bool{}
	regions := bad
	for round := 0; ; round++ {
		hit, known := tile.Hit(grid, regions), len(gone)
		for _, t := range hit {
			gone[t] = true
		}
		if freeShare*len(gone) > len(grid) || round > 0 && len(gone) == known || round > freeRounds {
			return 0, 0, realedit.Errorf(realedit.CodeBadModel, "diffuse", "%d of %d tiles do not pass quality control: it is another picture", len(gone), len(grid))
		}
		if len(hit) > 0 {
			if err := tile.RollBack(ctx, env, pic, base, changes, before, hit, size/4); err != nil {
				return 0, 0, err
			}
		}
		v, err := qc.Compare(ctx, env, pic, base, &qc.Options{Tone: true})
		if err != nil {
			return 0, 0, err
		}
		regions = nil
		for _, m := range v.Measures {
			if m.Failed && (m.Hard || len(m.Regions) == 0) {
				return 0, 0, realedit.Errorf(realedit.CodeBadModel, "diffuse", "%s %s is %.3g, limit %.3g: it is another picture", m.Check, m.Name, m.Value, m.Limit)
			}
			if m.Failed {
				regions = append(regions, worstOf(m.Regions)...)
			}
		}
		if len(regions) == 0 {
			return len(gone), len(grid), nil
		}
	}
}

// worstOf are of a check's worst regions, worst first, those that are nearer to the first than to the last one: that one may be as good as any.
func worstOf(regions []qc.Region) (all []image.Rectangle) {
	first, last := regions[0].Value, regions[len(regions)-1].Value
	for _, r := range regions {
		if math.Abs(r.Value-first) <= math.Abs(last-first)/2 {
			all = append(all, r.Rect)
		}
	}
	return all
}

// runFree is the model's picture, of the picture's size and format.
func (c Correct) runFree(ctx context.Context, env *realedit.Env, w *realedit.Work) (*Result, error) {
	host, free, err := kernels.ToHost(ctx, env.Backend, w.Image)
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "to host", Err: err}
	}
	defer free()
	return c.model(ctx, env, w, host, false)
}
