package segment

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// The cut costs what the best of all divisions of a small graph costs.
func TestCutIsMinimal(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		w, h := 1+r.IntN(4), 1+r.IntN(3)
		n := w * h
		g := newFlowGrid(w, h)
		for i := range n {
			g.excess[i] = int32(r.IntN(41) - 20)
			for d := range 8 {
				if x, y := i%w+stepX[d], i/w+stepY[d]; x >= 0 && x < w && y >= 0 && y < h && d >= 4 {
					k := int32(r.IntN(15))
					g.arc[i][d], g.arc[y*w+x][7-d] = k, k
				}
			}
		}
		excess, arc := append([]int32(nil), g.excess...), append([][8]int32(nil), g.arc...)
		cost := func(source func(i int) bool) (c int32) {
			for i := range n {
				if source(i) && excess[i] < 0 {
					c -= excess[i]
				} else if !source(i) && excess[i] > 0 {
					c += excess[i]
				}
				for d := range 8 {
					if arc[i][d] > 0 && source(i) && !source(i+stepY[d]*w+stepX[d]) {
						c += arc[i][d]
					}
				}
			}
			return c
		}
		best := int32(1 << 30)
		for k := range 1 << n {
			best = min(best, cost(func(i int) bool { return k>>i&1 == 1 }))
		}
		g.cut()
		require.Equal(t, best, cost(g.inSource), "%d×%d", w, h)
	}
}

// Bands of rows searched apart at first, and what flowed in the rounds before, leave the cut that one search from nothing finds.
func TestCutOfBandsAndRounds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const w, h = 12, 5*flowRows + 3
	for range 40 {
		rgb := make([]float32, 3*w*h)
		prior := newSkyPlane(w, h)
		cost := [2][]float32{make([]float32, w*h), make([]float32, w*h)}
		for i := range prior.v {
			prior.v[i] = 0.05 + 0.95*r.Float32()
			for c := range 3 {
				rgb[3*i+c] = 255 * r.Float32()
			}
		}
		near := contrastWeights(rgb, w, h)
		g := newCutGraph(w, h)
		for round := range 4 {
			for i := range prior.v {
				cost[0][i], cost[1][i] = 40*r.Float32(), 40*r.Float32()
				if round > 0 && prior.v[i] < 0.2 && r.IntN(4) == 0 {
					prior.v[i] = 0.5
				}
			}
			in, want := make([]bool, w*h), make([]bool, w*h)
			cutPixels(g, in, prior, near, cost, 0.9, 0.2)
			once := newCutGraph(w, h)
			once.connect(prior, near, cost, 0.9, 0.2)
			once.search(0, h)
			var asked [2]int // how many of the unknown are on each side
			for i, p := range prior.v {
				want[i] = p > 0.9 || p > 0.2 && once.inSource(i)
				if p > 0.2 && p <= 0.9 && want[i] {
					asked[1]++
				} else if p > 0.2 && p <= 0.9 {
					asked[0]++
				}
			}
			require.Greater(t, min(asked[0], asked[1]), 5)
			require.Equal(t, want, in, "round %d", round)
		}
	}
}

// Two even halves are two regions for any noise under the threshold, and regions' means are theirs.
func TestRegions(t *testing.T) {
	p := newSkyPlane(40, 20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range p.v {
		p.v[i] = 0.01 * r.Float32()
		if i%40 >= 15 {
			p.v[i] += 0.5
		}
	}
	d := newSkyEdges(p).divide(0.12, 20)
	require.Equal(t, 2, d.n)
	m := d.mean(p)
	for i, v := range m.v {
		want := 0.005
		if i%40 >= 15 {
			want = 0.505
		}
		require.InDelta(t, want, v, 0.002)
	}
}

// What is known stays, a gap gets what lies around it, and nothing known gives nothing.
func TestPullPush(t *testing.T) {
	p, known := newSkyPlane(33, 17), make([]bool, 33*17)
	for i := range p.v {
		p.v[i] = float32(i%33) / 33
		known[i] = i%33 < 12 || i%33 > 17
	}
	f := pullPush(p, known)
	for i, v := range f.v {
		if known[i] {
			require.Equal(t, p.v[i], v)
		}
		require.InDelta(t, p.v[i], v, 0.12)
	}
	for _, v := range pullPush(p, make([]bool, len(known))).v {
		require.Zero(t, v)
	}
}

// A pixel that mixes sky and what stands before it by any share gets that share.
func TestShareOfMixtures(t *testing.T) {
	c := cellColours{sky: [3]float32{0.5, 0.6, 0.8}, near: [3]float32{0.2, 0.1, 0.05}, dark: [3]float32{0.02, 0.02, 0.02}}
	for _, in := range []float32{0, 0.5, 1} {
		c.in = in
		front := c.near
		if in == 1 {
			front = c.dark
		}
		for k := range 21 {
			a := float32(k) / 20
			var p [3]float32
			for i := range p {
				p[i] = a*c.sky[i] + (1-a)*front[i]
			}
			require.InDelta(t, a, shareOf(p, c), 0.07, "a share of %v at %v", a, in)
		}
	}
	// A third colour is what the cut says.
	c.in = 0
	require.Zero(t, shareOf([3]float32{0.9, 0.3, 0.1}, c))
	c.in = 1
	require.EqualValues(t, 1, shareOf([3]float32{0.9, 0.9, 0.9}, c))
}

// shareOf is the share of a pixel at an edge, all around it of the colours c.
func shareOf(p [3]float32, c cellColours) float32 {
	table := []float32{p[0], p[1], p[2], p[0] + 1}
	n := around[uint8]{rows: [3][]uint8{{0, 1, 2}, {0, 1, 2}, {3, 1, 2}}, table: table}
	var w way
	w.between(&c, &c)
	return share(&n, &w, 0)
}

func workOf(b kernels.Backend, t testing.TB, w, h int) (*realedit.Env, *realedit.Work) {
	s := scene.Exterior(scene.ExteriorOptions{W: w, H: h, Sky: scene.SkyClouds, View: 1})
	p, _ := scene.Camera{}.Expose(s.Radiance, w, h, 0, 0)
	host, err := kernels.Wrap(p, w, h, 3)
	require.NoError(t, err)
	m, err := b.NewImage(w, h, 3, kernels.U8)
	require.NoError(t, err)
	require.NoError(t, b.Copy(context.Background(), m, host))
	return &realedit.Env{Backend: b, Ops: kernels.Complete(b, &kernels.Fallbacks{})}, &realedit.Work{Image: m, Report: &realedit.Report{}}
}

// The mask has the same bytes for any number of threads and on a backend whose images are off the host; there the memory is what the stages say.
func TestSkySameBytes(t *testing.T) {
	const w, h = 1200, 800
	mask := func(b kernels.Backend) []uint8 {
		env, work := workOf(b, t, w, h)
		before := b.Caps().Used
		require.NoError(t, Scene{}.Apply(context.Background(), env, work))
		require.Equal(t, realedit.SceneExterior, work.Scene.Scene)
		require.Equal(t, before, b.Caps().Used, "Scene keeps nothing in the backend's memory")
		require.NoError(t, Sky{}.Apply(context.Background(), env, work))
		m := work.Masks[realedit.MaskSky]
		host, free, err := kernels.ToHost(context.Background(), b, m)
		require.NoError(t, err)
		var all []uint8
		for y := range h {
			all = append(all, host.RowU8(y)...)
		}
		free()
		m.Free()
		work.Image.Free()
		return all
	}
	want := mask(kerneltest.Host(t))
	was := runtime.GOMAXPROCS(1)
	one := mask(kerneltest.Host(t))
	runtime.GOMAXPROCS(was)
	require.Equal(t, want, one)
	far := offhost.New(kerneltest.Host(t), "far:0", 1<<40)
	require.Equal(t, want, mask(far))
	runtime.GOMAXPROCS(5) // with more bands at once than the machine has processors
	five := mask(kerneltest.Host(t))
	runtime.GOMAXPROCS(was)
	require.Equal(t, want, five)
	_, peak := far.Memory()
	peak -= kernels.ImageBytes(w, h, 3, kernels.U8) // the picture is the Work's
	_, device := Sky{}.Bytes(w, h)
	require.GreaterOrEqual(t, device, peak)
	_, model := modelBytes() // is declared whether there are models or not
	require.LessOrEqual(t, float64(device), max(1.5*float64(peak), float64(model)))
	require.Zero(t, far.Caps().Used)
}

// Where a device fails, the stage gives back what it took.
func TestSkyGivesBack(t *testing.T) {
	for n := 1; ; n++ {
		far := offhost.New(kerneltest.Host(t), "far:0", 1<<40)
		env, work := workOf(far, t, 300, 200)
		used := far.Caps().Used
		far.FailAt(n, kernels.ErrOutOfMemory)
		err := Sky{Force: true}.Apply(context.Background(), env, work)
		if err == nil {
			require.Greater(t, n, 10)
			return
		}
		require.Equal(t, used, far.Caps().Used, "failure at call %d", n)
	}
}

// The scene and the options decide before pixels do.
func TestSkyOptions(t *testing.T) {
	env, work := workOf(kerneltest.Host(t), t, 300, 200)
	work.Scene.Scene = realedit.SceneInterior
	require.NoError(t, Sky{}.Apply(context.Background(), env, work))
	require.Nil(t, work.Masks[realedit.MaskSky])
	require.Empty(t, work.Report.Findings)
	require.NoError(t, Sky{Force: true}.Apply(context.Background(), env, work))
	require.NotNil(t, work.Masks[realedit.MaskSky])
	require.Equal(t, realedit.CheckSkyFound, work.Report.Findings[0].Check)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(Scene{Known: "cellar"}.Apply(context.Background(), env, work)))
	require.NoError(t, Scene{Known: realedit.SceneExterior}.Apply(context.Background(), env, work))
	require.Equal(t, realedit.SceneFacts{Scene: realedit.SceneExterior, Room: realedit.RoomUnknown, Confidence: 1, Source: "route"}, work.Scene)

	// A grey wall outdoors: no sky, and a finding.
	wall, err := env.NewImage(300, 200, 3, kernels.U8)
	require.NoError(t, err)
	for y := range 200 {
		row := wall.RowU8(y)
		for x := range row {
			row[x] = uint8(60 + (x*7+y*13)%40)
		}
	}
	work.SetImage(wall)
	work.Report.Findings = nil
	require.NoError(t, Sky{}.Apply(context.Background(), env, work))
	require.Equal(t, realedit.CheckSkyNotFound, work.Report.Findings[0].Check)
}

// Any size is fine, down to one pixel.
func TestSkyOfAnySize(t *testing.T) {
	b := kerneltest.Host(t)
	env := &realedit.Env{Backend: b, Ops: kernels.Complete(b, &kernels.Fallbacks{})}
	for _, s := range [][2]int{{1, 1}, {1, 40}, {37, 1}, {5, 3}, {321, 2}, {3, 700}, {161, 107}} {
		for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
			m, err := b.NewImage(s[0], s[1], 3, f)
			require.NoError(t, err)
			for y := range s[1] {
				row := m.Row(y)
				for x := range row {
					row[x] = uint8(200 - 150*y/s[1] + x%7)
				}
			}
			w := &realedit.Work{Image: m, Report: &realedit.Report{}}
			require.NoError(t, Scene{}.Apply(context.Background(), env, w))
			require.NoError(t, Sky{Force: true}.Apply(context.Background(), env, w))
			if k := w.Masks[realedit.MaskSky]; k != nil {
				require.Equal(t, m.Bounds(), k.Bounds())
			}
		}
	}
}
