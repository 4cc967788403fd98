package diffuse

import (
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
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
	e     *Engine
	pad   sampler.Padding
	tiles *sampler.Tiling // in latents
	bad   []bool          // by tile
	nets  []net
	done  float64  // of the job, for progress
	held  []func() // gives memory back
}

// Run takes a picture through the networks. Where no step is to be executed the result is the picture, decoded from its own pixels: a copy.
//
// Errors: CodeBadOption, CodeBadModel (an autoencoder that overflows among them), CodeNoDevice, CodeNoLibrary, CodeOutOfMemory, CodeDeviceLost, CodeCancelled: within one batch of tiles.
func (e *Engine) Run(ctx context.Context, job *Job) (*Result, error) {
	job, err := e.check(job)
	if err != nil {
		return nil, err
	}
	leave, err := e.turn.Take(ctx)
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeCancelled, Op: "diffuse", Err: err}
	}
	defer leave()
	if tell, most := job.Progress, 0.0; tell != nil { // which does not go back where a job begins anew
		job.Progress = func(f float64) {
			if f > most {
				most = f
				tell(f)
			}
		}
	}
	for {
		r, err := e.try(ctx, job)
		if err == nil {
			r.Profile = e.o.Profile
			return r, nil
		}
		less, ok := e.o.Profile.smaller()
		full := realedit.CodeOf(err) == realedit.CodeOutOfMemory && !errors.Is(err, kernels.ErrHostMemory)
		if !full || !ok || !e.o.StepDown {
			return nil, err
		}
		for _, c := range e.cards {
			c.Trim()
		}
		e.o.Profile = less
	}
}

// try runs a job once, in the profile that the engine has.
func (e *Engine) try(ctx context.Context, job *Job) (*Result, error) {
	if e.fault != nil {
		if err := e.fault(e.o.Profile); err != nil {
			return nil, err
		}
	}
	r := &run{Job: job, e: e}
	if err := r.cover(); err != nil {
		return nil, err
	}
	r.bad = make([]bool, r.tiles.Len())
	r.nets = job.nets(e.n.Controls)
	if job.Start.None() {
		return r.unchanged()
	}
	x, err := r.sample(ctx)
	if err != nil {
		return nil, err
	}
	return r.decode(ctx, x)
}

// cover lays the tiles.
func (r *run) cover() (err error) {
	w, h := r.Picture.Width(), r.Picture.Height()
	if r.Whole {
		up := func(n int) int { return (n + 63) / 64 * 64 }
		r.pad = sampler.Padding{Width: w, Height: h, PaddedWidth: up(w), PaddedHeight: up(h)}
		lh, lw := r.pad.Latent()
		r.tiles, err = sampler.OneTile(lh, lw)
		return err
	}
	if r.pad, err = sampler.Pad(w, h, r.Tile); err != nil {
		return err
	}
	lh, lw := r.pad.Latent()
	r.tiles, err = sampler.NewTiling(lh, lw, r.Tile/sampler.LatentScale, r.Overlap/sampler.LatentScale)
	return err
}

// tile is a tile's height and width in pixels.
func (r *run) tile() (h, w int) {
	return r.tiles.TileHeight * sampler.LatentScale, r.tiles.TileWidth * sampler.LatentScale
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
		return nil, plainError(err)
	}
	return m, nil
}

// form is a graph's for batches of so many tiles.
func (r *run) form(batch int) graph.Form {
	h, w := r.tile()
	return graph.Form{CUDA: r.e.cuda, Batch: min(batch, r.tiles.Len()), Width: w, Height: h}
}

// batches is how many batches of n cover the tiles, and batch the tiles of one; the last may be short.
func (r *run) batches(n int) int { return (r.tiles.Len() + n - 1) / n }

func (r *run) batch(i, n int) (first, count int) { return i * n, min(n, r.tiles.Len()-i*n) }

// advance tells how far the job is: a batch b of n tiles at a time does its part of a share of it.
func (r *run) advance(share float64, b, n int) {
	_, count := r.batch(b, n)
	r.done += share * float64(count) / float64(r.tiles.Len())
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
	return each(bands, func(i int) error {
		rect := image.Rect(0, i*rows, noise.Width, min((i+1)*rows, noise.Height))
		v := make([]float32, latents*rect.Dx()*rect.Dy())
		if err := n.Fill(v, latents, rect); err != nil {
			return err
		}
		for c := range latents {
			copy(noise.Values[(c*noise.Height+rect.Min.Y)*noise.Width:], v[c*rect.Dx()*rect.Dy():][:rect.Dx()*rect.Dy()])
		}
		return nil
	})
}

// encode is the picture in latents, scaled as the steps want it; with a mask, the picture without what is under it.
func (r *run) encode(ctx context.Context, without *sampler.Mask) (*sampler.Planes, error) {
	e, n := r.e, min(r.e.o.Profile.vaeBatch(), r.tiles.Len())
	m, err := e.vae("vae encoder", r.form(n), graph.NewVAEEncoder)
	if err != nil {
		return nil, err
	}
	z := sampler.NewPlanes(latents, r.tiles.Height, r.tiles.Width)
	tiles := make([][]float32, r.tiles.Len())
	small := latents * r.tiles.TileHeight * r.tiles.TileWidth
	h, w := r.tile()
	err = e.run(ctx, &pass{model: m, batches: r.batches(n), last: !e.o.Profile.Resident,
		in: func() ort.Values { return ort.Values{"image": e.tensor(n, 3, h, w)} },
		fill: func(b int, in ort.Values) error {
			first, count := r.batch(b, n)
			return each(count, func(k int) error {
				readTile(in["image"], k, r.Picture, r.pad, r.pixels(first+k), centred)
				if without != nil {
					erase(in["image"], k, without, r.pad, r.pixels(first+k))
				}
				return nil
			})
		},
		take: func(b int, out ort.Values) error {
			first, count := r.batch(b, n)
			for k := range count {
				v := load(out["mean"], k*small, small)
				if !finite(v) {
					return realedit.Errorf(realedit.CodeBadModel, "autoencoder", "its encoder overflowed in tile %d: float16 wants weights that are made for it (sdxl-vae-fp16-fix)", first+k)
				}
				tiles[first+k] = v
			}
			r.advance(0.1, b, n)
			return nil
		}})
	if err != nil {
		return nil, err
	}
	if err := r.tiles.Assemble(z, tiles); err != nil {
		return nil, err
	}
	return z, sampler.FromPosterior(z.Values, z.Values)
}

// pixels is where tile i lies in the padded picture.
func (r *run) pixels(i int) image.Rectangle {
	t := r.tiles.Tile(i)
	return image.Rectangle{t.Min.Mul(sampler.LatentScale), t.Max.Mul(sampler.LatentScale)}
}

// decode is the picture of latents.
func (r *run) decode(ctx context.Context, x *sampler.Planes) (*Result, error) {
	e, n := r.e, min(r.e.o.Profile.vaeBatch(), r.tiles.Len())
	m, err := e.vae("vae decoder", r.form(n), graph.NewVAEDecoder)
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
	th, tw := r.tile()
	tile := 3 * th * tw
	small := latents * r.tiles.TileHeight * r.tiles.TileWidth
	err = e.run(ctx, &pass{model: m, batches: r.batches(n), last: !e.o.Profile.Resident,
		in: func() ort.Values {
			return ort.Values{"latent": e.tensor(n, latents, r.tiles.TileHeight, r.tiles.TileWidth)}
		},
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
		take: func(b int, got ort.Values) error {
			first, count := r.batch(b, n)
			values := make([][]float32, count)
			err := each(count, func(k int) error {
				values[k] = load(got["image"], k*tile, tile)
				if !r.bad[first+k] && finite(values[k]) {
					return sampler.FromDecoder(values[k], values[k])
				}
				r.bad[first+k] = true // the picture's own pixels
				readTile(&ort.Tensor{Data: values[k]}, 0, r.Picture, r.pad, wide.Tile(first+k), plain)
				return nil
			})
			if err != nil {
				return err
			}
			for k, v := range values {
				if err := join.Add(first+k, v); err != nil {
					return err
				}
			}
			r.advance(0.3, b, n)
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
	scales []float32 // of the control images; 0 = it takes no part
	in     *inpainting
}

// predict is what the UNet says of a step, over the whole picture.
func (r *run) predict(ctx context.Context, s *step) (*sampler.Planes, error) {
	if r.e.o.Profile.Resident || !slices.ContainsFunc(s.scales, func(v float32) bool { return v != 0 }) {
		return r.together(ctx, s)
	}
	return r.oneByOne(ctx, s)
}

// conditions are the inputs that are the same for all tiles.
func (r *run) conditions(s *step, n int) (ort.Values, error) {
	ids, err := sampler.TileTimeIDs(r.Tile)
	if r.Whole {
		ids, err = sampler.TimeIDs(r.pad.PaddedHeight, r.pad.PaddedWidth, 0, 0, r.pad.PaddedHeight, r.pad.PaddedWidth)
	}
	if err != nil {
		return nil, err
	}
	u := &r.e.n.Arch
	in := ort.Values{
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

// inputs is memory for a batch of n tiles, with what all share and the scales of the control images that are in the graph.
func (r *run) inputs(s *step, n, channels int, images []int, shared ort.Values) ort.Values {
	in := maps.Clone(shared)
	in["sample"] = r.e.tensor(n, channels, r.tiles.TileHeight, r.tiles.TileWidth)
	h, w := r.tile()
	for i, c := range images {
		in[fmt.Sprintf("controlnet_cond_%d", i)] = r.e.tensor(n, 3, h, w)
		scale := r.e.tensor(1)
		store(scale, 0, []float32{s.scales[c]})
		in[fmt.Sprintf("conditioning_scale_%d", i)] = scale
	}
	return in
}

// fill writes a batch's samples, with what inpainting adds, and its parts of the control images.
func (r *run) fill(b, n int, in ort.Values, s *step, channels int, images []int) error {
	first, count := r.batch(b, n)
	return each(count, func(k int) error {
		for i, c := range images {
			readTile(in[fmt.Sprintf("controlnet_cond_%d", i)], k, r.Controls[c].Image, r.pad, r.pixels(first+k), plain)
		}
		plane := r.tiles.TileHeight * r.tiles.TileWidth
		v := make([]float32, latents*plane)
		if err := r.tiles.Cut(v, s.scaled, first+k); err != nil {
			return err
		}
		if channels > latents {
			all := make([]float32, channels*plane)
			if err := s.in.input(all, v, r.tiles, first+k); err != nil {
				return err
			}
			v = all
		}
		store(in["sample"], k*channels*plane, v)
		return nil
	})
}

// together runs UNet and ControlNets as one graph.
func (r *run) together(ctx context.Context, s *step) (*sampler.Planes, error) {
	e, n := r.e, min(r.e.o.Profile.batch(), r.tiles.Len())
	nets, with := parts(r.taking(s))
	m, err := e.model(fmt.Sprintf("denoiser with %v", with), r.form(n), func(f graph.Form) (*graph.Graph, error) {
		return graph.NewDenoiser(e.n.Arch, f, e.n.UNet, nets...)
	})
	if err != nil {
		return nil, err
	}
	shared, err := r.conditions(s, n)
	if err != nil {
		return nil, err
	}
	return r.noiseOf(ctx, s, n, 0.6, &pass{model: m, last: !e.o.Profile.Resident,
		in:   func() ort.Values { return r.inputs(s, n, e.n.Arch.Inputs, with, shared) },
		fill: func(b int, in ort.Values) error { return r.fill(b, n, in, s, e.n.Arch.Inputs, with) }})
}

// noiseOf runs a pass whose network estimates the noise, and joins what it says of the tiles.
func (r *run) noiseOf(ctx context.Context, s *step, n int, share float64, p *pass) (*sampler.Planes, error) {
	eps := sampler.NewPlanes(latents, r.tiles.Height, r.tiles.Width)
	tiles := make([][]float32, r.tiles.Len())
	size := latents * r.tiles.TileHeight * r.tiles.TileWidth
	p.batches = r.batches(n)
	p.take = func(b int, out ort.Values) error {
		first, count := r.batch(b, n)
		for k := range count {
			v := load(out["out_sample"], k*size, size)
			if !finite(v) {
				r.bad[first+k] = true
				if err := r.still(v, s, first+k); err != nil {
					return err
				}
			}
			tiles[first+k] = v
		}
		r.advance(share/float64(r.Start.Executed()), b, n)
		return nil
	}
	if err := r.e.run(ctx, p); err != nil {
		return nil, err
	}
	return eps, r.tiles.Assemble(eps, tiles)
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
