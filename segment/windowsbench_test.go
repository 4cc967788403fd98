//go:build unix

package segment

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
)

// BenchmarkWindows is the stage on five photos of a room with two windows, 45 megapixels each, whose small copies are there already, as they are after a merge.
func BenchmarkWindows(b *testing.B) {
	const w, h = 8192, 5464
	host := back(b, "cpu")
	env := envOn(host)
	s := scene.Interior(scene.InteriorOptions{W: w / 8, H: h / 8, Room: scene.Living, View: 1})
	work := &realedit.Work{}
	for i, ev := range []float64{0, -4, -2, 2, 4} {
		pix, _ := scene.Camera{}.Expose(s.Radiance, s.W, s.H, ev-1, i)
		small, err := kernels.Wrap(pix, s.W, s.H, 3)
		require.NoError(b, err)
		f := realedit.Frame{Image: enlarged(b, env, small, w, h), EV: ev}
		_, err = f.Small(env)
		require.NoError(b, err)
		work.Frames = append(work.Frames, f)
	}
	var cpu time.Duration
	for b.Loop() {
		work.Report = &realedit.Report{}
		from := processorTime()
		require.NoError(b, Windows{}.Apply(context.Background(), env, work))
		cpu += processorTime() - from
		require.Len(b, work.Report.Windows, 2)
		work.SetMask(realedit.MaskWindow, nil)
	}
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
}
