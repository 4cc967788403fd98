package segment

import (
	"context"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/internal/scene"
)

// The model's numbers: luminance at the zenith by the formula for a sun 45° high, 7.32 kcd/m² with turbidity 3; luminance grows towards the sun and the colour towards blue
// away from it; a hazier air is whiter.
func TestAir(t *testing.T) {
	a := newAir(45, 0, 3)
	chi := (4.0/9 - 3.0/120) * math.Pi / 2
	require.InDelta(t, 7.32, (4.0453*3-4.9710)*math.Tan(chi)-0.2155*3+2.4192, 0.01)
	require.InDelta(t, (4.0453*3-4.9710)*math.Tan(chi)-0.2155*3+2.4192, luminanceOf(a.at([3]float64{0, 1, 0})), 1e-3)
	at := func(a *air, elevation, azimuth float64) [3]float64 {
		e, z := elevation*degree, azimuth*degree
		return a.at([3]float64{math.Cos(e) * math.Sin(z), math.Sin(e), math.Cos(e) * math.Cos(z)})
	}
	require.Greater(t, luminanceOf(at(a, 45, 10)), 1.6*luminanceOf(at(a, 45, 90)))
	require.Greater(t, luminanceOf(at(a, 8, 120)), 1.2*luminanceOf(at(a, 60, 120)))
	blueness := func(c [3]float64) float64 { return c[2] / c[0] }
	require.Greater(t, blueness(at(a, 60, 180)), 1.2*blueness(at(a, 10, 180)))
	require.Greater(t, blueness(at(a, 50, 150)), 1.2*blueness(at(newAir(45, 0, 7), 50, 150)))
	low, high := sunColour(6), sunColour(60)
	require.Greater(t, low[0]/low[2], 1.5*high[0]/high[2])
	for _, e := range []float64{-20, 0, 4, 90} {
		for _, turbidity := range []float64{2, 8} {
			for u := -5.0; u <= 90; u += 5 {
				for _, c := range at(newAir(e, 20, turbidity), u, 20) {
					require.False(t, math.IsNaN(c) || math.IsInf(c, 0) || c < 0)
				}
			}
		}
	}
}

// A computed sky is the same for any number of threads, is brighter on the sun's side, has its clouds by the seed, and holds only numbers.
func TestPhysicalSky(t *testing.T) {
	view := horizonView{focal: 130, centre: 100, horizon: 110}
	draw := func(s physicalSky) *raster {
		r := newRaster(200, 100)
		require.NoError(t, s.render(context.Background(), r, view, 1, nil))
		for _, v := range r.v {
			require.False(t, math.IsNaN(float64(v)) || v < 0 || v > 1e4)
		}
		return r
	}
	one := draw(physicalSky{Elevation: 35, Azimuth: 70, Turbidity: 2.5, Clouds: 0.3, Seed: 5})
	threads := runtime.GOMAXPROCS(5)
	require.Equal(t, one, draw(physicalSky{Elevation: 35, Azimuth: 70, Turbidity: 2.5, Clouds: 0.3, Seed: 5}))
	runtime.GOMAXPROCS(threads)
	require.NotEqual(t, one, draw(physicalSky{Elevation: 35, Azimuth: 70, Turbidity: 2.5, Clouds: 0.3, Seed: 6}))
	// A camera that turns by 20° sees the same clouds 20° further on: what is 10° right of the axis was 10° left of it before.
	turned := draw(physicalSky{Elevation: 35, Azimuth: 50, Turbidity: 2.5, Clouds: 0.3, Seed: 5, Heading: 20})
	off := view.focal * math.Tan(10*degree)
	var same, other, n float64
	for up := 12.0; up < 35; up++ {
		// The same elevation at the same distance from the axis is the same row.
		y := int(view.horizon - view.focal*math.Tan(up*degree)/math.Cos(10*degree))
		at := func(r *raster, x float64) float64 { return float64(r.v[3*(y*r.w+int(view.centre+x))+2]) }
		same += math.Abs(at(turned, -off) - at(one, off))
		other += math.Abs(at(turned, -off) - at(one, -off))
		n++
	}
	t.Logf("turned: %.2f, not turned: %.2f", same/n, other/n)
	require.Less(t, same, 0.6*other)
	side := func(r *raster, x0, x1 int) (s float64) {
		for y := range r.h {
			for x := x0; x < x1; x++ {
				s += float64(r.v[3*(y*r.w+x)+1])
			}
		}
		return s
	}
	for _, azimuth := range []float64{-110, -60, 60, 110} {
		r := draw(physicalSky{Elevation: 35, Azimuth: azimuth, Turbidity: 2.5})
		require.Equal(t, azimuth > 0, side(r, 100, 200) > side(r, 0, 100), azimuth)
	}
	// More clouds cover more: the sum of what is brighter than the clear sky grows.
	clear := draw(physicalSky{Elevation: 35, Azimuth: 150, Turbidity: 2.5})
	last := -1
	for _, amount := range []float64{0.1, 0.3, 0.6, 0.8} {
		r := draw(physicalSky{Elevation: 35, Azimuth: 150, Turbidity: 2.5, Clouds: amount, Seed: 3})
		n := 0
		for i := range r.v {
			if math.Abs(float64(r.v[i]-clear.v[i])) > 0.05*float64(clear.v[i]) {
				n++
			}
		}
		t.Logf("clouds %.1f cover %.2f", amount, float64(n)/float64(len(r.v)))
		require.GreaterOrEqual(t, n, last)
		last = n
	}
	require.Greater(t, last, len(clear.v)/3)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, physicalSky{Elevation: 35, Turbidity: 2.5, Clouds: 0.3}.render(ctx, newRaster(20, 10), view, 10, nil), context.Canceled)
}

// The new sky does not band: in 8 bits, runs of one value along a column are short, and its noise is the photo's.
func TestNewSkyDoesNotBand(t *testing.T) {
	b := back(t, "cpu")
	k := newHouse(scene.SkyBlown, 2, 360, 240, 0)
	w := k.work(t, b, false)
	replaced(t, ReplaceSky{Clouds: -1}, b, w)
	p := samplesOf(t, b, w.Image)
	longest := 0
	for x := 20; x < 340; x += 10 {
		run := 0
		for y := 1; y < 60; y++ {
			if k.mask[y*k.w+x] != 255 || k.mask[(y-1)*k.w+x] != 255 {
				run = 0
				continue
			}
			if p[3*(y*k.w+x)+1] == p[3*((y-1)*k.w+x)+1] {
				run++
			} else {
				run = 0
			}
			longest = max(longest, run)
		}
	}
	t.Log("longest run", longest)
	require.Less(t, longest, 14)
}
