package qc

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// A pixel may differ where it is computed or synthesised, or where its change is a stronger one than before; one that is not told of is found.
func TestLeaks(t *testing.T) {
	env := testEnv(t)
	const w, h = 70, 600 // more than one band
	picture := func() *kernels.Image {
		m, err := env.NewImage(w, h, 3, kernels.U16)
		require.NoError(t, err)
		for y := range h {
			for i := range m.RowU16(y) {
				m.RowU16(y)[i] = uint16(y*i*7 + i)
			}
		}
		return m
	}
	marked := func(c ...realedit.Change) *realedit.AlterationMap { // at (10+i, 300)
		a, err := realedit.NewAlterationMap(w, h)
		require.NoError(t, err)
		a.MarkAll(realedit.ChangeTone)
		for i, k := range c {
			a.Map.RowU8(300)[10+i] = uint8(k)
		}
		return a
	}
	want, got := picture(), picture()
	for i := range 4 {
		got.RowU16(300)[3*(10+i)+1] ^= 1
	}
	before := marked()
	for _, c := range []struct {
		changes, before *realedit.AlterationMap
		leaks           float64
	}{
		{nil, nil, 4}, {marked(), before, 4}, {marked(), nil, 0},
		{marked(realedit.ChangeComputed, realedit.ChangeSynthesised), before, 2},
		{marked(realedit.ChangeComputed, realedit.ChangeLocked, realedit.ChangeFrame, realedit.ChangeComputed), before, 0},
		{marked(realedit.ChangeLocked, realedit.ChangeLocked), marked(realedit.ChangeLocked), 3},
	} {
		m, err := Leaks(context.Background(), env, got, want, c.changes, c.before)
		require.NoError(t, err)
		require.Equal(t, c.leaks, m.Value)
		require.Equal(t, c.leaks > 0, m.Failed)
	}
	small, err := env.NewImage(3, 3, 3, kernels.U16)
	require.NoError(t, err)
	_, err = Leaks(context.Background(), env, got, small, nil, nil)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
}

// BenchmarkLeaks is what a ladder costs beyond the gate, at 45 megapixels.
func BenchmarkLeaks(b *testing.B) {
	env := testEnv(b)
	var m [2]*kernels.Image
	for i := range m {
		var err error
		m[i], err = env.NewImage(8192, 5464, 3, kernels.U16)
		require.NoError(b, err)
		defer m[i].Free()
		for y := range m[i].Height() {
			clear(m[i].RowU16(y))
		}
	}
	for b.Loop() {
		_, err := Leaks(context.Background(), env, m[0], m[1], nil, nil)
		require.NoError(b, err)
	}
}
