package sampler

import (
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

// tilings are (height, width, side, overlap) in latents: one tile, one more than a tile, three tiles over one place, a panorama, a 45-megapixel photograph.
var tilings = [][4]int{{96, 96, 96, 8}, {97, 96, 96, 8}, {16, 186, 16, 2}, {24, 29, 16, 15}, {8, 64, 8, 0}, {96, 768, 96, 8}, {45, 67, 24, 12}, {682, 1023, 96, 8}}

// checkTiling holds what every tiling promises.
func checkTiling(t *testing.T, tl *Tiling, side, overlap int) {
	t.Helper()
	require.Equal(t, tl.Rows*tl.Columns, tl.Len())
	whole := image.Rect(0, 0, tl.Width, tl.Height)
	for i := range tl.Len() {
		r := tl.Tile(i)
		require.True(t, r.In(whole))
		require.Equal(t, image.Pt(side, side), r.Size())
	}
	require.Equal(t, image.Point{}, tl.Tile(0).Min)
	require.Equal(t, whole.Max, tl.Tile(tl.Len()-1).Max)
	for _, side := range []struct {
		a axis
		n int
	}{{tl.y, tl.Height}, {tl.x, tl.Width}} {
		least, most := math.MaxInt, 0
		for i := 1; i < len(side.a.starts); i++ {
			v := side.a.starts[i-1] + tl.TileWidth - side.a.starts[i]
			least, most = min(least, v), max(most, v)
		}
		if len(side.a.starts) > 1 {
			require.GreaterOrEqual(t, least, overlap)
			require.LessOrEqual(t, most-least, 1, "overlaps are even")
			require.Greater(t, side.n, tl.TileWidth+(len(side.a.starts)-2)*(tl.TileWidth-overlap), "one tile fewer would not do")
		}
		for p := range side.n {
			rest := 0.0
			covering := []int{int(side.a.first[p])}
			for _, s := range side.a.more[p] {
				require.Greater(t, s.weight, 0.0)
				rest += s.weight
				covering = append(covering, s.tile)
			}
			require.Less(t, rest, 1.0)
			require.Equal(t, 1.0, (1-rest)+rest, "weights are 1 together")
			var want []int
			for i, s := range side.a.starts {
				if s <= p && p < s+tl.TileWidth {
					want = append(want, i)
				}
			}
			require.Equal(t, want, covering, "coordinate %d", p)
		}
	}
}

func TestTiling(t *testing.T) {
	for _, c := range tilings {
		tl, err := NewTiling(c[0], c[1], c[2], c[3])
		require.NoError(t, err)
		checkTiling(t, tl, c[2], c[3])
		scaled, err := tl.Scaled(8)
		require.NoError(t, err)
		require.Equal(t, tl.Len(), scaled.Len())
		for i := range tl.Len() {
			r := tl.Tile(i)
			require.Equal(t, image.Rectangle{r.Min.Mul(8), r.Max.Mul(8)}, scaled.Tile(i))
		}
	}
}

// The counts that NewTiling's comment says.
func TestTilesOfAPhotograph(t *testing.T) {
	for _, c := range []struct{ side, overlap, columns, rows int }{
		{768, 64, 12, 8}, {1024, 64, 9, 6}, {1280, 64, 7, 5}, {768, 96, 13, 8}, {1024, 96, 9, 6}, {1280, 96, 7, 5},
	} {
		p, err := Pad(8183, 5455, c.side)
		require.NoError(t, err)
		require.Equal(t, [2]int{8184, 5456}, [2]int{p.PaddedWidth, p.PaddedHeight})
		h, w := p.Latent()
		tl, err := NewTiling(h, w, c.side/LatentScale, c.overlap/LatentScale)
		require.NoError(t, err)
		require.Equal(t, [2]int{c.columns, c.rows}, [2]int{tl.Columns, tl.Rows}, "tiles of %d with %d in common", c.side, c.overlap)
	}
}

func FuzzTiling(f *testing.F) {
	f.Add(96, 97, 96, 8)
	f.Add(24, 300, 16, 15)
	f.Fuzz(func(t *testing.T, height, width, side, overlap int) {
		if height > 2000 && width > 2000 {
			height, width = height%2000, width%2000
		}
		tl, err := NewTiling(height, width, side, overlap)
		valid := side >= 8 && side%8 == 0 && overlap >= 0 && overlap < side && min(height, width) >= side && max(height, width) <= 1<<17
		if !valid {
			require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
			return
		}
		if max(height, width) > 2000 || err != nil && overlap > side/2 {
			return // as good, but long to check; or too many tiles
		}
		require.NoError(t, err)
		checkTiling(t, tl, side, overlap)
	})
}

// cutAll are a plane's tiles.
func cutAll(t *testing.T, tl *Tiling, p *Planes) [][]float32 {
	t.Helper()
	tiles := make([][]float32, tl.Len())
	for i := range tiles {
		tiles[i] = make([]float32, p.Channels*tl.TileWidth*tl.TileWidth)
		require.NoError(t, tl.Cut(tiles[i], p, i))
	}
	return tiles
}

// A step on tiles that agree is the step on the whole, bit for bit: cut, noised, stepped and joined.
func TestTiledStepIsWhole(t *testing.T) {
	s, start := Default()
	for _, c := range tilings[:7] {
		tl, err := NewTiling(c[0], c[1], c[2], c[3])
		require.NoError(t, err)
		x := NewPlanes(4, tl.Height, tl.Width)
		out := NewPlanes(4, tl.Height, tl.Width)
		require.NoError(t, Noise{3}.Fill(x.Values, 4, image.Rect(0, 0, tl.Width, tl.Height)))
		for i := range out.Values {
			out.Values[i] = x.Values[i]*1.37 - float32(i%1001)*0.013
		}
		tiles, outs := cutAll(t, tl, x), cutAll(t, tl, out)
		for i := range tiles {
			noise := make([]float32, len(tiles[i]))
			require.NoError(t, Noise{3}.Fill(noise, 4, tl.Tile(i)))
			require.Equal(t, tiles[i], noise, "a tile's noise is the picture's under it")
			require.NoError(t, s.Step(tiles[i], outs[i], start.Index))
		}
		require.NoError(t, s.Step(x.Values, out.Values, start.Index))
		joined := NewPlanes(4, tl.Height, tl.Width)
		require.NoError(t, tl.Assemble(joined, tiles))
		require.Equal(t, x.Values, joined.Values, "%v", c)
	}
}

// Tiles that disagree are weighed by ramps, whatever order they come in; and the joint is what the formula says when it is written down naively.
func TestTilesThatDisagree(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range tilings[:7] {
		tl, err := NewTiling(c[0], c[1], c[2], c[3])
		require.NoError(t, err)
		tiles := make([][]float32, tl.Len())
		for i := range tiles {
			tiles[i] = make([]float32, 2*tl.TileWidth*tl.TileWidth)
			for j := range tiles[i] {
				tiles[i][j] = float32(random.NormFloat64())
			}
		}
		joined := NewPlanes(2, tl.Height, tl.Width)
		require.NoError(t, tl.Assemble(joined, tiles))

		// Σ w t / Σ w with w the least of the ramps towards neighbours, across times down.
		ramp := func(p int, starts []int, i int) float64 {
			w := 1.0
			if i > 0 {
				w = min(w, float64(p-starts[i]+1)/float64(starts[i-1]+tl.TileWidth-starts[i]+1))
			}
			if i+1 < len(starts) {
				w = min(w, float64(starts[i]+tl.TileWidth-p)/float64(starts[i]+tl.TileWidth-starts[i+1]+1))
			}
			return w
		}
		for ch := range 2 {
			for y := range tl.Height {
				for x := range tl.Width {
					var sum, weight float64
					for i := range tiles {
						if r := tl.Tile(i); image.Pt(x, y).In(r) {
							w := ramp(y, tl.y.starts, i/tl.Columns) * ramp(x, tl.x.starts, i%tl.Columns)
							sum += w * float64(tiles[i][(ch*tl.TileWidth+y-r.Min.Y)*tl.TileWidth+x-r.Min.X])
							weight += w
						}
					}
					if d := math.Abs(sum/weight - float64(joined.Row(ch, y)[x])); d > 3e-7 {
						t.Fatalf("%v: (%d, %d) is off by %v", c, x, y, d)
					}
				}
			}
		}

		for range 3 {
			order, again := random.Perm(tl.Len()), NewPlanes(2, tl.Height, tl.Width)
			rows := 0
			a, err := tl.NewAssembler(2, func(y int, row []float32) error {
				require.Equal(t, rows, y)
				rows++
				for ch := range 2 {
					copy(again.Row(ch, y), row[ch*tl.Width:])
				}
				return nil
			})
			require.NoError(t, err)
			for k, i := range order {
				if k < tl.Len() && rows < tl.Height {
					require.Error(t, a.Done())
				}
				require.NoError(t, a.Add(i, tiles[i]))
				require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(a.Add(i, tiles[i])), "twice")
			}
			require.NoError(t, a.Done())
			require.Equal(t, joined.Values, again.Values, "order %v", order)
		}
	}
}

// Tiles in the order of their rows are let go of row by row, and a sink's error is the assembly's.
func TestAssemblerLetsGo(t *testing.T) {
	tl, err := NewTiling(80, 40, 16, 4)
	require.NoError(t, err)
	broken := errors.New("broken")
	for _, failAt := range []int{-1, 20} {
		a, err := tl.NewAssembler(1, func(y int, row []float32) error {
			if y == failAt {
				return broken
			}
			return nil
		})
		require.NoError(t, err)
		most := 0
		for i := range tl.Len() {
			err = a.Add(i, make([]float32, 16*16))
			held := 0
			for _, v := range a.tiles {
				if v != nil {
					held++
				}
			}
			most = max(most, held)
		}
		if failAt < 0 {
			require.NoError(t, err)
			require.NoError(t, a.Done())
			require.LessOrEqual(t, most, 2*tl.Columns)
		} else {
			require.ErrorIs(t, err, broken)
			require.ErrorIs(t, a.Done(), broken)
		}
	}
}

// Padding repeats by reflection as numpy.pad does, and comes off again.
func TestPad(t *testing.T) {
	for _, c := range []struct {
		n, least int
		want     []int
	}{
		{5, 8, []int{0, 1, 2, 3, 4, 3, 2, 1}},
		{3, 16, []int{0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1}},
		{1, 8, make([]int, 8)},
		{9, 1, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 7, 6, 5, 4, 3, 2, 1}},
		{8, 8, []int{0, 1, 2, 3, 4, 5, 6, 7}},
	} {
		p, err := Pad(c.n, 8, c.least)
		require.NoError(t, err)
		var got []int
		for x := range p.PaddedWidth {
			got = append(got, p.SourceX(x))
		}
		require.Equal(t, c.want, got)
	}
	p, err := Pad(13, 7, 24)
	require.NoError(t, err)
	h, w := p.Latent()
	require.Equal(t, [2]int{3, 3}, [2]int{h, w})
	require.Equal(t, [2]int{11, 5}, [2]int{p.SourceX(13), p.SourceY(7)}, "the first row and column beyond mirror the last but one")
	// A picture smaller than a tile is one tile; a panorama of 1:8 is one row of them.
	small, err := NewTiling(h, w, 24, 3)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	require.Nil(t, small)
	for _, c := range []struct{ w, h, tiles int }{{300, 200, 1}, {768, 768, 1}, {769, 600, 2}, {6144, 768, 9}} {
		p, err := Pad(c.w, c.h, 768)
		require.NoError(t, err)
		h, w := p.Latent()
		tl, err := NewTiling(h, w, 96, 8)
		require.NoError(t, err)
		require.Equal(t, c.tiles, tl.Len(), "%d×%d", c.w, c.h)
	}
}

func BenchmarkAssemble(b *testing.B) {
	for _, c := range []struct {
		what            string
		channels, scale int
	}{{"latents", 4, 1}, {"pixels", 3, 8}} {
		b.Run(c.what, func(b *testing.B) {
			tl, err := NewTiling(682, 1023, 96, 8)
			if err == nil {
				tl, err = tl.Scaled(c.scale)
			}
			if err != nil {
				b.Fatal(err)
			}
			tile := slices.Repeat([]float32{0.5}, c.channels*tl.TileWidth*tl.TileWidth)
			for b.Loop() {
				a, err := tl.NewAssembler(c.channels, func(int, []float32) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
				for i := range tl.Len() {
					if err := a.Add(i, tile); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
