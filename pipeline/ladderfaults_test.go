package pipeline

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// Memory that does not suffice or a device that fails, at calls all over the ladder: the picture is made elsewhere or again, it is the same, and nothing is
// left in the device.
func TestLadderOnAFailingDevice(t *testing.T) {
	set := scaled(t, byName(t)["DSC00126"], 0.2)
	p := standing(t, realedit.SceneExterior, replaceStand{Leak: 5})
	b := offhost.New(kerneltest.Host(t), "far:0", 1<<40)
	calls, from := 0, 0
	c := on(b)
	c.Hooks.StageStart = func(_ context.Context, e realedit.StageEvent) context.Context {
		if e.Stage == "ladder" {
			from = calls
		}
		return nil
	}
	b.Fault(func(n int, _ string) error { calls = n; return nil })
	r, want := edited(t, c, realedit.AB723, p, set)
	r.Free()
	require.Greater(t, calls-from, 50)
	for _, fault := range []error{kernels.ErrOutOfMemory, kernels.ErrDeviceLost} {
		for n := from + 1; n <= calls; n += 9 {
			b := offhost.New(kerneltest.Host(t), "far:0", 1<<40)
			b.FailAt(n, fault)
			c := on(b)
			c.Policy = realedit.AB723
			e, err := realedit.New(c)
			require.NoError(t, err)
			r, err := e.Process(context.Background(), p, set)
			require.NoError(t, err, "%v at %d", fault, n)
			b.Fault(nil)
			var f bytes.Buffer
			require.NoError(t, r.Encode(&f, &realedit.ExportOptions{Format: realedit.PNG}))
			require.True(t, bytes.Equal(want, f.Bytes()), "%v at %d", fault, n)
			r.Free()
			used, _ := b.Memory()
			require.Zero(t, used, "%v at %d", fault, n)
			require.NoError(t, e.Close())
		}
	}
}
