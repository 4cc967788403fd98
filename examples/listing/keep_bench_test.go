package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// BenchmarkKeep keeps a picture of 45 megapixels in 16 bits at the depth of a JPEG, and takes it back.
func BenchmarkKeep(b *testing.B) {
	host := kerneltest.Host(b)
	m, err := host.NewImage(8192, 5464, 3, kernels.U16)
	require.NoError(b, err)
	defer m.Free()
	for y := range m.Height() {
		for i := range m.RowU16(y) {
			m.RowU16(y)[i] = uint16(i * (y + 1))
		}
	}
	changes, err := realedit.NewAlterationMap(m.Width(), m.Height())
	require.NoError(b, err)
	changes.MarkAll(realedit.ChangeTone)
	out := &output{dir: b.TempDir()}
	k := newKeeper(out, 2<<30)
	r := &realedit.Result{Image: m, Changes: changes, Report: &realedit.Report{}}
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			k.save("key", r, 8, nil, nil)(true)
		}
	})
	require.FileExists(b, filepath.Join(out.dir, stateDir, pixelsDir, "key"))
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			got, _ := k.load("key", realedit.Set{}, 8, host)
			require.NotNil(b, got)
			got.Free()
		}
	})
}
