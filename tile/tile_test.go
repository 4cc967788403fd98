package tile

import (
	"image"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

func TestGridCovers(t *testing.T) {
	for _, c := range []struct{ w, h, size, overlap int }{{1, 1, 768, 64}, {100, 40, 32, 8}, {8183, 5455, 768, 64}, {97, 33, 7, 6}, {64, 64, 64, 0}, {65, 64, 64, 63}} {
		grid, err := Grid(c.w, c.h, c.size, c.overlap)
		require.NoError(t, err)
		whole := image.Rect(0, 0, c.w, c.h)
		columns, rows := map[int]bool{}, map[int]bool{}
		for _, r := range grid {
			require.True(t, r.In(whole))
			require.Equal(t, image.Pt(min(c.w, c.size), min(c.h, c.size)), r.Size())
			columns[r.Min.X], rows[r.Min.Y] = true, true
		}
		require.Len(t, grid, len(columns)*len(rows))
		for _, side := range []struct {
			n      int
			starts map[int]bool
		}{{c.w, columns}, {c.h, rows}} {
			end := 0
			for x := range side.n {
				if side.starts[x] {
					require.True(t, x == 0 || end-x >= c.overlap, "overlap at %d", x)
					end = min(side.n, x+c.size)
				}
				require.Less(t, x, end, "pixel %d is not covered", x)
			}
		}
	}
	grid, err := Grid(8183, 5455, 768, 64)
	require.NoError(t, err)
	require.Len(t, grid, 96)
}

func TestGridRefuses(t *testing.T) {
	for _, c := range [][4]int{{0, 1, 8, 2}, {8, 8, 0, 0}, {8, 8, 8, 8}, {8, 8, 8, -1}} {
		_, err := Grid(c[0], c[1], c[2], c[3])
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	}
}

// Cut into tiles and assembled again, a picture is itself, bit for bit.
func TestTiledIsWhole(t *testing.T) {
	b := kerneltest.Host(t)
	ops := kernels.Complete(b, nil)
	m := kerneltest.NewMaker(b, 7)
	defer m.Close()
	for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
		photo, err := m.Photo(211, 147, 3, f)
		require.NoError(t, err)
		grid, err := Grid(211, 147, 64, 16)
		require.NoError(t, err)
		var images []*kernels.Image
		for _, r := range grid {
			images = append(images, photo.SubImage(r))
		}
		dst, err := m.Blank(211, 147, 3, f)
		require.NoError(t, err)
		require.NoError(t, Assemble(ops, dst, images, grid, 16))
		for y := range 147 {
			require.Equal(t, photo.Row(y), dst.Row(y), "row %d", y)
		}
		require.Error(t, Assemble(ops, dst, images[1:], grid[1:], 16), "an uncovered corner is refused")
		require.Error(t, Assemble(ops, dst, images[1:], grid, 16))
	}
}
