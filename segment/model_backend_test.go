package segment

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ort"
)

// The pictures may lie on a device: models are given what they are given on the host, everything taken there is given back, and it is no more than declared.
func TestModelsOfPicturesOffTheHost(t *testing.T) {
	d := fullDouble()
	env, w := modelEnv(t, d)
	askAll(t.Context(), env, w, modelPicture(t, env))
	want := d.asked

	b := offhost.New(kerneltest.Host(t), "device", 1<<30)
	d = fullDouble()
	env = &realedit.Env{Backend: b, Ops: kernels.Complete(b, nil), Models: d, Log: noLog}
	src := modelPicture(t, env)
	before := b.Caps().Used
	for kind, err := range askAll(t.Context(), env, w, src) {
		require.NoError(t, err, kind)
	}
	require.Equal(t, want, d.asked)
	require.Equal(t, before, b.Caps().Used)

	// The largest published input.
	m := d.models[kindSAMEncoder]
	m.Preprocess.Width, m.Preprocess.Height, m.Inputs = 1024, 1024, []realedit.TensorSpec{{Name: "image", Type: "float32", Shape: []int64{1, 3, 1024, 1024}}}
	d.models[kindSAMEncoder] = m
	_, err := encodeSAM(t.Context(), env, w, src)
	require.NoError(t, err)
	_, device := modelBytes()
	peak := b.Caps().Peak - before
	require.LessOrEqual(t, peak, device)
	require.Greater(t, 3*peak, 2*device, "half as much again as it takes")
}

// What a model is given and what is made of its answer are the same for any number of threads.
func TestModelsForAnyNumberOfThreads(t *testing.T) {
	type outcome struct {
		asked       []ort.Values
		sky, window []float32
		mask        []float32
	}
	run := func(threads int) (o outcome) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		d := fullDouble()
		for _, kind := range []string{kindCLIP, kindSky, kindSemantic} {
			m := d.models[kind]
			m.Preprocess.Width, m.Preprocess.Height, m.Inputs = 97, 97, []realedit.TensorSpec{{Name: "x", Type: "float32", Shape: []int64{1, 3, 97, 97}}}
			d.models[kind] = m
		}
		answer := d.answer
		d.answer = func(kind string, in ort.Values) (ort.Values, error) {
			if kind == kindSemantic {
				return ort.Values{"logits": tensorOf(func(i int) float32 { return float32(i*7919%1009) / 100 }, 1, 150, 13, 11)}, nil
			}
			return answer(kind, in)
		}
		env, w := modelEnv(t, d)
		src := modelPicture(t, env)
		_, err := modelScene(context.Background(), env, w, src)
		require.NoError(t, err)
		o.mask, _, err = modelMask(context.Background(), env, w, kindSky, src, 42, 30)
		require.NoError(t, err)
		o.sky, o.window, err = modelClasses(context.Background(), env, w, src, 42, 30)
		require.NoError(t, err)
		o.asked = d.asked
		return o
	}
	want := run(1)
	for _, threads := range []int{2, 3, 16} {
		require.Equal(t, want, run(threads), "%d threads", threads)
	}
}
