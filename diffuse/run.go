package diffuse

import (
	"context"
	"fmt"
	"image"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/diffuse/text"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// latents is how many channels a latent picture has.
const latents = 4

// run is a job under way.
type run struct {
	*Job
	e           *Engine
	pad         sampler.Padding
	tiles       *sampler.Tiling // in latents
	bad         []bool          // by tile
	done, total float64         // for progress
}

// Run takes a picture through the networks. Where no step is to be executed the result is the picture, decoded from its own pixels: a copy.
//
// Errors: CodeBadOption, CodeBadModel (an autoencoder that overflows among them), CodeNoDevice, CodeNoLibrary, CodeOutOfMemory, CodeDeviceLost, CodeCancelled: within one batch of tiles.
func (e *Engine) Run(ctx context.Context, job *Job) (*Result, error) {
	job, err := e.check(job)
	if err != nil {
		return nil, err
	}
	unlock, err := e.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r := &run{Job: job, e: e}
	if r.pad, err = sampler.Pad(job.Picture.Width(), job.Picture.Height(), job.Tile); err != nil {
		return nil, err
	}
	h, w := r.pad.Latent()
	if r.tiles, err = sampler.NewTiling(h, w, job.Tile/sampler.LatentScale, job.Overlap/sampler.LatentScale); err != nil {
		return nil, err
	}
	r.bad = make([]bool, r.tiles.Len())
	if job.Start.None() {
		return r.unchanged()
	}
	x, err := r.sample(ctx)
	if err != nil {
		return nil, err
	}
	return r.decode(ctx, x)
}

func (r *run) unchanged() (*Result, error) {
	out, err := newPicture(r.Picture)
	if err != nil {
		return nil, err
	}
	for y := range out.Height() {
		copy(out.Row(y), r.Picture.Row(y))
	}
	return &Result{Picture: out, Tiles: r.tiles.Len()}, nil
}

// newPicture is a picture of the size and format of like, in the host's pool.
func newPicture(like *kernels.Image) (*kernels.Image, error) {
	m, err := kernels.NewHostImage(nil, like.Width(), like.Height(), 3, like.Format())
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "diffuse", Err: err}
	}
	return m, nil
}

// form is a graph's for batches of so many tiles.
func (r *run) form(batch int) graph.Form {
	return graph.Form{CUDA: r.e.cuda, Batch: min(batch, r.tiles.Len()), Width: r.Tile, Height: r.Tile}
}

// batches is how many batches of n cover the tiles, and batch the tiles of one; the last may be short.
func (r *run) batches(n int) int { return (r.tiles.Len() + n - 1) / n }

func (r *run) batch(i, n int) (first, count int) { return i * n, min(n, r.tiles.Len()-i*n) }

// advance tells how far the job is: the autoencoder's work counts a share, every step the rest.
func (r *run) advance(share float64) {
	r.done += share
	if r.Progress != nil {
		r.Progress(min(r.done, 1))
	}
}

// sample is what the steps make of the picture: latents.
func (r *run) sample(ctx context.Context) (*sampler.Planes, error) {
	z0, err := r.encode(ctx, nil)
	if err != nil {
		return nil, err
	}
	noise := sampler.NewPlanes(latents, z0.Height, z0.Width)
	if r.noise != nil {
		copy(noise.Values, r.noise)
	} else if err := r.field(noise); err != nil {
		return nil, err
	}
	s := r.Schedule
	x := sampler.NewPlanes(latents, z0.Height, z0.Width)
	in := &inpainting{}
	if r.Mask != nil {
		if in, err = r.inpainting(ctx); err != nil {
			return nil, err
		}
		err = s.InpaintNoise(x.Values, z0.Values, noise.Values, r.Start)
	} else {
		err = s.AddNoise(x.Values, z0.Values, noise.Values, r.Start.Index)
	}
	if err != nil {
		return nil, err
	}
	keep := make([][]bool, len(r.Controls))
	for i, c := range r.Controls {
		if keep[i], err = sampler.Keep(c.From, c.To, r.Start.Executed()); err != nil {
			return nil, err
		}
	}
	scaled := sampler.NewPlanes(latents, z0.Height, z0.Width)
	for i := r.Start.Index; i < s.Steps(); i++ {
		if err := s.ScaleModelInput(scaled.Values, x.Values, i); err != nil {
			return nil, err
		}
		var scales []float32
		for k, c := range r.Controls {
			v := float32(0)
			if keep[k][i-r.Start.Index] {
				v = c.Scale
			}
			scales = append(scales, v)
		}
		eps, err := r.predict(ctx, &step{index: i, scaled: scaled, x: x, z0: z0, scales: scales, in: in})
		if err != nil {
			return nil, err
		}
		if err := s.Step(x.Values, eps.Values, i); err != nil {
			return nil, err
		}
		if in.mask != nil && r.e.n.Arch.Inputs == 4 {
			if err := s.InpaintBlend(x.Values, z0.Values, noise.Values, in.mask, i); err != nil {
				return nil, err
			}
		}
	}
	return x, nil
}

// field fills the noise over the whole picture, in bands side by side.
func (r *run) field(noise *sampler.Planes) error {
	n := sampler.Noise{Seed: r.Seed}
	const rows = 32
	bands := (noise.Height + rows - 1) / rows
	errs := make([]error, bands)
	each(bands, func(i int) {
		rect := image.Rect(0, i*rows, noise.Width, min((i+1)*rows, noise.Height))
		v := make([]float32, latents*rect.Dx()*rect.Dy())
		if errs[i] = n.Fill(v, latents, rect); errs[i] != nil {
			return
		}
		for c := range latents {
			copy(noise.Values[(c*noise.Height+rect.Min.Y)*noise.Width:], v[c*rect.Dx()*rect.Dy():][:rect.Dx()*rect.Dy()])
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// encode is the picture in latents, scaled as the steps want it; with a mask, the picture without what is under it.
func (r *run) encode(ctx context.Context, without *sampler.Mask) (*sampler.Planes, error) {
	e, n := r.e, min(r.e.o.Profile.vaeBatch(), r.tiles.Len())
	m, err := e.model("vae encoder", r.form(n), func(f graph.Form) (*graph.Graph, error) { return graph.NewVAEEncoder(e.n.VAEArch, f, e.n.VAE) })
	if err != nil {
		return nil, err
	}
	z := sampler.NewPlanes(latents, r.tiles.Height, r.tiles.Width)
	join, err := r.tiles.NewAssembler(latents, rowsInto(z))
	if err != nil {
		return nil, err
	}
	side, tile := r.Tile, 3*r.Tile*r.Tile
	small := latents * r.tiles.Side * r.tiles.Side
	err = e.run(ctx, &pass{model: m, batches: r.batches(n), last: !e.o.Profile.Resident,
		in: func() ort.Values { return ort.Values{"image": e.tensor(n, 3, side, side)} },
		fill: func(b int, in ort.Values) error {
			first, count := r.batch(b, n)
			each(count, func(k int) {
				v := make([]float32, tile)
				at := r.pixels(first + k)
				readTile(v, r.Picture, r.pad, at, 2, -1)
				if without != nil {
					erase(v, without, r.pad, at)
				}
				store(in["image"], k*tile, v)
			})
			return nil
		},
		take: func(ctx context.Context, b int, out ort.Values) error {
			first, count := r.batch(b, n)
			for k := range count {
				v := load(out["mean"], k*small, small)
				if !finite(v) {
					return realedit.Errorf(realedit.CodeBadModel, "autoencoder", "its encoder overflowed in tile %d: float16 wants weights that are made for it (sdxl-vae-fp16-fix)", first+k)
				}
				if err := join.Add(first+k, v); err != nil {
					return err
				}
			}
			r.advance(0.1 * float64(count) / float64(r.tiles.Len()))
			return nil
		}})
	if err != nil {
		return nil, err
	}
	if err := join.Done(); err != nil {
		return nil, err
	}
	return z, sampler.FromPosterior(z.Values, z.Values)
}

func rowsInto(p *sampler.Planes) func(y int, row []float32) error {
	return func(y int, row []float32) error {
		for c := range p.Channels {
			copy(p.Row(c, y), row[c*p.Width:])
		}
		return nil
	}
}

// pixels is where tile i lies in the padded picture.
func (r *run) pixels(i int) image.Rectangle {
	t := r.tiles.Tile(i)
	return image.Rectangle{t.Min.Mul(sampler.LatentScale), t.Max.Mul(sampler.LatentScale)}
}

// decode is the picture of latents.
func (r *run) decode(ctx context.Context, x *sampler.Planes) (*Result, error) {
	e, n := r.e, min(r.e.o.Profile.vaeBatch(), r.tiles.Len())
	m, err := e.model("vae decoder", r.form(n), func(f graph.Form) (*graph.Graph, error) { return graph.NewVAEDecoder(e.n.VAEArch, f, e.n.VAE) })
	if err != nil {
		return nil, err
	}
	wide, err := r.tiles.Scaled(sampler.LatentScale)
	if err != nil {
		return nil, err
	}
	out, err := newPicture(r.Picture)
	if err != nil {
		return nil, err
	}
	join, err := wide.NewAssembler(3, func(y int, row []float32) error {
		if y < out.Height() {
			writeRow(out, y, row, wide.Width)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	tile := 3 * r.Tile * r.Tile
	small := latents * r.tiles.Side * r.tiles.Side
	err = e.run(ctx, &pass{model: m, batches: r.batches(n), last: !e.o.Profile.Resident,
		in: func() ort.Values { return ort.Values{"latent": e.tensor(n, latents, r.tiles.Side, r.tiles.Side)} },
		fill: func(b int, in ort.Values) error {
			first, count := r.batch(b, n)
			for k := range count {
				v := make([]float32, small)
				if err := r.tiles.Cut(v, x, first+k); err != nil {
					return err
				}
				if err := sampler.ToDecoder(v, v); err != nil {
					return err
				}
				store(in["latent"], k*small, v)
			}
			return nil
		},
		take: func(ctx context.Context, b int, got ort.Values) error {
			first, count := r.batch(b, n)
			values := make([][]float32, count)
			each(count, func(k int) {
				v := load(got["image"], k*tile, tile)
				if finite(v) {
					sampler.FromDecoder(v, v)
				} else {
					r.bad[first+k] = true
					readTile(v, r.Picture, r.pad, wide.Tile(first+k), 1, 0)
				}
				values[k] = v
			})
			for k, v := range values {
				if err := join.Add(first+k, v); err != nil {
					return err
				}
			}
			r.advance(0.3 * float64(count) / float64(r.tiles.Len()))
			return nil
		}})
	if err == nil {
		err = join.Done()
	}
	if err != nil {
		out.Free()
		return nil, err
	}
	res := &Result{Picture: out, Tiles: r.tiles.Len()}
	for i, b := range r.bad {
		if b {
			res.Bad = append(res.Bad, r.pixels(i).Intersect(r.Picture.Bounds()))
		}
	}
	return res, nil
}

// step is one step's work.
type step struct {
	index  int
	scaled *sampler.Planes // what the networks are given
	x, z0  *sampler.Planes
	scales []float32 // of the ControlNets; 0 = it takes no part
	in     *inpainting
}

// predict is what the UNet says of a step, over the whole picture.
func (r *run) predict(ctx context.Context, s *step) (*sampler.Planes, error) {
	if r.e.o.Profile.Resident || !slices.ContainsFunc(s.scales, func(v float32) bool { return v != 0 }) {
		return r.together(ctx, s)
	}
	return r.oneByOne(ctx, s)
}

// conditions are the inputs that a UNet and its ControlNets share, the same for all tiles, with memory for the sample.
func (r *run) conditions(s *step, n, channels int) (ort.Values, error) {
	ids, err := sampler.TileTimeIDs(r.Tile)
	if err != nil {
		return nil, err
	}
	u := &r.e.n.Arch
	in := ort.Values{
		"sample":                r.e.tensor(n, channels, r.tiles.Side, r.tiles.Side),
		"timestep":              {Shape: []int64{1}, Data: []float32{r.Schedule.Timestep(s.index)}},
		"encoder_hidden_states": r.e.tensor(n, text.Length, u.Context),
		"text_embeds":           r.e.tensor(n, u.Pooled),
		"time_ids":              {Shape: []int64{int64(n), 6}, Data: slices.Repeat(ids[:], n)},
	}
	for k := range n {
		store(in["encoder_hidden_states"], k*len(r.Prompt.Hidden), r.Prompt.Hidden)
		store(in["text_embeds"], k*len(r.Prompt.Pooled), r.Prompt.Pooled)
	}
	return in, nil
}

// sampleInto writes the sample of tile i, with what inpainting adds, as the k-th of a batch.
func (r *run) sampleInto(t *ort.Tensor, k, i int, s *step, channels int) error {
	plane := r.tiles.Side * r.tiles.Side
	v := make([]float32, latents*plane)
	if err := r.tiles.Cut(v, s.scaled, i); err != nil {
		return err
	}
	if channels > latents {
		all := make([]float32, channels*plane)
		if err := s.in.input(all, v, r.tiles, i); err != nil {
			return err
		}
		v = all
	}
	store(t, k*channels*plane, v)
	return nil
}

// controlInto writes the control image of tile i as the k-th of a batch.
func (r *run) controlInto(t *ort.Tensor, k, i int, m *kernels.Image) {
	n := 3 * r.Tile * r.Tile
	v := make([]float32, n)
	readTile(v, m, r.pad, r.pixels(i), 1, 0)
	store(t, k*n, v)
}

// together runs UNet and ControlNets as one graph.
func (r *run) together(ctx context.Context, s *step) (*sampler.Planes, error) {
	e, n := r.e, min(r.e.o.Profile.batch(), r.tiles.Len())
	with := r.taking(s)
	name := fmt.Sprintf("denoiser with %v", with)
	m, err := e.model(name, r.form(n), func(f graph.Form) (*graph.Graph, error) {
		return graph.NewDenoiser(e.n.Arch, f, e.n.UNet, e.sets(with)...)
	})
	if err != nil {
		return nil, err
	}
	channels := e.n.Arch.Inputs
	shared, err := r.conditions(s, n, channels)
	if err != nil {
		return nil, err
	}
	return r.noiseOf(ctx, s, n, &pass{model: m, last: !e.o.Profile.Resident,
		in: func() ort.Values {
			in := ort.Values{"sample": e.tensor(n, channels, r.tiles.Side, r.tiles.Side)}
			for k, v := range shared {
				if k != "sample" {
					in[k] = v
				}
			}
			for k, c := range with {
				in[fmt.Sprintf("controlnet_cond_%d", k)] = e.tensor(n, 3, r.Tile, r.Tile)
				scale := e.tensor(1)
				store(scale, 0, []float32{s.scales[c]})
				in[fmt.Sprintf("conditioning_scale_%d", k)] = scale
			}
			return in
		},
		fill: func(b int, in ort.Values) error {
			first, count := r.batch(b, n)
			errs := make([]error, count)
			each(count, func(k int) {
				errs[k] = r.sampleInto(in["sample"], k, first+k, s, channels)
				for j, c := range with {
					r.controlInto(in[fmt.Sprintf("controlnet_cond_%d", j)], k, first+k, r.Controls[c].Image)
				}
			})
			return firstError(errs)
		}})
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// taking are the ControlNets that take part in a step.
func (r *run) taking(s *step) (with []int) {
	for i, v := range s.scales {
		if v != 0 {
			with = append(with, i)
		}
	}
	return with
}

// noiseOf runs a pass whose network estimates the noise, and joins what it says of the tiles.
func (r *run) noiseOf(ctx context.Context, s *step, n int, p *pass) (*sampler.Planes, error) {
	eps := sampler.NewPlanes(latents, r.tiles.Height, r.tiles.Width)
	join, err := r.tiles.NewAssembler(latents, rowsInto(eps))
	if err != nil {
		return nil, err
	}
	size := latents * r.tiles.Side * r.tiles.Side
	p.batches = r.batches(n)
	p.take = func(ctx context.Context, b int, out ort.Values) error {
		first, count := r.batch(b, n)
		for k := range count {
			v := load(out["out_sample"], k*size, size)
			if !finite(v) {
				r.bad[first+k] = true
				if err := r.still(v, s, first+k); err != nil {
					return err
				}
			}
			if err := join.Add(first+k, v); err != nil {
				return err
			}
		}
		r.advance(0.6 / float64(r.Start.Executed()) * float64(count) / float64(r.tiles.Len()))
		return nil
	}
	if err := r.e.run(ctx, p); err != nil {
		return nil, err
	}
	return eps, join.Done()
}

// still is what a network would say of tile i that sees the picture as it was: (x − z₀)/σ, or z₀ where it predicts the picture.
func (r *run) still(dst []float32, s *step, i int) error {
	z := make([]float32, len(dst))
	if err := r.tiles.Cut(z, s.z0, i); err != nil {
		return err
	}
	if r.Schedule.Prediction() == sampler.Sample {
		copy(dst, z)
		return nil
	}
	if err := r.tiles.Cut(dst, s.x, i); err != nil {
		return err
	}
	sigma := r.Schedule.Sigma(s.index)
	for k, v := range dst {
		dst[k] = (v - z[k]) / sigma
	}
	return nil
}
