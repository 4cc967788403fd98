//go:build cgo

package cpu

import (
	"bytes"
	"math"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// From 2000 pixels on the merge works on reduced pixels, which the sizes of kerneltest do not reach: odd and
// even sides of them, rows and columns that are left over, parts that are not valid, every instruction set.
func TestFuseRobustReduced(t *testing.T) {
	best := ISA()
	defer ForceISA(best)
	for _, size := range [][2]int{{2051, 61}, {47, 3001}, {4093, 27}} {
		w, h := size[0], size[1]
		mk := kerneltest.NewMaker(ref.New(), 3)
		photos, err := mk.Bracket(3, w, h, kernels.U8)
		if err != nil {
			t.Fatal(err)
		}
		hole, err := mk.Image(w, h, 1, kernels.U8, func(x, y, _ int) float64 {
			return min(1, max(0, math.Hypot(float64(x-w/3)/float64(w), float64(y-h/2)/float64(h))-0.1)*20)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []*kernels.FuseOptions{nil, {Valid: []*kernels.Image{nil, hole, nil}}} {
			fuse := func(b kernels.Backend) *kernels.Image {
				dst, _ := kernels.Wrap(make([]float32, 3*w*h), w, h, 3)
				if err := b.Ops().Fuse(dst, photos, o); err != nil {
					t.Fatal(err)
				}
				return dst
			}
			want, got := fuse(ref.New()), fuse(New(2))
			var worst float64
			for y := range h {
				for i, v := range want.RowF32(y) {
					worst = max(worst, math.Abs(float64(v-got.RowF32(y)[i])))
				}
			}
			t.Logf("%d×%d, hole %v: differs from the reference by %.3g", w, h, o != nil, worst)
			if !(worst <= 4e-6) { // binary32
				t.Errorf("%d×%d, hole %v: differs from the reference by %.3g", w, h, o != nil, worst)
			}
			for isa := range best + 1 {
				ForceISA(isa)
				for y, again := 0, fuse(New(3-isa%2)); y < h; y++ {
					if !bytes.Equal(again.Row(y), got.Row(y)) {
						t.Fatalf("%d×%d, hole %v, instruction set %d: row %d has other bits", w, h, o != nil, isa, y)
					}
				}
			}
			ForceISA(best)
		}
		if err := mk.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
