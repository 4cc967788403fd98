//go:build cgo

package cpu

import (
	"context"
	"fmt"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// BenchmarkFuse merges brackets of 2, 5 and 9 photos in memory, u8 in and out; MB are pixels of the photos.
// The 45 MP picture repeats a smaller one: the work does not depend on what is in it.
func BenchmarkFuse(b *testing.B) {
	for _, bench := range []struct {
		name string
		w, h int
		n    int
	}{{"6MP/5", 3000, 2000, 5}, {"45MP/2", 8192, 5464, 2}, {"45MP/5", 8192, 5464, 5}, {"45MP/9", 8192, 5464, 9}} {
		for _, method := range []kernels.FuseMethod{kernels.FuseRobust, kernels.FuseMertens} {
			b.Run(fmt.Sprintf("%v/%s", method, bench.name), func(b *testing.B) {
				be := New(0)
				mk := kerneltest.NewMaker(be, 1)
				small, err := mk.Bracket(bench.n, 1024, 683, kernels.U8)
				if err != nil {
					b.Fatal(err)
				}
				var photos []*kernels.Image
				for _, s := range small {
					p, err := be.NewImage(bench.w, bench.h, 3, kernels.U8)
					if err != nil {
						b.Fatal(err)
					}
					defer p.Free()
					for y := range bench.h {
						for row := p.Row(y); len(row) > 0; {
							row = row[copy(row, s.Row(y%s.Height())):]
						}
					}
					photos = append(photos, p)
				}
				dst, err := be.NewImage(bench.w, bench.h, 3, kernels.U8)
				if err != nil {
					b.Fatal(err)
				}
				defer dst.Free()
				mk.Close()
				before, _, _ := kernels.Host.Stats()
				o := &kernels.FuseOptions{Method: method}
				if err := be.Ops().Fuse(dst, photos, o); err != nil { // first touch of the pool's pages
					b.Fatal(err)
				}
				_, peak, _ := kernels.Host.Stats()
				start := cpuTime(b)
				b.SetBytes(int64(bench.n) * int64(bench.w) * int64(bench.h) * 3)
				for b.Loop() {
					if err := be.Ops().Fuse(dst, photos, o); err != nil {
						b.Fatal(err)
					}
				}
				if err := be.Copy(context.Background(), dst, dst); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric((cpuTime(b)-start)*1e3/float64(b.N), "cpu-ms/op")
				b.ReportMetric(float64(peak-before)/1e6, "extraMB")
			})
		}
	}
}
