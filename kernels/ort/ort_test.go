package ort

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/internal/onnx"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels"
)

// provider is where the tests run: REALEDIT_ORT_PROVIDER ("cuda:0"), else the processor.
func provider(t testing.TB) Provider {
	s := os.Getenv("REALEDIT_ORT_PROVIDER")
	if s == "" {
		return Provider{Name: "cpu"}
	}
	p, err := ParseProvider(s)
	require.NoError(t, err)
	return p
}

// need skips the test without a library, or fails it where REALEDIT_REQUIRE names ort.
func need(t testing.TB) {
	t.Helper()
	if errNative != nil {
		t.Skip(errNative)
	}
	err := Load("")
	if err != nil {
		t.Log(err)
	}
	phototest.Need(t, "ort", err == nil)
}

// open is a Runtime at the tests' provider.
func open(t testing.TB, o Options) *Runtime {
	t.Helper()
	need(t)
	if o.Providers == nil {
		o.Providers = []Provider{provider(t)}
	}
	r, err := New(&o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// acquire is a session that is where the test wants it to be.
func acquire(t testing.TB, r *Runtime, m *Model) *Session {
	t.Helper()
	s, err := r.Acquire(context.Background(), m)
	require.NoError(t, err)
	require.Equal(t, provider(t).String(), s.Provider().String(), s.Notes())
	return s
}

func floats(shape []int64, f func(i int) float32) *Tensor {
	n, _ := elements(shape)
	d := make([]float32, n)
	for i := range d {
		d[i] = f(i)
	}
	return &Tensor{shape, d}
}

func halves(shape []int64, f func(i int) float32) *Tensor {
	n, _ := elements(shape)
	d := make([]kernels.Half, n)
	for i := range d {
		d[i] = kernels.HalfFrom(f(i))
	}
	return &Tensor{shape, d}
}

// conv is a model with weights of some bytes: y = relu(conv3x3(x, w)), mean of y per channel.
func conv(channels int64, free bool) *onnx.Model {
	w := make([]float32, channels*3*9)
	for i := range w {
		w[i] = float32(math.Sin(float64(i)*1.7)) / 9
	}
	side := onnx.Dims(1, 3, 32, 32)
	out := onnx.Dims(1, channels, 32, 32)
	if free {
		side[2], side[3] = onnx.Dim{Param: "h"}, onnx.Dim{Param: "w"}
		out[2], out[3] = side[2], side[3]
	}
	return &onnx.Model{
		Name: "conv",
		Nodes: []onnx.Node{
			{Op: "Conv", In: []string{"x", "w"}, Out: []string{"c"}, Attrs: []onnx.Attr{{Name: "pads", Value: []int64{1, 1, 1, 1}}}},
			{Op: "Relu", In: []string{"c"}, Out: []string{"y"}},
			{Op: "ReduceMean", In: []string{"y"}, Out: []string{"mean"}, Attrs: []onnx.Attr{{Name: "axes", Value: []int64{2, 3}}, {Name: "keepdims", Value: int64(0)}}},
		},
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float32, Shape: side}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Shape: out}, {Name: "mean", Type: onnx.Float32, Shape: onnx.Dims(1, channels)}},
		Weights: []onnx.Tensor{onnx.Floats("w", []int64{channels, 3, 3, 3}, w)},
	}
}

// chain is a model that takes long in many steps: a square matrix multiplied with itself again and again, kept small by a constant.
func chain(side int64, steps int) *onnx.Model {
	m := &onnx.Model{
		Name:    "chain",
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float32, Shape: onnx.Dims(side, side)}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Shape: onnx.Dims(side, side)}},
		Weights: []onnx.Tensor{onnx.Floats("k", []int64{1}, []float32{1 / float32(side)})},
	}
	at := "x"
	for i := range steps {
		a, b := fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)
		if i == steps-1 {
			b = "y"
		}
		m.Nodes = append(m.Nodes, onnx.Node{Op: "MatMul", In: []string{at, "x"}, Out: []string{a}}, onnx.Node{Op: "Mul", In: []string{a, "k"}, Out: []string{b}})
		at = b
	}
	return m
}

// unary is y = op(x) for one type and shape.
func unary(op string, t onnx.Type, shape []onnx.Dim, attrs ...onnx.Attr) *onnx.Model {
	return &onnx.Model{
		Name:    op,
		Nodes:   []onnx.Node{{Op: op, In: []string{"x"}, Out: []string{"y"}, Attrs: attrs}},
		Inputs:  []onnx.Value{{Name: "x", Type: t, Shape: shape}},
		Outputs: []onnx.Value{{Name: "y", Type: t, Shape: shape}},
	}
}

func fromBytes(key string, m *onnx.Model) *Model { return &Model{Key: key, Data: m.Encode()} }

func picture(h, w int64) *Tensor {
	return floats([]int64{1, 3, h, w}, func(i int) float32 { return float32(i%251) / 251 })
}

// The convolution's definition, in the slowest way.
func convWanted(m *onnx.Model, x *Tensor) []float32 {
	c, h, w := int(m.Weights[0].Dims[0]), int(x.Shape[2]), int(x.Shape[3])
	weights := conv(int64(c), false).Weights[0].Raw
	px := x.Data.([]float32)
	out := make([]float32, c*h*w)
	for o := range c {
		for y := range h {
			for xx := range w {
				sum := 0.0
				for i := range 3 {
					for ky := range 3 {
						for kx := range 3 {
							sy, sx := y+ky-1, xx+kx-1
							if sy < 0 || sx < 0 || sy >= h || sx >= w {
								continue
							}
							k := 4 * (((o*3+i)*3+ky)*3 + kx)
							f := math.Float32frombits(uint32(weights[k]) | uint32(weights[k+1])<<8 | uint32(weights[k+2])<<16 | uint32(weights[k+3])<<24)
							sum += float64(f) * float64(px[(i*h+sy)*w+sx])
						}
					}
				}
				out[(o*h+y)*w+xx] = float32(max(sum, 0))
			}
		}
	}
	return out
}

func TestRunComputesWhatTheGraphSays(t *testing.T) {
	r := open(t, Options{})
	for _, free := range []bool{false, true} {
		m := conv(8, free)
		h, w := int64(32), int64(32)
		if free {
			h, w = 17, 40
		}
		x := picture(h, w)
		s := acquire(t, r, fromBytes(fmt.Sprint("conv", free), m))
		out, err := s.Run(context.Background(), Values{"x": x})
		require.NoError(t, err)
		require.Equal(t, []int64{1, 8, h, w}, out["y"].Shape)
		require.Equal(t, []int64{1, 8}, out["mean"].Shape)
		require.InDeltaSlice(t, convWanted(m, x), out["y"].Data, 2e-3) // TF32 on a GPU
		s.Release()
		s.Release()
	}
	require.Equal(t, 2, r.Stats().Sessions)
	require.Zero(t, r.Stats().InUse)
}

// Every type that is offered comes back as it went in; so do scalars, and shapes that the file does not tell.
func TestTypes(t *testing.T) {
	r := open(t, Options{})
	type sample struct {
		typ  onnx.Type
		data any
	}
	half := []kernels.Half{kernels.HalfFrom(1.5), kernels.HalfFrom(-0.25), kernels.HalfFrom(65504), 1, 0x8000, kernels.HalfFrom(3)}
	for _, s := range []sample{
		{onnx.Float32, []float32{1.5, -2, 3e38, 0, 5, 6}}, {onnx.Float16, half}, {onnx.Int64, []int64{math.MinInt64, 2, 3, 4, 5, math.MaxInt64}},
		{onnx.Int32, []int32{math.MinInt32, -1, 0, 1, 2, math.MaxInt32}}, {onnx.Uint8, []uint8{0, 1, 2, 253, 254, 255}},
	} {
		for name, shape := range map[string][]onnx.Dim{"fixed": onnx.Dims(2, 3), "named": {{Param: "a"}, {Param: "b"}}, "unknown": nil} {
			if shape == nil && s.typ == onnx.Float16 {
				continue // TestBadModels
			}
			m := unary("Identity", s.typ, shape)
			out, notes, err := r.Run(context.Background(), fromBytes(s.typ.String()+name, m), Values{"x": {[]int64{2, 3}, s.data}})
			require.NoError(t, err, "%v %s", s.typ, name)
			require.Empty(t, notes)
			require.Equal(t, []int64{2, 3}, out["y"].Shape)
			require.Equal(t, s.data, out["y"].Data, "%v %s", s.typ, name)
		}
		if s.typ == onnx.Float16 {
			continue
		}
		one := raw(s.data)[:s.typ.Size()]
		in, err := newTensor(s.typ, nil)
		require.NoError(t, err)
		copy(raw(in.Data), one)
		in.Shape = []int64{}
		out, _, err := r.Run(context.Background(), fromBytes(s.typ.String()+"scalar", unary("Identity", s.typ, []onnx.Dim{})), Values{"x": in})
		require.NoError(t, err)
		require.Empty(t, out["y"].Shape)
		require.Equal(t, in.Data, out["y"].Data)
	}
}

// A float16 output whose shape the file leaves free has the shape that the caller says.
func TestFloat16Output(t *testing.T) {
	r := open(t, Options{})
	m := unary("Identity", onnx.Float16, []onnx.Dim{{Param: "?"}, {N: 4}})
	m.Outputs[0].Shape = nil
	x := halves([]int64{3, 4}, func(i int) float32 { return float32(i) / 8 })
	_, _, err := r.Run(context.Background(), fromBytes("no shape", m), Values{"x": x})
	require.ErrorIs(t, err, ErrBadModel)
	with := fromBytes("shape", m)
	with.Shapes = map[string][]int64{"y": {3, 4}}
	out, _, err := r.Run(context.Background(), with, Values{"x": x})
	require.NoError(t, err)
	require.Equal(t, x.Data, out["y"].Data)
	wrong := fromBytes("wrong shape", m)
	wrong.Shapes = map[string][]int64{"y": {4, 4}}
	_, _, err = r.Run(context.Background(), wrong, Values{"x": x})
	require.ErrorIs(t, err, ErrBadModel)
}

// Outputs that are not asked for may be of any type, and are not computed.
func TestWant(t *testing.T) {
	r := open(t, Options{})
	m := conv(4, false)
	m.Nodes = append(m.Nodes, onnx.Node{Op: "Cast", In: []string{"mean"}, Out: []string{"mask"}, Attrs: []onnx.Attr{{Name: "to", Value: int64(onnx.Bool)}}})
	m.Outputs = append(m.Outputs, onnx.Value{Name: "mask", Type: onnx.Bool, Shape: onnx.Dims(1, 4)})
	_, _, err := r.Run(context.Background(), fromBytes("all", m), Values{"x": picture(32, 32)})
	require.ErrorIs(t, err, ErrBadModel)
	require.ErrorContains(t, err, "bool")
	some := fromBytes("some", m)
	some.Want = []string{"mean"}
	out, _, err := r.Run(context.Background(), some, Values{"x": picture(32, 32)})
	require.NoError(t, err)
	require.Len(t, out, 1)
	none := fromBytes("none", m)
	none.Want = []string{"score"}
	_, _, err = r.Run(context.Background(), none, Values{"x": picture(32, 32)})
	require.ErrorIs(t, err, ErrBadModel)
	require.ErrorContains(t, err, "y, mean, mask")
}

func TestWrongInputsDoNotReachTheLibrary(t *testing.T) {
	r := open(t, Options{})
	s := acquire(t, r, fromBytes("conv", conv(4, false)))
	defer s.Release()
	good := picture(32, 32)
	for name, in := range map[string]Values{
		"none":       {},
		"nil":        {"x": nil},
		"name":       {"X": good},
		"more":       {"x": good, "z": good},
		"type":       {"x": {[]int64{1, 3, 32, 32}, make([]int32, 3072)}},
		"go type":    {"x": {[]int64{1, 3, 32, 32}, make([]float64, 3072)}},
		"rank":       {"x": {[]int64{3, 32, 32}, good.Data}},
		"dimension":  {"x": picture(32, 33)},
		"too short":  {"x": {[]int64{1, 3, 32, 32}, make([]float32, 3071)}},
		"negative":   {"x": {[]int64{1, 3, 32, -32}, good.Data}},
		"overflow":   {"x": {[]int64{1 << 40, 1 << 40, 32, 32}, good.Data}},
		"empty":      {"x": {[]int64{0, 3, 32, 32}, []float32{}}},
		"no numbers": {"x": {}},
	} {
		_, err := s.Run(context.Background(), in)
		require.ErrorIs(t, err, kernels.ErrInvalid, name)
		require.NotErrorIs(t, err, ErrBadModel, name)
	}
	// Two inputs that share a name for a dimension have to agree.
	sum := &onnx.Model{
		Nodes:   []onnx.Node{{Op: "Add", In: []string{"a", "b"}, Out: []string{"y"}}},
		Inputs:  []onnx.Value{{Name: "a", Type: onnx.Float32, Shape: []onnx.Dim{{Param: "n"}}}, {Name: "b", Type: onnx.Float32, Shape: []onnx.Dim{{Param: "n"}}}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Shape: []onnx.Dim{{Param: "n"}}}},
	}
	one := func(int) float32 { return 1 }
	_, _, err := r.Run(context.Background(), fromBytes("sum", sum), Values{"a": floats([]int64{4}, one), "b": floats([]int64{1}, one)})
	require.ErrorIs(t, err, kernels.ErrInvalid)
	_, _, err = r.Run(context.Background(), fromBytes("sum", sum), Values{"a": floats([]int64{4}, one), "b": floats([]int64{4}, one)})
	require.NoError(t, err)
}

func TestBadModels(t *testing.T) {
	r := open(t, Options{})
	whole := conv(4, false).Encode()
	half := onnx.Model{
		Nodes:   []onnx.Node{{Op: "Identity", In: []string{"x"}, Out: []string{"y"}}},
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float16, Shape: []onnx.Dim{}}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float16, Shape: []onnx.Dim{}}},
	}
	unknown := unary("NoSuchOperator", onnx.Float32, onnx.Dims(1))
	noInput := &onnx.Model{Nodes: []onnx.Node{{Op: "Identity", In: []string{"w"}, Out: []string{"y"}}}, Weights: []onnx.Tensor{onnx.Floats("w", []int64{1}, []float32{1})},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Shape: onnx.Dims(1)}}}
	missing := unary("Identity", onnx.Float32, onnx.Dims(1))
	missing.Nodes[0].In[0] = "nothing"
	for name, data := range map[string][]byte{
		"text":         []byte("<html>404</html>"),
		"cut":          whole[:len(whole)-20],
		"empty":        {},
		"zeros":        make([]byte, 100),
		"no outputs":   (&onnx.Model{}).Encode(),
		"no inputs":    noInput.Encode(),
		"operator":     unknown.Encode(),
		"dangling":     missing.Encode(),
		"half scalar":  half.Encode(),
		"weights bent": bytes.Replace(whole, []byte("w\x12"), []byte("v\x12"), 1),
	} {
		_, err := r.Acquire(context.Background(), &Model{Key: name, Data: data})
		require.ErrorIs(t, err, ErrBadModel, name)
	}
	require.Zero(t, r.Stats().Sessions, "a model that failed stays in the cache")
	require.Zero(t, r.Stats().Host)
	_, err := r.Acquire(context.Background(), &Model{Path: t.TempDir() + "/none.onnx"})
	require.ErrorIs(t, err, os.ErrNotExist)
	for _, m := range []Model{{}, {Path: "a", Data: whole}, {Data: whole}, {Path: "a", Memory: -1}, {Path: "a", Shapes: map[string][]int64{"y": {-1}}}} {
		_, err := r.Acquire(context.Background(), &m)
		require.ErrorIs(t, err, kernels.ErrInvalid)
	}
}

// Outputs that no memory could hold are a bad model: asked for, they would end the process. Whether file, caller or inputs say how large they are.
func TestHugeOutputs(t *testing.T) {
	r := open(t, Options{})
	for name, shape := range map[string][]int64{"line": {1 << 40}, "square": {1 << 21, 1 << 21}, "product past 64 bits": {1 << 31, 1 << 31, 1 << 31}, "6 GiB": {3 << 29}} {
		m := unary("Identity", onnx.Float32, onnx.Dims(shape...))
		_, err := r.Acquire(context.Background(), &Model{Key: name, Data: m.Encode()})
		require.ErrorIs(t, err, ErrBadModel, name)
		m.Inputs[0].Shape, m.Outputs[0].Shape = nil, nil
		_, err = r.Acquire(context.Background(), &Model{Key: name, Data: m.Encode(), Shapes: map[string][]int64{"y": shape}})
		require.True(t, errors.Is(err, ErrBadModel) || errors.Is(err, kernels.ErrInvalid), "%s: %v", name, err)
	}
	require.Zero(t, r.Stats().Host)
}

// What a session is charged counts huge inputs too, and sums do not run over.
func TestHugeSessionsDoNotFit(t *testing.T) {
	r := open(t, Options{Budget: kernels.Budget{Host: 1 << 30}})
	m := unary("ReduceSum", onnx.Float32, onnx.Dims(1<<21, 1<<21))
	m.Outputs[0].Shape = onnx.Dims(1, 1)
	_, err := r.Acquire(context.Background(), &Model{Key: "input", Data: m.Encode()})
	require.ErrorIs(t, err, kernels.ErrHostMemory)
	small := unary("Identity", onnx.Float32, onnx.Dims(1))
	_, err = r.Acquire(context.Background(), &Model{Key: "memory", Data: small.Encode(), Memory: 1 << 50})
	require.ErrorIs(t, err, kernels.ErrHostMemory)
	_, err = r.Acquire(context.Background(), &Model{Key: "more", Data: small.Encode(), Memory: 1<<63 - 1})
	require.ErrorIs(t, err, kernels.ErrInvalid)
	require.Zero(t, r.Stats().Host)
}

// Weights in a file beside the model are found for a path, and for bytes in the folder that is named.
func TestExternalWeights(t *testing.T) {
	r := open(t, Options{})
	dir := t.TempDir()
	m := conv(4, false)
	want := convWanted(m, picture(32, 32))
	w := m.Weights[0].Raw
	require.NoError(t, os.WriteFile(dir+"/weights.bin", append(make([]byte, 13), w...), 0o600)) // an offset of 13: not aligned
	m.Weights[0].Raw, m.Weights[0].External = nil, &onnx.External{File: "weights.bin", Offset: 13, Length: int64(len(w))}
	require.NoError(t, os.WriteFile(dir+"/m.onnx", m.Encode(), 0o600))
	for _, model := range []*Model{{Path: dir + "/m.onnx"}, {Key: "bytes", Data: m.Encode(), Folder: dir}} {
		s := acquire(t, r, model)
		require.Equal(t, []string{"weights.bin"}, s.Signature().External)
		require.EqualValues(t, len(w), s.Signature().Weights)
		out, err := s.Run(context.Background(), Values{"x": picture(32, 32)})
		require.NoError(t, err)
		require.InDeltaSlice(t, want, out["y"].Data, 2e-3)
		s.Release()
	}
	_, err := r.Acquire(context.Background(), &Model{Key: "no folder", Data: m.Encode(), Folder: t.TempDir()})
	require.ErrorIs(t, err, ErrBadModel)
}

// A Run ends within milliseconds of its context: steps of 3 ms on the processor, 250 ms allowed on a machine that others use. On a GPU what has been queued
// is done first, up to a thousand steps.
func TestCancel(t *testing.T) {
	r := open(t, Options{})
	side, steps, allowed := int64(384), 4000, 250*time.Millisecond
	if provider(t).Name != "cpu" {
		side, allowed = 4096, 2*time.Second
	}
	m := fromBytes("chain", chain(side, steps))
	s := acquire(t, r, m)
	defer s.Release()
	x := floats([]int64{side, side}, func(i int) float32 { return 1 })
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	var at time.Time
	time.AfterFunc(100*time.Millisecond, func() { at = time.Now(); cancel(why) })
	_, err := s.Run(ctx, Values{"x": x})
	late := time.Since(at)
	require.ErrorIs(t, err, why)
	require.Less(t, late, allowed)
	t.Logf("ended %v after", late)
	_, err = s.Run(ctx, Values{"x": x})
	require.ErrorIs(t, err, why)
	_, err = r.Acquire(ctx, m)
	require.ErrorIs(t, err, why)
	// The session is as good as before.
	small := acquire(t, r, fromBytes("small", chain(4, 3)))
	defer small.Release()
	out, err := small.Run(context.Background(), Values{"x": floats([]int64{4, 4}, func(int) float32 { return 1 })})
	require.NoError(t, err)
	require.InDeltaSlice(t, slices.Repeat([]float32{1}, 16), out["y"].Data, 1e-6)
}

// Loading cannot be stopped, but waited for no longer; the session is there for the next who asks, or goes with the Runtime.
func TestCancelWhileLoading(t *testing.T) {
	r := open(t, Options{})
	m := fromBytes("chain", chain(4, 4000))
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(10*time.Millisecond, cancel)
	start := time.Now()
	_, err := r.Acquire(ctx, m)
	stopped := time.Since(start)
	require.ErrorIs(t, err, context.Canceled)
	s := acquire(t, r, m)
	loaded := time.Since(start)
	t.Logf("given up after %v, loaded after %v", stopped, loaded)
	require.Less(t, stopped, loaded)
	require.Equal(t, 1, r.Stats().Sessions)
	s.Release()
	r.Trim()

	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err = r.Acquire(ctx, m)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, r.Close())
	require.Eventually(t, func() bool { s := r.Stats(); return s.Host == 0 && s.Device[provider(t).Device] == 0 }, time.Minute, 10*time.Millisecond)
}

// What runs side by side gives what it gives alone, and the memory that the garbage collector could take is kept.
func TestConcurrencyAndGarbage(t *testing.T) {
	r := open(t, Options{Threads: 1})
	s := acquire(t, r, fromBytes("free", conv(8, true)))
	defer s.Release()
	half := acquire(t, r, fromBytes("half", unary("Identity", onnx.Float16, onnx.Dims(64, 64))))
	defer half.Release()
	want := map[int64][]float32{}
	for h := int64(8); h < 16; h++ {
		out, err := s.Run(context.Background(), Values{"x": picture(h, 24)})
		require.NoError(t, err)
		want[h] = out["y"].Data.([]float32)
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			default:
				runtime.GC()
				_ = make([]byte, 1<<16) // overwrites what was freed too early
			}
		}
	}()
	var wg sync.WaitGroup
	for g := range int64(8) {
		wg.Go(func() {
			for i := range 40 {
				h := 8 + (g+int64(i))%8
				out, err := s.Run(context.Background(), Values{"x": picture(h, 24)})
				if err != nil || !slices.Equal(out["y"].Data.([]float32), want[h]) {
					t.Errorf("run %d of %d: %v", i, g, err)
					return
				}
				x := halves([]int64{64, 64}, func(k int) float32 { return float32(k%97) + float32(g) })
				keep := slices.Clone(x.Data.([]kernels.Half))
				out, err = half.Run(context.Background(), Values{"x": x})
				if err != nil || !slices.Equal(out["y"].Data.([]kernels.Half), keep) {
					t.Errorf("half run %d of %d: %v", i, g, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(done)
}

// The same bytes each time, and on the processor from every session and for any number of threads.
func TestSameBytes(t *testing.T) {
	x := picture(61, 83)
	square := floats([]int64{97, 97}, func(i int) float32 { return float32(i%89)/89 - 0.5 })
	products := chain(97, 5)
	products.Nodes = append(products.Nodes, onnx.Node{Op: "Softmax", In: []string{"y"}, Out: []string{"s"}})
	products.Outputs = append(products.Outputs, onnx.Value{Name: "s", Type: onnx.Float32, Shape: onnx.Dims(97, 97)})
	for name, c := range map[string]struct {
		m *onnx.Model
		x *Tensor
	}{"conv": {conv(64, true), x}, "products": {products, square}} {
		var first []byte
		for _, threads := range []int{1, 2, 3, 8} {
			r := open(t, Options{Threads: threads})
			s := acquire(t, r, fromBytes(name, c.m))
			for range 3 {
				out, err := s.Run(context.Background(), Values{"x": c.x})
				require.NoError(t, err)
				var got []byte
				for _, o := range c.m.Outputs {
					got = append(got, raw(out[o.Name].Data)...)
				}
				if first == nil {
					first = got
				}
				if provider(t).Name == "cpu" || threads == 1 {
					require.True(t, bytes.Equal(first, got), "%s, %d threads", name, threads)
				}
			}
			s.Release()
		}
	}
}

// Where a card is full the sessions that nobody uses go, whichever Runtime's they are.
func TestEvictionOfAllRuntimes(t *testing.T) {
	p := provider(t)
	a, b := open(t, Options{Providers: []Provider{p}}), open(t, Options{Providers: []Provider{p}})
	for _, r := range []*Runtime{a, b} {
		acquire(t, r, fromBytes("idle", conv(4, false))).Release()
	}
	used := acquire(t, b, fromBytes("used", conv(4, false)))
	defer used.Release()
	require.True(t, evictAll(p.place()))
	require.Zero(t, a.Stats().Sessions)
	require.Equal(t, 1, b.Stats().Sessions)
	require.False(t, evictAll(p.place()))
	_, err := used.Run(context.Background(), Values{"x": picture(32, 32)})
	require.NoError(t, err)
}

func TestEviction(t *testing.T) {
	one := int64(1 << 20)
	budget := kernels.Budget{Host: 2 * one, Device: 2 * one}
	p := provider(t)
	if p.Name != "cpu" {
		p.Options = map[string]string{"gpu_mem_limit": "2000000000"} // the budget counts what is declared; the arena needs more
	}
	r := open(t, Options{Budget: budget, Providers: []Provider{p}})
	model := func(key string) *Model { m := fromBytes(key, conv(4, false)); m.Memory = one; return m }
	run := func(key string) {
		_, _, err := r.Run(context.Background(), model(key), Values{"x": picture(32, 32)})
		require.NoError(t, err)
	}
	has := func(key string) bool { r.mu.Lock(); defer r.mu.Unlock(); return r.entries[key] != nil }
	run("a")
	run("b")
	run("a")
	run("c") // b has lain longest
	require.True(t, has("a") && has("c") && !has("b"))
	a := acquire(t, r, model("a"))
	run("d")
	require.True(t, has("a") && has("d") && !has("c"), "what is in use is never evicted")
	d := acquire(t, r, model("d"))
	_, err := r.Acquire(context.Background(), model("e"))
	require.ErrorIs(t, err, kernels.ErrOutOfMemory)
	if p.Name == "cpu" { // where it lasts long enough
		// A Run that waits for a Run in a session that is held is told when that ends, and that nothing will come of waiting.
		long := fromBytes("long", chain(256, 600))
		long.Memory = one
		a.Release()
		l := acquire(t, r, long)
		ended := make(chan error)
		go func() {
			_, err := l.Run(context.Background(), Values{"x": floats([]int64{256, 256}, func(int) float32 { return 1 })})
			ended <- err
		}()
		require.Eventually(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return l.e.refs > l.e.held }, time.Second, 100*time.Microsecond)
		_, _, err = r.Run(context.Background(), model("e"), Values{"x": picture(32, 32)})
		require.ErrorIs(t, err, kernels.ErrOutOfMemory)
		require.NoError(t, <-ended)
		l.Release()
		a = acquire(t, r, model("a"))
	}
	r.Trim()
	require.Equal(t, 2, r.Stats().Sessions)
	_, err = a.Run(context.Background(), Values{"x": picture(32, 32)})
	require.NoError(t, err)
	a.Release()
	d.Release()
	big := model("big")
	big.Memory = 3 * one
	_, err = r.Acquire(context.Background(), big)
	require.ErrorIs(t, err, kernels.ErrOutOfMemory)
	_, _, err = r.Run(context.Background(), big, Values{"x": picture(32, 32)})
	require.ErrorIs(t, err, kernels.ErrOutOfMemory)
	r.Trim()
	st := r.Stats()
	require.Zero(t, st.Sessions)
	require.Zero(t, st.Host)
	// Many more models than fit, from many goroutines: those that run once wait for each other.
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			for k := range 5 {
				_, _, err := r.Run(context.Background(), model(fmt.Sprint("m", (i+k)%7)), Values{"x": picture(32, 32)})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, r.Stats().Sessions, 2)
}

// Sessions on the processor count in kernels.Host, and make room when pictures need it.
func TestHostPool(t *testing.T) {
	if provider(t).Name != "cpu" {
		t.Skip("sessions on a GPU take no host memory worth counting")
	}
	r := open(t, Options{})
	before, _, _ := kernels.Host.Stats()
	kernels.Host.SetLimit(before + 8<<20)
	defer kernels.Host.SetLimit(0)
	m := fromBytes("m", conv(4, false))
	m.Memory = 6 << 20
	s := acquire(t, r, m)
	now, _, _ := kernels.Host.Stats()
	require.EqualValues(t, 6<<20, now-before)
	_, _, err := kernels.Host.Get(4 << 20)
	require.ErrorIs(t, err, kernels.ErrHostMemory, "a session in use has to stay")
	other := fromBytes("other", conv(4, false))
	other.Memory = 6 << 20
	_, err = r.Acquire(context.Background(), other)
	require.ErrorIs(t, err, kernels.ErrHostMemory)
	s.Release()
	_, free, err := kernels.Host.Get(4 << 20)
	require.NoError(t, err)
	require.Zero(t, r.Stats().Sessions)
	free()
	// Two fit; nobody is refused.
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			for k := range 5 {
				m := fromBytes(fmt.Sprint("m", (i+k)%7), conv(4, false))
				m.Memory = 4 << 20
				if _, _, err := r.Run(context.Background(), m, Values{"x": picture(32, 32)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r.Trim()
	now, _, _ = kernels.Host.Stats()
	require.LessOrEqual(t, now, before) // less where the collector gave back what tests before this one left
}

// 200 times loaded, run and closed: 0.4 GB of weights pass through memory, and what stays is bounded by 24 MB: the binding leaks the path's text per
// session (20 kB in all), and malloc keeps up to an arena per thread. On a GPU the driver and cuDNN keep more, once.
func TestMemoryStaysFlat(t *testing.T) {
	o := Options{Threads: 2}
	need(t)
	dir := t.TempDir()
	m := conv(4, false)
	m.Weights = append(m.Weights, onnx.Floats("ballast", []int64{512, 1024}, make([]float32, 512*1024)))
	m.Nodes = append(m.Nodes, onnx.Node{Op: "ReduceSum", In: []string{"ballast"}, Out: []string{"sum"}, Attrs: []onnx.Attr{{Name: "keepdims", Value: int64(0)}}})
	m.Outputs = append(m.Outputs, onnx.Value{Name: "sum", Type: onnx.Float32, Shape: []onnx.Dim{}})
	require.NoError(t, os.WriteFile(dir+"/m.onnx", m.Encode(), 0o600))
	cycle := func(n int) {
		for range n {
			r := open(t, o)
			out, _, err := r.Run(context.Background(), &Model{Path: dir + "/m.onnx"}, Values{"x": picture(32, 32)})
			require.NoError(t, err)
			require.Len(t, out, 3)
			require.NoError(t, r.Close())
		}
	}
	cycle(20)
	runtime.GC()
	before := residentBytes(t)
	cycle(200)
	runtime.GC()
	grown := residentBytes(t) - before
	t.Logf("%.1f MB resident, %+.1f MB after 200 cycles", float64(before)/1e6, float64(grown)/1e6)
	bound := int64(24e6)
	if provider(t).Name != "cpu" {
		bound = 200e6
	}
	require.Less(t, grown, bound)
}

func residentBytes(t *testing.T) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	var size, resident int64
	_, err = fmt.Sscan(string(b), &size, &resident)
	require.NoError(t, err)
	return resident * int64(os.Getpagesize())
}

// A provider that is not there is passed over, with a note that says why, for this model and the next.
func TestAbsentProvider(t *testing.T) {
	r := open(t, Options{Providers: []Provider{{Name: "tensorrt", Device: 77}, {Name: "cuda", Device: 77}}})
	for range 2 {
		out, notes, err := r.Run(context.Background(), fromBytes("m", conv(4, false)), Values{"x": picture(32, 32)})
		require.NoError(t, err)
		require.Len(t, out, 2)
		require.Len(t, notes, 2)
		require.Contains(t, notes[0], "tensorrt:77 could not be used: ")
		require.Contains(t, notes[1], "cuda:77 could not be used: ")
	}
	t.Log(r.absent)
}

func TestClose(t *testing.T) {
	r := open(t, Options{})
	s := acquire(t, r, fromBytes("m", conv(4, false)))
	require.NoError(t, r.Close())
	_, err := r.Acquire(context.Background(), fromBytes("m", conv(4, false)))
	require.ErrorIs(t, err, kernels.ErrInvalid)
	_, err = s.Run(context.Background(), Values{"x": picture(32, 32)})
	require.NoError(t, err, "a session in use stays good")
	s.Release()
	st := r.Stats()
	require.Zero(t, st.Host)
	require.Zero(t, st.Device[provider(t).Device])
	_, err = s.Run(context.Background(), Values{"x": picture(32, 32)})
	require.ErrorIs(t, err, kernels.ErrInvalid, "a session that is gone is not run")
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{Threads: -1}, {Threads: 1025}, {Budget: kernels.Budget{Host: -1}}, {Budget: kernels.Budget{Device: -1}}, {Providers: []Provider{{Name: "npu"}}},
		{Providers: []Provider{{Name: "cuda", Device: -1}}}} {
		_, err := New(&o)
		require.ErrorIs(t, err, kernels.ErrInvalid, "%+v", o)
	}
	for s, want := range map[string]string{"cpu": "cpu", "cuda": "cuda:0", "cuda:3": "cuda:3", "tensorrt:1": "tensorrt:1"} {
		p, err := ParseProvider(s)
		require.NoError(t, err)
		require.Equal(t, want, p.String())
	}
	for _, s := range []string{"", "cpu:0", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:0:1"} {
		_, err := ParseProvider(s)
		require.ErrorIs(t, err, kernels.ErrInvalid, s)
	}
}

// memory is a line of the process's status in bytes, 0 where there is none.
func memory(key string) float64 {
	b, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(b), key+":")
	var kib float64
	fmt.Sscan(rest, &kib)
	return kib * 1024
}

var benchFiles = flag.String("ort.bench", "", "time these .onnx files, separated by commas, with zeros as inputs; free dimensions are 1")

// BenchmarkFile times models: go test ./kernels/ort -run '^$' -bench File -ort.bench a.onnx,b.onnx, with REALEDIT_ORT_PROVIDER as for the tests
// and REALEDIT_ORT_OPTIONS ("prefer_nhwc=1,use_tf32=0") as the provider's options.
func BenchmarkFile(b *testing.B) {
	p := provider(b)
	for o := range strings.SplitSeq(os.Getenv("REALEDIT_ORT_OPTIONS"), ",") {
		if k, v, ok := strings.Cut(o, "="); ok {
			if p.Options == nil {
				p.Options = map[string]string{}
			}
			p.Options[k] = v
		}
	}
	for file := range strings.SplitSeq(*benchFiles, ",") {
		if file == "" {
			continue
		}
		b.Run(file, func(b *testing.B) {
			r := open(b, Options{Providers: []Provider{p}})
			before := memory("VmRSS")
			start := time.Now()
			s := acquire(b, r, &Model{Path: file})
			defer s.Release()
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "load-ms")
			in := Values{}
			for _, v := range s.e.call.in {
				shape := make([]int64, len(v.Shape))
				for i, d := range v.Shape {
					shape[i] = max(d.N, 1)
				}
				t, err := newTensor(v.Type, shape)
				require.NoError(b, err)
				in[v.Name] = t
			}
			_, err := s.Run(context.Background(), in) // what is chosen or allocated once
			require.NoError(b, err)
			for b.Loop() {
				_, err := s.Run(context.Background(), in)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(s.e.bytes)/1e6, "charged-MB")
			if before > 0 { // the peak is the process's: one file a call is exact
				b.ReportMetric((memory("VmRSS")-before)/1e6, "idle-MB")
				b.ReportMetric((memory("VmHWM")-before)/1e6, "peak-MB")
			}
		})
	}
}

// Memory that the caller keeps is written to; what does not fit is refused before the library sees it.
func TestRunInto(t *testing.T) {
	r := open(t, Options{})
	m := unary("Identity", onnx.Float16, []onnx.Dim{{N: 3}, {N: 4}})
	s := acquire(t, r, fromBytes("into", m))
	x := halves([]int64{3, 4}, func(i int) float32 { return float32(i) / 8 })
	keep := &Tensor{Shape: []int64{3, 4}, Data: make([]kernels.Half, 12)}
	out, err := s.RunInto(context.Background(), Values{"x": x}, Values{"y": keep})
	require.NoError(t, err)
	require.Same(t, keep, out["y"])
	require.Equal(t, x.Data, keep.Data)
	for _, wrong := range []*Tensor{{Shape: []int64{4, 3}, Data: keep.Data}, {Shape: []int64{3, 4}, Data: make([]float32, 12)}, {Shape: []int64{3, 4}, Data: make([]kernels.Half, 11)}} {
		_, err = s.RunInto(context.Background(), Values{"x": x}, Values{"y": wrong})
		require.ErrorIs(t, err, kernels.ErrInvalid)
	}
}
