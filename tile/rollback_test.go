package tile

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

// In the tiles the picture is the deterministic one and so is its map; beyond the feather nothing has changed; between it goes from one to the other.
func TestRollBack(t *testing.T) {
	const w, h, feather = 97, 61, 8
	tiles := []image.Rectangle{image.Rect(20, 10, 40, 30), image.Rect(40, 10, 60, 30), image.Rect(90, 55, 97, 61)}
	for _, far := range []bool{false, true} {
		var b kernels.Backend = kerneltest.Host(t)
		if far {
			b = offhost.New(b, "far:0", 1<<30)
		}
		env := &realedit.Env{Backend: b, Ops: kernels.Complete(b, nil)}
		picture := func(level func(i int) uint16) *kernels.Image {
			host, err := kernels.NewHostImage(nil, w, h, 3, kernels.U16)
			require.NoError(t, err)
			for y := range h {
				for i := range host.RowU16(y) {
					host.RowU16(y)[i] = level(y*w*3 + i)
				}
			}
			m, err := b.NewImage(w, h, 3, kernels.U16)
			require.NoError(t, err)
			require.NoError(t, b.Copy(context.Background(), m, host))
			return m
		}
		want, got := picture(func(i int) uint16 { return uint16(i % 1000) }), picture(func(i int) uint16 { return 60000 + uint16(i%1000) })
		before, err := realedit.NewAlterationMap(w, h)
		require.NoError(t, err)
		before.MarkAll(realedit.ChangeTone)
		changes, err := before.Clone()
		require.NoError(t, err)
		changes.MarkAll(realedit.ChangeComputed)
		require.NoError(t, RollBack(context.Background(), env, got, want, changes, before, tiles, feather))
		out, free, err := kernels.ToHost(context.Background(), b, got)
		require.NoError(t, err)
		for y := range h {
			for x := range w {
				d := 1 << 20
				for _, r := range tiles {
					d = min(d, max(r.Min.X-x, x-r.Max.X+1, r.Min.Y-y, y-r.Max.Y+1, 0))
				}
				for c := range 3 {
					v, low := out.RowU16(y)[3*x+c], uint16((y*w*3+3*x+c)%1000)
					change := realedit.Change(changes.Map.RowU8(y)[x])
					switch {
					case d == 0:
						require.Equal(t, low, v, "(%d, %d)", x, y)
						require.Equal(t, realedit.ChangeTone, change)
					case d > feather:
						require.Equal(t, 60000+low, v, "(%d, %d)", x, y)
						require.Equal(t, realedit.ChangeComputed, change)
					default:
						require.InDelta(t, float64(low)+60000*float64(d)/(feather+1), float64(v), 300, "(%d, %d)", x, y)
						require.Equal(t, realedit.ChangeComputed, change)
					}
				}
			}
		}
		free()
	}
}

func TestHit(t *testing.T) {
	grid, err := Grid(100, 100, 25, 0)
	require.NoError(t, err)
	require.Len(t, grid, 16)
	require.Equal(t, []image.Rectangle{image.Rect(0, 0, 25, 25), image.Rect(25, 0, 50, 25), image.Rect(75, 75, 100, 100)},
		Hit(grid, []image.Rectangle{image.Rect(20, 20, 26, 25), image.Rect(99, 99, 120, 120), image.Rect(200, 0, 210, 5)}))
}
