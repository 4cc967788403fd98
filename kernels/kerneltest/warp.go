package kerneltest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/realedit/realedit/kernels"
)

// TestWarpMaps compares Warp with the reference over random maps: near shifts, on both sides of every limit that a backend may
// draw for its fast paths (turn, scale, perspective), stronger ones, and shifts by whole pixels; for pictures that lie partly or wholly off the source,
// with a source narrower than a tile too. Pixels within one level or a float's rounding of the reference's, valid exactly the same.
func TestWarpMaps(t *testing.T, ref, b kernels.Backend) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 90 {
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
		if i >= 60 {
			sin, cos = math.Sincos((r.Float64() - 0.5) * math.Pi)
			p *= 10
		}
		h := [9]float64{
			cos * scale, -sin * scale, (r.Float64() - 0.5) * far,
			sin * scale, cos * scale, (r.Float64() - 0.5) * far / 10,
			(r.Float64() - 0.5) * p, (r.Float64() - 0.5) * p, 1}
		switch {
		case i%10 == 3:
			h = [9]float64{1, 0, float64(r.IntN(81) - 40), 0, 1, float64(r.IntN(31) - 15), 0, 0, 1}
			tol = 0
		case i%5 == 4: // the same map, numbers turned round
			for k := range h {
				h[k] = -h[k]
			}
		}
		pixels, valid := warpDiff(t, ref, b, sw, sh, c, f, &h)
		if pixels > tol || valid != 0 {
			t.Errorf("map %d, %d×%d×%d %v, %v: pixels differ by %g, at most %g wanted, valid by %g", i, sw, sh, c, f, h, pixels, tol, valid)
		}
	}
	// The source's border at every distance from that of a tile.
	for i := range 20 {
		for _, s := range []struct {
			w, h int
			x, y float64
		}{{58 + i, 60, 3.5, 3.5}, {200, 22 + i, 3.5, 3.5}, {200, 60, float64(i)/4 - 2.5, 3.5}, {200, 60, 3.5, float64(i)/4 - 2.5}} {
			h := [9]float64{1, 1e-9, s.x, 0, 1, s.y, 0, 0, 1}
			if pixels, valid := warpDiff(t, ref, b, s.w, s.h, 3, kernels.U8, &h); pixels > 1.01/255 || valid != 0 {
				t.Errorf("%+v: pixels differ by %g, valid by %g", s, pixels, valid)
			}
		}
	}
}

// warpDiff is by how much two backends differ in a picture of 600×40 and in its valid.
func warpDiff(t *testing.T, ref, b kernels.Backend, w, h, c int, f kernels.Format, hom *[9]float64) (pixels, valid float64) {
	t.Helper()
	var out, flags [2]*kernels.Image
	for k, x := range []kernels.Backend{ref, b} {
		m := NewMaker(x, uint64(w)<<10|uint64(h))
		defer m.Close()
		src, err := m.Photo(w, h, c, f)
		if err == nil {
			out[k], err = m.Blank(600, 40, c, f)
		}
		if err == nil {
			flags[k], err = m.Blank(600, 40, 1, kernels.U8)
		}
		if err == nil {
			err = x.Ops().Warp(out[k], flags[k], src, hom)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	pixels, err := Diff(ref, b, Output{Images: out[:1]}, Output{Images: out[1:]})
	if err == nil {
		valid, err = Diff(ref, b, Output{Images: flags[:1]}, Output{Images: flags[1:]})
	}
	if err != nil {
		t.Fatal(err)
	}
	return pixels, valid
}
