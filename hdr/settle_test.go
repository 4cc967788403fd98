package hdr

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// loss is the integral it stands for, summed numerically over frequencies.
func TestLossIsTheIntegral(t *testing.T) {
	for _, c := range [][2]float64{{0, 0}, {0, 0.5}, {0.5, 0}, {0.25, -0.3}, {0.7, 2.2}, {0, 40}} {
		want := 0.0
		for beta := 1.0; beta >= 1.0/128; beta /= 2 {
			const n = 4000
			for i := range n {
				f := ((float64(i)+0.5)/n - 0.5) * beta
				g := complex(1, 0)
				for k, w := range keys(c[0]) {
					g += complex(w, 0) * cmplx.Exp(complex(0, -2*math.Pi*f*(float64(k-1)-c[0]+c[1])))
				}
				want += (1 - real(g*cmplx.Conj(g))/4) / n
			}
		}
		require.InDelta(t, want, loss(c[0], c[1]), 1e-3, "%v", c)
	}
	require.InDelta(t, 0.248, loss(0, 0.5), 0.002)
	require.InDelta(t, 0.75, loss(0, 1), 0.01)
	require.Greater(t, loss(0.5, 0), loss(0, 0.45), "interpolating half a pixel blurs more than leaving it")
}

// moved are matches of a w×h picture under h, with noise of sigma pixels.
func moved(h homography, w, height, n int, sigma float64) []match {
	r := rand.New(rand.NewPCG(1, 2))
	var all []match
	for range n {
		m := match{x: r.Float64() * float64(w), y: r.Float64() * float64(height), weight: 1}
		m.u, m.v = h.apply(m.x, m.y)
		m.u += r.NormFloat64() * sigma
		m.v += r.NormFloat64() * sigma
		all = append(all, m)
	}
	return all
}

func TestSettle(t *testing.T) {
	const w, h = 1000, 700
	still := placed{identity, identity}
	shift := func(x, y float64) homography { return homography{1, 0, x, 0, 1, y, 0, 0, 1} }
	roll := func(degrees float64) homography { // about the picture's middle
		s, c := math.Sincos(degrees * math.Pi / 180)
		return homography{c, -s, 500 - 500*c + 350*s, s, c, 350 - 500*s - 350*c, 0, 0, 1}
	}
	for _, c := range []struct {
		why         string
		lies, truth homography
		n           int
		last        placed
		want        homography
	}{
		{"half a pixel is not worth the blur", shift(0.45, -0.45), shift(0.45, -0.45), 100, still, identity},
		{"three quarters are", shift(0.7, 0.75), shift(0.7, 0.75), 100, still, shift(1, 1)},
		{"a shift of nearly whole pixels is a copy", shift(6.9, -3.2), shift(6.9, -3.2), 100, still, shift(7, -3)},
		{"another is interpolated", shift(6.5, -3.5), shift(6.5, -3.5), 100, still, shift(6.5, -3.5)},
		{"a hand's roll is corrected", roll(0.3), roll(0.3), 100, still, roll(0.3)},
		{"a map that does not fit what it was measured on", shift(3, 0), identity, 100, still, identity},
		{"three matches do not agree by more than chance", shift(1.2, 0), shift(0.6, 0), 3, still, identity},
		{"beside a moved photo the measured map counts", shift(0.6, 0.6), shift(0.6, 0.6).mul(shift(-8, -9)), 100, placed{shift(8, 9), shift(8, 9)}, shift(0.6, 0.6)},
	} {
		require.Equal(t, c.want, settle(moved(c.truth, w, h, c.n, 0.15), c.last, c.lies, w, h), c.why)
	}
}
