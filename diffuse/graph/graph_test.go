package graph_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/internal/phototest"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// bench is the runtime, with the tiny networks in files.
type bench struct {
	t    testing.TB
	r    *ort.Runtime
	rec  *tiny.Recorded
	form graph.Form
	dt   safetensors.DType
	dir  string
}

// onCUDA is whether the tests run on a GPU: then the graphs are those for it.
func onCUDA() bool { return os.Getenv("REALEDIT_ORT_PROVIDER") != "" }

func newBench(t testing.TB, w, h int) *bench {
	t.Helper()
	o := ort.Options{}
	p := "cpu"
	if onCUDA() {
		p = os.Getenv("REALEDIT_ORT_PROVIDER")
	}
	provider, err := ort.ParseProvider(p)
	require.NoError(t, err)
	o.Providers = []ort.Provider{provider}
	err = ort.Load("")
	if errors.Is(err, kernels.ErrNoCgo) {
		t.Skip(err)
	}
	phototest.Need(t, "ort", err == nil)
	r, err := ort.New(&o)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	rec, err := tiny.Read()
	require.NoError(t, err)
	return &bench{t, r, rec, graph.Form{CUDA: onCUDA(), Batch: 2, Width: w, Height: h}, safetensors.F32, t.TempDir()}
}

func (b *bench) weights(network string, n weights.Network) *weights.Set {
	b.t.Helper()
	path := filepath.Join(b.dir, network+".safetensors")
	require.NoError(b.t, b.rec.Write(path, network, b.dt))
	s, err := weights.Open(n, path)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { s.Close() })
	return s
}

func (b *bench) controlNet(network string, types ...graph.ControlType) graph.ControlNet {
	b.t.Helper()
	return graph.ControlNet{Weights: b.weights(network, weights.ControlNet), Types: types}
}

// run runs a graph on values that are float32 in in, and compares what it gives with what was recorded of a network, for every output of that.
func (b *bench) run(g *graph.Graph, in ort.Values, network string) {
	b.t.Helper()
	b.convert(in)
	out, notes, err := b.r.Run(context.Background(), g.Model(b.t.Name()+network+strconv.Itoa(len(in))), in)
	require.NoError(b.t, err)
	require.Empty(b.t, notes)
	limit := 1e-4
	if b.dt != safetensors.F32 { // weights of 11 or 8 bits beside the recorded ones
		limit = map[safetensors.DType]float64{safetensors.F16: 0.005, safetensors.BF16: 0.05}[b.dt]
	}
	if b.form.CUDA {
		limit = 0.03 // float16 through some hundred layers; 0.011 was seen
	}
	require.NotEmpty(b.t, b.rec.Outputs[network])
	for name, want := range b.rec.Outputs[network] {
		if name == "down_block_res_0" { // in the UNet's graph
			continue
		}
		got := out[name]
		require.NotNil(b.t, got, name)
		shape := make([]int, len(got.Shape))
		for i, d := range got.Shape {
			shape[i] = int(d)
		}
		require.Equal(b.t, want.Shape, shape)
		worst := compare(floats(got.Data), want)
		b.t.Logf("%s %s: largest difference %.2g", network, name, worst)
		require.Less(b.t, worst, limit, name)
	}
}

// convert gives a graph for CUDA the float16 that it takes.
func (b *bench) convert(in ort.Values) {
	for k, v := range in {
		if f, ok := v.Data.([]float32); ok && b.form.CUDA && k != "timestep" && k != "time_ids" {
			v.Data = halves(f)
		}
	}
}

func compare(got []float32, want tiny.Output) (worst float64) {
	for i, w := range want.Values {
		d := float64(got[i*want.Step] - w)
		worst = max(worst, d, -d)
		if d != d {
			return d
		}
	}
	return worst
}

func halves(f []float32) []kernels.Half {
	h := make([]kernels.Half, len(f))
	for i, v := range f {
		h[i] = kernels.HalfFrom(v)
	}
	return h
}

func floats(data any) []float32 {
	if f, ok := data.([]float32); ok {
		return f
	}
	h := data.([]kernels.Half)
	f := make([]float32, len(h))
	for i, v := range h {
		f[i] = v.Float32()
	}
	return f
}

func field(name string, shape ...int64) *ort.Tensor {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return &ort.Tensor{Shape: shape, Data: tiny.Field(name, int(n))}
}

// picture is a control image in [0, 1].
func picture(name string, shape ...int64) *ort.Tensor {
	t := field(name, shape...)
	v := t.Data.([]float32)
	for i := range v {
		v[i] = (v[i] + 1) / 2
	}
	return t
}

func one(v float32) *ort.Tensor { return &ort.Tensor{Shape: []int64{1}, Data: []float32{v}} }

// conditions are the inputs that gen.py gave.
func conditions(channels int64) ort.Values {
	sample := field("sample", 2, 4, 16, 24)
	if channels == 9 {
		more := tiny.Field("more", 2*5*16*24)
		v := sample.Data.([]float32)
		n, m := 4*16*24, 5*16*24
		sample = &ort.Tensor{Shape: []int64{2, 9, 16, 24}}
		sample.Data = append(append(append(append([]float32{}, v[:n]...), more[:m]...), v[n:]...), more[m:]...)
	}
	return ort.Values{"sample": sample, "timestep": one(374), "encoder_hidden_states": field("context", 2, 77, 96), "text_embeds": field("pooled", 2, 64),
		"time_ids": {Shape: []int64{2, 6}, Data: []float32{1024, 1024, 0, 0, 1024, 1024, 768, 512, 64, 32, 640, 896}}}
}

func TestControlNet(t *testing.T) {
	b := newBench(t, 192, 128)
	for name, scale := range map[string]float32{"controlnet_tile": 0.75, "controlnet_canny": 0.5} {
		g, err := graph.NewControls(tiny.UNet, b.form, false, b.controlNet(name))
		require.NoError(t, err)
		in := conditions(4)
		in["controlnet_cond_0"], in["conditioning_scale_0"] = picture(name+" image", 2, 3, 128, 192), one(scale)
		b.run(g, in, name)
	}
}

// A UNet alone, one that is given what ControlNets said, and both in one graph give what diffusers gives.
func TestUNet(t *testing.T) {
	b := newBench(t, 192, 128)
	nets := []graph.ControlNet{b.controlNet("controlnet_tile"), b.controlNet("controlnet_canny")}
	for name, channels := range map[string]int{"unet": 4, "unet_inpaint": 9} {
		u := tiny.UNet
		u.Inputs = channels
		w := b.weights(name, weights.UNet)
		g, err := graph.NewUNet(u, b.form, w)
		require.NoError(t, err)
		b.run(g, conditions(int64(channels)), name)

		g, err = graph.NewDenoiser(u, b.form, w, nets...)
		require.NoError(t, err)
		in := conditions(int64(channels))
		for i, c := range []string{"controlnet_tile", "controlnet_canny"} {
			in["controlnet_cond_"+string('0'+rune(i))] = picture(c+" image", 2, 3, 128, 192)
			in["conditioning_scale_"+string('0'+rune(i))] = one(0.75 - 0.25*float32(i))
		}
		b.run(g, in, name+" with residuals")

		in = conditions(int64(channels))
		for i, n := range nets {
			c := []string{"controlnet_tile", "controlnet_canny"}[i]
			g, err := graph.NewControls(tiny.UNet, b.form, i > 0, n)
			require.NoError(t, err)
			cin := conditions(4)
			cin["controlnet_cond_0"], cin["conditioning_scale_0"] = picture(c+" image", 2, 3, 128, 192), one(0.75-0.25*float32(i))
			in[fmt.Sprintf("controlnet_cond_%d", i)], in[fmt.Sprintf("conditioning_scale_%d", i)] = cin["controlnet_cond_0"], cin["conditioning_scale_0"]
			b.convert(cin)
			for k, v := range in { // what the first gave goes into the second
				if strings.Contains(k, "_res") && i > 0 {
					cin[strings.Replace(k, "res", "add", 1)] = v
				}
			}
			out, _, err := b.r.Run(context.Background(), g.Model(name+c), cin)
			require.NoError(t, err)
			maps.Copy(in, out)
		}
		g, err = graph.NewUNet(u, b.form, w, nets...)
		require.NoError(t, err)
		b.run(g, in, name+" with residuals")
	}
}

func TestVAE(t *testing.T) {
	b := newBench(t, 96, 64)
	w := b.weights("vae", weights.VAE)
	g, err := graph.NewVAEEncoder(tiny.VAE, b.form, w)
	require.NoError(t, err)
	b.run(g, ort.Values{"image": field("picture", 2, 3, 64, 96)}, "vae_encoder")
	g, err = graph.NewVAEDecoder(tiny.VAE, b.form, w)
	require.NoError(t, err)
	latent := field("latent", 2, 4, 8, 12)
	v := latent.Data.([]float32)
	for i := range v {
		v[i] *= 2
	}
	b.run(g, ort.Values{"latent": latent}, "vae_decoder")
}

// Weights of 16 bits are taken as they are, and computed with as the form says.
func TestTypesOfWeights(t *testing.T) {
	for _, dt := range []safetensors.DType{safetensors.F16, safetensors.BF16} {
		b := newBench(t, 96, 64)
		b.dt = dt
		g, err := graph.NewVAEEncoder(tiny.VAE, b.form, b.weights("vae", weights.VAE))
		require.NoError(t, err)
		b.run(g, ort.Values{"image": field("picture", 2, 3, 64, 96)}, "vae_encoder")
	}
}

// A graph over a single file, whose text encoder has its matrices three in one and turned, is the graph over diffusers' files.
func TestOpenCLIP(t *testing.T) {
	b := newBench(t, 64, 64)
	const p, q = "conditioner.embedders.1.model.", "text_encoder_2/text_model.encoder.layers."
	d, proj := tiny.TextEncoder2.Width, tiny.TextEncoder2.Pooled
	tensors := map[string][]float32{}
	shapes := map[string][]int{}
	put := func(name string, shape []int, v []float32) { tensors[p+name], shapes[p+name] = v, shape }
	own := func(name string, shape ...int) []float32 { return tiny.Weight("text_encoder_2/"+name, shape) }
	put("token_embedding.weight", []int{512, d}, own("text_model.embeddings.token_embedding.weight", 512, d))
	put("positional_embedding", []int{77, d}, own("text_model.embeddings.position_embedding.weight", 77, d))
	for _, k := range []string{"weight", "bias"} {
		put("ln_final."+k, []int{d}, own("text_model.final_layer_norm."+k, d))
	}
	turned, straight := make([]float32, d*proj), own("text_projection.weight", proj, d)
	for i := range proj {
		for j := range d {
			turned[j*proj+i] = straight[i*d+j]
		}
	}
	put("text_projection", []int{d, proj}, turned)
	for l := range tiny.TextEncoder2.Layers {
		from, to := fmt.Sprintf("%s%d.", q, l), fmt.Sprintf("transformer.resblocks.%d.", l)
		for k, shape := range map[string][]int{"weight": {d, d}, "bias": {d}} {
			var all []float32
			for _, x := range "qkv" {
				all = append(all, tiny.Weight(fmt.Sprintf("%sself_attn.%c_proj.%s", from, x, k), shape)...)
			}
			put(to+"attn.in_proj_"+k, append([]int{3 * d}, shape[1:]...), all)
		}
		for name, own := range map[string]string{"ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"} {
			for _, k := range []string{"weight", "bias"} {
				shape := b.rec.Shapes["text_encoder_2"][fmt.Sprintf("text_model.encoder.layers.%d.%s.%s", l, own, k)]
				put(to+name+"."+k, shape, tiny.Weight(from+own+"."+k, shape))
			}
		}
	}
	var specs []safetensors.Spec
	for name := range tensors {
		specs = append(specs, safetensors.Spec{Name: name, DType: safetensors.F32, Shape: shapes[name]})
	}
	path := filepath.Join(b.dir, "single.safetensors")
	require.NoError(t, safetensors.WriteFile(path, nil, specs, func(i int, w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, tensors[specs[i].Name])
	}))
	s, err := weights.Open(weights.TextEncoder2, path)
	require.NoError(t, err)
	defer s.Close()
	g, err := graph.NewText(tiny.TextEncoder2, b.form, s)
	require.NoError(t, err)
	var ids []int64
	for _, row := range b.rec.IDs[1] {
		ids = append(ids, row...)
	}
	b.run(g, ort.Values{"input_ids": {Shape: []int64{2, 77}, Data: ids}}, "text_encoder_2")
}

func TestText(t *testing.T) {
	b := newBench(t, 64, 64)
	for i, c := range []struct {
		name string
		arch graph.Text
		net  weights.Network
	}{{"text_encoder", tiny.TextEncoder, weights.TextEncoder}, {"text_encoder_2", tiny.TextEncoder2, weights.TextEncoder2}} {
		g, err := graph.NewText(c.arch, b.form, b.weights(c.name, c.net))
		require.NoError(t, err)
		var ids []int64
		for _, row := range b.rec.IDs[i] {
			ids = append(ids, row...)
		}
		b.run(g, ort.Values{"input_ids": {Shape: []int64{2, 77}, Data: ids}}, c.name)
	}
}

// The full architectures have the parameters that the published models have.
func TestParameters(t *testing.T) {
	inpaint := graph.SDXL
	inpaint.Inputs = 9
	f := graph.Form{Width: 64, Height: 64}
	for name, c := range map[string]struct {
		build func() (*graph.Graph, error)
		want  int
	}{
		"unet":         {func() (*graph.Graph, error) { return graph.NewUNet(graph.SDXL, f, nil) }, 2567463684},
		"unet inpaint": {func() (*graph.Graph, error) { return graph.NewUNet(inpaint, f, nil) }, 2567478084},
		"controlnet":   {func() (*graph.Graph, error) { return graph.NewControls(graph.SDXL, f, true, graph.ControlNet{}) }, 1251014160},
		// Two bytes for each number, and a header of 112 808, are the 2 513 342 408 bytes of ProMax's published file.
		"union": {func() (*graph.Graph, error) {
			return graph.NewControls(graph.SDXL, f, true, graph.ControlNet{Types: []graph.ControlType{graph.Lines}})
		}, 1255958800},
		"promax": {func() (*graph.Graph, error) {
			return graph.NewControls(graph.SDXL, f, true, graph.ControlNet{Types: []graph.ControlType{graph.Tile, graph.Lines}})
		}, 1256614800},
		"denoiser": {func() (*graph.Graph, error) {
			return graph.NewDenoiser(graph.SDXL, f, nil, graph.ControlNet{}, graph.ControlNet{})
		}, 2567463684 + 2*1251014160},
		"vae encoder":    {func() (*graph.Graph, error) { return graph.NewVAEEncoder(graph.SDXLVAE, f, nil) }, 34163664},
		"vae decoder":    {func() (*graph.Graph, error) { return graph.NewVAEDecoder(graph.SDXLVAE, f, nil) }, 49490199},
		"text encoder 2": {func() (*graph.Graph, error) { return graph.NewText(graph.CLIPBigG, f, nil) }, 694659840},
		// Of the first text encoder the last layer and the final normalisation are not taken.
		"text encoder": {func() (*graph.Graph, error) { return graph.NewText(graph.CLIPL, f, nil) }, 123060480 - 7087872 - 2*768},
	} {
		g, err := c.build()
		require.NoError(t, err, name)
		require.Equal(t, c.want, g.Parameters(), name)
	}
}
