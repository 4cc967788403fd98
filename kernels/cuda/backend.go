//go:build cuda && cgo

package cuda

// #include "driver.h"
import "C"

import (
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/realedit/realedit/kernels"
)

//go:embed kernels.fatbin
var fatbin string

// The oldest driver whose CUDA the kernels are for: 580 answers 13000.
const oldestDriver = 13000

func init() {
	kernels.Register("cuda", 20, func(arg string) (kernels.Backend, error) {
		n := 0
		if arg != "" {
			var err error
			if n, err = strconv.Atoi(arg); err != nil || n < 0 {
				return nil, fmt.Errorf("cuda: %q is no number of a GPU: %w", arg, kernels.ErrInvalid)
			}
		}
		return Open(n)
	}, func() ([]string, error) {
		n, err := Devices()
		all := make([]string, n)
		for i := range all {
			all[i] = strconv.Itoa(i)
		}
		return all, err
	})
}

// Devices is how many GPUs the driver offers. Without a driver, or with one that is too old, the error is
// kernels.ErrNoDevice and names the library that was tried.
func Devices() (int, error) {
	library := C.GoString(C.re_library())
	var n int
	var err error
	if n, err = cu.NumDevices(); err == nil && n == 0 {
		err = cu.NoDevice
	}
	if err != nil {
		return 0, fmt.Errorf("cuda: no GPU (tried %s): %w", library, kernels.ErrNoDevice)
	}
	if v := cu.Version(); v < oldestDriver {
		return 0, fmt.Errorf("cuda: the driver (%s) is for CUDA %d.%d, too old: %d.%d is needed, driver 580 or newer: %w",
			library, v/1000, v%1000/10, oldestDriver/1000, oldestDriver%1000/10, kernels.ErrNoDevice)
	}
	return n, nil
}

// backend is one GPU, one order of work on it, and the memory that work uses.
type backend struct {
	index  int
	dev    cu.Device
	ctx    cu.CUContext // the device's primary one, which others in the process share
	name   string       // of the device
	cores  int          // multiprocessors
	shared int          // bytes of shared memory that a block may ask for

	module    cu.Module
	functions sync.Map   // kernel's name → *function
	work      cu.Stream  // all kernels, in order
	up, down  *transfers // copies

	pool   *pool
	pinned *pinnedPool
	ops    *kernels.Ops
	lost   atomic.Pointer[error] // what made the context unusable
	inUse  sync.RWMutex          // for reading by every call, for good by Close
	closed atomic.Bool

	watch func(up bool, m *kernels.Image) // told of every image that travels, for tests; may be nil
}

// Open returns a backend on the GPU of that number. Several may be open on one GPU: each keeps its own order.
func Open(index int) (kernels.Backend, error) {
	n, err := Devices()
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= n {
		return nil, fmt.Errorf("cuda: there is no GPU %d, the driver has %d: %w", index, n, kernels.ErrNoDevice)
	}
	return open(index, fatbin)
}

func open(index int, image string) (_ *backend, err error) {
	if !complete(image) {
		return nil, fmt.Errorf("cuda: load kernels: those in this program are damaged: %w", kernels.ErrUnsupported)
	}
	b := &backend{index: index}
	if b.dev, err = cu.GetDevice(index); err != nil {
		return nil, failed("open device", err)
	}
	if b.name, err = b.dev.Name(); err != nil {
		return nil, failed("name device", err)
	}
	if b.ctx, err = b.dev.RetainPrimaryCtx(); err != nil {
		return nil, failed("primary context", err)
	}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	err = b.on(func() error {
		if b.module, err = cu.LoadData(image); err != nil {
			return failed("load kernels", err)
		}
		if b.work, err = cu.MakeStream(cu.NonBlocking); err != nil {
			return failed("make stream", err)
		}
		if b.up, err = newTransfers(); err != nil {
			return err
		}
		if b.down, err = newTransfers(); err != nil {
			return err
		}
		if b.cores, err = b.dev.Attribute(cu.MultiprocessorCount); err != nil {
			return failed("count multiprocessors", err)
		}
		const onRequest = 97 // the driver's number of the attribute; cu has no name for it
		b.shared, err = b.dev.Attribute(cu.DeviceAttribute(onRequest))
		return failed("ask for shared memory", err)
	})
	if err != nil {
		return nil, err
	}
	b.pool, b.pinned = newPool(b), newPinnedPool(b)
	b.SetLimit(0)
	b.ops = kernels.Checked(b.table())
	return b, nil
}

// complete tells whether an image is a fatbin whose entries fill it: the driver, which is not told its length, would read on.
func complete(image string) bool {
	p := []byte(image)
	const head = 16 // mark, version, bytes of the head, bytes of all entries
	if len(p) < head || binary.LittleEndian.Uint32(p) != 0xba55ed50 || binary.LittleEndian.Uint64(p[8:]) != uint64(len(p)-head) {
		return false
	}
	for p = p[head:]; len(p) >= head; { // an entry: kind, version, bytes of its head, bytes of the kernels
		size := uint64(binary.LittleEndian.Uint32(p[4:])) + binary.LittleEndian.Uint64(p[8:])
		if size < head || size > uint64(len(p)) {
			return false
		}
		p = p[size:]
	}
	return len(p) == 0
}

// on runs f with the device's context current on the thread it runs on. What was current before is so again afterwards.
func (b *backend) on(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.PushCurrentCtx(b.ctx); err != nil {
		return failed("make context current", err)
	}
	defer cu.PopCurrentCtx()
	return f()
}

// guarded is on with the device's state before and after: a lost device answers at once.
func (b *backend) guarded(f func() error) error {
	if e := b.lost.Load(); e != nil {
		return *e
	}
	if !b.inUse.TryRLock() { // a call within a call does not wait for Close, which waits for it
		return fmt.Errorf("cuda: %s is closed: %w", b.Name(), kernels.ErrDeviceLost)
	}
	defer b.inUse.RUnlock()
	err := b.on(f)
	if err != nil && isLost(err) {
		b.lost.CompareAndSwap(nil, &err)
	}
	return err
}

func (b *backend) Name() string           { return "cuda:" + strconv.Itoa(b.index) }
func (b *backend) Ops() *kernels.Ops      { return b.ops }
func (b *backend) SetLimit(n int64)       { b.pool.setLimit(n) }
func (b *backend) stream() unsafe.Pointer { return unsafe.Pointer(b.work.C()) }

// Caps tells the memory within the limit: Free is what this backend may still take. Used and Peak count whole blocks,
// up to an eighth more than was asked for.
func (b *backend) Caps() kernels.Caps {
	c := kernels.Caps{Device: b.name}
	b.guarded(func() (err error) {
		c.Free, c.Total, err = cu.MemInfo()
		return failed("ask for free memory", err)
	})
	c.Free, c.Used, c.Peak = b.pool.memory(c.Free)
	return c
}

// Sync waits for all work, even if ctx has ended, and answers the error that it met.
func (b *backend) Sync(ctx context.Context) error {
	return errors.Join(b.guarded(func() error { return failed("finish work", b.work.Synchronize()) }), ctx.Err())
}

// Close waits for calls that others have begun and for all work, and gives all memory back, that of images which were not
// freed too: they must not be used afterwards.
// That the device is lost is no error here: it has nothing to give back, and who waited for results has been told.
func (b *backend) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	b.inUse.Lock()
	err := b.on(func() (err error) {
		if b.work != (cu.Stream{}) {
			err = failed("finish work", b.work.Synchronize())
			b.work.Destroy()
		}
		for _, t := range []*transfers{b.up, b.down} {
			if t != nil {
				t.close()
			}
		}
		if b.pool != nil {
			b.pool.close()
			b.pinned.close()
		}
		if b.module != (cu.Module{}) {
			b.module.Unload()
		}
		return err
	})
	b.dev.ReleasePrimaryCtx()
	if isLost(err) {
		return nil
	}
	return err
}
