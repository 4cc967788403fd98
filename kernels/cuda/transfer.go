//go:build cuda && cgo

package cuda

// #include "driver.h"
import "C"

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/realedit/realedit/kernels"
)

// transfers is one direction of copies: a stream, and a ring of page-locked buffers through which
// ordinary memory goes, since the device cannot reach it.
type transfers struct {
	mu     sync.Mutex
	stream cu.Stream
	fence  cu.Event // for waiting on the other stream
	slots  [4]slot
	next   int
}

type slot struct {
	buf  unsafe.Pointer
	size int
	done cu.Event
	used bool // done has been recorded
}

const slotBytes = 8 << 20

// newTransfers is to be closed after an error too, unless it is nil.
func newTransfers() (*transfers, error) {
	t := &transfers{}
	var err error
	if t.stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
		return nil, failed("make stream", err)
	}
	if t.fence, err = cu.MakeEvent(cu.DisableTiming); err != nil {
		return t, failed("make event", err)
	}
	for i := range t.slots {
		if t.slots[i].done, err = cu.MakeEvent(cu.DisableTiming); err != nil {
			return t, failed("make event", err)
		}
	}
	return t, nil
}

func (t *transfers) close() {
	t.stream.Synchronize()
	for i := range t.slots {
		if t.slots[i].buf != nil {
			cu.MemFreeHost(t.slots[i].buf)
		}
		cu.DestroyEvent(&t.slots[i].done)
	}
	cu.DestroyEvent(&t.fence)
	t.stream.Destroy()
}

// wait returns when all copies that were queued have been made.
func (t *transfers) wait() error { return failed("wait for copies", t.stream.Synchronize()) }

// slot is the next buffer of the ring, free for use, at least n bytes.
func (t *transfers) slot(n int) (*slot, error) {
	s := &t.slots[t.next]
	t.next = (t.next + 1) % len(t.slots)
	if s.used {
		if err := s.done.Synchronize(); err != nil {
			return nil, failed("wait for a copy", err)
		}
		s.used = false
	}
	if s.size >= n {
		return s, nil
	}
	if s.buf != nil {
		cu.MemFreeHost(s.buf)
		s.buf, s.size = nil, 0
	}
	size := max(n, slotBytes)
	if n <= 1<<16 {
		size = 1 << 16 // a backend that moves tables only need not lock megabytes
	}
	if err := status("allocate page-locked memory", int(C.re_pinned(&s.buf, C.size_t(size)))); err != nil {
		return nil, err
	}
	s.size = size
	return s, nil
}

// queued tells that the copies which stream was given last use the slot.
func (s *slot) queued(stream cu.Stream) error {
	if err := s.done.Record(stream); err != nil {
		stream.Synchronize()
		return failed("record event", err)
	}
	s.used = true
	return nil
}

// after makes a stream wait for what another has been given so far. Where that fails all of it has been done when after returns.
func after(waits, works cu.Stream, fence cu.Event) error {
	err := errors.Join(failed("record event", fence.Record(works)), failed("wait for event", waits.Wait(fence, 0)))
	if err != nil {
		works.Synchronize()
	}
	return err
}

// enter makes the stream of copies wait until the block may be written: for all work that was queued if kernels
// use it, else for those that used it before it was handed out again.
func (t *transfers) enter(b *backend, s *block) error {
	if s.touched.Load() {
		return after(t.stream, b.work, t.fence)
	}
	if s.marked {
		return failed("wait for event", t.stream.Wait(s.released, 0))
	}
	return nil
}

// rows is a copy of so many rows of width bytes. Where nothing lies between the rows that must stay (whole) and they are equally
// far apart, it is made in one piece, which is up to twice as fast.
func rows(direction C.int, dst uintptr, dstStride int, src uintptr, srcStride, width, height int, whole bool, stream cu.Stream) error {
	if whole && dstStride == srcStride {
		width, height = srcStride*(height-1)+width, 1
	}
	return status("copy", int(C.re_copy(direction, C.uintptr_t(dst), C.size_t(dstStride), C.uintptr_t(src), C.size_t(srcStride), C.size_t(width), C.size_t(height), unsafe.Pointer(stream.C()))))
}

func address(m *kernels.Image) uintptr { return m.Memory().Device + uintptr(m.Offset()) }

// upload copies a host image to the device. Kernels queued from then on see dst; unless later, src may be changed when it returns.
// With later it may be once b.up.wait has returned.
func (b *backend) upload(ctx context.Context, dst, src *kernels.Image, later bool) error {
	if b.watch != nil {
		b.watch(true, src)
	}
	t := b.up
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.enter(b, dst.Memory().Private.(*block)); err != nil {
		return err
	}
	width, h := src.Width()*src.Channels()*src.Format().Size(), src.Height()
	_, pinned := src.Memory().Private.(page)
	var err error
	if pinned {
		err = rows(C.RE_UP, address(dst), dst.Stride(), uintptr(src.Pointer()), src.Stride(), width, h, !dst.IsWindow(), t.stream)
	} else {
		err = t.throughSlots(ctx, dst, src, width, h)
	}
	// After an error too: what was queued before it must not come after work on whatever lies in dst's memory next.
	if e := after(b.work, t.stream, t.fence); err == nil {
		err = e
	}
	if err != nil || !pinned || later {
		return err
	}
	return failed("wait for a copy", t.fence.Synchronize())
}

// throughSlots queues the copy of a host image in ordinary memory, rows of width bytes.
func (t *transfers) throughSlots(ctx context.Context, dst, src *kernels.Image, width, h int) error {
	pitch := (width + 63) &^ 63
	step := max(1, slotBytes/pitch)
	for y := 0; y < h; y += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(step, h-y)
		s, err := t.slot(n * pitch)
		if err != nil {
			return err
		}
		buf := unsafe.Slice((*byte)(s.buf), n*pitch)
		inParallel(n, width, func(i int) { copy(buf[i*pitch:], src.Row(y+i)) })
		if err := rows(C.RE_UP, address(dst)+uintptr(y*dst.Stride()), dst.Stride(), uintptr(s.buf), pitch, width, n, !dst.IsWindow(), t.stream); err != nil {
			return err
		}
		if err := s.queued(t.stream); err != nil {
			return err
		}
	}
	return nil
}

// download copies a device image to the host, after all work that was queued.
func (b *backend) download(ctx context.Context, dst, src *kernels.Image) error {
	if b.watch != nil {
		b.watch(false, dst)
	}
	t := b.down
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := after(t.stream, b.work, t.fence); err != nil {
		return err
	}
	width, h := src.Width()*src.Channels()*src.Format().Size(), src.Height()
	if _, pinned := dst.Memory().Private.(page); pinned {
		if err := rows(C.RE_DOWN, uintptr(dst.Pointer()), dst.Stride(), address(src), src.Stride(), width, h, !dst.IsWindow(), t.stream); err != nil {
			return err
		}
		return failed("finish a copy", t.stream.Synchronize())
	}
	pitch := (width + 63) &^ 63
	step := max(1, slotBytes/pitch)
	type piece struct {
		s    *slot
		y, n int
	}
	var ahead []piece
	finish := func() error {
		p := ahead[0]
		ahead = ahead[1:]
		p.s.used = false
		if err := p.s.done.Synchronize(); err != nil {
			return failed("finish a copy", err)
		}
		buf := unsafe.Slice((*byte)(p.s.buf), p.n*pitch)
		inParallel(p.n, width, func(i int) { copy(dst.Row(p.y+i), buf[i*pitch:]) })
		return nil
	}
	for y := 0; y < h; y += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(ahead) == len(t.slots) {
			if err := finish(); err != nil {
				return err
			}
		}
		n := min(step, h-y)
		s, err := t.slot(n * pitch)
		if err != nil {
			return err
		}
		if err := rows(C.RE_DOWN, uintptr(s.buf), pitch, address(src)+uintptr(y*src.Stride()), src.Stride(), width, n, true, t.stream); err != nil {
			return err
		}
		if err := s.queued(t.stream); err != nil {
			return err
		}
		ahead = append(ahead, piece{s, y, n})
	}
	for len(ahead) > 0 {
		if err := finish(); err != nil {
			return err
		}
	}
	return nil
}

// across copies between images of this device, in the order of work.
func (b *backend) across(dst, src *kernels.Image) error {
	dst.Memory().Private.(*block).touched.Store(true)
	src.Memory().Private.(*block).touched.Store(true)
	return rows(C.RE_ACROSS, address(dst), dst.Stride(), address(src), src.Stride(), src.Width()*src.Channels()*src.Format().Size(), src.Height(), !dst.IsWindow(), b.work)
}

// put copies small host data to device memory in the order of work.
func (b *backend) put(p uintptr, v []byte) error {
	t := b.up
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(v) > 0 {
		n := min(len(v), slotBytes)
		s, err := t.slot(n)
		if err != nil {
			return err
		}
		copy(unsafe.Slice((*byte)(s.buf), n), v)
		if err := cu.MemcpyHtoDAsync(cu.DevicePtr(p), s.buf, int64(n), b.work); err != nil {
			return failed("copy a table", err)
		}
		if err := s.queued(b.work); err != nil {
			return err
		}
		p, v = p+uintptr(n), v[n:]
	}
	return nil
}

// take waits for the work so far and copies device memory to the host.
func (b *backend) take(v []byte, p uintptr) error {
	t := b.down
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(v) > 0 {
		n := min(len(v), slotBytes)
		s, err := t.slot(n)
		if err != nil {
			return err
		}
		if err := cu.MemcpyDtoHAsync(s.buf, cu.DevicePtr(p), int64(n), b.work); err != nil {
			return failed("copy results", err)
		}
		if err := b.work.Synchronize(); err != nil {
			return failed("finish work", err)
		}
		copy(v, unsafe.Slice((*byte)(s.buf), n))
		p, v = p+uintptr(n), v[n:]
	}
	return nil
}

// inParallel calls f for n rows of so many bytes, on several goroutines where that pays.
func inParallel(n, width int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), 4, n*width>>20)
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			for i := k * n / workers; i < (k+1)*n/workers; i++ {
				f(i)
			}
		})
	}
	wg.Wait()
}
