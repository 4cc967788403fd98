package weights

import (
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

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
	s, err := base.Int8(context.Background(), safetensors.Cache{Dir: side})
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
	again, err := base.Int8(context.Background(), safetensors.Cache{Dir: side})
	require.NoError(t, err)
	again.Close()
	after, err := os.Stat(q.File)
	require.NoError(t, err)
	require.Equal(t, before.ModTime(), after.ModTime())
	require.NoError(t, os.Truncate(q.File, 100))
	again, err = base.Int8(context.Background(), safetensors.Cache{Dir: side})
	require.NoError(t, err)
	again.Close()

	_, err = s.Int8(context.Background(), safetensors.Cache{Dir: side})
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	_, err = s.With(path)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = base.Int8(ctx, safetensors.Cache{Dir: filepath.Join(dir, "other")})
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err))
	for _, x := range []float64{math.NaN(), math.Inf(1), 1e8} {
		v[70] = float32(x)
		writeF32(t, path, tensors, shapes)
		broken, err := Open(UNet, path)
		require.NoError(t, err)
		_, err = broken.Int8(context.Background(), safetensors.Cache{Dir: filepath.Join(dir, "broken")})
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
	s, err := two.Int8(context.Background(), safetensors.Cache{Dir: dir})
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

// counted counts the bytes that are read of a file.
type counted struct {
	io.ReaderAt
	n *atomic.Int64
}

func (c counted) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, off)
	c.n.Add(int64(n))
	return n, err
}

// A matrix is read once for its weights and its scales.
func TestInt8ReadsOnce(t *testing.T) {
	const a, b = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k.weight", "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight"
	dir := t.TempDir()
	path := filepath.Join(dir, "unet.safetensors")
	writeF32(t, path, map[string][]float32{a: make([]float32, 64*64), b: make([]float32, 32*64)}, map[string][]int{a: {64, 64}, b: {32, 64}})
	base, err := Open(UNet, path)
	require.NoError(t, err)
	defer base.Close()
	disk, err := os.Open(path)
	require.NoError(t, err)
	defer disk.Close()
	var read atomic.Int64
	info, err := disk.Stat()
	require.NoError(t, err)
	f, err := safetensors.New(counted{disk, &read}, info.Size(), "unet")
	require.NoError(t, err)
	for name, r := range base.refs {
		r.in = f
		base.refs[name] = r
	}
	read.Store(0)
	s, err := base.Int8(t.Context(), safetensors.Cache{Dir: dir})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.EqualValues(t, 4*(64+32)*64, read.Load())
}

// What LoRAs were merged into, and what is in 8 bits, is not removed from its cache while a set has it open.
func TestSidesAreHeld(t *testing.T) {
	const w = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight"
	path := filepath.Join(t.TempDir(), "unet.safetensors")
	writeF32(t, path, map[string][]float32{w: make([]float32, 4*64)}, map[string][]int{w: {4, 64}})
	base, err := Open(UNet, path)
	require.NoError(t, err)
	defer base.Close()
	small := safetensors.Cache{Dir: t.TempDir(), Limit: 1}
	ask := func(key string) string {
		t.Helper()
		file, _, err := small.File(t.Context(), key, nil, nil, func(path string) error {
			return safetensors.WriteFile(path, nil, []safetensors.Spec{{Name: w, DType: safetensors.F32, Shape: []int{4, 64}}}, func(_ int, to io.Writer) error {
				_, err := to.Write(make([]byte, 4*4*64))
				return err
			})
		})
		require.NoError(t, err)
		return file
	}
	side := ask("a")
	merged, err := base.With(side)
	require.NoError(t, err)
	eight, err := merged.Int8(t.Context(), small)
	require.NoError(t, err)
	q, _, ok := eight.Quantised(w)
	require.True(t, ok)
	ago := time.Now().Add(-24 * time.Hour)
	require.NoError(t, os.Chtimes(side, ago, ago))
	require.NoError(t, os.Chtimes(q.File, ago, ago))
	ask("b")
	require.FileExists(t, side)
	require.FileExists(t, q.File)
	require.NoError(t, merged.Close())
	ask("c")
	require.FileExists(t, side, "the set in 8 bits has it, too")
	require.NoError(t, eight.Close())
	ask("d")
	require.NoFileExists(t, side)
	require.NoFileExists(t, q.File)
}

// Matrices without numbers are in 8 bits without any.
func TestInt8OfNothing(t *testing.T) {
	const q, k = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight", "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k.weight"
	dir := t.TempDir()
	path := filepath.Join(dir, "unet.safetensors")
	writeF32(t, path, nil, map[string][]int{q: {0, 64}, k: {4, 0}})
	base, err := Open(UNet, path)
	require.NoError(t, err)
	defer base.Close()
	s, err := base.Int8(t.Context(), safetensors.Cache{Dir: dir})
	require.NoError(t, err)
	defer s.Close()
	for _, name := range []string{q, k} {
		w, scales, ok := s.Quantised(name)
		require.True(t, ok)
		require.Zero(t, w.Length+scales.Length)
	}
}
