//go:build cuda && cgo

package cuda

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"github.com/realedit/realedit/kernels"
)

// ending is a context that ends after so many looks at it.
type ending struct {
	context.Context
	looks int
}

func (c *ending) Err() error {
	if c.looks--; c.looks < 0 {
		return context.Canceled
	}
	return nil
}

// A copy that is broken off leaves nothing behind that would write into memory which has been given to another by then.
func TestCopyBrokenOff(t *testing.T) {
	b := gpu(t)
	const w, h = 4096, 3 * slotBytes / 4096
	src, want := noise(t, w, h, 1, kernels.U8, 1), noise(t, w, h, 1, kernels.U8, 2)
	x, err := b.NewImage(w, h, 1, kernels.U8)
	require.NoError(t, err)
	other, err := b.NewImage(w, h, 1, kernels.U8)
	require.NoError(t, err)
	defer other.Free()
	require.NoError(t, b.Copy(ctx, other, want))
	require.ErrorIs(t, b.Copy(&ending{ctx, 2}, x, src), context.Canceled)
	x.Free()
	y, err := b.NewImage(w, h, 1, kernels.U8)
	require.NoError(t, err)
	defer y.Free()
	require.NoError(t, b.Ops().Convert(y, other))
	require.NoError(t, b.Sync(ctx))
	require.NoError(t, b.on(b.up.wait))
	back := noise(t, w, h, 1, kernels.U8, 3)
	require.ErrorIs(t, b.Copy(&ending{ctx, 2}, back, y), context.Canceled)
	require.NoError(t, b.Copy(ctx, back, y))
	requireSame(t, want, back)
}

// One image may be read by several goroutines at once, and one kernel launched by them with more shared memory and less.
func TestSharedBySeveral(t *testing.T) {
	b := gpu(t)
	src, err := b.NewImage(40, 30, 3, kernels.F32)
	require.NoError(t, err)
	defer src.Free()
	require.NoError(t, b.Copy(ctx, src, noise(t, 40, 30, 3, kernels.F32, 1)))
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			dst, err := b.NewImage(40, 30, 3, kernels.F32)
			if err != nil {
				t.Error(err)
				return
			}
			defer dst.Free()
			for i := range 30 {
				p := &kernels.LocalToneParams{Matrix: [9]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, MaxGain: 1, Shoulder: 1}
				p.Curve, p.Share = make([]float32, 4096-(g+i)%4*20), make([]float32, 2048)
				if err := b.Ops().LocalTone(dst, src, p); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Close lets what others have begun end, and takes back what is still out. Afterwards there are errors, no crashes.
func TestCloseWhileInUse(t *testing.T) {
	b := gpu(t)
	before := tells(t, b, 1000)
	for range 10 {
		k, err := Open(0)
		require.NoError(t, err)
		var wg sync.WaitGroup
		begun := make(chan bool, 8)
		for range 4 {
			wg.Go(func() {
				var kept []*kernels.Image
				for i := 0; ; i++ {
					x, err := k.NewImage(64, 48, 3, kernels.U8)
					if err == nil {
						kept = append(kept, x)
						err = k.Ops().Convert(x, noise(t, 64, 48, 3, kernels.U8, 1))
					}
					if i == 1 {
						begun <- true
					}
					if err != nil {
						if !errors.Is(err, kernels.ErrDeviceLost) {
							t.Error(err)
						}
						break
					}
					if i%2 == 0 {
						x.Free()
					}
				}
				for _, m := range kept {
					m.Free()
				}
			})
		}
		<-begun
		require.NoError(t, k.Close())
		wg.Wait()
	}
	require.Equal(t, before, tells(t, b, 1000))
}

// tells is a device attribute of the emulated driver: 1000 what has not been given back, 1001 the calls so far.
func tells(t *testing.T, b *backend, what int) int {
	t.Helper()
	if !emulated(b) {
		t.Skip("needs the emulated driver")
	}
	n, err := b.dev.Attribute(cu.DeviceAttribute(what))
	require.NoError(t, err)
	return n
}

// Whichever call of the driver fails, and whatever it answers, everything is given back: nothing hangs, crashes or stays.
func TestAnyCallFails(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	b := gpu(t)
	before := tells(t, b, 1000)
	src := noise(t, 20, 15, 3, kernels.U8, 1)
	// What a picture goes through, from opening on; the blocks and bytes in use at the end where all images were freed.
	work := func() (err error) {
		k, err := open(0, fatbin)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, k.Close()) }()
		var images []*kernels.Image
		defer func() {
			for _, m := range images {
				m.Free()
			}
			if n := k.pool.inUse; n != 0 {
				t.Errorf("%d bytes stay in use", n)
			}
		}()
		image := func(host bool, c int, f kernels.Format) *kernels.Image {
			make := k.NewImage
			if host {
				make = k.NewHostImage
			}
			m, e := make(20, 15, c, f)
			if e != nil {
				err = errors.Join(err, e)
				return nil
			}
			images = append(images, m)
			return m
		}
		x, y, z, host := image(false, 3, kernels.U8), image(false, 3, kernels.U8), image(false, 1, kernels.F32), image(true, 3, kernels.U8)
		if err != nil {
			return err
		}
		o := k.Ops()
		_, e1 := o.Histogram(x, nil)
		_, e2 := o.SSIM(x, src, nil, nil)
		return errors.Join(e1, e2, k.Copy(ctx, x, src), k.Copy(ctx, host, x), k.Copy(ctx, y, host), k.Copy(ctx, y, x),
			o.Convert(y, src), o.MatchHistogram(y, x, host, nil, nil), o.Luma(z, x),
			o.Fuse(x, []*kernels.Image{y, host, src}, &kernels.FuseOptions{}), o.Fuse(x, []*kernels.Image{y, host}, &kernels.FuseOptions{Method: kernels.FuseMertens}),
			o.Curve(host, x, [][]float32{{0, 1}}), k.Sync(ctx))
	}
	defer os.Unsetenv("REALEDIT_EMU")
	calls := tells(t, b, 1001)
	require.NoError(t, work())
	calls = tells(t, b, 1001) - calls
	require.Equal(t, before, tells(t, b, 1000))
	const every = 13 // of the calls: with all of them it takes minutes
	for _, code := range []int{2, 719} {
		for n := 1; n <= calls; n += every {
			os.Setenv("REALEDIT_EMU", fmt.Sprintf("fail=any@%d:%d", n, code))
			err := work()
			os.Setenv("REALEDIT_EMU", "")
			switch stay := tells(t, b, 1000) - before; {
			case code == 719: // what a lost device held goes with the process
				before += stay
				if err != nil {
					require.ErrorIs(t, err, kernels.ErrDeviceLost, "call %d", n)
				}
			case stay > 1: // one, where the call was to give it back
				t.Errorf("call %d answers %d (%v): %d things stay", n, code, err, stay)
				fallthrough
			default:
				before += stay
			}
		}
	}
}
