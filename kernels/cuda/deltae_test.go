//go:build cuda && cgo

package cuda

import (
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// Colours of every kind beside each other: unrelated, close together, neutral, nearly neutral, black, of opposite hue, equal. The
// cases' photographs hold few of these, and their P95's bins hide small errors. 2.2e-4 are seen where every approximation
// errs by as much as it may.
func TestDeltaEColours(t *testing.T) {
	b := gpu(t)
	const w, h = 150, 60
	for _, f := range []kernels.Format{kernels.U8, kernels.U16, kernels.F32} {
		t.Run(f.String(), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			p, q := make([][3]float64, w*h), make([][3]float64, w*h)
			for i := range p {
				any := func() (v [3]float64) {
					for k := range v {
						v[k] = rng.Float64()
					}
					return v
				}
				near := func(v [3]float64, by float64) [3]float64 {
					for k := range v {
						v[k] += by * (rng.Float64() - 0.5)
					}
					return v
				}
				grey := func() [3]float64 { g := rng.Float64(); return [3]float64{g, g, g} }
				switch p[i] = any(); i % 10 {
				case 0:
					q[i] = any()
				case 1:
					q[i] = near(p[i], 0.02)
				case 2:
					p[i], q[i] = grey(), grey()
				case 3:
					p[i] = grey()
					q[i] = near(p[i], 0.01)
				case 4:
					q[i] = grey()
				case 5:
					p[i] = near([3]float64{}, 0.1)
					q[i] = near([3]float64{}, 0.1)
				case 6:
					q[i] = [3]float64{1 - p[i][0], 1 - p[i][1], 1 - p[i][2]}
				case 7:
					p[i] = near(grey(), 0.01)
					q[i] = near(p[i], 0.004)
				case 8:
					p[i] = [3]float64{0.2 * p[i][0], 0.3 * p[i][1], p[i][2]} // blue, where hue and chroma turn together
					q[i] = near(p[i], 0.3)
				case 9:
					q[i] = p[i]
				}
			}
			maps := map[string]*kernels.Image{}
			for name, b := range map[string]kernels.Backend{"want": ref.New(), "got": b} {
				m := kerneltest.NewMaker(b, 1)
				defer m.Close()
				x, err := m.Image(w, h, 3, f, func(x, y, k int) float64 { return p[y*w+x][k] })
				if err != nil {
					t.Fatal(err)
				}
				y, err := m.Image(w, h, 3, f, func(x, y, k int) float64 { return q[y*w+x][k] })
				if err != nil {
					t.Fatal(err)
				}
				d, err := m.Blank(w, h, 1, kernels.F32)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := b.Ops().DeltaE(x, y, d, nil); err != nil {
					t.Fatal(err)
				}
				if maps[name], err = kerneltest.Download(b, d); err != nil {
					t.Fatal(err)
				}
			}
			var worst [10]float64
			for i := range p {
				want, got := kerneltest.At(maps["want"], i%w, i/w, 0), kerneltest.At(maps["got"], i%w, i/w, 0)
				e := math.Abs(got-want) / max(1, want)
				worst[i%10] = max(worst[i%10], e)
				if e > 4e-4 || i%10 == 9 && got != 0 {
					t.Errorf("%v against %v: %v, want %v", p[i], q[i], got, want)
				}
			}
			t.Logf("largest differences %.1e", worst)
		})
	}
}

// The numbers are those of the map: from one pixel to several pieces of a row, differences down to where the histogram is in device
// memory only, and none at all.
func TestDeltaEStatistics(t *testing.T) {
	b := gpu(t)
	for _, size := range []image.Point{{1, 1}, {2, 1}, {40, 30}, {4200, 3}} {
		for _, by := range []float64{1e-7, 1e-5, 1e-2, 1} {
			for _, masked := range []bool{false, true} {
				m := kerneltest.NewMaker(b, uint64(size.X))
				defer m.Close()
				n := size.X * size.Y
				p, q, use := make([]float64, 3*n), make([]float64, 3*n), make([]float64, n)
				for i := range p {
					p[i] = m.Rand().Float64()
					q[i] = p[i]
					if i/3%4 != 0 { // a quarter stays as it is
						q[i] += by * (m.Rand().Float64() - 0.5)
					}
				}
				for i := range use {
					use[i] = float64(m.Rand().IntN(2))
				}
				of := func(v []float64, c int, f kernels.Format) *kernels.Image {
					img, err := m.Image(size.X, size.Y, c, f, func(x, y, k int) float64 { return v[(y*size.X+x)*c+k] })
					if err != nil {
						t.Fatal(err)
					}
					return img
				}
				var mask *kernels.Image
				if masked {
					mask = of(use, 1, kernels.U8)
				}
				d, err := m.Blank(size.X, size.Y, 1, kernels.F32)
				if err != nil {
					t.Fatal(err)
				}
				got, err := b.Ops().DeltaE(of(p, 3, kernels.F32), of(q, 3, kernels.F32), d, mask)
				if err != nil {
					t.Fatal(err)
				}
				host, err := kerneltest.Download(b, d)
				if err != nil {
					t.Fatal(err)
				}
				var v []float64
				mean := 0.0
				for i := range n {
					if !masked || use[i] == 1 {
						v = append(v, kerneltest.At(host, i%size.X, i/size.X, 0))
						mean += v[len(v)-1]
					}
				}
				var want kernels.DeltaEResult
				if len(v) > 0 {
					slices.Sort(v)
					at := 0.95 * float64(len(v)-1)
					i := int(at)
					j := min(i+1, len(v)-1)
					want = kernels.DeltaEResult{Mean: mean / float64(len(v)), P95: v[i] + (at-float64(i))*(v[j]-v[i]), Max: v[len(v)-1], N: int64(len(v))}
				}
				if got.N != want.N || got.Max != want.Max || math.Abs(got.Mean-want.Mean) > 1.0/(1<<22) || math.Abs(got.P95-want.P95) > want.P95/512 {
					t.Errorf("%v, differences of %v, masked %v: %+v, want %+v", size, by, masked, got, want)
				}
			}
		}
	}
}
