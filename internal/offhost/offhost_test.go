package offhost

import (
	"context"
	"image"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// same requires the bits of two backends to be equal for every operation, whole images and windows, at one size.
func same(t *testing.T, want, got kernels.Backend) {
	for _, c := range kerneltest.Cases() {
		for _, window := range []bool{false, true} {
			run := func(b kernels.Backend) (kerneltest.Output, *kerneltest.Maker) {
				m := kerneltest.NewMaker(b, 7)
				m.Window = window
				out, err := c.Run(m, b.Ops(), 17, 13)
				require.NoError(t, err, "%s/%s", c.Op, c.Name)
				return out, m
			}
			w, wm := run(want)
			g, gm := run(got)
			d, err := kerneltest.Diff(want, got, w, g)
			require.NoError(t, err, "%s/%s", c.Op, c.Name)
			require.Zero(t, d, "%s/%s", c.Op, c.Name)
			require.NoError(t, wm.Close())
			require.NoError(t, gm.Close())
		}
	}
}

// The double gives the bits of the backend that does its work.
func TestSameAsInside(t *testing.T) { same(t, ref.New(), New(ref.New(), "far", 1<<40)) }

// bare has images off the host and no operations.
type bare struct{ *Backend }

func (bare) Ops() *kernels.Ops { return &kernels.Ops{} }

// completed is bare with the reference's operations.
type completed struct {
	bare
	ops *kernels.Ops
}

func (c completed) Ops() *kernels.Ops { return c.ops }

// The reference stands in for operations that a backend off the host lacks.
func TestCompleteOffTheHost(t *testing.T) {
	far := New(ref.New(), "far", 1<<40)
	count := &kernels.Fallbacks{}
	same(t, ref.New(), completed{bare{far}, kernels.Complete(bare{far}, count)})
	for _, op := range kernels.OpNames() {
		require.Positive(t, count.Counts()[op], op)
	}
	used, _ := far.Memory()
	require.Zero(t, used)
}

func TestRowsPanic(t *testing.T) {
	m, err := New(ref.New(), "far", 1<<20).NewImage(4, 4, 1, kernels.U8)
	require.NoError(t, err)
	require.False(t, m.OnHost())
	require.Panics(t, func() { m.RowU8(0) })
}

func TestHostImagesAreTransfers(t *testing.T) {
	b := New(ref.New(), "far", 1<<20)
	host, err := kernels.Wrap([]float32{0, 1, 1, 0}, 2, 2, 1)
	require.NoError(t, err)
	m, err := b.NewImage(4, 4, 1, kernels.F32)
	require.NoError(t, err)
	require.NoError(t, b.Ops().Resize(m, host))
	require.Equal(t, []Transfer{{true, "Resize", 2, 2}}, b.Transfers())
	back, free, err := kernels.ToHost(context.Background(), b, m.SubImage(image.Rect(3, 0, 4, 2)))
	require.NoError(t, err)
	require.Equal(t, float32(1), back.RowF32(0)[0])
	require.Equal(t, Transfer{false, "Copy", 1, 2}, b.Transfers()[1])
	free()
	m.Free()
	_, _, err = kernels.ToHost(context.Background(), b, m)
	require.ErrorIs(t, err, kernels.ErrInvalid, "freed")
}

func TestFaultsAndMemory(t *testing.T) {
	b := New(ref.New(), "far", 1<<12)
	_, err := b.NewImage(64, 65, 1, kernels.U8)
	require.ErrorIs(t, err, kernels.ErrOutOfMemory)
	require.NotErrorIs(t, err, kernels.ErrHostMemory)
	m, err := b.NewImage(64, 64, 1, kernels.U8)
	require.NoError(t, err)
	used, peak := b.Memory()
	require.Equal(t, [2]int64{4096, 4096}, [2]int64{used, peak})
	b.FailAt(2, kernels.ErrOutOfMemory)
	edges := func() error { return b.Ops().Edges(m, m, 0.1) }
	require.ErrorIs(t, edges(), kernels.ErrInvalid)
	require.ErrorIs(t, edges(), kernels.ErrOutOfMemory)
	require.NotErrorIs(t, edges(), kernels.ErrOutOfMemory)
	b.FailAt(1, kernels.ErrDeviceLost)
	for range 2 {
		require.ErrorIs(t, edges(), kernels.ErrDeviceLost)
	}
	require.ErrorIs(t, b.Sync(context.Background()), kernels.ErrDeviceLost)
	m.Free()
	used, _ = b.Memory()
	require.Zero(t, used)
}
