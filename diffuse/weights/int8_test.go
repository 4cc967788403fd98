package weights

import (
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
)

func writeF32(t *testing.T, path string, tensors map[string][]float32, shapes map[string][]int) {
	t.Helper()
	var specs []safetensors.Spec
	for name, shape := range shapes {
		specs = append(specs, safetensors.Spec{Name: name, DType: safetensors.F32, Shape: shape})
	}
	require.NoError(t, safetensors.WriteFile(path, nil, specs, func(i int, w io.Writer) error {
		b, _ := safetensors.FromF32(safetensors.F32, tensors[specs[i].Name])
		_, err := w.Write(b)
		return err
	}))
}

// A weight in 8 bits is the nearest of its block's steps; what has no place in them is refused; the file is made once.
func TestInt8(t *testing.T) {
	const w = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight"
	dir := t.TempDir()
	path := filepath.Join(dir, "unet.safetensors")
	v := make([]float32, 4*64)
	for i := range v {
		v[i] = float32(math.Sin(float64(i*i))) * float32(1+i/64)
	}
	clear(v[64:96]) // a block of zeros
	tensors := map[string][]float32{w: v, "conv_in.weight": make([]float32, 32*4*3*3), "time_embedding.linear_1.weight": make([]float32, 32*32), "conv_in.bias": make([]float32, 32)}
	shapes := map[string][]int{w: {4, 64}, "conv_in.weight": {32, 4, 3, 3}, "time_embedding.linear_1.weight": {32, 32}, "conv_in.bias": {32}}
	writeF32(t, path, tensors, shapes)
	base, err := Open(UNet, path)
	require.NoError(t, err)
	defer base.Close()
	side := filepath.Join(dir, "int8")
	s, err := base.Int8(context.Background(), side)
	require.NoError(t, err)
	defer s.Close()
	require.Len(t, s.Names(), len(shapes)+2)
	q, scales, ok := s.Quantised(w)
	require.True(t, ok)
	require.Equal(t, []int{4, 2, 32}, q.Shape)
	require.Equal(t, safetensors.U8, q.DType)
	_, _, ok = base.Quantised(w)
	require.False(t, ok)
	_, _, ok = s.Quantised("conv_in.weight")
	require.False(t, ok)
	file, err := os.ReadFile(q.File)
	require.NoError(t, err)
	bytes := file[q.Offset : q.Offset+q.Length]
	k := make([]float32, 8)
	require.NoError(t, s.ReadF32(w+Int8Scales, k))
	require.Equal(t, safetensors.F16, scales.DType)
	for b, scale := range k {
		most := float32(0)
		for i := 32 * b; i < 32*(b+1); i++ {
			most = max(most, v[i], -v[i])
			require.InDelta(t, v[i], scale*(float32(bytes[i])-128), float64(scale)*0.51+1e-9)
			require.NotZero(t, bytes[i])
		}
		require.InDelta(t, most/127, scale, float64(most)*1e-5+1e-12)
	}

	before, err := os.Stat(q.File)
	require.NoError(t, err)
	again, err := base.Int8(context.Background(), side)
	require.NoError(t, err)
	again.Close()
	after, err := os.Stat(q.File)
	require.NoError(t, err)
	require.Equal(t, before.ModTime(), after.ModTime())
	require.NoError(t, os.Truncate(q.File, 100))
	again, err = base.Int8(context.Background(), side)
	require.NoError(t, err)
	again.Close()

	_, err = s.Int8(context.Background(), side)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	_, err = s.With(path)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = base.Int8(ctx, filepath.Join(dir, "other"))
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err))
	for _, x := range []float64{math.NaN(), math.Inf(1), 1e8} {
		v[70] = float32(x)
		writeF32(t, path, tensors, shapes)
		broken, err := Open(UNet, path)
		require.NoError(t, err)
		_, err = broken.Int8(context.Background(), filepath.Join(dir, "broken"))
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%v", x)
		broken.Close()
	}
}

// Weights into which LoRAs were merged are put in 8 bits, and more are laid over them; what comes of it does not live on the files of the set before.
func TestInt8OverSides(t *testing.T) {
	const w = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight"
	dir := t.TempDir()
	shapes := map[string][]int{w: {4, 64}, "conv_in.bias": {32}}
	file := func(name string, tensors ...string) string {
		path, all, own := filepath.Join(dir, name), map[string][]float32{}, map[string][]int{}
		for _, n := range tensors {
			own[n] = shapes[n]
			all[n] = make([]float32, product(shapes[n]))
			for i := range all[n] {
				all[n][i] = float32(len(name))
			}
		}
		writeF32(t, path, all, own)
		return path
	}
	base, err := Open(UNet, file("unet", w, "conv_in.bias"))
	require.NoError(t, err)
	one, err := base.With(file("first", w, "conv_in.bias"))
	require.NoError(t, err)
	two, err := one.With(file("second", w))
	require.NoError(t, err)
	require.NoError(t, base.Close())
	require.NoError(t, one.Close())
	s, err := two.Int8(context.Background(), dir)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, two.Close())
	v := make([]float32, 4*64)
	require.NoError(t, s.ReadF32(w, v))
	require.EqualValues(t, len("second"), v[0])
	require.NoError(t, s.ReadF32("conv_in.bias", v[:32]))
	require.EqualValues(t, len("first"), v[0])
	require.NoError(t, s.ReadF32(w+Int8Scales, v[:8]))
	require.InDelta(t, len("second"), 127*v[0], 0.01)
}
