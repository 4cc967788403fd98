//go:build cuda && cgo

package cuda

import (
	"context"

	"gorgonia.org/cu"

	"github.com/realedit/realedit/kernels"
)

// clearPadding makes NewImage write what lies between a row's end and the next row. Kernels read it with what they load sixteen
// bytes at a time and make nothing of it; compute-sanitizer's initcheck cannot know that.
var clearPadding bool

func (b *backend) NewImage(w, h, channels int, f kernels.Format) (*kernels.Image, error) {
	if err := kernels.CheckSize(w, h, channels, f); err != nil {
		return nil, err
	}
	var s *block
	if err := b.guarded(func() (err error) {
		s, err = b.pool.get(kernels.ImageBytes(w, h, channels, f))
		if width, stride := w*channels*f.Size(), kernels.RowBytes(w, channels, f); err == nil && clearPadding && width < stride {
			err = failed("clear padding", cu.MemsetD2D8Async(cu.DevicePtr(s.ptr+uintptr(width)), int64(stride), 0, int64(stride-width), int64(h), b.work))
		}
		return err
	}); err != nil {
		return nil, err
	}
	mem := &kernels.Memory{Device: s.ptr, Owner: b, Private: s}
	mem.Release = func() {
		if b.inUse.TryRLock() { // else Close sees to it
			defer b.inUse.RUnlock()
			b.on(func() error { b.pool.put(s); return nil })
		}
	}
	return kernels.NewImageIn(mem, w, h, channels, f), nil
}

// NewHostImage allocates an image in page-locked host memory: Copy between it and the device runs at
// the bus's full speed. Free gives it back; it must not be used after Close.
func (b *backend) NewHostImage(w, h, channels int, f kernels.Format) (*kernels.Image, error) {
	if err := kernels.CheckSize(w, h, channels, f); err != nil {
		return nil, err
	}
	bytes, free, err := b.pinned.get(int(kernels.ImageBytes(w, h, channels, f)))
	if err != nil {
		return nil, err
	}
	return kernels.NewImageIn(&kernels.Memory{Host: bytes, Owner: b, Release: free, Private: page{}}, w, h, channels, f), nil
}

// Copy may be given images on the host and on this device; images of another device go over the host.
func (b *backend) Copy(ctx context.Context, dst, src *kernels.Image) error {
	if err := kernels.CheckCopy(dst, src); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	mine := func(m *kernels.Image) bool { return m.Memory().Owner == kernels.Backend(b) }
	switch {
	case dst.OnHost() && src.OnHost():
		return kernels.CopyHost(ctx, dst, src)
	case src.OnHost() && mine(dst):
		return b.guarded(func() error { return b.upload(ctx, dst, src, false) })
	case dst.OnHost() && mine(src):
		return b.guarded(func() error { return b.download(ctx, dst, src) })
	case mine(dst) && mine(src):
		return b.guarded(func() error { return b.across(dst, src) })
	}
	other := src.Memory().Owner
	if mine(src) {
		other = dst.Memory().Owner
	}
	if other == nil || !mine(src) && !mine(dst) {
		return &kernels.ArgError{Op: "Copy", Arg: "src", Msg: "neither image lies on the host or on " + b.Name()}
	}
	host, err := b.NewHostImage(src.Width(), src.Height(), src.Channels(), src.Format())
	if err != nil {
		return err
	}
	defer host.Free()
	if mine(src) {
		if err := b.Copy(ctx, host, src); err != nil {
			return err
		}
		return other.Copy(ctx, dst, host)
	}
	if err := other.Copy(ctx, host, src); err != nil {
		return err
	}
	return b.Copy(ctx, dst, host)
}
