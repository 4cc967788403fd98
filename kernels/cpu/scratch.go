//go:build cgo

package cpu

import (
	"sync"
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

// scratchBands is bands with a block of scratch memory for every call of fn, aligned to
// 64 bytes; blocks pass from band to band, so there are no more than workers. The
// contents are undefined. The first failure to get memory is returned; bands without memory are left out.
func (b *backend) scratchBands(h, step int, bytes int64, fn func(band, y0, y1 int, scratch unsafe.Pointer)) error {
	type block struct {
		p    unsafe.Pointer
		free func()
	}
	var mu sync.Mutex
	var idle []block
	var failed error
	b.bands(h, step, func(band, y0, y1 int) {
		mu.Lock()
		var s block
		if n := len(idle); n > 0 {
			s, idle = idle[n-1], idle[:n-1]
		}
		mu.Unlock()
		if s.p == nil {
			mem, free, err := kernels.Host.Get(bytes + 64)
			if err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
				return
			}
			s.p = unsafe.Pointer(&mem[0])
			s.p = unsafe.Add(s.p, (64-int(uintptr(s.p)%64))%64)
			s.free = free
		}
		fn(band, y0, y1, s.p)
		mu.Lock()
		idle = append(idle, s)
		mu.Unlock()
	})
	for _, s := range idle {
		s.free()
	}
	return failed
}
