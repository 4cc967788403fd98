package qc

import (
	"context"
	"testing"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/stretchr/testify/require"
)

// Drift is what the gate measures on a picture of that size, and refuses pictures that do not fit each other.
func TestDriftIsTheGates(t *testing.T) {
	const w, h = DriftSide, DriftSide * 2 / 3
	made := func(warm float64) *kernels.Image {
		v := make([]uint16, 3*w*h)
		for i := range w * h {
			grey := 20000 + float64(hash2(i%w, i/w, 7))*9000
			v[3*i], v[3*i+1], v[3*i+2] = uint16(grey*(1+warm)), uint16(grey), uint16(grey*(1-warm))
		}
		m, err := kernels.Wrap(v, w, h, 3)
		require.NoError(t, err)
		return m
	}
	b := kerneltest.Host(t)
	env := &realedit.Env{Backend: b, Ops: kernels.Complete(b, nil)}
	photo := made(0.01)
	for _, warm := range []float64{0.01, 0.02, 0.04} {
		m := made(warm)
		v, err := CompareFrames(context.Background(), env, m, []realedit.Frame{{Image: photo}}, nil)
		require.NoError(t, err)
		want, ok := v.Value(Cast, "drift")
		require.True(t, ok)
		d, ok, err := Drift(m, []*kernels.Image{photo}, nil)
		require.NoError(t, err)
		require.True(t, ok)
		require.InDelta(t, want, d, 1e-9)
		none := make([]uint8, w*h)
		for i := range none {
			none[i] = 1
		}
		_, ok, err = Drift(m, []*kernels.Image{photo}, none)
		require.NoError(t, err)
		require.False(t, ok)
	}
	_, _, err := Drift(photo, []*kernels.Image{photo.SubImage(photo.Bounds().Inset(1))}, nil)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	_, _, err = Drift(photo, nil, []uint8{1})
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	require.Equal(t, 2.0, DriftLimit())
}
