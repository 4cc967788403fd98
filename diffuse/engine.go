package diffuse

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/internal/parallel"
	"github.com/realedit/realedit/kernels/ort"
)

// Networks are the weights that an Engine runs. The Engine reads their files and does not close the sets, which must stay open.
type Networks struct {
	UNet *weights.Set
	VAE  *weights.Set
	// Controls are the ControlNets; none is fine. Job.Controls are their images in this order: one each, and of a Union as many as it has Types.
	Controls []graph.ControlNet
	// Arch and VAEArch are the architectures; the zero value is SDXL's. A UNet for inpainting has Arch.Inputs 9.
	Arch    graph.UNet
	VAEArch graph.VAE
}

// Options are how an Engine runs. The zero value runs on the processor, which is for small networks only.
type Options struct {
	// Library and CUDA are those of ort.Options.
	Library string
	CUDA    []string
	// Devices are the GPUs to use, by index; none = the processor. Tiles are shared out among them.
	Devices []int
	// Profile is how each device's memory is used; the zero value is Profile8GB on a GPU. ProfileFor chooses one.
	Profile Profile
	// StepDown takes a smaller profile where a device's memory does not do for Profile, for this job and those after it: Result.Profile says which. Otherwise such a job
	// ends with CodeOutOfMemory.
	StepDown bool
	// Threads of a session on the processor; 0 = as many as Go may use.
	Threads int
}

// Engine runs networks on pictures. It is safe for concurrent use; jobs take turns.
type Engine struct {
	n     Networks
	o     Options
	cuda  bool
	turn  parallel.Turn  // of the job that runs
	cards []*ort.Runtime // one for each device, or for the processor

	mu     sync.Mutex
	models map[string]*ort.Model // by the network's name and its form

	fault func(Profile) error // tests let a device fail with it
}

// hostLimit is the largest network, in bytes of float32, that is run on a processor: SDXL's UNet would take a minute and more for one tile.
const hostLimit = 1 << 30

// Open checks the networks against the files and makes an Engine; nothing is loaded yet. Errors: CodeBadModel naming the tensor, CodeBadOption,
// CodeOutOfMemory for networks of SDXL's size on a processor.
func Open(n *Networks, o *Options) (*Engine, error) {
	if o == nil {
		o = &Options{}
	}
	e := &Engine{n: *n, o: *o, cuda: len(o.Devices) > 0, turn: parallel.NewTurn(), models: map[string]*ort.Model{}}
	if e.n.Arch.Channels == nil {
		e.n.Arch = graph.SDXL
	}
	if e.n.VAEArch.Channels == nil {
		e.n.VAEArch = graph.SDXLVAE
	}
	if e.n.UNet == nil || e.n.VAE == nil {
		return nil, realedit.Errorf(realedit.CodeBadOption, "open networks", "a UNet and an autoencoder are wanted")
	}
	if e.cuda && e.o.Profile == (Profile{}) {
		e.o.Profile = Profile8GB
	}
	if err := e.dryRun(); err != nil {
		return nil, err
	}
	for _, p := range o.providers() {
		r, err := o.runtime(p)
		if err != nil {
			return nil, err
		}
		e.cards = append(e.cards, r)
	}
	return e, nil
}

// providers are the devices, or the processor.
func (o *Options) providers() (all []ort.Provider) {
	for _, d := range o.Devices {
		all = append(all, ort.Provider{Name: "cuda", Device: d})
	}
	if len(all) == 0 {
		all = append(all, ort.Provider{Name: "cpu"})
	}
	return all
}

// runtime is where sessions of one provider are.
func (o *Options) runtime(p ort.Provider) (*ort.Runtime, error) {
	r, err := ort.New(&ort.Options{Library: o.Library, CUDA: o.CUDA, Threads: o.Threads, Providers: []ort.Provider{p}})
	if err != nil {
		return nil, plainError(err)
	}
	return r, nil
}

// acquire loads a network where it was asked for: the processor in place of a GPU is no answer.
func acquire(ctx context.Context, r *ort.Runtime, m *ort.Model) (*ort.Session, error) {
	s, err := r.Acquire(ctx, m)
	if err != nil {
		return nil, endedError(ctx, err)
	}
	if notes := s.Notes(); len(notes) > 0 {
		s.Release()
		return nil, realedit.Errorf(realedit.CodeNoDevice, "diffuse", "%s", notes[0])
	}
	return s, nil
}

// dryRun builds every graph once, for the smallest tile, so that a wrong file is told before work is spent.
func (e *Engine) dryRun() error {
	f := graph.Form{CUDA: e.cuda, Width: 64, Height: 64}
	parts := []func() (*graph.Graph, error){
		func() (*graph.Graph, error) { return graph.NewUNet(e.n.Arch, f, e.n.UNet) },
		func() (*graph.Graph, error) { return graph.NewVAEEncoder(e.n.VAEArch, f, e.n.VAE) },
		func() (*graph.Graph, error) { return graph.NewVAEDecoder(e.n.VAEArch, f, e.n.VAE) },
	}
	for _, c := range e.n.Controls {
		parts = append(parts, func() (*graph.Graph, error) { return graph.NewControls(e.n.Arch, f, false, c) })
	}
	for _, build := range parts {
		g, err := build()
		if err != nil {
			return err
		}
		if n := 4 * int64(g.Parameters()); !e.cuda && n > hostLimit {
			return realedit.Errorf(realedit.CodeOutOfMemory, "open networks", "on a processor a network of %.1f GB in float32 is not run: it wants a GPU with 8 GB", float64(n)/1e9)
		}
	}
	return nil
}

// Close gives the devices' memory back.
func (e *Engine) Close() error {
	for _, c := range e.cards {
		c.Close()
	}
	return nil
}

// attention are the kernels of attention that ONNX Runtime may take where networks come and go, bits of the CUDA provider's sdpa_kernel: flash (1), memory-efficient (2) and
// unfused (16). cuDNN's (8), which it would take on newer cards, compiles a plan for every layer of every session, and of each some host memory stays: 5 to 25 MB a load of the UNet.
const attention = "19"

// model is a network's graph, built once for each form, with options for the CUDA provider ("key=value") beside those that all have.
func (e *Engine) model(name string, f graph.Form, build func(graph.Form) (*graph.Graph, error), options ...string) (*ort.Model, error) {
	if e.cuda && !e.o.Profile.Resident {
		options = append(options, "sdpa_kernel="+attention)
	}
	key := fmt.Sprintf("%s %d×%d×%d %s", name, f.Batch, f.Width, f.Height, strings.Join(options, " "))
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.models[key]; m != nil {
		return m, nil
	}
	g, err := build(f)
	if err != nil {
		return nil, err
	}
	m := g.Model(key)
	for _, o := range options { // now: a session may be on its way for a job that was given up, and reads them
		k, v, _ := strings.Cut(o, "=")
		m.Options["cuda"][k] = v
	}
	e.models[key] = m
	return m, nil
}

// vae is model for a half of the autoencoder. Where networks stay loaded its convolutions take their biases with them, which saves a sixth of its time; they are
// compiled when a session first runs, which takes seconds.
func (e *Engine) vae(name string, f graph.Form, build func(graph.VAE, graph.Form, *weights.Set) (*graph.Graph, error)) (*ort.Model, error) {
	var options []string
	if e.cuda && e.o.Profile.Resident {
		options = []string{"fuse_conv_bias=1"}
	}
	return e.model(name, f, func(f graph.Form) (*graph.Graph, error) { return build(e.n.VAEArch, f, e.n.VAE) }, options...)
}

// lock wai
