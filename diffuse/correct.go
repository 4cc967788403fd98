package diffuse

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/control"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/lock"
	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/diffuse/text"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/qc"
)

// Correct brings a picture's tone and colour nearer to what SDXL makes of it. The model sees the whole picture at about 1 megapixel, steered by ControlNets for its colours
// and its edges, and of what it gives only a coarse grid of curves is taken over at full size (package lock): no pixel of the model's is in the picture, and what each may
// change by is bounded. The grid lies in the report.
//
// The models are those of the kinds sdxl_unet, sdxl_vae, sdxl_prompts or both text encoders, and where there are any sdxl_controlnet_tile, sdxl_controlnet_canny
// (or sdxl_controlnet_lineart), sdxl_controlnet_union in the place of either, and sdxl_lora (docs/models.md). What is missing or fails is a finding, and the picture stays as it was.
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
	// Free keeps the model's own pixels instead, at full size, where quality control finds nothing lost or invented: synthesised, all of them. Blend and Caps do not count.
	Free bool `json:"free,omitempty"`
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

// Alters: a model's tone, through the lock; Free its pixels.
func (c Correct) Alters() realedit.Change {
	if c.Free {
		return realedit.ChangeSynthesised
	}
	return realedit.ChangeLocked
}

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

// Bytes is what the model sees and gives, and of pictures in device memory the picture on the host.
func (c Correct) Bytes(w, h int) (host, device int64) {
	sw, sh := seen(w, h)
	picture := kernels.ImageBytes(w, h, 3, kernels.U16)
	if c.Free { // the model's picture and latents of all of it, its control images and what Lineart takes, the map before, and what quality control takes
		host, device = qc.Gate{}.Bytes(w, h)
		return host + 4*picture + kernels.ImageBytes(w, h, 2, kernels.F32) + kernels.ImageBytes(w, h, 2, kernels.U8), device + picture + kernels.ImageBytes(w, h, 1, kernels.U8)
	}
	return seenBytes(w, h) + picture, picture + kernels.ImageBytes(sw, sh, 3, kernels.U8)
}

// Less is the same with one executed step less; false where there is only one.
func (c Correct) Less() (Correct, bool) {
	k, err := c.checked()
	c.Executed = k.Executed - 1
	return c, err == nil && c.Executed >= 1
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
	if _, _, err := c.start(); err != nil {
		return c, err
	}
	if c.Preset != "" {
		if _, err := text.PresetOf(c.Preset); err != nil {
			return c, err
		}
	}
	return c, c.Caps.Check()
}

func (c Correct) start() (*sampler.Schedule, sampler.Start, error) {
	return Painting{Steps: c.Steps, Executed: c.Executed}.start()
}

// Apply asks the model and applies what the lock lets through.
func (c Correct) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if c.Replay && !c.Free { // nothing is asked of a model
		return c.replay(ctx, env, w)
	}
	c, err := c.checked()
	if err != nil {
		return err
	}
	if c.Free {
		return c.free(ctx, env, w)
	}
	grid, stats, err := c.askOnce(ctx, env, w)
	if err != nil {
		return notDone(env, w, "the picture is without the model's correction", err)
	}
	if grid == nil {
		return nil
	}
	if err := c.take(ctx, env, w, grid.Scaled(c.Blend)); err != nil {
		return err
	}
	for name, v := range map[string]float64{"asked": stats.Asked, "kept": stats.Kept, "refused": stats.Refused, "limited": stats.Limited, "blend": c.Blend} {
		w.Report.Measures["lock_"+name] = math.Round(1e3*v) / 1e3
	}
	return nil
}

// replay applies the grid of a report. It comes from a file, and is held to the caps like one that was fitted.
func (c Correct) replay(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if c.Grid == nil {
		return nil
	}
	if err := lock.Check(ctx, env, w.Image, c.Grid, &c.Caps); err != nil {
		return err
	}
	return c.take(ctx, env, w, c.Grid)
}

// notDone makes a finding of an error that is the model's, with what that comes to; others are the set's. Options were checked before a model was asked.
func notDone(env *realedit.Env, w *realedit.Work, so string, err error) error {
	check := realedit.CheckModelFailed
	switch realedit.CodeOf(err) {
	case realedit.CodeCancelled, realedit.CodeDeviceLost:
		return err
	case realedit.CodeNoModel:
		check = realedit.CheckModelMissing
	case realedit.CodeBadModel:
		check = realedit.CheckModelBad
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	w.Find(realedit.Finding{Check: check, Severity: realedit.Warning, Message: so + ": " + err.Error()})
	env.Log.Warn("a model's work was left out", "error", err)
	return nil
}

// askedKey is under which a Work has an answer.
type askedKey Correct

// answer is what a model said of a picture, for the rungs below the one that asked.
type answer struct {
	of     *kernels.Image
	grid   *lock.Grid
	stats  lock.Stats
	models []realedit.ModelFacts
	found  []realedit.Finding
}

// askOnce is ask, or what it said of the same picture before.
func (c Correct) askOnce(ctx context.Context, env *realedit.Env, w *realedit.Work) (*lock.Grid, lock.Stats, error) {
	key := askedKey(c)
	key.Blend = 0 // comes after
	if a, ok := w.Value(key).(*answer); ok && a.of == w.Image {
		for _, m := range a.models {
			if !slices.Contains(w.Report.Models, m) {
				w.Report.Models = append(w.Report.Models, m)
			}
		}
		for _, f := range a.found {
			w.Find(f)
		}
		return a.grid, a.stats, nil
	}
	models, found := len(w.Report.Models), len(w.Report.Findings)
	grid, stats, err := c.ask(ctx, env, w)
	if err == nil && w.Image == w.Base { // nobody writes over it meanwhile
		w.SetValue(key, &answer{w.Image, grid, stats, slices.Clone(w.Report.Models[models:]), slices.Clone(w.Report.Findings[found:])})
	}
	return grid, stats, err
}

// ask is what the model says, as far as the lock lets it through; nil where the model said nothing.
func (c Correct) ask(ctx context.Context, env *realedit.Env, w *realedit.Work) (*lock.Grid, lock.Stats, error) {
	none := lock.Stats{}
	host, free, err := small(ctx, env, w.Image, kernels.U8)
	if err != nil {
		return nil, none, err
	}
	defer free()
	r, err := c.model(ctx, env, w, host, true)
	if err != nil {
		return nil, none, err
	}
	defer r.Picture.Free()
	if len(r.Bad) > 0 {
		w.Find(realedit.Finding{Check: realedit.CheckModelBad, Severity: realedit.Warning, Value: float64(len(r.Bad)), Message: "the networks gave no numbers in places; there nothing was taken over"})
	}
	return lock.Fit(ctx, env, w.Image, r.Picture, &c.Caps)
}

// model is what the networks make of a picture on the host, whole or tile by tile.
func (c Correct) model(ctx context.Context, env *realedit.Env, w *realedit.Work, picture *kernels.Image, whole bool) (*Result, error) {
	schedule, start, err := c.start()
	if err != nil {
		return nil, err
	}
	kit, err := kitFor(ctx, env, c.wants())
	if err != nil {
		return nil, err
	}
	prompt, err := kit.prompt(ctx, c.preset(w))
	if err != nil {
		return nil, err
	}
	controls, free, err := kit.images(picture, c)
	if err != nil {
		return nil, err
	}
	defer free()
	r, err := kit.run(ctx, env, &Job{Picture: picture, Controls: controls, Prompt: prompt, Schedule: schedule, Start: start, Seed: env.Seed, Whole: whole,
		Progress: func(f float64) { env.Progress(c.Name(), 0.8*f) }})
	if err != nil {
		return nil, err
	}
	for _, kind := range kit.kinds {
		env.UsedModel(w, kind)
	}
	if len(r.Bad) == r.Tiles {
		r.Picture.Free()
		return nil, realedit.Errorf(realedit.CodeBadModel, "diffuse", "the networks gave no numbers anywhere")
	}
	return r, nil
}

// wants are the Lightning UNet, the ControlNets that count, and a style.
func (c Correct) wants() wants {
	want := wants{unet: kindUNet}
	if c.Tile > 0 {
		want.controls = append(want.controls, kindTile)
	}
	if c.Canny > 0 {
		want.controls = append(want.controls, kindCanny)
	}
	if c.LoRA >= 0 {
		want.lora, want.weight = kindLoRA, c.LoRA
	}
	return want
}

// images are the control images that the engine's ControlNets want.
func (k *kit) images(picture *kernels.Image, c Correct) (images []Control, free func(), err error) {
	free = func() {}
	for _, kind := range k.controls {
		switch kind {
		case kindTile:
			images = append(images, Control{Image: picture, Scale: float32(c.Tile)})
		case kindCanny, kindLineart:
			eight, freeEight, err := inEight(picture)
			if err != nil {
				return nil, free, err
			}
			var edges *kernels.Image
			if kind == kindCanny {
				edges, err = control.Canny(eight, control.Thresholds{})
			} else {
				edges, err = control.Lineart(eight)
			}
			freeEight()
			if err != nil {
				return nil, free, err
			}
			free = edges.Free
			images = append(images, Control{Image: edges, Scale: float32(c.Canny)})
		}
	}
	return images, free, nil
}

// inEight is a picture of 8 or 16 bits in 8.
func inEight(m *kernels.Image) (*kernels.Image, func(), error) {
	if m.Format() != kernels.U16 {
		return m, func() {}, nil
	}
	out, err := kernels.NewHostImage(nil, m.Width(), m.Height(), m.Channels(), kernels.U8)
	if err != nil {
		return nil, nil, plainError(err)
	}
	for y := range m.Height() {
		row := out.RowU8(y)
		for i, v := range m.RowU16(y) {
			row[i] = uint8((uint32(v) + 128) / 257)
		}
	}
	return out, out.Free, nil
}

// take applies the grid, which is one for the picture.
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
	if err := w.MapChanges(); err != nil {
		return err
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
