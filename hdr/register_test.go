package hdr

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A photo that is mostly clipped shares few patches with its neighbour: they are enough for
// a homography, and a photo that only shifted is not given one.
func TestLadderFewMatches(t *testing.T) {
	const w, h, n = 3000, 2000, 20
	bent := homography{1, 0.005, 6, -0.005, 1, -9, 7e-7, -5e-7, 1}
	for _, c := range []struct {
		truth homography
		model string
	}{{identity, "identity"}, {homography{1, 0, 3, 0, 1, -5, 0, 0, 1}, "translation"}, {bent, "homography"}} {
		var matches []match
		r := rand.New(rand.NewPCG(7, 8))
		for i := range n {
			m := match{x: float64(i%5)*700 + 100, y: float64(i/5)*600 + 100, weight: 1, fold: (i%5 + 2*(i/5)) % folds}
			m.u, m.v = c.truth.apply(m.x, m.y)
			m.u += 0.05 * r.NormFloat64()
			m.v += 0.05 * r.NormFloat64()
			matches = append(matches, m)
		}
		got := ladder(matches, identity, w, h, 0.01)
		require.True(t, got.ok)
		require.Equal(t, c.model, got.model)
		require.Less(t, cornerDistance(&got.h, &c.truth, w, h), 0.3)
	}
	require.False(t, ladder(nil, identity, w, h, 0.01).ok)

	// Matches on a hundredth of the picture know of a shift and nothing of what the corners do.
	var close []match
	r := rand.New(rand.NewPCG(9, 9))
	for i := range n {
		m := match{x: 2000 + float64(i%5)*60, y: 300 + float64(i/5)*60, weight: 1, fold: i % folds}
		m.u, m.v = m.x+0.7+0.1*r.NormFloat64(), m.y+0.1*r.NormFloat64()
		close = append(close, m)
	}
	got := ladder(close, identity, w, h, 0.01)
	require.Less(t, got.h.shift(w, h), 1.0)
}
