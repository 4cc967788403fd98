//go:build cuda && cgo

package cuda

// #include "image.h"
import "C"

import (
	"context"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/realedit/realedit/kernels"
)

// call is one operation being queued. Its methods do nothing once err is set, so that
// an operation reads as a list of steps.
//
// Images in host memory may be given too: they are copied to temporary ones and, where
// they are written, back.
type call struct {
	b     *backend
	op    string
	err   error
	temps []*kernels.Image
	back  []copyBack
	taken []*block
	after []func() // what do calls at the end

	uploads bool // host images may still be being read
}

type copyBack struct{ host, device *kernels.Image }

// do queues an operation.
func (b *backend) do(op string, f func(c *call)) error {
	return b.guarded(func() error {
		c := &call{b: b, op: op}
		f(c)
		for _, r := range c.back {
			if c.err == nil {
				c.err = b.download(context.Background(), r.host, r.device)
			}
		}
		if c.uploads {
			if err := b.up.wait(); c.err == nil {
				c.err = err
			}
		}
		for _, f := range c.after {
			f()
		}
		for _, t := range c.temps {
			t.Free()
		}
		for _, s := range c.taken {
			b.pool.put(s)
		}
		if c.err != nil {
			return fmt.Errorf("%s: %w", op, c.err)
		}
		return nil
	})
}

// in is a source as kernels see it; the zero image for nil.
func (c *call) in(m *kernels.Image) C.re_image { return c.image(m, true, false) }

// out is a destination that is written all over.
func (c *call) out(m *kernels.Image) C.re_image { return c.image(m, false, true) }

// inout is a destination that is read too.
func (c *call) inout(m *kernels.Image) C.re_image { return c.image(m, true, true) }

func (c *call) image(m *kernels.Image, read, written bool) C.re_image {
	if c.err != nil || m == nil {
		return C.re_image{}
	}
	mem := m.Memory()
	if mem.Host != nil {
		for _, r := range c.back { // the host image of an in-place operation is one temporary
			if r.host.Same(m) {
				return describe(r.device)
			}
		}
		t, err := c.b.NewImage(m.Width(), m.Height(), m.Channels(), m.Format())
		if err == nil {
			c.temps = append(c.temps, t)
			if read {
				err = c.b.upload(context.Background(), t, m, true)
				c.uploads = true
			}
		}
		if err != nil {
			c.err = err
			return C.re_image{}
		}
		if written {
			c.back = append(c.back, copyBack{m, t})
		}
		m = t
	} else if mem.Owner != kernels.Backend(c.b) {
		c.err = fmt.Errorf("an image of %s given to %s: %w", ownerName(mem), c.b.Name(), kernels.ErrInvalid)
		return C.re_image{}
	}
	m.Memory().Private.(*block).touched.Store(true)
	return describe(m)
}

func ownerName(m *kernels.Memory) string {
	if m.Owner == nil {
		return "nobody"
	}
	return m.Owner.Name()
}

// describe is what kernels see of an image on the device. Its rows lie multiples of 64 bytes apart, in windows too, and are shorter than
// 2³¹ bytes (kernels.RowBytes, kernels.MaxSide): kernels rely on it.
func describe(m *kernels.Image) C.re_image {
	return C.re_image{
		p: C.uint64_t(m.Memory().Device) + C.uint64_t(m.Offset()), stride: C.int64_t(m.Stride()),
		w: C.int32_t(m.Width()), h: C.int32_t(m.Height()), c: C.int32_t(m.Channels()), format: C.int32_t(m.Format()),
	}
}

// scratch is device memory until the operation's work has been done, its contents undefined, aligned to 512 bytes.
func (c *call) scratch(bytes int64) C.uint64_t {
	if c.err != nil {
		return 0
	}
	s, err := c.b.pool.get(max(bytes, 1))
	if err != nil {
		c.err = err
		return 0
	}
	s.touched.Store(true)
	c.taken = append(c.taken, s)
	return C.uint64_t(s.ptr)
}

// fill sets bytes of device memory.
func (c *call) fill(p C.uint64_t, v byte, bytes int64) {
	if c.err == nil {
		c.err = failed("fill", cu.MemsetD8Async(cu.DevicePtr(p), v, bytes, c.b.work))
	}
}

// table is a copy of small host data in device memory, for as long as scratch is.
func table[T any](c *call, v []T) C.uint64_t {
	n := int64(len(v)) * int64(unsafe.Sizeof(*new(T)))
	p := c.scratch(n)
	if c.err == nil && n > 0 {
		c.err = c.b.put(uintptr(p), unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), n))
	}
	return p
}

// fetch waits for the work so far and copies device memory into v.
func fetch[T any](c *call, v []T, p C.uint64_t) {
	n := int64(len(v)) * int64(unsafe.Sizeof(*new(T)))
	if c.err == nil && n > 0 {
		c.err = c.b.take(unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), n), uintptr(p))
	}
}

// fetchAsync queues the copy of device memory to the host and returns what waits for it, but not for
// work queued after it, and answers the bytes. They are valid until the operation ends; nil after an error.
func fetchAsync(c *call, p C.uint64_t, bytes int) (wait func() []byte) {
	var buf []byte
	var done cu.Event
	waited := false
	start := func() (err error) {
		var free func()
		if buf, free, err = c.b.pinned.get(bytes); err != nil {
			return err
		}
		if done, err = cu.MakeEvent(cu.DisableTiming); err != nil {
			free()
			return failed("make event", err)
		}
		c.after = append(c.after, func() {
			if !waited { // the copy may be under way
				c.b.work.Synchronize()
			}
			cu.DestroyEvent(&done)
			free()
		})
		if err = cu.MemcpyDtoHAsync(unsafe.Pointer(&buf[0]), cu.DevicePtr(p), int64(bytes), c.b.work); err != nil {
			return failed("copy results", err)
		}
		return failed("record event", done.Record(c.b.work))
	}
	if c.err == nil {
		c.err = start()
	}
	return func() []byte {
		if c.err == nil {
			c.err = failed("wait for results", done.Synchronize())
		}
		if c.err != nil {
			return nil
		}
		waited = true
		return buf
	}
}
