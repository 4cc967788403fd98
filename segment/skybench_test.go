package segment

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// large is a rendered house with bare trees and wires at four times its size, with the noise of a camera at full size.
func large(b testing.TB, w, h int) *kernels.Image {
	s := scene.Exterior(scene.ExteriorOptions{W: w / 4, H: h / 4, Winter: true, Samples: 1})
	host := kerneltest.Host(b)
	small, err := kernels.Wrap(s.Radiance, w/4, h/4, 3)
	require.NoError(b, err)
	full, err := host.NewImage(w, h, 3, kernels.F32)
	require.NoError(b, err)
	defer full.Free()
	require.NoError(b, host.Ops().Resize(full, small))
	m, err := host.NewImage(w, h, 3, kernels.U8)
	require.NoError(b, err)
	line := make([]float32, 3*w)
	for y := range h {
		copy(line, full.RowF32(y))
		p, _ := scene.Camera{}.Expose(line, w, 1, 0, y)
		copy(m.RowU8(y), p)
	}
	return m
}

// BenchmarkSky45MP is Scene and Sky together on a picture of 45 megapixels: its small copy is made too.
func BenchmarkSky45MP(b *testing.B) {
	m := large(b, 8256, 5504)
	defer m.Free()
	host := kerneltest.Host(b)
	env := &realedit.Env{Backend: host, Ops: kernels.Complete(host, &kernels.Fallbacks{})}
	for b.Loop() {
		w := &realedit.Work{Image: m, Report: &realedit.Report{}}
		require.NoError(b, Scene{}.Apply(context.Background(), env, w))
		require.NoError(b, Sky{}.Apply(context.Background(), env, w))
		require.NotNil(b, w.Masks[realedit.MaskSky])
		w.Masks[realedit.MaskSky].Free()
	}
}
