//go:build cgo

package cpu

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// Maps on both sides of every limit of the path for near shifts (turn, scale, perspective),
// pictures that lie partly or wholly off the source, with a source narrower than a tile too:
// pixels within one level or a float's rounding of the reference's, valid exactly the same.
func TestWarpNearShifts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	host, other := New(2), ref.New()
	m := kerneltest.NewMaker(host, 5)
	defer m.Close()
	for i := range 60 {
		f, c, tol := kernels.U8, 3, 1.01/255
		if i%2 == 1 {
			// 8e-7 of position error, and as much of sums, over at most 2.5 of slope per pixel
			f, c, tol = kernels.F32, 1, 2e-6
		}
		sw, sh := 1+r.IntN(500), 1+r.IntN(60)
		sin, cos := math.Sincos((r.Float64() - 0.5) * 2 * math.Pow(10, r.Float64()*4-5))
		scale := 1 + (r.Float64()-0.5)*math.Pow(10, r.Float64()*4-4)
		far := math.Pow(10, r.Float64()*4-1)
		p := math.Pow(10, r.Float64()*5-9)
		h := [9]float64{
			cos * scale, -sin * scale, (r.Float64() - 0.5) * far,
			sin * scale, cos * scale, (r.Float64() - 0.5) * far / 10,
			(r.Float64() - 0.5) * p, (r.Float64() - 0.5) * p, 1}
		if i%5 == 4 { // the same map, numbers turned round
			for k := range h {
				h[k] = -h[k]
			}
		}
		src, err := m.Photo(sw, sh, c, f)
		if err != nil {
			t.Fatal(err)
		}
		var out, valid [2]*kernels.Image
		for k, o := range []*kernels.Ops{host.Ops(), other.Ops()} {
			if out[k], err = m.Blank(600, 40, c, f); err != nil {
				t.Fatal(err)
			}
			if valid[k], err = m.Blank(600, 40, 1, kernels.U8); err != nil {
				t.Fatal(err)
			}
			if err := o.Warp(out[k], valid[k], src, &h); err != nil {
				t.Fatal(err)
			}
		}
		for _, x := range []struct {
			what string
			tol  float64
			img  [2]*kernels.Image
		}{{"pixels differ", tol, out}, {"valid differs", 0, valid}} {
			d, err := kerneltest.Diff(other, host, kerneltest.Output{Images: x.img[1:]}, kerneltest.Output{Images: x.img[:1]})
			if err != nil || d > x.tol {
				t.Errorf("map %d, %v, %v: %s by %g, at most %g wanted (%v)", i, src, h, x.what, d, x.tol, err)
			}
		}
	}
}
