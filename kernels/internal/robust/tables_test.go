package robust

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// No level inverts the tone, the photos' shares make one, and the inverse transfers lead back.
func TestTables(t *testing.T) {
	p := NewPlan(300, 200)
	for n := 2; n <= 7; n++ {
		tables := NewTables(Summarise(p, bracket(n, p.LW, p.LH), nil))
		for name, rising := range map[string][]float64{"T": tables.Tone[:], "F∘T": tables.Fine[:], "F": tables.Law[:]} {
			if !slices.IsSorted(rising) {
				t.Errorf("%d photos: %s falls", n, name)
			}
		}
		weights := tables.Weights()
		for j := range Bins {
			sum := 0
			for i := range weights {
				sum += int(weights[i][j])
			}
			if sum != Unit {
				t.Fatalf("%d photos: the shares of bin %d sum to %d", n, j, sum)
			}
		}
		for i, back := range tables.Back() {
			luma := tables.photos[i].luma
			there := line{xs: levels[:], ys: luma[:]}
			for j, s := range back {
				y := min(max(float64(j)/Inverse, luma[0]), luma[Levels-1])
				if d := math.Abs(there.at(s.Level) - y); d > 2e-6 { // 10⁻⁶ of the level is added to what is inverted
					t.Fatalf("%d photos: photo %d has luma %g at the level of luma %g", n, i, there.at(s.Level), y)
				}
			}
		}
	}
}

// Wherever a line was asked before, it answers as one that starts anew and searches.
func TestLine(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{1, 2, 3, 50} {
		xs, ys := make([]float64, n), make([]float64, n)
		for i := range xs {
			xs[i], ys[i] = math.Floor(20*r.Float64())/20, r.Float64() // some lie upon each other
		}
		slices.Sort(xs)
		l := line{xs: xs, ys: ys}
		for range 1000 {
			x := r.Float64()*1.2 - 0.1
			if r.IntN(4) == 0 {
				x = xs[r.IntN(n)]
			}
			var want float64
			after := 0 // points that are not beyond x
			for after < n && xs[after] <= x {
				after++
			}
			switch {
			case x <= xs[0]:
				want = ys[0]
			case after == n:
				want = ys[n-1]
			default:
				k := after - 1
				want = ys[k] + (ys[k+1]-ys[k])*(x-xs[k])/(xs[k+1]-xs[k])
			}
			if got := l.at(x); got != want {
				t.Fatalf("%d points: %g at %g, want %g", n, got, x, want)
			}
		}
	}
}
