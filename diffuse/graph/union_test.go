package graph_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/weights"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
	"github.com/realedit/realedit/kernels/ort"
)

// unionImages are the inputs for images of these types, as gen.py gave them, from input at on.
func unionImages(at int, types ...graph.ControlType) ort.Values {
	in := ort.Values{}
	for i, t := range types {
		in[fmt.Sprintf("controlnet_cond_%d", at+i)] = picture(fmt.Sprintf("type %d image", t), 2, 3, 128, 192)
		in[fmt.Sprintf("conditioning_scale_%d", at+i)] = one(0.75 - 0.25*float32(i))
	}
	return in
}

// A ControlNet Union gives for each picture of a batch what diffusers gives for it alone.
func TestUnion(t *testing.T) {
	b := newBench(t, 192, 128)
	for _, c := range []struct {
		name  string
		types []graph.ControlType
	}{
		{"controlnet_union [3]", []graph.ControlType{graph.Lines}},
		{"controlnet_union [3, 1]", []graph.ControlType{graph.Lines, graph.Depth}},
		{"controlnet_promax [6]", []graph.ControlType{graph.Tile}},
		{"controlnet_promax [6, 3]", []graph.ControlType{graph.Tile, graph.Lines}},
	} {
		g, err := graph.NewControls(tiny.UNet, b.form, false, b.controlNet(strings.Fields(c.name)[0], c.types...))
		require.NoError(t, err)
		in := conditions(4)
		maps.Copy(in, unionImages(0, c.types...))
		b.run(g, in, c.name)
	}
}

// A UNet with an ordinary ControlNet and a Union, in one graph and in two, gives what diffusers gives.
func TestUNetWithUnion(t *testing.T) {
	b := newBench(t, 192, 128)
	const network = "unet with tile and promax"
	w := b.weights("unet", weights.UNet)
	nets := []graph.ControlNet{b.controlNet("controlnet_tile"), b.controlNet("controlnet_promax", graph.Tile, graph.Lines)}
	g, err := graph.NewDenoiser(tiny.UNet, b.form, w, nets...)
	require.NoError(t, err)
	in := conditions(4)
	maps.Copy(in, unionImages(1, graph.Tile, graph.Lines))
	in["controlnet_cond_0"], in["conditioning_scale_0"] = picture("controlnet_tile image", 2, 3, 128, 192), one(0.75)
	b.run(g, maps.Clone(in), network)

	controls, err := graph.NewControls(tiny.UNet, b.form, false, nets...)
	require.NoError(t, err)
	out, _, err := b.r.Run(context.Background(), controls.Model("both"), in)
	require.NoError(t, err)
	maps.Copy(in, out)
	g, err = graph.NewUNet(tiny.UNet, b.form, w, nets...)
	require.NoError(t, err)
	b.run(g, in, network)
}

// A picture's residuals do not depend on what else is in the batch: two alike give what one gives, and so does one beside another.
func TestUnionInBatches(t *testing.T) {
	b := newBench(t, 192, 128)
	net := b.controlNet("controlnet_promax", graph.Tile, graph.Lines)
	outputs := func(batch int, picture func(k int) int) map[string][]float32 {
		f := b.form
		f.Batch = batch
		g, err := graph.NewControls(tiny.UNet, f, false, net)
		require.NoError(t, err)
		in := conditions(4)
		maps.Copy(in, unionImages(0, net.Types...))
		for name, v := range in {
			all, ok := v.Data.([]float32)
			if !ok || len(all) == 1 {
				continue
			}
			one := len(all) / 2
			var some []float32
			for k := range batch {
				some = append(some, all[picture(k)*one:][:one]...)
			}
			in[name] = &ort.Tensor{Shape: append([]int64{int64(batch)}, v.Shape[1:]...), Data: some}
		}
		b.convert(in)
		out, _, err := b.r.Run(context.Background(), g.Model(fmt.Sprint("batch ", batch)), in)
		require.NoError(t, err)
		got := map[string][]float32{}
		for name, v := range out {
			got[name] = floats(v.Data)
		}
		return got
	}
	one := outputs(1, func(int) int { return 1 })
	two := outputs(2, func(int) int { return 1 })
	beside := outputs(2, func(k int) int { return k })
	require.Len(t, one, 9)
	for name, want := range one {
		n, limit := len(want), 1e-5
		if b.form.CUDA {
			limit = 0.01
		}
		for what, got := range map[string][]float32{"first of two": two[name][:n], "second of two": two[name][n:], "beside another": beside[name][n:]} {
			require.InDeltaSlice(t, want, got, limit, "%s %s", name, what)
		}
		require.NotEqual(t, want, beside[name][:n], name)
	}
}

// What does not fit is told: types that there are not or that the network does not know, and tensors that are missing, by their names.
func TestUnionRefused(t *testing.T) {
	rec, err := tiny.Read()
	require.NoError(t, err)
	f := graph.Form{Width: 64, Height: 64}
	open := func(network string, without string) *weights.Set {
		path := filepath.Join(t.TempDir(), network)
		var specs []safetensors.Spec
		for name, shape := range rec.Shapes[network] {
			if name != without {
				specs = append(specs, safetensors.Spec{Name: name, DType: safetensors.F32, Shape: shape})
			}
		}
		require.NoError(t, safetensors.WriteFile(path, nil, specs, func(i int, w io.Writer) error {
			n := 4
			for _, d := range specs[i].Shape {
				n *= d
			}
			_, err := w.Write(make([]byte, n))
			return err
		}))
		s, err := weights.Open(weights.ControlNet, path)
		require.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	lines, tile := []graph.ControlType{graph.Lines}, []graph.ControlType{graph.Tile}
	own := []string{"task_embedding", "spatial_ch_projs.weight", "spatial_ch_projs.bias"}
	for name := range rec.Shapes["controlnet_union"] {
		if strings.HasPrefix(name, "transformer_layes.") || strings.HasPrefix(name, "control_add_embedding.") {
			own = append(own, name)
		}
	}
	require.Len(t, own, 3+12+4)
	slices.Sort(own)
	for _, name := range own {
		_, err := graph.NewControls(tiny.UNet, f, false, graph.ControlNet{Weights: open("controlnet_union", name), Types: lines})
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), name)
		require.ErrorContains(t, err, fmt.Sprintf("%q", name))
	}
	for what, n := range map[string]graph.ControlNet{
		"a type that Union does not know": {Weights: open("controlnet_union", ""), Types: tile},
		"no Union":                        {Weights: open("controlnet_tile", ""), Types: lines},
	} {
		_, err := graph.NewControls(tiny.UNet, f, false, n)
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), what)
		require.ErrorContains(t, err, `"task_embedding"`, what)
	}
	for _, bad := range []graph.ControlType{-1, graph.Repaint + 1} {
		_, err := graph.NewControls(tiny.UNet, f, false, graph.ControlNet{Types: []graph.ControlType{graph.Lines, bad}})
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	}
}
