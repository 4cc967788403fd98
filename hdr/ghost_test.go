package hdr

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/phototest"
)

// Where photos disagree about levels but show the same edges nothing moved: glare, colours beyond a camera's range. Where one shows
// a thing that the other does not, it did.
func TestSameLevelsOrSameEdges(t *testing.T) {
	const w, h = 120, 80
	picture := func(glare float64, thing int) [3]*plane {
		var c [3]*plane
		for i := range c {
			c[i] = newPlane(w, h)
			for y := range h {
				for x := range w {
					v := 0.4 + 0.08*math.Sin(float64(x*(i+2))/5)*math.Cos(float64(y)/4)
					if x >= thing && x < thing+24 && y > 20 && y < 60 {
						v = 0.7
					}
					if x > 30 && x < 90 {
						v += glare
					}
					c[i].row(y)[x] = float32(v)
				}
			}
		}
		return c
	}
	still := picture(0, 50)
	share := func(other [3]*plane) float64 {
		n := 0
		for _, g := range findGhosts([][3]*plane{still, other}, []*plane{nil, nil}, 0, 0.05) {
			n += len(g.pixels)
		}
		return float64(n) / (w * h)
	}
	require.Zero(t, share(still))
	require.Zero(t, share(picture(0.17, 50)))
	require.Greater(t, share(picture(0, 75)), 0.1)
}

// Still photographs of thirteen exposures and of a lamp, and a hand-held set that comes out still: next to nothing is taken for a ghost.
func TestStillPhotographsHaveNoGhosts(t *testing.T) {
	root := phototest.Dir(t)
	for name, limit := range map[string]float64{"mpi_exposures": 0.05, "lamp_stack": 0.04, "fmurciag": 0.01} {
		set := folder(t, filepath.Join(root, "brackets", name))
		run(t, set, func(env *realedit.Env, w *realedit.Work) {
			t.Logf("%s: %.4f", name, w.Report.Measures["ghost_share"])
			require.Less(t, w.Report.Measures["ghost_share"], limit, name)
		}, Align{}, Merge{})
	}
}

// A hand-held photo that nothing can register takes no part: unmoved it would show everything twice.
func TestAlignLeavesOutWhatDoesNotFit(t *testing.T) {
	a, b := newPlane(200, 150), newPlane(200, 150)
	for y := range a.h {
		for x := range a.w {
			shade, texture := 0.25+0.0025*float64(x), 0.04*math.Cos(float64(y)/4)
			a.row(y)[x] = float32(shade + texture*math.Sin(float64(x)/3))
			b.row(y)[x] = float32(shade + texture*math.Sin(float64(x)/3+2)) // light and dark are where they were, the texture is not
		}
	}
	require.True(t, agree(a, a))
	require.False(t, agree(a, b))
}
