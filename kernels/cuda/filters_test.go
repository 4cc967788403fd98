//go:build cuda && cgo

package cuda

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// filled is an image of b whose samples, in units of the format's maximum, are value's.
func filled(t *testing.T, b kernels.Backend, w, h, c int, f kernels.Format, value func(x, y, c int) float64) *kernels.Image {
	t.Helper()
	host, err := kernels.NewHostImage(nil, w, h, c, f)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Free()
	for y := range h {
		for x := range w {
			for k := range c {
				kerneltest.Set(host, x, y, k, value(x, y, k))
			}
		}
	}
	m, err := b.NewImage(w, h, c, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	if err := b.Copy(context.Background(), m, host); err != nil {
		t.Fatal(err)
	}
	return m
}

// counted is the histogram by a backend that may use so much shared memory, in the form of Ops.Histogram.
func counted(t *testing.T, b *backend, shared int, src, mask *kernels.Image) [][]uint64 {
	t.Helper()
	n := bins(src)
	all := make([]uint64, src.Channels()*n)
	err := b.do("Histogram", func(c *call) {
		p := c.scratch(int64(8 * len(all)))
		c.fill(p, 0, int64(8*len(all)))
		c.countWithin(shared, p, c.in(src), c.in(mask))
		fetch(c, all, p)
	})
	if err != nil {
		t.Fatal(err)
	}
	var h [][]uint64
	for k := range src.Channels() {
		h = append(h, all[k*n:(k+1)*n])
	}
	return h
}

// One value all over, two in turn, and a few among many: counters of 16 bits pass their range several times.
func TestHistogramOfFlatPictures(t *testing.T) {
	b, r := gpu(t), ref.New()
	patterns := map[string]func(x, y, c int) float64{
		"flat":        func(_, _, c int) float64 { return float64(c) / 2 },
		"clipped":     func(x, y, _ int) float64 { return float64((x + 3*y) / 700 % 2) },
		"alternating": func(x, y, c int) float64 { return (30000 + float64((x+y)%2+c)) / 65535 },
		"busy":        func(x, y, c int) float64 { return float64((x*x+7*y*c)%5) / 300 },
	}
	for name, value := range patterns {
		for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
			for _, c := range []int{1, 3} {
				want, err := r.Ops().Histogram(filled(t, r, 1000, 410, c, f, value), nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := b.Ops().Histogram(filled(t, b, 1000, 410, c, f, value), nil)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s, %v, %d channels: other counts", name, f, c)
				}
			}
		}
	}
}

// GPUs differ in the shared memory of a block: fewer sets of bins, ranges of values.
func TestHistogramInLittleSharedMemory(t *testing.T) {
	b, r := gpu(t), ref.New()
	value := func(x, y, c int) float64 { return float64((x*7919+y*104729+c*31)%65536) / 65535 }
	mask := func(x, y, _ int) float64 { return float64((x + y) % 3) }
	for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
		for c := 1; c <= 4; c++ {
			if f == kernels.U16 && c%2 == 0 {
				continue
			}
			for _, masked := range []bool{false, true} {
				src, rsrc := filled(t, b, 307, 61, c, f, value), filled(t, r, 307, 61, c, f, value)
				var m, rm *kernels.Image
				if masked {
					m, rm = filled(t, b, 307, 61, 1, kernels.U8, mask), filled(t, r, 307, 61, 1, kernels.U8, mask)
				}
				want, err := r.Ops().Histogram(rsrc, rm)
				if err != nil {
					t.Fatal(err)
				}
				for _, shared := range []int{32 << 10, 64 << 10, 99 << 10, 227 << 10} {
					if got := counted(t, b, shared, src, m); !reflect.DeepEqual(got, want) {
						t.Errorf("%v, %d channels, masked %v, %d bytes: other counts", f, c, masked, shared)
					}
				}
			}
		}
	}
}

// Few values, values the other picture has not, a reference brighter or darker all over.
func TestMatchHistogramOfFewValues(t *testing.T) {
	b, r := gpu(t), ref.New()
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 16 {
		f := []kernels.Format{kernels.U8, kernels.U16}[i%2]
		random := func(n int, from, to float64) func(x, y, c int) float64 {
			values := make([]float64, n)
			for i := range values {
				values[i] = from + (to-from)*rng.Float64()
			}
			pick := make([]int, 90*40)
			for i := range pick {
				pick[i] = min(rng.IntN(n), rng.IntN(n))
			}
			return func(x, y, c int) float64 { return values[pick[90*y+x]*(c+1)%n] }
		}
		s, p := random(1+rng.IntN(40), 0, 0.5+0.5*rng.Float64()), random(1+rng.IntN(40), 0.5*rng.Float64(), 1)
		var out [2]kerneltest.Output
		for k, be := range []kernels.Backend{r, b} {
			src, dst := filled(t, be, 90, 40, 3, f, s), filled(t, be, 90, 40, 3, f, s)
			var mask *kernels.Image
			if i%4 < 2 { // pixels that are not counted may lie below all that are
				mask = filled(t, be, 90, 40, 1, kernels.U8, func(x, y, _ int) float64 { return float64((x + y) % 41 / 40) })
			}
			if err := be.Ops().MatchHistogram(dst, src, filled(t, be, 71, 33, 3, f, p), mask, nil); err != nil {
				t.Fatal(err)
			}
			out[k].Images = []*kernels.Image{dst}
		}
		if d, err := kerneltest.Diff(r, b, out[0], out[1]); err != nil || d != 0 {
			t.Errorf("picture %d, %v: differs by %g (%v)", i, f, d, err)
		}
	}
}

// A mask that selects nothing is refused before anything is written.
func TestMatchHistogramOfNothing(t *testing.T) {
	b := gpu(t)
	gray := func(x, y, _ int) float64 { return float64(x) / 40 }
	none := func(_, _, _ int) float64 { return 0.4 }
	for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
		src, dst, mask := filled(t, b, 40, 30, 1, f, gray), filled(t, b, 40, 30, 1, f, none), filled(t, b, 40, 30, 1, kernels.U8, none)
		for k, masks := range [][2]*kernels.Image{{mask, nil}, {nil, mask}} {
			var arg *kernels.ArgError
			if err := b.Ops().MatchHistogram(dst, src, src, masks[0], masks[1]); !errors.As(err, &arg) || arg.Arg != []string{"srcMask", "refMask"}[k] {
				t.Errorf("%v: %v", f, err)
			}
		}
		host, err := kerneltest.Download(b, dst)
		if err != nil {
			t.Fatal(err)
		}
		if v := kerneltest.At(host, 20, 10, 0); v < 0.39 || v > 0.41 {
			t.Errorf("%v: dst was written: %g", f, v)
		}
		host.Free()
	}
}

// Pictures of several tiles and windows of every width, up to those of the whole picture.
func TestBoxesAcrossTiles(t *testing.T) {
	b, r := gpu(t), ref.New()
	long(t, b)
	rng := rand.New(rand.NewPCG(3, 4))
	noise := make([]float64, 4*1100*130)
	for i := range noise {
		noise[i] = rng.Float64()
	}
	value := func(shift int) func(x, y, c int) float64 {
		return func(x, y, c int) float64 { return 0.5*noise[(shift+x+1100*y+7*c)%len(noise)] + 0.5*float64(x+y)/1230 }
	}
	for _, s := range []struct{ w, h, c, radius int }{
		{1100, 40, 1, 33}, {1100, 23, 3, 7}, {450, 130, 1, 3}, {700, 30, 1, 191}, {700, 30, 1, 192}, {700, 30, 2, 193}, {1100, 130, 1, 250}, {260, 20, 1, 5000}, {5, 130, 1, 4000},
	} {
		name := fmt.Sprintf("%d×%d×%d, radius %d", s.w, s.h, s.c, s.radius)
		run := func(be kernels.Backend, op string) kerneltest.Output {
			src, guide, dst, two := filled(t, be, s.w, s.h, s.c, kernels.F32, value(0)), filled(t, be, s.w, s.h, 1, kernels.F32, value(99)), filled(t, be, s.w, s.h, s.c, kernels.F32, value(5)), filled(t, be, s.w, s.h, 2, kernels.F32, value(5))
			var err error
			switch op {
			case "BoxFilter":
				err = be.Ops().BoxFilter(dst, src, s.radius)
			case "GuidedFilter":
				err = be.Ops().GuidedFilter(dst, guide, src, s.radius, 1e-3)
			default:
				err = be.Ops().GuidedCoefficients(two, guide, src, s.radius, 1e-3)
				dst = two
			}
			if err != nil {
				t.Fatalf("%s %s: %v", op, name, err)
			}
			return kerneltest.Output{Images: []*kernels.Image{dst}}
		}
		for _, op := range []string{"BoxFilter", "GuidedFilter", "GuidedCoefficients"} {
			if op != "BoxFilter" && s.c != 1 {
				continue
			}
			if d, err := kerneltest.Diff(r, b, run(r, op), run(b, op)); err != nil || d > 1.2e-7 {
				t.Errorf("%s %s: differs by %g (%v)", op, name, d, err)
			} else {
				t.Logf("%s %s: %.3g", op, name, d)
			}
		}
	}
}

// Pictures of few levels, where magnitudes tie everywhere; widths and heights about those of a strip.
func TestEdgesOfFewLevels(t *testing.T) {
	b, r := gpu(t), ref.New()
	for _, f := range []kernels.Format{kernels.U8, kernels.U16, kernels.F16, kernels.F32} {
		for _, size := range [][2]int{{2, 2}, {3, 66}, {119, 5}, {120, 64}, {121, 65}, {243, 130}, {480, 3}} {
			for _, levels := range []int{2, 4, 9} {
				rng := rand.New(rand.NewPCG(uint64(size[0]), uint64(levels)))
				v := make([]float64, size[0]*size[1])
				for i := range v {
					v[i] = float64(rng.IntN(levels)) / float64(levels-1)
				}
				var out [2]kerneltest.Output
				for k, be := range []kernels.Backend{r, b} {
					src := filled(t, be, size[0], size[1], 1, f, func(x, y, _ int) float64 { return v[y*size[0]+x] })
					dst := filled(t, be, size[0], size[1], 1, kernels.U8, func(_, _, _ int) float64 { return 0.5 })
					if err := be.Ops().Edges(dst, src, 0.01); err != nil {
						t.Fatal(err)
					}
					out[k].Images = []*kernels.Image{dst}
				}
				if d, err := kerneltest.Diff(r, b, out[0], out[1]); err != nil || d != 0 {
					t.Errorf("%v %v, %d levels: differs by %g (%v)", f, size, levels, d, err)
				}
			}
		}
	}
}
