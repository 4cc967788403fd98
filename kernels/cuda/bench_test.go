//go:build cuda && cgo

package cuda

import (
	"context"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"gorgonia.org/cu"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// The benchmarks' picture: 45 megapixels, or REALEDIT_BENCH_SIZE as WIDTHxHEIGHT.
var benchSize = func() image.Point {
	p := image.Pt(8192, 5464)
	fmt.Sscanf(os.Getenv("REALEDIT_BENCH_SIZE"), "%dx%d", &p.X, &p.Y)
	return p
}()

// bench makes inputs and times work on one GPU.
type bench struct {
	tb   testing.TB
	b    *backend
	w, h int
	base *kernels.Image // a picture-like tile, on the host, f32
}

func newBench(tb testing.TB) *bench {
	b := gpu(tb)
	host, err := kernels.Open("ref")
	if err != nil {
		tb.Fatal(err)
	}
	base, err := kerneltest.NewMaker(host, 1).Photo(1024, 683, 3, kernels.F32)
	if err != nil {
		tb.Fatal(err)
	}
	return &bench{tb, b, benchSize.X, benchSize.Y, base}
}

func (e *bench) must(err error) {
	e.tb.Helper()
	if err != nil {
		e.tb.Fatal(err)
	}
}

// blank is a device image that nothing has been written to.
func (e *bench) blank(w, h, c int, f kernels.Format) *kernels.Image {
	e.tb.Helper()
	m, err := e.b.NewImage(w, h, c, f)
	e.must(err)
	return m
}

// host fills a page-locked image: the tile repeated, every sample with noise of its own, exposed ev stops brighter.
func (e *bench) host(w, h, c int, f kernels.Format, seed uint64, ev float64) *kernels.Image {
	e.tb.Helper()
	m, err := e.b.NewHostImage(w, h, c, f)
	e.must(err)
	gain := float32(math.Pow(2, ev/2.2))
	var wg sync.WaitGroup
	for k := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for y := k; y < h; y += runtime.GOMAXPROCS(0) {
				r := rand.New(rand.NewPCG(seed, uint64(y)))
				from := e.base.RowF32(y / 8 % e.base.Height())
				at := func(i int) float32 {
					x, k := i/c, i%c
					v := (from[3*(x/8%e.base.Width())+min(k, 2)] + 0.04*(r.Float32()-0.5)) * gain
					return min(1, max(0, v))
				}
				switch f {
				case kernels.U8:
					for i, row := 0, m.RowU8(y); i < len(row); i++ {
						row[i] = uint8(at(i)*255 + 0.5)
					}
				case kernels.U16:
					for i, row := 0, m.RowU16(y); i < len(row); i++ {
						row[i] = uint16(at(i)*65535 + 0.5)
					}
				case kernels.F16:
					for i, row := 0, m.RowHalf(y); i < len(row); i++ {
						row[i] = kernels.HalfFrom(at(i))
					}
				default:
					for i, row := 0, m.RowF32(y); i < len(row); i++ {
						row[i] = at(i)
					}
				}
			}
		})
	}
	wg.Wait()
	return m
}

// photo is host on the device.
func (e *bench) photo(w, h, c int, f kernels.Format, seed uint64, ev float64) *kernels.Image {
	e.tb.Helper()
	src := e.host(w, h, c, f, seed, ev)
	defer src.Free()
	dst := e.blank(w, h, c, f)
	e.must(e.b.Copy(context.Background(), dst, src))
	return dst
}

// sets are a few images each, so that repetitions do not find their inputs in the cache.
func (e *bench) sets(n int, make func(seed uint64) []*kernels.Image) [][]*kernels.Image {
	all := [][]*kernels.Image{}
	for i := range n {
		all = append(all, make(uint64(i+1)))
	}
	e.tb.Cleanup(func() {
		for _, s := range all {
			for _, m := range s {
				m.Free()
			}
		}
	})
	return all
}

// median is the median time of run on the device, by events around it, in milliseconds.
func (e *bench) median(run func(i int) error) float64 {
	e.tb.Helper()
	var times []float64
	e.must(e.b.on(func() error {
		start, err := cu.MakeEvent(cu.DefaultEvent)
		if err != nil {
			return err
		}
		end, err := cu.MakeEvent(cu.DefaultEvent)
		if err != nil {
			return err
		}
		defer cu.DestroyEvent(&start)
		defer cu.DestroyEvent(&end)
		began := time.Now()
		for i := 0; i < 4 || len(times) < 41 && time.Since(began) < 500*time.Millisecond; i++ {
			if err := e.b.work.Synchronize(); err != nil {
				return err
			}
			if err := start.Record(e.b.work); err != nil {
				return err
			}
			if err := run(i); err != nil {
				return err
			}
			if err := end.Record(e.b.work); err != nil {
				return err
			}
			if err := end.Synchronize(); err != nil {
				return err
			}
			ms, err := start.Elapsed(end)
			if err != nil {
				return err
			}
			if i >= 3 {
				times = append(times, ms)
			}
		}
		return nil
	}))
	slices.Sort(times)
	return times[len(times)/2]
}

// copyRate is what a large copy within the device moves, bytes read plus written, per second.
func (e *bench) copyRate() float64 {
	s := e.sets(2, func(seed uint64) []*kernels.Image {
		return []*kernels.Image{e.photo(e.w, e.h, 3, kernels.U16, seed, 0), e.blank(e.w, e.h, 3, kernels.U16)}
	})
	ms := e.median(func(i int) error { return e.b.Copy(context.Background(), s[i%2][1], s[i%2][0]) })
	return 2 * float64(s[0][0].Bytes()) / ms * 1e3
}

// resetPeak starts counting the most memory that was in use anew.
func (p *pool) resetPeak() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peak = p.inUse
}

// row is one line of docs/benchmarks.md: work, the bytes it cannot do without (each input read once, each output
// written once) and how long it may take on an H200, in milliseconds (0: nothing was wanted).
type row struct {
	name   string
	wanted float64
	make   func(e *bench) (run func(i int) error, bytes int64)
}

// BenchmarkDevice times work on pictures that lie on the device: ns/op is the median by events.
func BenchmarkDevice(b *testing.B) {
	e := newBench(b)
	rate := e.copyRate()
	b.Logf("%s: copies move %.3g TB/s", e.b.name, rate/1e12)
	for _, r := range rows45 {
		b.Run(r.name, func(b *testing.B) {
			e := *e
			e.tb = b
			run, bytes := r.make(&e)
			ms := e.median(run)
			peak := e.b.Caps().Peak
			b.ReportMetric(ms*1e6, "ns/op")
			b.ReportMetric(float64(bytes)/ms/1e6, "GB/s")
			b.ReportMetric(100*float64(bytes)/ms*1e3/rate, "%copy")
			b.ReportMetric(float64(peak)/1e6, "peakMB")
			if r.wanted > 0 {
				b.ReportMetric(r.wanted*1e6, "wanted-ns")
			}
		})
	}
}

// BenchmarkHost times work whose pictures start and end in page-locked host memory, by the clock.
func BenchmarkHost(b *testing.B) {
	for _, m := range []kernels.FuseMethod{kernels.FuseRobust, kernels.FuseMertens} {
		b.Run("Fuse "+m.String()+" 5 u8", func(b *testing.B) {
			e := newBench(b)
			e.tb = b
			var photos []*kernels.Image
			for i := range 5 {
				photos = append(photos, e.host(e.w, e.h, 3, kernels.U8, uint64(i), 2*float64(i)-4))
			}
			dst, err := e.b.NewHostImage(e.w, e.h, 3, kernels.U8)
			e.must(err)
			var times, copies []float64
			for i := range 12 {
				start := time.Now()
				e.must(e.b.Ops().Fuse(dst, photos, &kernels.FuseOptions{Method: m}))
				e.must(e.b.Sync(context.Background()))
				if i > 1 {
					times = append(times, time.Since(start).Seconds())
				}
			}
			up := e.blank(e.w, e.h, 3, kernels.U8)
			for range 5 {
				start := time.Now()
				for _, p := range photos {
					e.must(e.b.Copy(context.Background(), up, p))
				}
				e.must(e.b.Copy(context.Background(), dst, up))
				copies = append(copies, time.Since(start).Seconds())
			}
			slices.Sort(times)
			slices.Sort(copies)
			b.ReportMetric(times[len(times)/2]*1e9, "ns/op")
			b.ReportMetric(copies[len(copies)/2]*1e9, "copies-ns")
			b.ReportMetric(float64(e.b.Caps().Peak)/1e6, "peakMB")
			b.ReportMetric(20e6, "wanted-ns")
		})
	}
}
