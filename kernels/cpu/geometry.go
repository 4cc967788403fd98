//go:build cgo

package cpu

// #include "geometry.h"
import "C"

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

// banded is bands for work that needs n floats of scratch per band; it returns the
// error of the pool, if any.
func (b *backend) banded(h, step, n int, fn func(scratch *C.float, y0, y1 int)) error {
	var mu sync.Mutex
	var failed error
	b.bands(h, step, func(_, y0, y1 int) {
		scratch, free, err := kernels.Host.Get(int64(n) * 4)
		if err != nil {
			mu.Lock()
			failed = err
			mu.Unlock()
			return
		}
		defer free()
		fn((*C.float)(unsafe.Pointer(&scratch[0])), y0, y1)
	})
	return failed
}

// tapTable is the weights of one direction of Resize in C's layout; see the
// reference's resizeTaps for the formula.
type tapTable struct {
	first, n, at []int32
	w            []float32
}

func taps(n, m int) tapTable {
	t := tapTable{first: make([]int32, m), n: make([]int32, m), at: make([]int32, m)}
	for i := range m {
		t.at[i] = int32(len(t.w))
		if m <= n {
			lo, hi := i*n, (i+1)*n
			first, last := lo/m, (hi-1)/m
			t.first[i], t.n[i] = int32(first), int32(last-first+1)
			for s := first; s <= last; s++ {
				t.w = append(t.w, float32(float64(min(hi, (s+1)*m)-max(lo, s*m))/float64(n)))
			}
			continue
		}
		p := max(0, min((float64(i)+0.5)*(float64(n)/float64(m))-0.5, float64(n-1)))
		first := math.Floor(p)
		f := p - first
		t.first[i], t.n[i] = int32(first), 1
		if t.w = append(t.w, float32(1-f)); f != 0 {
			t.n[i], t.w = 2, append(t.w, float32(f))
		}
	}
	return t
}

func (t *tapTable) c(pin *runtime.Pinner) C.re_taps {
	for _, p := range []unsafe.Pointer{unsafe.Pointer(&t.first[0]), unsafe.Pointer(&t.n[0]), unsafe.Pointer(&t.at[0]), unsafe.Pointer(&t.w[0])} {
		pin.Pin(p)
	}
	return C.re_taps{(*C.int32_t)(&t.first[0]), (*C.int32_t)(&t.n[0]), (*C.int32_t)(&t.at[0]), (*C.float)(&t.w[0])}
}

func (b *backend) resize(dst, src *kernels.Image) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	c, sw, dw := src.Channels(), src.Width(), dst.Width()
	x, y := taps(sw, dw), taps(src.Height(), dst.Height())
	tx, ty := x.c(&pin), y.c(&pin)
	scale := C.float(dst.Format().Max() / src.Format().Max())
	room := sw*c + 16
	// Bands of about 32 source rows, so that a thumbnail is shared evenly too.
	step := max(1, bandRows*dst.Height()/src.Height())
	err := b.banded(dst.Height(), step, room+dw*c, func(scratch *C.float, y0, y1 int) {
		line := (*C.float)(unsafe.Add(unsafe.Pointer(scratch), room*4))
		C.re_resize(C.int(dst.Format()), C.int(src.Format()), dst.Pointer(), stride(dst), src.Pointer(), stride(src), C.int(c), C.int(sw), C.int(dw), scale,
			tx, ty, scratch, line, C.int(y0), C.int(y1))
	})
	runtime.KeepAlive(dst)
	runtime.KeepAlive(src)
	return err
}

func (b *backend) pyrDown(dst, src *kernels.Image) error {
	c := src.Channels()
	err := b.banded(dst.Height(), bandRows, 3*src.Width()*c+64, func(scratch *C.float, y0, y1 int) {
		C.re_pyrdown(C.int(src.Format()), (*C.float)(dst.Pointer()), stride(dst), src.Pointer(), stride(src), C.int(c), C.int(src.Width()), C.int(src.Height()), scratch, C.int(y0), C.int(y1))
	})
	runtime.KeepAlive(dst)
	runtime.KeepAlive(src)
	return err
}

func (b *backend) pyrUp(dst, src *kernels.Image) error {
	c := src.Channels()
	err := b.banded(dst.Height(), bandRows, 3*src.Width()*c+64, func(scratch *C.float, y0, y1 int) {
		C.re_pyrup((*C.float)(dst.Pointer()), stride(dst), C.int(dst.Width()), (*C.float)(src.Pointer()), stride(src), C.int(c), C.int(src.Width()), C.int(src.Height()), scratch, C.int(y0), C.int(y1))
	})
	runtime.KeepAlive(dst)
	runtime.KeepAlive(src)
	return err
}

func (b *backend) warp(dst, valid, src *kernels.Image, h *[9]float64) error {
	if x, y, ok := shift(h); ok {
		b.bands(dst.Height(), bandRows, func(_, y0, y1 int) {
			for j := y0; j < y1; j++ {
				shiftRow(dst, valid, src, j, x, y)
			}
		})
		return nil
	}
	hc := *h
	err := b.banded(dst.Height(), bandRows, int(C.re_warp_scratch()), func(scratch *C.float, y0, y1 int) {
		var v *C.uint8_t
		var vs C.size_t
		if valid != nil {
			v, vs = (*C.uint8_t)(valid.Pointer()), stride(valid)
		}
		C.re_warp(C.int(src.Format()), dst.Pointer(), stride(dst), v, vs, src.Pointer(), stride(src), C.int(src.Channels()), C.int(src.Width()), C.int(src.Height()),
			C.int(dst.Width()), (*C.double)(&hc[0]), scratch, C.int(y0), C.int(y1))
	})
	runtime.KeepAlive(dst)
	runtime.KeepAlive(valid)
	runtime.KeepAlive(src)
	return err
}

// shift tells whether h moves by whole pixels, where Keys' kernel is the sample itself.
func shift(h *[9]float64) (x, y int, ok bool) {
	x, y = int(max(-2*kernels.MaxSide, min(h[2], 2*kernels.MaxSide))), int(max(-2*kernels.MaxSide, min(h[5], 2*kernels.MaxSide)))
	return x, y, *h == [9]float64{1, 0, float64(x), 0, 1, float64(y), 0, 0, 1}
}

// shiftRow is row j of Warp by (x,y) pixels: a copy, with src's edges replicated beside it.
func shiftRow(dst, valid, src *kernels.Image, j, x, y int) {
	px := src.Channels() * src.Format().Size()
	from, to := src.Row(max(0, min(j+y, src.Height()-1))), dst.Row(j)
	// Columns [a,b) of dst lie in src.
	a := max(0, min(-x, dst.Width()))
	b := max(a, min(src.Width()-x, dst.Width()))
	for i := range a {
		copy(to[i*px:(i+1)*px], from)
	}
	if a < b {
		copy(to[a*px:b*px], from[(a+x)*px:])
	}
	for i := b; i < dst.Width(); i++ {
		copy(to[i*px:(i+1)*px], from[len(from)-px:])
	}
	if valid == nil {
		return
	}
	flags := valid.RowU8(j)
	clear(flags)
	if j+y >= 0 && j+y < src.Height() {
		for i := range flags[a:b] {
			flags[a+i] = 255
		}
	}
}

func (b *backend) blend(dst, a, bb, mask *kernels.Image) error {
	b.bands(dst.Height(), bandRows, func(_, y0, y1 int) {
		C.re_blend(C.int(dst.Format()), C.int(mask.Format()), row(dst, y0), stride(dst), row(a, y0), stride(a), row(bb, y0), stride(bb), row(mask, y0), stride(mask),
			C.int(dst.Channels()), C.size_t(dst.Width()), C.size_t(y1-y0))
	})
	for _, m := range []*kernels.Image{dst, a, bb, mask} {
		runtime.KeepAlive(m)
	}
	return nil
}

// ramps are Feather's weights of one direction for a tile over [lo,hi) in a picture of n pixels.
func ramps(lo, hi, n, overlap int) []float32 {
	w := make([]float32, hi-lo)
	for i := range w {
		v := 1.0
		if lo > 0 {
			v = min(v, float64(i+1)/float64(overlap+1))
		}
		if hi < n {
			v = min(v, float64(hi-lo-i)/float64(overlap+1))
		}
		w[i] = float32(v)
	}
	return w
}

// spans splits the columns of rows [y0,y1), in which no tile begins or ends, into
// stretches covered by the same tiles, listed in the tiles' order.
func spans(tiles []kernels.Tile, y0, width int) (out []C.re_span, list []int32) {
	var here []int32
	edges := []int{0, width}
	for i, t := range tiles {
		if t.At.Y <= y0 && y0 < t.At.Y+t.Image.Height() {
			here = append(here, int32(i))
			edges = append(edges, t.At.X, t.At.X+t.Image.Width())
		}
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	for k, x0 := range edges[:len(edges)-1] {
		s := C.re_span{x0: C.int32_t(x0), x1: C.int32_t(edges[k+1]), first: C.int32_t(len(list))}
		for _, i := range here {
			if t := tiles[i]; t.At.X <= x0 && x0 < t.At.X+t.Image.Width() {
				list = append(list, i)
				s.n++
			}
		}
		out = append(out, s)
	}
	return out, list
}

func (b *backend) feather(dst *kernels.Image, tiles []kernels.Tile, overlap int) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	w, h := dst.Width(), dst.Height()
	ct := make([]C.re_tile, len(tiles))
	edges := []int{0, h}
	for i, t := range tiles {
		m := t.Image
		wx, wy := ramps(t.At.X, t.At.X+m.Width(), w, overlap), ramps(t.At.Y, t.At.Y+m.Height(), h, overlap)
		pin.Pin(&wx[0])
		pin.Pin(&wy[0])
		pin.Pin(m.Pointer())
		ct[i] = C.re_tile{m.Pointer(), stride(m), C.int32_t(t.At.X), C.int32_t(t.At.Y), (*C.float)(&wx[0]), (*C.float)(&wy[0])}
		edges = append(edges, t.At.Y, t.At.Y+m.Height())
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	// Bands end where a tile begins or ends, and have at most bandRows rows.
	var bands []int
	for k, y := range edges[:len(edges)-1] {
		for ; y < edges[k+1]; y += bandRows {
			bands = append(bands, y)
		}
	}
	bands = append(bands, h)
	scale := C.float(dst.Format().Max() / tiles[0].Image.Format().Max())
	b.bands(len(bands)-1, 1, func(i, _, _ int) {
		s, list := spans(tiles, bands[i], w)
		C.re_feather(C.int(dst.Format()), C.int(tiles[0].Image.Format()), dst.Pointer(), stride(dst), C.int(dst.Channels()), scale,
			&ct[0], (*C.int32_t)(&list[0]), &s[0], C.int(len(s)), C.int(bands[i]), C.int(bands[i+1]))
	})
	runtime.KeepAlive(dst)
	runtime.KeepAlive(tiles)
	return nil
}
