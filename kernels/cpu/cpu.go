//go:build cgo

// Package cpu is the operations of kernels.Ops in C through cgo, each in row bands
// over goroutines. The C is plain: it is compiled for several instruction sets and
// the best one this processor has is picked at run time (simd.h).
//
// With CGO_ENABLED=0 the package still builds and its backend answers ErrNoCgo.
package cpu

// #cgo CFLAGS: -std=c11 -O3 -Wall -Wno-unknown-pragmas
// #cgo LDFLAGS: -lm
// #include "simd.h"
import "C"

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"

	"github.com/realedit/realedit/kernels"
)

func init() {
	C.re_isa = C.re_detect()
	kernels.Register("cpu", 10, func(arg string) (kernels.Backend, error) {
		if arg == "" {
			return New(0), nil
		}
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 || n > 1024 {
			return nil, fmt.Errorf("cpu: %q is no number of threads from 1 to 1024: %w", arg, kernels.ErrInvalid)
		}
		return New(n), nil
	})
}

type backend struct {
	threads int
	ops     *kernels.Ops
}

// New returns a backend that works on at most threads goroutines per operation;
// 0 = GOMAXPROCS. The pixels do not depend on it. Its images lie in kernels.Host.
func New(threads int) kernels.Backend {
	b := &backend{threads: threads}
	b.ops = kernels.Checked(b.table())
	return b
}

// table lists what is here; a new operation is its own .go and .c file and one line.
func (b *backend) table() kernels.Ops {
	return kernels.Ops{
		Convert: b.convert, DecodeSRGB: b.decodeSRGB, EncodeSRGB: b.encodeSRGB, YCbCrToRGB: b.yCbCrToRGB, Luma: b.luma,
		Resize: b.resize, PyrDown: b.pyrDown, PyrUp: b.pyrUp, Warp: b.warp, Blend: b.blend, Feather: b.feather,
		FusionWeights: b.fusionWeights,
		Fuse:          b.fuse,
		ColorMatrix:   b.colorMatrix, Curve: b.curve, Histogram: b.histogram, MatchHistogram: b.matchHistogram,
		BoxFilter: b.boxFilter, GuidedFilter: b.guidedFilter, GuidedCoefficients: b.guidedCoefficients,
		Gradient: b.gradient, Edges: b.edges, SSIM: b.ssim, DeltaE: b.deltaE, LocalTone: b.localTone,
	}
}

// ISA is the instruction set in use: 0 the build's baseline, 1 AVX2, 2 AVX-512.
func ISA() int { return int(C.re_isa) }

// ForceISA picks an instruction set, no better than the processor's, and returns the
// one that was in use. It is for tests: nothing else may run meanwhile.
func ForceISA(isa int) int {
	old := ISA()
	C.re_isa = C.int(max(0, min(isa, int(C.re_detect()))))
	return old
}

func (b *backend) Name() string                   { return "cpu" }
func (b *backend) Ops() *kernels.Ops              { return b.ops }
func (b *backend) Sync(ctx context.Context) error { return ctx.Err() }
func (b *backend) Close() error                   { return nil }

func (b *backend) Caps() kernels.Caps {
	c := kernels.HostCaps()
	c.Threads = b.width()
	return c
}

func (b *backend) NewImage(w, h, channels int, f kernels.Format) (*kernels.Image, error) {
	return kernels.NewHostImage(b, w, h, channels, f)
}

func (b *backend) Copy(ctx context.Context, dst, src *kernels.Image) error {
	if dst == nil || src == nil || !dst.OnHost() || !src.OnHost() || src.Height()*len(src.Row(0)) < 1<<20 {
		return kernels.CopyHost(ctx, dst, src) // which also says what is wrong
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := kernels.CheckCopy(dst, src); err != nil {
		return err
	}
	b.bands(src.Height(), 64, func(_, y0, y1 int) { // fresh pages cost more than the bytes
		for y := y0; y < y1; y++ {
			copy(dst.Row(y), src.Row(y))
		}
	})
	return nil
}

func (b *backend) width() int {
	if b.threads > 0 {
		return b.threads
	}
	return runtime.GOMAXPROCS(0)
}

// bands calls fn for consecutive row ranges [y0,y1) that cover [0,h), on the
// backend's threads. step is the height of a range (the last may be lower): it is a
// constant of the operation, never of the number of threads, so that whatever is
// summed per band is summed in the same order every time.
func (b *backend) bands(h, step int, fn func(band, y0, y1 int)) {
	n := (h + step - 1) / step
	workers := min(b.width(), n)
	if workers <= 1 {
		for i := range n {
			fn(i, i*step, min(h, (i+1)*step))
		}
		return
	}
	var next struct {
		sync.Mutex
		i int
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				next.Lock()
				i := next.i
				next.i++
				next.Unlock()
				if i >= n {
					return
				}
				fn(i, i*step, min(h, (i+1)*step))
			}
		})
	}
	wg.Wait()
}
