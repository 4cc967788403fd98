//go:build cuda && cgo

package cuda

import (
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// Strips of full height away from the edges, as large photos have them, on words and, as a window, off them.
func TestFuseMertensInFullStrips(t *testing.T) {
	defer func(n int) { fullLoad = n }(fullLoad)
	fullLoad = 1
	const w, h = 303, 141
	b := gpu(t)
	fuse := func(b kernels.Backend, window bool) (kerneltest.Output, *kerneltest.Maker) {
		m := kerneltest.NewMaker(b, 3)
		m.Window = window
		photos, err := m.Bracket(3, w, h, kernels.U8)
		if err != nil {
			t.Fatal(err)
		}
		dst, err := m.Blank(w, h, 3, kernels.F32)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Ops().Fuse(dst, photos, &kernels.FuseOptions{Method: kernels.FuseMertens}); err != nil {
			t.Fatal(err)
		}
		return kerneltest.Output{Images: []*kernels.Image{dst}}, m
	}
	r := ref.New()
	want, wm := fuse(r, false)
	defer wm.Close()
	for _, window := range []bool{false, true} {
		got, m := fuse(b, window)
		if d, err := kerneltest.Diff(r, b, want, got); err != nil || !(d <= 7e-7) {
			t.Errorf("window %v: differs by %.3g, %v", window, d, err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
