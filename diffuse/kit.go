package diffuse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/lora"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/text"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/internal/parallel"
)

// The kinds of models.json that this package's stages use.
const (
	kindUNet    = "sdxl_unet"
	kindInpaint = "sdxl_unet_inpaint"
	kindVAE     = "sdxl_vae"
	kindTile    = "sdxl_controlnet_tile"
	kindCanny   = "sdxl_controlnet_canny"
	kindLineart = "sdxl_controlnet_lineart"
	kindUnion   = "sdxl_controlnet_union"
	kindLoRA    = "sdxl_lora"
	kindFewStep = "sdxl_lora_inpaint"
	kindPrompts = "sdxl_prompts"
	kindCLIPL   = "sdxl_text_encoder"
	kindBigG    = "sdxl_text_encoder_2"
)

// engine is an Engine, or what stands for one in tests.
type engine interface {
	Run(ctx context.Context, job *Job) (*Result, error)
	Close() error
}

// kit is an engine with what a stage needs beside it. It lives as long as the models that it is made of.
type kit struct {
	engine   engine
	kinds    []string // that it is made of
	controls []string // the kinds of ControlNets whose images it takes, in their order
	union    int      // how many of these, the last ones, sdxl_controlnet_union takes in their place
	stored   []*text.Embedding
	encoders *TextEncoders // nil = there are none
	encode   func(context.Context, *TextEncoders, *Options, ...string) ([]*text.Embedding, error)
	sets     []*weights.Set
	options  Options

	turn    parallel.Turn              // of who looks prompts up or encodes them
	encoded map[string]*text.Embedding // by prompt
}

// Close closes the engine and the files.
func (k *kit) Close() error {
	var err error
	if k.engine != nil {
		err = k.engine.Close()
	}
	for _, s := range k.sets {
		err = errors.Join(err, s.Close())
	}
	return err
}

// wants are the networks that a stage asks for.
type wants struct {
	unet     string   // its kind
	controls []string // the kinds of ControlNets, as far as they are there in one form or another
	lora     string   // its kind; "" = none
	weight   float64  // of the LoRA
}

// kitFor is what a stage works with, made once for the models, the device, and what is asked of them.
func kitFor(ctx context.Context, env *realedit.Env, want wants) (*kit, error) {
	files, ok := env.Models.(realedit.ModelFiles)
	if !ok {
		return nil, realedit.Errorf(realedit.CodeNoModel, want.unet, "there are no models: listing models tells how to get them")
	}
	union := 0
	want.controls, union = controlKinds(env.HasModel, want.controls)
	if want.lora != "" && !env.HasModel(want.lora) {
		want.lora = ""
	}
	v, err := files.Keep(ctx, fmt.Sprintf("diffuse %s %+v %d", env.Backend.Name(), want, union), func() (io.Closer, error) {
		k := &kit{controls: want.controls, union: union, encode: Encode, turn: parallel.NewTurn(), encoded: map[string]*text.Embedding{}}
		if err := k.open(ctx, env, want); err != nil {
			return nil, errors.Join(err, k.Close())
		}
		return k, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*kit), nil
}

// set opens the weights of a kind.
func (k *kit) set(ctx context.Context, env *realedit.Env, n weights.Network, kind string) (*weights.Set, error) {
	paths, err := env.ModelFiles(ctx, kind)
	if err != nil {
		return nil, err
	}
	s, err := weights.Open(n, paths...)
	if err != nil {
		return nil, err
	}
	k.sets, k.kinds = append(k.sets, s), append(k.kinds, kind)
	return s, nil
}

func (k *kit) open(ctx context.Context, env *realedit.Env, want wants) error {
	n := &Networks{}
	var err error
	if n.UNet, err = k.set(ctx, env, weights.UNet, want.unet); err != nil {
		return err
	}
	n.Arch = sdxlOf(n.UNet)
	if n.VAE, err = k.set(ctx, env, weights.VAE, kindVAE); err != nil {
		return err
	}
	if n.Controls, err = k.controlNets(ctx, env); err != nil {
		return err
	}
	if want.lora != "" {
		if n.UNet, err = k.merged(ctx, env, n.UNet, want.lora, want.weight); err != nil {
			return err
		}
	}
	if err := k.texts(ctx, env); err != nil {
		return err
	}
	var why error
	if k.options.Devices, why = devicesFor(ctx, env.Backend.Name(), &k.options); ctx.Err() != nil {
		return &realedit.Error{Code: realedit.CodeCancelled, Op: "open networks", Err: context.Cause(ctx)}
	}
	if strings.HasPrefix(env.Backend.Name(), "cuda:") { // of other cards nobody knows how much is free: Profile8GB
		k.options.Profile = ProfileFor(env.Backend.Caps().Free)
		k.options.StepDown = true
	}
	e, err := Open(n, &k.options)
	if err != nil && why != nil {
		return realedit.Errorf(realedit.CodeOf(err), "open networks", "%w; no GPU: %v", err, why)
	}
	if err != nil {
		return err
	}
	k.engine = e
	return nil
}

// run runs a job, and says so where the device's memory did not do for the profile that was chosen.
func (k *kit) run(ctx context.Context, env *realedit.Env, job *Job) (*Result, error) {
	r, err := k.engine.Run(ctx, job)
	if err == nil && r.Profile != k.options.Profile && k.options.StepDown {
		env.Log.Warn("the card's memory does not do for the profile", "profile", k.options.Profile.Name, "in its place", r.Profile.Name)
	}
	return r, err
}

// merged is the UNet with a LoRA merged in. The side file lies in the user's cache.
func (k *kit) merged(ctx context.Context, env *realedit.Env, base *weights.Set, kind string, weight float64) (*weights.Set, error) {
	paths, err := env.ModelFiles(ctx, kind)
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	m, err := lora.Merge(ctx, base, []lora.LoRA{{Path: paths[0], Weight: weight}}, safetensors.Cache{Dir: filepath.Join(cache, "realedit", "lora")})
	if err != nil {
		return nil, err
	}
	if m.File == "" {
		return nil, realedit.Errorf(realedit.CodeBadModel, filepath.Base(paths[0]), "it has nothing for the network of kind %s: %d modules of others", k.kinds[0], m.Others)
	}
	if m.Others > 0 {
		env.Log.Info("a LoRA was taken in part", "file", filepath.Base(paths[0]), "tensors", m.Changed, "left out", m.Others)
	}
	s, err := base.With(m.File)
	if err != nil {
		return nil, err
	}
	k.sets, k.kinds = append(k.sets, s), append(k.kinds, kind)
	return s, nil
}

// texts opens what prompts are looked up in: stored embeddings, and the encoders for what is not stored.
func (k *kit) texts(ctx context.Context, env *realedit.Env) error {
	if env.HasModel(kindPrompts) {
		paths, err := env.ModelFiles(ctx, kindPrompts)
		if err != nil {
			return err
		}
		if k.stored, err = text.ReadEmbeddings(paths[0]); err != nil {
			return err
		}
		k.kinds = append(k.kinds, kindPrompts)
	}
	if !env.HasModel(kindCLIPL) || !env.HasModel(kindBigG) {
		if k.stored == nil {
			return realedit.Errorf(realedit.CodeNoModel, kindPrompts, "there are neither stored prompts nor text encoders")
		}
		return nil
	}
	e := &TextEncoders{}
	var err error
	if e.CLIPL, err = k.set(ctx, env, weights.TextEncoder, kindCLIPL); err != nil {
		return err
	}
	if e.CLIPBigG, err = k.set(ctx, env, weights.TextEncoder2, kindBigG); err != nil {
		return err
	}
	k.encoders = e
	return nil
}

// prompt is a preset's embedding: the stored one, or what the encoders say. They are loaded once, for all presets that are not stored.
func (k *kit) prompt(ctx context.Context, preset string) (*text.Embedding, error) {
	p, err := text.PresetOf(preset)
	if err != nil {
		return nil, err
	}
	if e := text.FindEmbedding(k.stored, p.Prompt); e != nil {
		return e, nil
	}
	if k.encoders == nil {
		return nil, realedit.Errorf(realedit.CodeNoModel, kindPrompts, "the stored prompts have none for the preset %q, and there are no text encoders", preset)
	}
	leave, err := k.turn.Take(ctx)
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeCancelled, Op: "encode prompts", Err: err}
	}
	defer leave()
	if e := k.encoded[p.Prompt]; e != nil {
		return e, nil
	}
	var missing []string
	for _, q := range text.Presets() {
		if text.FindEmbedding(k.stored, q.Prompt) == nil {
			missing = append(missing, q.Prompt)
		}
	}
	all, err := k.encode(ctx, k.encoders, &k.options, missing...)
	if err != nil {
		return nil, err
	}
	for i, q := range missing {
		k.encoded[q] = all[i]
	}
	return k.encoded[p.Prompt], nil
}
