package lock

import (
	"context"
	"encoding/json"
	"image"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// anyGrid is a grid of random shifts within the bounds, far rougher than any that Fit makes.
func anyGrid(w, h int, seed uint64) *Grid {
	g := Identity(w, h)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range g.Shifts {
		g.Shifts[i] = int16(r.IntN(2*maxShift+1) - maxShift)
	}
	return g
}

func noise(t testing.TB, w, h int, f kernels.Format) *kernels.Image {
	m, err := kernels.NewHostImage(nil, w, h, 3, f)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(7, uint64(f)))
	for y := range h {
		row := m.Row(y)
		for i := range row {
			row[i] = uint8(r.Uint32())
		}
	}
	return m
}

func applied(t testing.TB, src *kernels.Image, at image.Point, g *Grid) *kernels.Image {
	t.Helper()
	dst, err := kernels.NewHostImage(nil, src.Width(), src.Height(), 3, src.Format())
	require.NoError(t, err)
	require.NoError(t, Apply(context.Background(), dst, src, at, g))
	return dst
}

func requireSame(t testing.TB, want, got *kernels.Image) {
	t.Helper()
	for y := range want.Height() {
		require.Equal(t, want.Row(y), got.Row(y), "row %d", y)
	}
}

// Apply is its formula, evaluated in binary64 pixel by pixel, to within what binary32 rounds.
func TestApplyIsItsFormula(t *testing.T) {
	const w, h = 211, 97
	g := anyGrid(w, h, 3)
	for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
		src := noise(t, w, h, f)
		out := applied(t, src, image.Point{}, g)
		top := f.Max()
		for y := range h {
			for x := range w {
				px, py := (float64(x)+0.5)/w*float64(g.Columns-1), (float64(y)+0.5)/h*float64(g.Rows-1)
				i, j := int(px), int(py)
				at := func(k int) float64 {
					n := func(i, j int) float64 { return float64(g.Shifts[(j*g.Columns+i)*perNode+k]) / 32768 }
					u, v := px-float64(i), py-float64(j)
					return (n(i, j)*(1-u)+n(i+1, j)*u)*(1-v) + (n(i, j+1)*(1-u)+n(i+1, j+1)*u)*v
				}
				theta := 0.5
				if f == kernels.U8 {
					theta = (float64([64]int{ // Bayer's pattern as it is printed
						0, 32, 8, 40, 2, 34, 10, 42, 48, 16, 56, 24, 50, 18, 58, 26, 12, 44, 4, 36, 14, 46, 6, 38, 60, 28, 52, 20, 62, 30, 54, 22,
						3, 35, 11, 43, 1, 33, 9, 41, 51, 19, 59, 27, 49, 17, 57, 25, 15, 47, 7, 39, 13, 45, 5, 37, 63, 31, 55, 23, 61, 29, 53, 21,
					}[y%8*8+x%8]) + 0.5) / 64
				}
				for c := range 3 {
					s := levelAt(src, 3*x+c, y) * map[kernels.Format]float64{kernels.U8: 1, kernels.U16: 257}[f]
					v := s / top
					d := 2*v - 1
					want := s + (1-d*d*d*d*d*d)*(at(2*c)*(1-v)+at(2*c+1)*v)*top + theta
					got := levelAt(out, 3*x+c, y) * map[kernels.Format]float64{kernels.U8: 1, kernels.U16: 257}[f]
					// got = ⌊want⌋: binary32 may cut on the other side only beside a whole number.
					require.True(t, got <= want+0.01 && got > want-1.01, "%v at %d,%d,%d: %g for %g", f, x, y, c, got, want)
				}
			}
		}
	}
}

// A part of a picture becomes what it is in the whole, for any number of processors, and in place.
func TestApplyParts(t *testing.T) {
	const w, h = 333, 214
	g := anyGrid(w, h, 5)
	for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
		src := noise(t, w, h, f)
		whole := applied(t, src, image.Point{}, g)
		old := runtime.GOMAXPROCS(1)
		one := applied(t, src, image.Point{}, g)
		runtime.GOMAXPROCS(5)
		five := applied(t, src, image.Point{}, g)
		runtime.GOMAXPROCS(old)
		requireSame(t, whole, one)
		requireSame(t, whole, five)
		for _, r := range []image.Rectangle{image.Rect(0, 0, 1, 1), image.Rect(13, 57, 200, 58), image.Rect(101, 3, 333, 214), image.Rect(332, 213, 333, 214)} {
			requireSame(t, whole.SubImage(r), applied(t, src.SubImage(r), r.Min, g))
		}
		require.NoError(t, Apply(context.Background(), src, src, image.Point{}, g))
		requireSame(t, whole, src)
	}
}

// Whatever a valid grid holds, each channel's curve rises by 0.5 to 1.5 and keeps the range; the identity changes no bit.
func TestCurvesRise(t *testing.T) {
	pix := make([]uint16, 3*65536)
	for i := range pix {
		pix[i] = uint16(i / 3)
	}
	src, err := kernels.Wrap(pix, 1, 65536, 3) // one column of all levels
	require.NoError(t, err)
	requireSame(t, src, applied(t, src, image.Point{}, Identity(1, 65536)))
	eight := noise(t, 64, 64, kernels.U8)
	requireSame(t, eight, applied(t, eight, image.Point{}, Identity(64, 64)))
	for _, ends := range [][2]int16{{maxShift, maxShift}, {-maxShift, -maxShift}, {maxShift, -maxShift}, {-maxShift, maxShift}, {0, maxShift}, {-maxShift, 0}} {
		g := &Grid{Width: 1, Height: 65536, Columns: 2, Rows: 2, Shifts: make([]int16, 4*perNode)}
		for i := range g.Shifts {
			g.Shifts[i] = ends[i%2]
		}
		out := applied(t, src, image.Point{}, g)
		at := func(y int) int { return int(out.RowU16(y)[1]) }
		require.Equal(t, 0, at(0))
		require.Equal(t, 65535, at(65535))
		const step = 64
		for y := step; y < 65536; y++ {
			require.LessOrEqual(t, at(y-1), at(y))
			rise := float64(at(y)-at(y-step)) / step
			require.True(t, rise > 0.48 && rise < 1.52, "%v: %g at %d", ends, rise, y)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	ctx := context.Background()
	g := Identity(40, 30)
	ok := noise(t, 40, 30, kernels.U8)
	gray, err := kernels.NewHostImage(nil, 40, 30, 1, kernels.U8)
	require.NoError(t, err)
	for name, err := range map[string]error{
		"no grid":       Apply(ctx, ok, ok, image.Point{}, nil),
		"zero grid":     Apply(ctx, ok, ok, image.Point{}, &Grid{}),
		"no image":      Apply(ctx, ok, nil, image.Point{}, g),
		"grey":          Apply(ctx, gray, gray, image.Point{}, g),
		"other format":  Apply(ctx, noise(t, 40, 30, kernels.U16), ok, image.Point{}, g),
		"other size":    Apply(ctx, noise(t, 41, 30, kernels.U8), ok, image.Point{}, g),
		"outside":       Apply(ctx, ok, ok, image.Pt(1, 0), g),
		"before":        Apply(ctx, ok, ok, image.Pt(0, -1), g),
		"far outside":   Apply(ctx, ok, ok, image.Pt(math.MaxInt-3, 0), g), // whose end is no number
		"beyond bounds": Apply(ctx, ok, ok, image.Point{}, &Grid{40, 30, 2, 2, append(make([]int16, 23), maxShift+1)}),
	} {
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err), "%s: %v", name, err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(Apply(ended, ok, ok, image.Point{}, g)))
}

func TestScaled(t *testing.T) {
	g := anyGrid(640, 480, 1)
	require.Equal(t, g, g.Scaled(1))
	require.Equal(t, Identity(640, 480), g.Scaled(0))
	require.Equal(t, g, g.Scaled(7))
	h := g.Scaled(0.5)
	for i, v := range g.Shifts {
		require.InDelta(t, float64(v)/2, float64(h.Shifts[i]), 0.5)
	}
}

// A report's text is read back to the same grid, or refused; nothing that is read can break Apply.
func FuzzGrid(f *testing.F) {
	for _, g := range []*Grid{Identity(3, 2), anyGrid(120, 80, 9)} {
		b, err := json.Marshal(g)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"width":9,"height":9,"columns":2,"rows":2,"shifts":"AAA="}`))
	f.Add([]byte(`{"width":-1,"height":1e9,"columns":999999999,"rows":999999999,"shifts":""}`))
	f.Add([]byte(`{"shifts":"!"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var g Grid
		if err := json.Unmarshal(text, &g); err != nil {
			require.Equal(t, Grid{}, g)
			return
		}
		b, err := json.Marshal(&g)
		if g.Width == 0 {
			return // null
		}
		require.NoError(t, err)
		var again Grid
		require.NoError(t, json.Unmarshal(b, &again))
		require.Equal(t, g, again)
		w, h := min(g.Width, 40), min(g.Height, 40)
		applied(t, noise(t, w, h, kernels.U8), image.Pt(g.Width-w, g.Height-h), &g)
	})
}

func BenchmarkApply(b *testing.B) {
	const w, h = 8192, 5464
	g := anyGrid(w, h, 2)
	for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
		b.Run(f.String(), func(b *testing.B) {
			m := noise(b, w, h, f)
			defer m.Free()
			b.SetBytes(int64(2 * w * h * 3 * f.Size()))
			for b.Loop() {
				require.NoError(b, Apply(context.Background(), m, m, image.Point{}, g))
			}
		})
	}
}
