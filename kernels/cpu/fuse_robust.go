//go:build cgo

package cpu

// #include "fuse_robust.h"
import "C"

import (
	"runtime"
	"unsafe"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/internal/robust"
)

func (b *backend) fuseRobust(dst *kernels.Image, all []*kernels.Image, o *kernels.FuseOptions) error {
	w, h := dst.Width(), dst.Height()
	plan := robust.NewPlan(w, h)
	lights := make([]robust.Light, len(all))
	b.bands(len(all), 1, func(_, i0, i1 int) {
		for i := i0; i < i1; i++ {
			lights[i] = plan.Measure(all[i])
		}
	})
	keep := plan.Select(lights)
	if len(keep) == 1 {
		return b.convert(dst, all[keep[0]])
	}

	var free []func()
	defer func() {
		for _, f := range free {
			f()
		}
	}()
	var pin runtime.Pinner
	defer pin.Unpin()
	var failed error
	block := func(n int) unsafe.Pointer {
		buf, f, err := kernels.Host.Get(int64(n) + 64)
		if err != nil {
			failed = err
			return nil
		}
		free = append(free, f)
		pin.Pin(&buf[0])
		p := unsafe.Pointer(&buf[0])
		return unsafe.Add(p, (64-int(uintptr(p)%64))%64)
	}

	n := len(keep)
	pixels, strides := make([]unsafe.Pointer, n), make([]C.ptrdiff_t, n)
	var valid []unsafe.Pointer
	validStrides := make([]C.ptrdiff_t, n)
	for i, j := range keep {
		pixels[i], strides[i] = all[j].Pointer(), C.ptrdiff_t(all[j].Stride())
		pin.Pin(pixels[i])
		if len(o.Valid) > 0 && o.Valid[j] != nil {
			if valid == nil {
				valid = make([]unsafe.Pointer, n)
			}
			valid[i], validStrides[i] = o.Valid[j].Pointer(), C.ptrdiff_t(o.Valid[j].Stride())
			pin.Pin(valid[i])
		}
	}
	chunks := (w + C.RE_ROBUST_CHUNK - 1) / C.RE_ROBUST_CHUNK
	reduced, cells, planes := plan.LW*plan.LH, plan.GW*plan.GH, n+C.RE_ROBUST_PHOTO
	m := C.re_robust{
		n: C.int(n), format: C.int(all[0].Format()), dst_format: C.int(dst.Format()), w: C.int(w), h: C.int(h),
		step: C.int(plan.Step), lw: C.int(plan.LW), lh: C.int(plan.LH),
		cell: C.int(plan.Cell), gw: C.int(plan.GW), gh: C.int(plan.GH), every: C.int(plan.Every),
		photos: pinned(&pin, pixels), strides: pinned(&pin, strides),
		valid: pinned(&pin, valid), valid_strides: pinned(&pin, validStrides),
		scene: (*C.uint16_t)(block(2 * w * h)), partial: (*C.uint8_t)(block(h * chunks)),
		low: (*C.uint16_t)(block(2 * n * reduced)), level: (*C.float)(block(4 * reduced)), windows: (*C.float)(block(4 * planes * reduced)),
		fit: [2]*C.float{(*C.float)(block(4 * planes * reduced)), (*C.float)(block(4 * planes * reduced))},
	}
	if valid != nil {
		m.whole = (*C.uint8_t)(block(n * reduced))
	}
	counts := make([]uint32, cells*robust.Levels)
	m.counts = (*C.uint32_t)(pinned(&pin, counts))
	if failed != nil {
		return failed
	}

	band := plan.Cell * max(1, 64/plan.Cell) // whole cells, so that no two bands count for one
	if err := b.scratchBands(h, band, int64(C.re_robust_scratch(&m)), func(_, y0, y1 int, scratch unsafe.Pointer) {
		C.re_robust_measure(&m, scratch, C.int(y0), C.int(y1))
	}); err != nil {
		return err
	}
	low := make([][]uint16, n)
	for i := range low {
		low[i] = unsafe.Slice((*uint16)(m.low), n*reduced)[i*reduced:][:reduced]
	}
	var whole []bool
	if valid != nil {
		whole = wholeInAll(unsafe.Slice((*uint8)(m.whole), n*reduced), reduced)
	}
	t := robust.NewTables(robust.Summarise(plan, low, whole))
	setTables(&m, &pin, t)
	if valid != nil {
		m.back = (*C.double)(unsafe.Pointer(pinned(&pin, t.Back())))
		b.bands(h, band, func(_, y0, y1 int) { C.re_robust_repair(&m, C.int(y0), C.int(y1)) })
	}
	base := t.Base(plan, counts)
	m.base = (*C.float)(pinned(&pin, base))
	if err := b.contrast(&m); err != nil {
		return err
	}
	err := b.scratchBands(h, 32, int64(C.re_robust_merge_scratch(&m)), func(_, y0, y1 int, scratch unsafe.Pointer) {
		C.re_robust_merge(&m, scratch, dst.Pointer(), C.ptrdiff_t(dst.Stride()), C.int(y0), C.int(y1))
	})
	runtime.KeepAlive(all)
	runtime.KeepAlive(o)
	runtime.KeepAlive(dst)
	return err
}

// contrast fits the steps of local contrast on the reduced pixels.
func (b *backend) contrast(m *C.re_robust) error {
	lh := int(m.lh)
	if err := b.scratchBands(lh, 32, int64(C.re_robust_gaps_scratch(m))+2*int64(m.lw), func(_, y0, y1 int, scratch unsafe.Pointer) {
		C.re_robust_low_levels(m, scratch, C.int(y0), C.int(y1))
	}); err != nil {
		return err
	}
	bytes := int64(C.re_robust_windows_scratch(m))
	for k, s := range robust.Steps {
		if err := b.scratchBands(lh, contrastBand, bytes, func(_, y0, y1 int, scratch unsafe.Pointer) {
			C.re_robust_windows(m, C.int(s.Radius), C.float(s.Edge), C.float(s.Noise), (*C.double)(scratch), C.int(y0), C.int(y1))
		}); err != nil {
			return err
		}
		if err := b.scratchBands(lh, contrastBand, bytes, func(_, y0, y1 int, scratch unsafe.Pointer) {
			C.re_robust_fit(m, C.int(k), C.int(s.Radius), (*C.double)(scratch), C.int(y0), C.int(y1))
		}); err != nil {
			return err
		}
	}
	return nil
}

// contrastBand is the height of the bands over reduced rows; each first sums the rows around its first.
const contrastBand = 96

// wholeInAll is where all planes, one after the other, are whole.
func wholeInAll(planes []uint8, size int) []bool {
	all := make([]bool, size)
	for j := range all {
		all[j] = true
		for i := j; i < len(planes); i += size {
			all[j] = all[j] && planes[i] == 1
		}
	}
	return all
}

// pinned is the address of a slice's entries, which stay where they are until pin is released; nil for an empty slice.
func pinned[T any](pin *runtime.Pinner, s []T) *T {
	if len(s) == 0 {
		return nil
	}
	pin.Pin(&s[0])
	return &s[0]
}

// setTables lays the tables out as the C code reads them.
func setTables(m *C.re_robust, pin *runtime.Pinner, t *robust.Tables) {
	m.curves = (*C.float)(unsafe.Pointer(pinned(pin, t.Curves()[:])))
	m.law = (*C.float)(unsafe.Pointer(pinned(pin, t.LawSteps()[:])))
	shares := t.Weights()
	weights := make([]C.float, len(shares)*robust.Bins)
	support := make([]C.int, len(shares)*2)
	for i := range shares {
		support[2*i] = robust.Bins // none
		for k, v := range shares[i] {
			weights[i*robust.Bins+k] = C.float(v) / robust.Unit
			if v > 0 {
				support[2*i] = min(support[2*i], C.int(k))
				support[2*i+1] = C.int(k)
			}
		}
	}
	m.weights, m.support = pinned(pin, weights), pinned(pin, support)
}
