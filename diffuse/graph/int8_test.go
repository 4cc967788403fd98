package graph_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/weights"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
)

// A network in 8 bits is the network of the weights that the 8 bits stand for, and near the one that they were made of.
func TestInt8(t *testing.T) {
	b := newBench(t, 192, 128)
	base := b.weights("unet", weights.UNet)
	eight, err := base.Int8(context.Background(), safetensors.Cache{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { eight.Close() })
	// The same weights as numbers.
	var specs []safetensors.Spec
	values := map[string][]float32{}
	for _, name := range base.Names() {
		q, _, ok := eight.Quantised(name)
		if !ok {
			continue
		}
		r, _ := base.Lookup(name)
		v, scales := make([]float32, r.Shape[0]*r.Shape[1]), make([]float32, r.Shape[0]*r.Shape[1]/weights.Int8Block)
		require.NoError(t, eight.ReadF32(name+weights.Int8Scales, scales))
		file, err := os.ReadFile(q.File)
		require.NoError(t, err)
		for i, x := range file[q.Offset : q.Offset+q.Length] {
			v[i] = scales[i/weights.Int8Block] * (float32(x) - 128)
		}
		values[name] = v
		specs = append(specs, safetensors.Spec{Name: name, DType: safetensors.F32, Shape: r.Shape})
	}
	require.Greater(t, len(specs), 50)
	path := filepath.Join(t.TempDir(), "plain.safetensors")
	require.NoError(t, safetensors.WriteFile(path, nil, specs, func(i int, w io.Writer) error {
		v, _ := safetensors.FromF32(safetensors.F32, values[specs[i].Name])
		_, err := w.Write(v)
		return err
	}))
	plain, err := base.With(path)
	require.NoError(t, err)
	t.Cleanup(func() { plain.Close() })

	out := func(key string, w *weights.Set) []float32 {
		g, err := graph.NewUNet(tiny.UNet, b.form, w)
		require.NoError(t, err)
		in := conditions(4)
		b.convert(in)
		v, notes, err := b.r.Run(context.Background(), g.Model(t.Name()+key), in)
		require.NoError(t, err)
		require.Empty(t, notes)
		return floats(v["out_sample"].Data)
	}
	got, want, full := out("8", eight), out("plain", plain), out("full", base)
	worst, far := 0.0, 0.0
	for i := range got {
		d, f := float64(got[i]-want[i]), float64(got[i]-full[i])
		worst, far = max(worst, d, -d), max(far, f, -f)
	}
	t.Logf("from the same weights as numbers %.2g, from those that the 8 bits were made of %.2g", worst, far)
	limit := 1e-4
	if b.form.CUDA {
		limit = 0.03
	}
	require.Less(t, worst, limit)
	require.Less(t, far, 0.1)
	require.Greater(t, far, 1e-4, "the 8 bits were not used")

	// One of another shape is named.
	g, err := graph.NewUNet(graph.SDXL, graph.Form{CUDA: b.form.CUDA, Width: 64, Height: 64}, eight)
	require.Nil(t, g)
	require.True(t, err != nil && strings.Contains(err.Error(), "bad_model"), "%v", err)
}
