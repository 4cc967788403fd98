//go:build cuda && cgo

package cuda

// #include "driver.h"
import "C"

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/realedit/realedit/kernels"
)

// block is a piece of device memory.
type block struct {
	ptr  uintptr
	size int64
	// touched: kernels have been queued that use it since it was handed out.
	touched atomic.Bool
	// released marks, on the stream of work, the moment it was given back; kernels queued later may use it at
	// once, copies wait for it.
	released cu.Event
	marked   bool
}

// pool hands out device memory within a limit and keeps what comes back. A block that was given back is handed
// out again at once, since kernels run in the order they are queued.
type pool struct {
	b     *backend
	mu    sync.Mutex
	limit int64
	inUse int64
	peak  int64
	kept  int64
	idle  map[int64][]*block
	all   map[*block]bool // those in use too
}

func newPool(b *backend) *pool {
	return &pool{b: b, idle: map[int64][]*block{}, all: map[*block]bool{}}
}

// setLimit bounds the memory in use and kept; 0 = no limit but the device's memory.
func (p *pool) setLimit(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n <= 0 {
		n = math.MaxInt64
	}
	p.limit = n
	if p.inUse+p.kept > n {
		p.b.guarded(func() error { p.drop(); return nil })
	}
}

// memory is what may still be taken, of so many bytes that the device has free, what is in use and the most that ever was.
func (p *pool) memory(deviceFree int64) (free, used, peak int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, min(p.limit-p.inUse, deviceFree+p.kept)), p.inUse, p.peak
}

// get returns a block of at least n bytes; kernels.ErrOutOfMemory past the limit or where the device has no more.
func (p *pool) get(n int64) (*block, error) {
	size := int64(kernels.SizeClass(int(max(n, 512))))
	size = (size + 511) &^ 511
	p.mu.Lock()
	defer p.mu.Unlock()
	if size > p.limit-p.inUse {
		return nil, fmt.Errorf("cuda: %d MiB asked for with %d of %d MiB in use on %s: %w", size>>20, p.inUse>>20, p.limit>>20, p.b.Name(), kernels.ErrOutOfMemory)
	}
	if l := p.idle[size]; len(l) > 0 {
		s := l[len(l)-1]
		p.idle[size] = l[:len(l)-1]
		p.kept -= size
		p.use(size)
		s.touched.Store(false)
		return s, nil
	}
	p.shrink(size)
	ptr, err := cu.MemAlloc(size)
	if err != nil { // others may hold the device's memory: give back what lies idle, try once more
		p.drop()
		if ptr, err = cu.MemAlloc(size); err != nil {
			return nil, failed("allocate device memory", err)
		}
	}
	p.use(size)
	s := &block{ptr: uintptr(ptr), size: size}
	p.all[s] = true
	return s, nil
}

func (p *pool) use(n int64) {
	p.inUse += n
	p.peak = max(p.peak, p.inUse)
}

// put takes a block back. The context is current.
func (p *pool) put(s *block) {
	if s.touched.Load() {
		if s.released == (cu.Event{}) {
			s.released, _ = cu.MakeEvent(cu.DisableTiming)
		}
		s.marked = s.released != (cu.Event{}) && s.released.Record(p.b.work) == nil
		if !s.marked {
			p.b.work.Synchronize()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inUse -= s.size
	p.kept += s.size
	p.idle[s.size] = append(p.idle[s.size], s)
}

// shrink makes room for n more bytes within the limit by giving idle blocks back to the device.
func (p *pool) shrink(n int64) {
	if n > p.limit-p.inUse-p.kept {
		p.drop()
	}
}

// drop gives all idle blocks back to the device, which waits for work on them.
func (p *pool) drop() {
	for size, l := range p.idle {
		for _, s := range l {
			p.free(s)
		}
		delete(p.idle, size)
	}
	p.kept = 0
}

func (p *pool) free(s *block) {
	delete(p.all, s)
	cu.MemFree(cu.DevicePtr(s.ptr))
	if s.released != (cu.Event{}) {
		cu.DestroyEvent(&s.released)
	}
}

// close gives all blocks back, those of images that were never freed too.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.all {
		p.free(s)
	}
	clear(p.idle)
}

// pinnedPool hands out page-locked host memory, which copies run from and to at full speed and without a copy in between.
type pinnedPool struct {
	b    *backend
	mu   sync.Mutex
	idle map[int][]unsafe.Pointer
	all  []unsafe.Pointer // those in use too
}

func newPinnedPool(b *backend) *pinnedPool {
	return &pinnedPool{b: b, idle: map[int][]unsafe.Pointer{}}
}

// page marks the memory of a pinned image.
type page struct{}

func (p *pinnedPool) get(n int) (bytes []byte, free func(), err error) {
	size := (kernels.SizeClass(n) + 4095) &^ 4095
	var ptr unsafe.Pointer
	if err := p.b.guarded(func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if l := p.idle[size]; len(l) > 0 {
			ptr, p.idle[size] = l[len(l)-1], l[:len(l)-1]
			return nil
		}
		err := status("allocate page-locked memory", int(C.re_pinned(&ptr, C.size_t(size))))
		if err == nil {
			p.all = append(p.all, ptr)
		}
		return err
	}); err != nil {
		return nil, nil, err
	}
	return unsafe.Slice((*byte)(ptr), n), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.idle[size] = append(p.idle[size], ptr)
	}, nil
}

// close gives all memory back, that of images that were never freed too.
func (p *pinnedPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ptr := range p.all {
		cu.MemFreeHost(ptr)
	}
	p.all = nil
}
