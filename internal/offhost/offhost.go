// Package offhost is a backend for tests whose images do not lie in host memory, as those of a GPU
// do not: another backend does the work on pixels that nobody else can reach. Reading a row of its images panics.
// It bounds and counts its memory, with what fusion takes on a device, records transfers, and fails when told to.
package offhost

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"

	"github.com/realedit/realedit/kernels"
)

// Backend is the double. The images of its operations may be its own or the host's, mixed, as with a GPU.
type Backend struct {
	inner kernels.Backend
	name  string
	total int64
	ops   *kernels.Ops

	mu        sync.Mutex
	blocks    map[uintptr]*kernels.Image // the pixels, by the image's handle
	handle    uintptr
	limit     int64
	inUse     int64
	peak      int64
	calls     int
	fault     func(call int, op string) error
	lost      error
	transfers []Transfer
	closed    bool
}

// Transfer is one copy between the host and the device.
type Transfer struct {
	Up   bool   // to the device
	Op   string // "Copy", or the operation that was given a host image
	W, H int
}

// New returns a double with total bytes of memory whose work inner does, on the host.
func New(inner kernels.Backend, name string, total int64) *Backend {
	b := &Backend{inner: inner, name: name, total: total, blocks: map[uintptr]*kernels.Image{}}
	b.ops = kernels.Staged(inner.Ops(), kernels.Staging{Begin: b.begin, Place: b.place})
	if fuse := b.ops.Fuse; fuse != nil {
		b.ops.Fuse = func(dst *kernels.Image, photos []*kernels.Image, o *kernels.FuseOptions) error {
			var method kernels.FuseMethod
			if o != nil {
				method = o.Method
			}
			n := kernels.FuseBytes(dst.Width(), dst.Height(), len(photos), method, dst.Format())
			if err := b.take(n); err != nil {
				return err
			}
			defer b.give(n)
			return fuse(dst, photos, o)
		}
	}
	return b
}

// take counts n bytes as in use; past the limit it is ErrOutOfMemory. give ends that.
func (b *Backend) take(n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inUse+n > b.most() {
		return fmt.Errorf("%s: %d bytes asked for with %d of %d in use: %w", b.name, n, b.inUse, b.most(), kernels.ErrOutOfMemory)
	}
	b.inUse += n
	b.peak = max(b.peak, b.inUse)
	return nil
}

// most is the bytes that may be in use, with b.mu held.
func (b *Backend) most() int64 {
	if b.limit > 0 {
		return min(b.total, b.limit)
	}
	return b.total
}

func (b *Backend) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inUse -= n
}

// Fault makes fn decide on every call from now on, numbered from 1: an operation by its name, "NewImage" or
// "Copy". An error that wraps ErrDeviceLost stays.
func (b *Backend) Fault(fn func(call int, op string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls, b.fault = 0, fn
}

// FailAt makes the n-th call from now on fail.
func (b *Backend) FailAt(n int, err error) {
	b.Fault(func(call int, _ string) error {
		if call == n {
			return err
		}
		return nil
	})
}

// begin counts a call and answers with the error it shall have.
func (b *Backend) begin(op string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if b.lost == nil && b.fault != nil {
		if err := b.fault(b.calls, op); err != nil {
			err = fmt.Errorf("%s: %s: %w", b.name, op, err)
			if errors.Is(err, kernels.ErrDeviceLost) {
				b.lost = err
			}
			return err
		}
	}
	return b.lost
}

// place is where an argument's pixels are: a host image counts as a transfer each way it goes.
func (b *Backend) place(op string, m *kernels.Image, read, written bool) (*kernels.Image, func(error) error, error) {
	if !m.OnHost() {
		in, err := b.inside(m)
		return in, nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range []struct{ does, up bool }{{read, true}, {written, false}} {
		if t.does {
			b.transfers = append(b.transfers, Transfer{t.up, op, m.Width(), m.Height()})
		}
	}
	return m, nil, nil
}

// inside are the pixels of a device image, or of a window of one.
func (b *Backend) inside(m *kernels.Image) (*kernels.Image, error) {
	b.mu.Lock()
	whole := b.blocks[m.Memory().Device]
	b.mu.Unlock()
	if whole == nil || m.Memory().Owner != kernels.Backend(b) {
		return nil, fmt.Errorf("%s: %v is not here: freed, or another backend's: %w", b.name, m, kernels.ErrInvalid)
	}
	x, y := m.Offset()%m.Stride()/(m.Channels()*m.Format().Size()), m.Offset()/m.Stride()
	return whole.SubImage(image.Rect(x, y, x+m.Width(), y+m.Height())), nil
}

// NewImage allocates; past the limit it is ErrOutOfMemory.
func (b *Backend) NewImage(w, h, channels int, f kernels.Format) (*kernels.Image, error) {
	if err := b.begin("NewImage"); err != nil {
		return nil, err
	}
	in, err := b.inner.NewImage(w, h, channels, f)
	if err != nil {
		return nil, err
	}
	n := in.Bytes()
	if err := b.take(n); err != nil {
		in.Free()
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handle++
	handle := b.handle
	b.blocks[handle] = in
	return kernels.NewImageIn(&kernels.Memory{Device: handle, Owner: b, Release: func() {
		b.give(n)
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.blocks, handle)
		in.Free()
	}}, w, h, channels, f), nil
}

// Copy copies and records transfers.
func (b *Backend) Copy(ctx context.Context, dst, src *kernels.Image) error {
	if err := b.begin("Copy"); err != nil {
		return err
	}
	d, s, err := dst, src, error(nil)
	if !dst.OnHost() {
		d, err = b.inside(dst)
	}
	if !src.OnHost() && err == nil {
		s, err = b.inside(src)
	}
	if err != nil {
		return err
	}
	if dst.OnHost() != src.OnHost() {
		b.mu.Lock()
		b.transfers = append(b.transfers, Transfer{src.OnHost(), "Copy", src.Width(), src.Height()})
		b.mu.Unlock()
	}
	return b.inner.Copy(ctx, d, s)
}

// Name is the name given to New.
func (b *Backend) Name() string { return b.name }

// Caps has the memory that nobody uses.
func (b *Backend) Caps() kernels.Caps {
	b.mu.Lock()
	defer b.mu.Unlock()
	return kernels.Caps{Device: "double", Free: b.most() - b.inUse, Total: b.total, Used: b.inUse, Peak: b.peak}
}

// Ops are the inner backend's, on images off the host.
func (b *Backend) Ops() *kernels.Ops { return b.ops }

// Sync reports a lost device.
func (b *Backend) Sync(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost != nil {
		return b.lost
	}
	return ctx.Err()
}

// Close closes the double only.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// Closed tells whether Close was called.
func (b *Backend) Closed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// SetLimit bounds the bytes in use; 0 = all there are.
func (b *Backend) SetLimit(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = bytes
}

// Limit is what SetLimit was last told.
func (b *Backend) Limit() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit
}

// Memory is the bytes in use and the most that were since the last call of Forget.
func (b *Backend) Memory() (inUse, peak int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.inUse, b.peak
}

// Forget starts peak and transfers anew.
func (b *Backend) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.peak, b.transfers = b.inUse, nil
}

// Transfers are the copies so far.
func (b *Backend) Transfers() []Transfer {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Transfer(nil), b.transfers...)
}

// Calls is how many there were since the last Fault.
func (b *Backend) Calls() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}
