package diffuse

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/control"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/lock"
	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/kernels"
)

// Correct brings a picture's tone and colour nearer to what SDXL makes of it. The model sees the whole picture at about 1 megapixel, steered by ControlNets for its colours
// and its edges, and of what it gives only a coarse grid of curves is taken over at full size (package lock): no pixel of the model's is in the picture, and what each may
// change by is bounded. The grid lies in the report.
//
// The models are those of the kinds sdxl_unet, sdxl_vae, sdxl_prompts or both text encoders, and where there are any sdxl_controlnet_tile, sdxl_controlnet_canny,
// sdxl_controlnet_union in the place of either, and sdxl_lora (docs/models.md). What is missing or fails is a finding, and the picture stays as it was.
type Correct struct {
	// Preset is the prompt's, of text.Presets; "" = "interior" in a room, "exterior" outdoors, else "property".
	Preset string `json:"preset,omitempty"`
	// Steps and Executed are the schedule's steps, which the weights are made for (2, 4 or 8), and how many of them run, the last ones; 0 = 8 and 2.
	Steps    int `json:"steps,omitempty"`
	Executed int `json:"executed,omitempty"`
	// Blend is how much of what the lock lets through is taken, 0 to 1; 0 = 1. A rung of a ladder has less.
	Blend float64 `json:"blend,omitempty"`
	// Tile and Canny are the scales of the ControlNets, up to 2; 0 = 0.6 and 0.5, negative = not at all.
	Tile  float64 `json:"tile,omitempty"`
	Canny float64 `json:"canny,omitempty"`
	// LoRA is the weight of sdxl_lora, up to 2; 0 = lora.DefaultWeight, negative = not at all.
	LoRA float64 `json:"lora,omitempty"`
	// Caps are the lock's, its defaults where 0.
	Caps lock.Options `json:"caps,omitzero"`

	// Replay asks no model and takes over Grid, which a report holds; nil = nothing.
	Replay bool       `json:"-"`
	Grid   *lock.Grid `json:"-"`
}

// Name is "diffuse.correct".
func (Correct) Name() string { return "diffuse.correct" }

// Needs the picture.
func (Correct) Needs() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Gives the picture.
func (Correct) Gives() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Alters: a model's tone, through the lock.
func (Correct) Alters() realedit.Change { return realedit.ChangeLocked }

// correctArea is how many pixels the model sees: as many as SDXL was trained with.
const correctArea = 1.05e6

// seen is the size in which the model sees a picture, whole: smaller ones as they are, others with a shorter side that is a multiple of 64, which needs no padding.
func seen(w, h int) (int, int) {
	k := min(1, math.Sqrt(correctArea/(float64(w)*float64(h))), graph.MaxSide/float64(max(w, h)))
	if k == 1 {
		return w, h
	}
	if short := float64(min(w, h)); k*short >= 64 {
		if snapped := math.Round(k*short/64) * 64 / short; snapped*float64(max(w, h)) <= graph.MaxSide {
			k = snapped
		}
	}
	return max(1, int(math.Round(k*float64(w)))), max(1, int(math.Round(k*float64(h))))
}

// Bytes is what the model sees and gives, and of pictures in device memory the picture on the host. The networks are counted by nobody: they take what their Profile says.
func (Correct) Bytes(w, h int) (host, device int64) {
	sw, sh := seen(w, h)
	host = 3*kernels.ImageBytes(sw, sh, 3, kernels.U8) + 8*kernels.ImageBytes(sw, sh, 3, kernels.F32)
	picture := kernels.ImageBytes(w, h, 3, kernels.U16)
	return host + picture, picture + kernels.ImageBytes(sw, sh, 3, kernels.U8)
}

func (c Correct) checked() (Correct, error) {
	if c.Steps == 0 {
		c.Steps = sampler.DefaultSteps
	}
	if c.Executed == 0 {
		c.Executed = min(sampler.DefaultExecuted, c.Steps)
	}
	for _, f := range []struct {
		name     string
		v        *float64
		def, top float64
	}{{"Blend", &c.Blend, 1, 1}, {"Tile", &c.Tile, 0.6, 2}, {"Canny", &c.Canny, 0.5, 2}, {"LoRA", &c.LoRA, 0, 2}} {
		if *f.v == 0 {
			*f.v = f.def
		}
		if !(*f.v <= f.top) || f.name == "Blend" && *f.v < 0 {
			return c, realedit.Errorf(realedit.CodeBadOption, "correct", "%s: %v is beyond [0, %v]", f.name, *f.v, f.top)
		}
	}
	return c, nil
}

// Apply asks the model and applies what the lock lets through.
func (c Correct) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	c, err := c.checked()
	if err != nil {
		return err
	}
	if c.Replay {
		if c.Grid == nil {
			return nil
		}
		return c.take(ctx, env, w, c.Grid)
	}
	grid, stats, err := c.ask(ctx, env, w)
	if err != nil {
		return notDone(env, w, err)
	}
	if grid == nil {
		return nil
	}
	if err := c.take(ctx, env, w, grid.Scaled(c.Blend)); err != nil {
		return err
	}
	for name, v := range map[string]float64{"asked": stats.Asked, "kept": stats.Kept, "refused": stats.Refused, "limited": stats.Limited} {
		w.Report.Measures["lock_"+name] = math.Round(1e3*v) / 1e3
	}
	return nil
}

// notDone makes a finding of an error that is the model's; others are the set's.
func notDone(env *realedit.Env, w *realedit.Work, err error) error {
	check := realedit.CheckModelFailed
	switch realedit.CodeOf(err) {
	case realedit.CodeCancelled, realedit.CodeDeviceLost, realedit.CodeBadOption:
		return err
	case realedit.CodeNoModel:
		check = realedit.CheckModelMissing
	case realedit.CodeBadModel:
		check = realedit.CheckModelBad
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	w.Find(realedit.Finding{Check: check, Severity: realedit.Warning, Message: "the picture is without the model's correction: " + err.Error()})
	env.Log.Warn("a model's correction was left out", "error", err)
	return nil
}

// ask is what the model says, as far as the lock lets it through; nil where the model said nothing.
func (c Correct) ask(ctx context.Context, env *realedit.Env, w *realedit.Work) (*lock.Grid, lock.Stats, error) {
	none := lock.Stats{}
	schedule, err := sampler.NewSchedule(c.Steps, sampler.Epsilon)
	if err != nil {
		return nil, none, err
	}
	start, err := schedule.StartWith(c.Executed)
	if err != nil {
		return nil, none, err
	}
	kit, err := c.kit(ctx, env)
	if err != nil {
		return nil, none, err
	}
	prompt, err := kit.prompt(ctx, c.preset(w))
	if err != nil {
		return nil, none, err
	}
	sw, sh := seen(w.Image.Width(), w.Image.Height())
	small, err := env.NewImage(sw, sh, 3, kernels.U8)
	if err != nil {
		return nil, none, err
	}
	defer small.Free()
	if err := env.Ops.Resize(small, w.Image); err != nil {
		return nil, none, &realedit.Error{Code: realedit.CodeOf(err), Op: "resize", Err: err}
	}
	host, free, err := kernels.ToHost(ctx, env.Backend, small)
	if err != nil {
		return nil, none, &realedit.Error{Code: realedit.CodeOf(err), Op: "to host", Err: err}
	}
	defer free()
	controls, freeControls, err := kit.images(host, c)
	if err != nil {
		return nil, none, err
	}
	defer freeControls()
	r, err := kit.engine.Run(ctx, &Job{Picture: host, Controls: controls, Prompt: prompt, Schedule: schedule, Start: start, Seed: env.Seed, Whole: true,
		Progress: func(f float64) { env.Progress(c.Name(), 0.8*f) }})
	if err != nil {
		return nil, none, err
	}
	defer r.Picture.Free()
	for _, kind := range kit.kinds {
		env.UsedModel(w, kind)
	}
	if len(r.Bad) == r.Tiles {
		return nil, none, realedit.Errorf(realedit.CodeBadModel, "diffuse", "the networks gave no numbers anywhere")
	}
	if len(r.Bad) > 0 {
		w.Find(realedit.Finding{Check: realedit.CheckModelBad, Severity: realedit.Warning, Value: float64(len(r.Bad)), Message: "the networks gave no numbers in places; there nothing was taken over"})
	}
	return lock.Fit(ctx, env, w.Image, r.Picture, &c.Caps)
}

// images are the control images that the engine's ControlNets want.
func (k *kit) images(picture *kernels.Image, c Correct) (images []Control, free func(), err error) {
	free = func() {}
	for _, kind := range k.controls {
		switch kind {
		case kindTile:
			images = append(images, Control{Image: picture, Scale: float32(c.Tile)})
		case kindCanny:
			edges, err := control.Canny(picture, control.Thresholds{})
			if err != nil {
				return nil, free, err
			}
			free = edges.Free
			images = append(images, Control{Image: edges, Scale: float32(c.Canny)})
		}
	}
	return images, free, nil
}

// take applies the grid to the picture.
func (c Correct) take(ctx context.Context, env *realedit.Env, w *realedit.Work, grid *lock.Grid) error {
	text, err := json.Marshal(grid)
	if err != nil {
		return err
	}
	out, err := env.NewImage(w.Image.Width(), w.Image.Height(), 3, w.Image.Format())
	if err != nil {
		return err
	}
	err = func() error {
		src, free, err := kernels.ToHost(ctx, env.Backend, w.Image)
		if err != nil {
			return err
		}
		defer free()
		dst := out
		if !out.OnHost() {
			dst = src // a copy of this stage's own
		}
		if err := lock.Apply(ctx, dst, src, image.Point{}, grid); err != nil {
			return err
		}
		if dst != out {
			return env.Backend.Copy(ctx, out, dst)
		}
		return nil
	}()
	if err != nil {
		out.Free()
		return &realedit.Error{Code: realedit.CodeOf(err), Op: "apply the lock", Err: err}
	}
	w.SetImage(out)
	if w.Changes == nil {
		if w.Changes, err = realedit.NewAlterationMap(out.Width(), out.Height()); err != nil {
			return err
		}
	}
	w.Changes.MarkAll(realedit.ChangeLocked)
	w.Report.Lock = text
	return nil
}

// preset is the prompt's name.
func (c Correct) preset(w *realedit.Work) string {
	switch {
	case c.Preset != "":
		return c.Preset
	case w.Scene.Scene == realedit.SceneInterior:
		return "interior"
	case w.Scene.Scene == realedit.SceneExterior:
		return "exterior"
	}
	return "property"
}
