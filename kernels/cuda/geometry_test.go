//go:build cuda && cgo

package cuda

import (
	"fmt"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

func TestWarpMaps(t *testing.T) {
	b := gpu(t)
	long(t, b)
	kerneltest.TestWarpMaps(t, ref.New(), b)
}

// Pictures of several strips, tiles and cells, which the common cases' sizes are too small for.
func TestGeometryOfSeveralBlocks(t *testing.T) {
	g, r := gpu(t), ref.New()
	long(t, g)
	sizes := map[string][][2]int{
		"PyrDown": {{1400, 37}, {1361, 70}},
		"PyrUp":   {{1400, 37}, {1361, 70}},
		"Resize":  {{3001, 20}, {9000, 5}, {20, 700}},
		"Feather": {{600, 300}},
	}
	for _, c := range kerneltest.Cases() {
		for _, size := range sizes[c.Op] {
			for _, window := range []bool{false, true} {
				var out [2]kerneltest.Output
				for i, b := range []kernels.Backend{r, g} {
					m := kerneltest.NewMaker(b, 9)
					defer m.Close()
					m.Window = window
					var err error
					if out[i], err = c.Run(m, b.Ops(), size[0], size[1]); err != nil {
						t.Fatal(err)
					}
				}
				if d, err := kerneltest.Diff(r, g, out[0], out[1]); err != nil || d > c.Tol {
					t.Errorf("%s/%s %v window %v: differs by %g, tolerance %g (%v)", c.Op, c.Name, size, window, d, c.Tol, err)
				}
			}
		}
	}
}

// One pixel of dst that takes more of a row than a block holds, and pictures that shrink to one.
func TestResizeToOnePixel(t *testing.T) {
	g, r := gpu(t), ref.New()
	for _, f := range []kernels.Format{kernels.U8, kernels.F32} {
		for _, s := range [][4]int{{5000, 3, 1, 1}, {5000, 3, 2, 2}, {3, 3000, 2, 1}, {2, 2, 1, 1}} {
			for c := 1; c <= 4; c++ {
				t.Run(fmt.Sprint(f, s, c), func(t *testing.T) {
					var dst [2]*kernels.Image
					for i, b := range []kernels.Backend{r, g} {
						m := kerneltest.NewMaker(b, 10)
						defer m.Close()
						src, err := m.Photo(s[0], s[1], c, f)
						if err == nil {
							dst[i], err = m.Blank(s[2], s[3], c, f)
						}
						if err == nil {
							err = b.Ops().Resize(dst[i], src)
						}
						if err != nil {
							t.Fatal(err)
						}
					}
					tol := 2e-6 // thousands of float32 terms, one after the other
					if f == kernels.U8 {
						tol = 1.01 / 255
					}
					if d, err := kerneltest.Diff(r, g, kerneltest.Output{Images: dst[:1]}, kerneltest.Output{Images: dst[1:]}); err != nil || d > tol {
						t.Errorf("differs by %g, tolerance %g (%v)", d, tol, err)
					}
				})
			}
		}
	}
}
