//go:build cuda && cgo

package cuda

// #include "driver.h"
import "C"

import (
	"sync"
	"unsafe"

	"gorgonia.org/cu"
)

// function is one kernel of the module.
type function struct {
	handle unsafe.Pointer
	mu     sync.Mutex
	shared int // dynamic shared memory it has been allowed
}

// allow lets the kernel have so much dynamic shared memory, or keeps what it may have if that is more.
func (f *function) allow(shared int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if shared <= max(f.shared, 48<<10) {
		return nil
	}
	if code := C.re_allow_shared(f.handle, C.int(shared)); code != 0 {
		return status("allow shared memory", int(code))
	}
	f.shared = shared
	return nil
}

// dims are blocks or threads in three directions; 0 means 1.
type dims struct{ x, y, z int }

func (d dims) c() (x, y, z C.uint) {
	return C.uint(max(1, d.x)), C.uint(max(1, d.y)), C.uint(max(1, d.z))
}

// over is how many blocks of n cover size.
func over(size, n int) int { return (size + n - 1) / n }

// kernel finds a kernel by name.
func (b *backend) kernel(name string) (*function, error) {
	if f, ok := b.functions.Load(name); ok {
		return f.(*function), nil
	}
	fn, err := b.module.Function(name)
	if err != nil {
		return nil, failed("find kernel "+name, err)
	}
	// cu.Function holds the driver's handle and nothing else; its own Launch takes arguments of
	// eight bytes each, ours one struct.
	f, _ := b.functions.LoadOrStore(name, &function{handle: *(*unsafe.Pointer)(unsafe.Pointer(&fn))})
	return f.(*function), nil
}

var _ [unsafe.Sizeof(cu.Function{})]byte = [unsafe.Sizeof(uintptr(0))]byte{}

// launch queues a kernel with the argument struct that its .h declares; shared is its dynamic shared memory in bytes.
func launch[A any](c *call, name string, blocks, threads dims, shared int, args *A) {
	if c.err != nil {
		return
	}
	f, err := c.b.kernel(name)
	if err == nil {
		err = f.allow(shared)
	}
	if err != nil {
		c.err = err
		return
	}
	gx, gy, gz := blocks.c()
	bx, by, bz := threads.c()
	c.err = status("launch "+name, int(C.re_launch(f.handle, gx, gy, gz, bx, by, bz, C.uint(shared), c.b.stream(), unsafe.Pointer(args), C.size_t(unsafe.Sizeof(*args)))))
}
