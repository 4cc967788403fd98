package sampler

import (
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

func randomPlanes(r *rand.Rand, c, h, w int) *Planes {
	p := NewPlanes(c, h, w)
	for i := range p.Values {
		p.Values[i] = float32(r.NormFloat64())
	}
	return p
}

// Tiles cover the plane, each is full, overlaps are at least as wide as asked and even, and there are as many as the documentation says.
func TestTilings(t *testing.T) {
	for _, c := range []struct{ w, h, side, overlap, columns, rows int }{
		{8183, 5455, 768, 64, 12, 8}, {8183, 5455, 1024, 64, 9, 6}, {8183, 5455, 1280, 64, 7, 5},
		{8183, 5455, 768, 96, 13, 8}, {8183, 5455, 1024, 96, 9, 6}, {8183, 5455, 1280, 96, 7, 5},
		{300, 200, 768, 64, 1, 1}, {8000, 1000, 768, 64, 12, 2}, {769, 768, 768, 64, 2, 1},
	} {
		p, err := Pad(c.w, c.h, c.side)
		require.NoError(t, err)
		h, w := p.Latent()
		tiles, err := NewTiling(h, w, c.side/8, c.overlap/8)
		require.NoError(t, err)
		require.Equal(t, [2]int{c.columns, c.rows}, [2]int{tiles.Columns, tiles.Rows}, "%v", c)
		covered := make([]bool, h*w)
		least, most := math.MaxInt, 0
		for i := range tiles.Len() {
			r := tiles.Tile(i)
			require.True(t, r.In(image.Rect(0, 0, w, h)) && r.Dx() == c.side/8 && r.Dy() == c.side/8)
			for y := r.Min.Y; y < r.Max.Y; y++ {
				for x := r.Min.X; x < r.Max.X; x++ {
					covered[y*w+x] = true
				}
			}
			if i%tiles.Columns > 0 {
				o := tiles.Tile(i-1).Max.X - r.Min.X
				least, most = min(least, o), max(most, o)
			}
		}
		require.NotContains(t, covered, false)
		if tiles.Columns > 1 {
			require.GreaterOrEqual(t, least, c.overlap/8)
			require.LessOrEqual(t, most, least+1)
		}
	}
}

// Tiles that agree come out with their own bits, whatever the order they come in; tiles that do not are mixed with weights that are 1 together.
func TestAssemble(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct{ h, w, side, overlap int }{{40, 57, 16, 4}, {16, 16, 16, 0}, {33, 90, 24, 20}, {64, 17, 16, 8}} {
		tiles, err := NewTiling(c.h, c.w, c.side, c.overlap)
		require.NoError(t, err)
		whole := randomPlanes(r, 4, c.h, c.w)
		cut := make([][]float32, tiles.Len())
		for i := range cut {
			cut[i] = make([]float32, 4*c.side*c.side)
			require.NoError(t, tiles.Cut(cut[i], whole, i))
		}
		out := NewPlanes(4, c.h, c.w)
		require.NoError(t, tiles.Assemble(out, cut))
		require.Equal(t, whole.Values, out.Values)

		for i := range cut { // now they disagree by a number of their own
			for k := range cut[i] {
				cut[i][k] = float32(i)
			}
		}
		require.NoError(t, tiles.Assemble(out, cut))
		order := r.Perm(tiles.Len())
		var rows [][]float32
		a, err := tiles.NewAssembler(4, func(y int, row []float32) error {
			require.Equal(t, len(rows), y)
			rows = append(rows, slices.Clone(row))
			return nil
		})
		require.NoError(t, err)
		for _, i := range order[:len(order)-1] {
			require.NoError(t, a.Add(i, cut[i]))
		}
		require.Error(t, a.Done())
		require.NoError(t, a.Add(order[len(order)-1], cut[order[len(order)-1]]))
		require.NoError(t, a.Done())
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(a.Add(0, cut[0])))
		for y, row := range rows {
			for ch := range 4 {
				require.Equal(t, out.Row(ch, y), row[ch*c.w:][:c.w])
			}
		}
		for i := range tiles.Len() { // between the least and the most of the tiles above each place, and the tile's own where it is alone
			b := tiles.Tile(i)
			for y := b.Min.Y; y < b.Max.Y; y++ {
				for x := b.Min.X; x < b.Max.X; x++ {
					least, most := math.Inf(1), math.Inf(-1)
					for k := range tiles.Len() {
						if (image.Pt(x, y)).In(tiles.Tile(k)) {
							least, most = min(least, float64(k)), max(most, float64(k))
						}
					}
					v := float64(out.Row(0, y)[x])
					require.True(t, v >= least-1e-4 && v <= most+1e-4, "%v at %d,%d: not in [%v, %v]", v, x, y, least, most)
				}
			}
		}
	}
}

// Across an overlap of two tiles the weight runs straight from one to the other.
func TestRamp(t *testing.T) {
	tiles, err := NewTiling(16, 28, 16, 4)
	require.NoError(t, err)
	one := make([]float32, 256)
	for i := range one {
		one[i] = 1
	}
	out := NewPlanes(1, 16, 28)
	require.NoError(t, tiles.Assemble(out, [][]float32{make([]float32, 256), one}))
	for x := range 28 {
		require.InDelta(t, min(max(float64(x-11)/5, 0), 1), out.Row(0, 7)[x], 1e-7, x)
	}
}

func TestPadding(t *testing.T) {
	p, err := Pad(5, 3, 16)
	require.NoError(t, err)
	picture := randomPlanes(rand.New(rand.NewPCG(7, 8)), 2, 3, 5)
	padded, back := NewPlanes(2, 16, 16), NewPlanes(2, 3, 5)
	require.NoError(t, p.Extend(padded, picture))
	require.NoError(t, p.Trim(back, padded))
	require.Equal(t, picture.Values, back.Values)
	for x, s := range []int{0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1} {
		require.Equal(t, picture.Row(1, 2)[s], padded.Row(1, 2)[x])
	}
}

// A crop's noise is the crop of the noise, seeds and channels have nothing to do with each other, and the deviates are normal.
func TestNoise(t *testing.T) {
	const w, h, channels = 400, 300, 5
	all := NewPlanes(channels, h, w)
	require.NoError(t, Noise{42}.Fill(all.Values, channels, image.Rect(0, 0, w, h)))
	r := image.Rect(37, 91, 260, 180)
	crop := NewPlanes(channels, r.Dy(), r.Dx())
	require.NoError(t, Noise{42}.Fill(crop.Values, channels, r))
	for c := range channels {
		for y := range r.Dy() {
			require.Equal(t, all.Row(c, r.Min.Y+y)[r.Min.X:r.Max.X], crop.Row(c, y))
		}
	}
	other := NewPlanes(channels, h, w)
	require.NoError(t, Noise{43}.Fill(other.Values, channels, image.Rect(0, 0, w, h)))
	n := len(all.Values)
	var m1, m2, m4, seeds, beside float64
	for i, f := range all.Values {
		v := float64(f)
		m1, m2, m4 = m1+v, m2+v*v, m4+v*v*v*v
		seeds += v * float64(other.Values[i])
		beside += v * float64(all.Values[(i+1)%n])
	}
	s := 5 / math.Sqrt(float64(n)) // five standard errors of a mean
	require.InDelta(t, 0, m1/float64(n), s)
	require.InDelta(t, 1, m2/float64(n), math.Sqrt2*s)
	require.InDelta(t, 3, m4/float64(n), math.Sqrt(96)*s)
	require.InDelta(t, 0, seeds/float64(n), s)
	require.InDelta(t, 0, beside/float64(n), s)
	for c := 1; c < channels; c++ {
		sum := 0.0
		for i := range w * h {
			sum += float64(all.Values[i]) * float64(all.Values[c*w*h+i])
		}
		require.InDelta(t, 0, sum/float64(w*h), 5/math.Sqrt(float64(w*h)), "channels 0 and %d", c)
	}
}

// The known answers that come with the generator (Random123, kat_vectors, philox4x32-10).
func TestPhilox(t *testing.T) {
	answer := func(c0, c1, c2, c3, k0, k1 uint32) [4]uint32 {
		a, b, c, d := philox(c0, c1, c2, c3, k0, k1)
		return [4]uint32{a, b, c, d}
	}
	const f = 0xffffffff
	require.Equal(t, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, answer(0, 0, 0, 0, 0, 0))
	require.Equal(t, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, answer(f, f, f, f, f, f))
	require.Equal(t, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}, answer(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0))
}

func TestWrongArguments(t *testing.T) {
	s, _ := Default()
	x := make([]float32, 16)
	m, err := NewMask(2, 2, []float32{0, 1, float32(math.NaN()), 0.5})
	require.NoError(t, err)
	require.Equal(t, []float32{0, 1, 0, 1}, m.Values)
	code := func(err error) { t.Helper(); require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err)) }
	for _, n := range []int{-1, 0, 1, 3, 5, 1000} {
		_, err := NewSchedule(n, Epsilon)
		code(err)
	}
	for _, v := range []float64{math.NaN(), -0.1, 1.1, math.Inf(1)} {
		_, err := s.StartAt(v)
		code(err)
	}
	_, err = s.StartWith(9)
	code(err)
	code(s.Step(x, x[:15], 0))
	code(s.Step(x, x, 8))
	code(s.ScaleModelInput(x, x, -1))
	code(s.InpaintBlend(x[:15], x[:15], x[:15], m, 0))
	_, err = m.Latent()
	code(err)
	_, err = Keep(0.5, 0.5, 2)
	code(err)
	_, err = Keep(math.NaN(), 1, 2)
	code(err)
	_, err = TimeIDs(0, 1, 0, 0, 1, 1)
	code(err)
	ids, err := TileTimeIDs(768)
	require.NoError(t, err)
	require.Equal(t, [6]float32{1024, 1024, 0, 0, 1024, 1024}, ids)
	for _, c := range [][4]int{{100, 100, 7, 0}, {100, 100, 16, 16}, {15, 100, 16, 0}, {1 << 25, 100, 16, 0}} {
		_, err := NewTiling(c[0], c[1], c[2], c[3])
		code(err)
	}
	_, err = Pad(0, 1, 8)
	code(err)
	code(Noise{}.Fill(x, 1, image.Rect(-1, 0, 15, 1)))
	code(Noise{}.Fill(x, 2, image.Rect(0, 0, 4, 4)))
	_, err = DecodeTiles(10, 10, 60, 0.25)
	code(err)
	_, err = EncodeTiles(83, 80, 64, 0.25)
	code(err)
}

func BenchmarkNoise(b *testing.B) {
	v := make([]float32, 4*96*96)
	b.SetBytes(int64(4 * len(v)))
	for b.Loop() {
		_ = Noise{1}.Fill(v, 4, image.Rect(0, 0, 96, 96))
	}
}
