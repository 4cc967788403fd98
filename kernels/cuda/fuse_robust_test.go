//go:build cuda && cgo

package cuda

import (
	"math"
	"slices"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// bracketOf makes the same photos and a mask with a soft hole on a backend.
func bracketOf(t *testing.T, b kernels.Backend, n, w, h int, f kernels.Format) (photos []*kernels.Image, hole *kernels.Image, free func()) {
	t.Helper()
	mk := kerneltest.NewMaker(b, 3)
	photos, err := mk.Bracket(n, w, h, f)
	if err != nil {
		t.Fatal(err)
	}
	hole, err = mk.Image(w, h, 1, kernels.U8, func(x, y, _ int) float64 {
		return min(1, max(0, math.Hypot(float64(x-w/3)/float64(w), float64(y-h/2)/float64(h))-0.1)*20)
	})
	if err != nil {
		t.Fatal(err)
	}
	return photos, hole, func() {
		if err := mk.Close(); err != nil {
			t.Error(err)
		}
	}
}

// fused is the merge as F32 on the host.
func fused(t *testing.T, b kernels.Backend, photos []*kernels.Image, o *kernels.FuseOptions) *kernels.Image {
	t.Helper()
	dst, err := b.NewImage(photos[0].Width(), photos[0].Height(), 3, kernels.F32)
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Free()
	if err := b.Ops().Fuse(dst, photos, o); err != nil {
		t.Fatal(err)
	}
	m, err := kerneltest.Download(b, dst)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func largest(a, b *kernels.Image) (worst float64) {
	for y := range a.Height() {
		for i, v := range a.RowF32(y) {
			if d := math.Abs(float64(v) - float64(b.RowF32(y)[i])); !(d <= worst) {
				worst = d
			}
		}
	}
	return worst
}

// From 2000 pixels on the merge works on reduced pixels, which the sizes of kerneltest do not reach: odd and even sides of them,
// more rows of pixels between two rows of them than a thread takes, what is left over at the right and bottom, parts that are not valid;
// and cells that count every second pixel.
func TestFuseRobustReduced(t *testing.T) {
	b := gpu(t)
	sizes := []struct {
		n, w, h int
		f       kernels.Format
	}{{3, 2051, 21, kernels.U8}, {2, 23, 3001, kernels.U16}, {3, 8200, 19, kernels.U8}, {2, 9001, 11, kernels.F32}, {2, 431, 402, kernels.U8}}
	if emulated(b) && testing.Short() {
		sizes = sizes[:2]
	}
	for i, s := range sizes {
		wantPhotos, wantHole, free := bracketOf(t, ref.New(), s.n, s.w, s.h, s.f)
		defer free()
		photos, hole, free := bracketOf(t, b, s.n, s.w, s.h, s.f)
		defer free()
		for _, masked := range []bool{false, true} {
			if emulated(b) && masked == (i%2 == 0) {
				continue // slow: one or the other
			}
			var o, wantO *kernels.FuseOptions
			if masked {
				o, wantO = &kernels.FuseOptions{Valid: make([]*kernels.Image, s.n)}, &kernels.FuseOptions{Valid: make([]*kernels.Image, s.n)}
				o.Valid[1], wantO.Valid[1] = hole, wantHole
			}
			d := largest(fused(t, ref.New(), wantPhotos, wantO), fused(t, b, photos, o))
			t.Logf("%d of %d×%d %v, hole %v: differs from the reference by %.3g", s.n, s.w, s.h, s.f, masked, d)
			if !(d <= 4e-6) { // binary32
				t.Errorf("%d of %d×%d %v, hole %v: differs from the reference by %.3g", s.n, s.w, s.h, s.f, masked, d)
			}
		}
	}
}

// The order of photos does not show, and one that is black or white takes no part: what was measured with it is measured again.
func TestFuseRobustChoosesPhotos(t *testing.T) {
	b := gpu(t)
	photos, _, free := bracketOf(t, b, 3, 150, 90, kernels.U16)
	defer free()
	want := fused(t, b, photos, nil)
	mk := kerneltest.NewMaker(b, 1)
	defer mk.Close()
	blank := func(v float64) *kernels.Image {
		m, err := mk.Image(150, 90, 3, kernels.U16, func(_, _, _ int) float64 { return v })
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	black, white := blank(0), blank(1)
	reversed := slices.Clone(photos)
	slices.Reverse(reversed)
	for name, set := range map[string][]*kernels.Image{"reversed": reversed, "with black and white": {photos[1], black, photos[2], white, photos[0]}} {
		if d := largest(want, fused(t, b, set, nil)); d != 0 {
			t.Errorf("%s: differs by %.3g", name, d)
		}
	}
	copied, err := mk.Blank(150, 90, 3, kernels.F32)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Ops().Convert(copied, photos[1]); err != nil {
		t.Fatal(err)
	}
	one, err := kerneltest.Download(b, copied)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range [][]*kernels.Image{photos[1:2], {black, photos[1], white}} {
		if d := largest(one, fused(t, b, set, nil)); d != 0 {
			t.Errorf("of %d photos one takes part: the merge differs from it by %.3g", len(set), d)
		}
	}
}

// Where no reduced pixel is valid in all photos the tables are made from all of them; and one picture more than a block sums up.
func TestFuseRobustNothingShared(t *testing.T) {
	b := gpu(t)
	fuse := func(b kernels.Backend) *kernels.Image {
		const n, w, h = 18, 40, 24
		photos, _, free := bracketOf(t, b, n, w, h, kernels.U8)
		defer free()
		mk := kerneltest.NewMaker(b, 1)
		defer mk.Close()
		o := &kernels.FuseOptions{Valid: make([]*kernels.Image, n)}
		for i := range 2 {
			m, err := mk.Image(w, h, 1, kernels.U8, func(x, _, _ int) float64 { return float64((x/8 + i) % 2) })
			if err != nil {
				t.Fatal(err)
			}
			o.Valid[8+i] = m
		}
		return fused(t, b, photos, o)
	}
	if d := largest(fuse(ref.New()), fuse(b)); !(d <= 4e-6) {
		t.Errorf("differs from the reference by %.3g", d)
	}
}
