//go:build unix

package segment

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/stretchr/testify/require"
)

// BenchmarkReplaceSky is the stage on a house of 45 megapixels of which a third is sky; cpu-s/op is the processors' time, which other programs do not lengthen.
func BenchmarkReplaceSky(b *testing.B) {
	const w, h = 8192, 5464
	host := back(b, "cpu")
	env := envOn(host)
	k := newHouse(scene.SkyOvercast, 0, w/8, h/8, 0)
	k.facts.Width, k.facts.Height = w, h
	var cpu time.Duration
	for range b.N {
		b.StopTimer()
		work := k.work(b, host, true)
		work.Image = enlarged(b, env, work.Image, w, h)
		work.SetMask(realedit.MaskSky, enlarged(b, env, work.Masks[realedit.MaskSky], w, h))
		b.StartTimer()
		from := processorTime()
		require.NoError(b, ReplaceSky{}.Apply(context.Background(), env, work))
		cpu += processorTime() - from
		b.StopTimer()
		require.NotNil(b, work.Unaltered)
		work.Unaltered.Free()
		work.Image.Free()
		b.StartTimer()
	}
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
}

func enlarged(b testing.TB, env *realedit.Env, m *kernels.Image, w, h int) *kernels.Image {
	big, err := env.NewImage(w, h, m.Channels(), m.Format())
	require.NoError(b, err)
	require.NoError(b, env.Ops.Resize(big, m))
	return big
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
