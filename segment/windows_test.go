package segment

import (
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

// regionOf is all of a w×h picture where in holds at pixels' middles, in one piece or not.
func regionOf(w, h int, in func(x, y float64) bool) (r region) {
	m := bitMaskOf(w, h, func(x, y int) bool { return in(float64(x)+0.5, float64(y)+0.5) })
	for y := range h {
		m.runs(y, func(x0, x1 int) { r = append(r, run{int32(y), int32(x0), int32(x1)}) })
	}
	return r
}

// A quadrilateral is found to half a pixel, though a corner is hidden and something bright stands beside it.
func TestFitQuad(t *testing.T) {
	want := corners{{40.2, 30.6}, {119.7, 44.1}, {119.7, 110.4}, {40.2, 124.8}}
	sides := want.sides()
	clean := regionOf(200, 150, func(x, y float64) bool { return sides.inside(x, y) >= 0 })
	hidden := regionOf(200, 150, func(x, y float64) bool {
		return sides.inside(x, y) >= 0 && math.Hypot(x-110, y-50) > 16 || x > 119 && x < 131 && y > 85 && y < 100
	})
	for name, region := range map[string]region{"clean": clean, "hidden": hidden} {
		q, lean, ok := fitQuad(region)
		require.True(t, ok, name)
		require.Less(t, lean, 0.03, name)
		for i := range q {
			require.InDelta(t, want[i][0], q[i][0], 0.8, "%s: corner %d of %v", name, i, q)
			require.InDelta(t, want[i][1], q[i][1], 0.8, "%s: corner %d of %v", name, i, q)
		}
	}
	_, _, ok := fitQuad(region{{0, 5, 7}, {1, 5, 6}})
	require.False(t, ok, "three pixels")
}

func TestNth(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 1; n < 400; n += 7 {
		for _, kinds := range []int{1, 3, 1 << 30} {
			v := make([]float64, n)
			for i := range v {
				v[i] = float64(r.IntN(kinds))
			}
			sorted := slices.Sorted(slices.Values(v))
			for _, k := range []int{0, n / 10, n / 2, n * 3 / 4, n - 1} {
				require.Equal(t, sorted[k], nth(slices.Clone(v), k), "%d of %d", k, n)
			}
		}
	}
}

func TestRoundness(t *testing.T) {
	disc := regionOf(100, 100, func(x, y float64) bool { return math.Hypot((x-50)/1.3, y-50) < 30 })
	square := regionOf(100, 100, func(x, y float64) bool { return x > 20 && x < 80 && y > 30 && y < 70 })
	require.Greater(t, roundness(disc), 0.97)
	require.Less(t, roundness(square), 0.9)
}

// The scene's light comes from the photos that show it; between two that are far apart it is bounded by them.
func TestSceneLight(t *testing.T) {
	encoded := func(l float64) float32 { return float32(1.055*math.Pow(min(l, 1), 1/2.4) - 0.055) }
	truth := []float64{0.02, 0.3, 2.5, 9}
	evs := []float64{0, -4, 3}
	lumas := make([][]float32, len(evs))
	for i, ev := range evs {
		for _, l := range truth {
			lumas[i] = append(lumas[i], encoded(l*math.Exp2(ev)))
		}
	}
	got := bracketLight(lumas, nil, evs, 4, 1)
	for i, l := range truth {
		require.InDelta(t, math.Log2(l), got.v[i], 0.05)
	}
	far := bracketLight([][]float32{{1}, {0}}, nil, []float64{0, -8}, 1, 1)
	require.InDelta(t, 0, far.v[0], 1e-6, "as bright as the brighter photo's white at least")
}

// Muntins are found as lines, whether they are dark or only darker than both sides; what is dark in the view is not.
func TestBars(t *testing.T) {
	const w, h = 160, 120
	p := &lightPlane{w, h, make([]float32, w*h)}
	q := corners{{20, 15}, {140, 25}, {140, 95}, {20, 105}}
	for k := range p.v {
		x, y := k%w, k/w
		p.v[k] = 2
		switch {
		case x >= 78 && x < 84:
			p.v[k] = -1
		case x == 110:
			p.v[k] = 1
		case math.Hypot(float64(x-50), float64(y-50)) < 12:
			p.v[k] = -2
		}
	}
	b := q.bars(p, func(v float64, _ [4]float64) bool { return v < 0 })
	sides := q.sides()
	at := func(x, y float64) bool { near, _ := b.near(sides.away(x, y)); return near }
	require.True(t, at(81, 60), "a stile")
	require.True(t, at(110.5, 60), "a muntin")
	require.False(t, at(50, 50), "something dark in the view")
	require.False(t, at(97, 60), "the view")
}

func TestFillHoles(t *testing.T) {
	const w, h = 20, 10
	in := make([]bool, w*h)
	for k := range in {
		x, y := k%w, k/w
		in[k] = !(x > 3 && x < 6 && y > 3 && y < 6) && !(x > 12 && x < 15 && y < 4)
	}
	fillHoles(in, w, h, 20, func(_, y int) bool { return y == 0 })
	require.True(t, in[4*w+4], "a dark spot in the view is view")
	require.False(t, in[2*w+13], "what reaches in from the frame stands before it")
}

func TestWindowsOptions(t *testing.T) {
	env := &realedit.Env{Log: slog.New(slog.DiscardHandler)}
	for _, bad := range []float64{-0.1, 0.6, math.NaN()} {
		err := Windows{MinArea: bad}.Apply(context.Background(), env, &realedit.Work{})
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	}
	require.NoError(t, Windows{}.Apply(context.Background(), env, &realedit.Work{}))
}
