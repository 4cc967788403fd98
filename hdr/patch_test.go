package hdr

import (
	"context"
	"image"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// Parts of a picture on a device come to the host as they are, in one transfer.
func TestCutouts(t *testing.T) {
	far := offhost.New(kerneltest.Host(t), "far:0", 1<<30)
	env := &realedit.Env{Backend: far, Ops: far.Ops()}
	for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
		maker := kerneltest.NewMaker(far, 3)
		m, err := maker.Photo(90, 70, 3, f)
		require.NoError(t, err)
		whole, free, err := kernels.ToHost(context.Background(), far, m)
		require.NoError(t, err)
		var rects []image.Rectangle
		for i := range 77 {
			rects = append(rects, image.Rect(i, i%50, i+9, i%50+11))
		}
		far.Forget()
		got, done, err := cutouts(context.Background(), env, m, rects)
		require.NoError(t, err)
		require.Len(t, far.Transfers(), 1)
		want, _, err := cutouts(context.Background(), env, whole, rects)
		require.NoError(t, err)
		for i := range rects {
			for y := range 11 {
				require.Equal(t, want[i].Row(y), got[i].Row(y), "%d", i)
			}
		}
		done()
		free()
		require.NoError(t, maker.Close())
	}
	used, _ := far.Memory()
	require.Zero(t, used)
}
