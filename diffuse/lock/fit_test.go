package lock

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/qc"
)

func TestFitRefuses(t *testing.T) {
	env := testEnv(t)
	p := pictures["gradient wall"]()
	d := p.u8(t)
	spoilt := func(v float32) *kernels.Image {
		m := p.model(t, env)
		m.RowF32(100)[7] = v
		return m
	}
	black := p.each(func(x, y int, v []float64) { clear(v) })
	even := p.each(func(x, y int, v []float64) { v[0], v[1], v[2] = 140, 140, 140 })
	turned := p.each(func(x, y int, v []float64) { copy(v, p.pix[len(p.pix)-3*(y*p.w+x)-3:]) })
	square, err := kernels.NewHostImage(nil, 512, 512, 3, kernels.F32)
	require.NoError(t, err)
	grey, err := kernels.NewHostImage(nil, 960, 640, 1, kernels.F32)
	require.NoError(t, err)
	for name, m := range map[string]*kernels.Image{
		"none": nil, "grey": grey, "NaN": spoilt(float32(math.NaN())), "infinite": spoilt(float32(math.Inf(1))), "-infinite": spoilt(float32(math.Inf(-1))),
		"far out": spoilt(1e6), "black": black.model(t, env), "even": even.model(t, env), "turned over": turned.model(t, env), "square": square,
	} {
		g, _, err := Fit(context.Background(), env, d, m, nil)
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%s: %v", name, err)
		require.Nil(t, g)
	}
	flat := pictures["flat wall"]()
	_, _, err = Fit(context.Background(), env, flat.u8(t), black.model(t, env), nil)
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "black for a flat wall: %v", err)
	for _, o := range []*Options{{Pixel: -1}, {Block: 11}, {Pixel: math.NaN()}} {
		_, _, err := Fit(context.Background(), env, d, p.model(t, env), o)
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	}
	_, _, err = Fit(context.Background(), env, nil, p.model(t, env), nil)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, err = Fit(ended, env, d, p.model(t, env), nil)
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err))
}

// The grid does not depend on the number of processors or on where the pixels lie, and its text makes the same bytes. A model that changes
// nothing changes nothing; tighter caps are kept.
func TestFitRepeats(t *testing.T) {
	full(t)
	env := testEnv(t)
	p := pictures["house"]()
	d, m := p.u16(t), hostile[3].edit(p).model(t, env)
	out, g, _ := locked(t, env, d, m, nil)
	old := runtime.GOMAXPROCS(1)
	_, one, _ := locked(t, env, d, m, nil)
	runtime.GOMAXPROCS(old)
	require.Equal(t, g, one)
	text, err := json.Marshal(g)
	require.NoError(t, err)
	require.Less(t, len(text), 8000)
	var back Grid
	require.NoError(t, json.Unmarshal(text, &back))
	requireSame(t, out, applied(t, d, image.Point{}, &back))

	off := offhost.New(kerneltest.Host(t), "off", 1<<30)
	there := &realedit.Env{Backend: off, Ops: kernels.Complete(off, nil)}
	up := func(src *kernels.Image) *kernels.Image {
		dst, err := there.NewImage(src.Width(), src.Height(), 3, src.Format())
		require.NoError(t, err)
		require.NoError(t, off.Copy(context.Background(), dst, src))
		return dst
	}
	far, _, err := Fit(context.Background(), there, up(d), up(m), nil)
	require.NoError(t, err)
	require.Equal(t, g, far)

	_, same, st := locked(t, env, d, d, nil)
	require.Equal(t, Identity(p.w, p.h), same)
	require.Equal(t, Stats{}, st)

	tight, _, st := locked(t, env, d, m, &Options{Pixel: 1.5, Block: 0.5})
	b := measure(t, env, tight, d)
	require.LessOrEqual(t, b.max, 1.5)
	require.LessOrEqual(t, max(b.block, b.shift), 0.5)
	require.Greater(t, st.Kept, 0.2)
}

// The cap of a pixel is held on a lattice of colours at nodes. Between them nothing goes further than what sparePixel leaves room for.
func TestLatticeIsFineEnough(t *testing.T) {
	b := &bench{env: testEnv(t)}
	const n = 52
	fine := make([][3]float32, n*n*n)
	for i := range fine {
		fine[i] = [3]float32{float32(i%n) / (n - 1), float32(i/n%n) / (n - 1), float32(i/n/n) / (n - 1)}
	}
	worst := 0.0
	for seed := range uint64(6) {
		g := anyGrid(1, 1, 100+seed)
		g.Columns, g.Rows, g.Shifts = 2, 2, anyGrid(10, 10, seed).Shifts[:4*perNode]
		f := g.Scaled(0.6).field()
		coarse, err := b.colours(f, lattice)
		require.NoError(t, err)
		all, err := b.colours(f, fine)
		require.NoError(t, err)
		for i := range all {
			worst = max(worst, all[i]/coarse[i])
		}
	}
	t.Logf("a colour between those of the lattice moves at most %.3f times as far", worst)
	require.Less(t, worst, 1/sparePixel)
}

// A model that works tile by tile and gives each a tone of its own leaves no seam, whatever the tiles' size: at their borders the lock's picture
// steps no more than beside them, and stays within a cap of the picture from a model that worked in one piece.
func TestTilesLeaveNoSeam(t *testing.T) {
	full(t)
	env := testEnv(t)
	worst := map[kernels.Format]float64{}
	for _, n := range []string{"flat wall", "gradient wall"} {
		p := pictures[n]()
		for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
			d := p.u8(t)
			if f == kernels.U16 {
				d = p.u16(t)
			}
			for _, side := range []int{64, 96, 128, 200, 256, 320, 512} {
				m := p.each(func(x, y int, v []float64) {
					i, j := x/side, y/side
					k := 5 * math.Sin(float64(17*i+31*j*j+7))
					v[0] += k
					v[1] += k + 2*math.Cos(float64(5*i+3*j))
					v[2] += k
				})
				o, _, _ := locked(t, env, d, m.model(t, env), nil)
				keepLook(t, fmt.Sprint(n, " tiles ", side, " ", f), d, m.u8(t), o)
				step := func(x int) (s float64) { // mean step of the change across the border left of column x
					for y := range p.h {
						at := func(x int) float64 { return levelAt(o, 3*x+1, y) - levelAt(d, 3*x+1, y) }
						s += at(x) - at(x-1)
					}
					return math.Abs(s) / float64(p.h)
				}
				around, borders := 0.0, qc.Borders{}
				for x := side; x < p.w; x += side {
					borders.X = append(borders.X, x)
					for k := 2; k < 18; k++ {
						around = max(around, step(min(x+k, p.w-1)), step(x-k))
					}
				}
				for _, x := range borders.X {
					require.LessOrEqual(t, step(x), around+0.004, "%s %v, tiles of %d: border at %d", n, f, side, x)
				}
				v, err := qc.Compare(context.Background(), env, o, d, &qc.Options{Tone: true, Borders: borders})
				require.NoError(t, err)
				for _, x := range v.Measures {
					if x.Check == qc.Seams {
						worst[f] = max(worst[f], x.Value)
					}
				}
			}
		}
	}
	t.Logf("seams beyond what is beside them, in 1/255: %v", worst)
	require.Less(t, worst[kernels.U16], 0.05) // of the 1 that quality control allows
	require.Less(t, worst[kernels.U8], 0.3)   // the pattern that 8 bits are rounded with
}

func BenchmarkFit(b *testing.B) {
	env := testEnv(b)
	p := pictures["gradient wall"]()
	small := p.u16(b)
	big, err := kernels.NewHostImage(nil, 8192, 5464, 3, kernels.U16)
	require.NoError(b, err)
	defer big.Free()
	require.NoError(b, env.Ops.Resize(big, small))
	m := hostile[7].edit(p).model(b, env)
	for b.Loop() {
		_, _, err := Fit(context.Background(), env, big, m, nil)
		require.NoError(b, err)
	}
}

// A fit ends with its context in the limiting as well, which is where it spends its time when caps are at work.
func TestFitEndsWithItsContext(t *testing.T) {
	env := testEnv(t)
	p := pictures["gradient wall"]()
	green := p.each(func(x, y int, v []float64) { v[1] += 20 })
	ctx, cancel := context.WithCancel(context.Background())
	calls, real := 0, env.Ops.DeltaE
	env.Ops.DeltaE = func(a, b, m, mask *kernels.Image) (kernels.DeltaEResult, error) {
		calls++
		cancel()
		return real(a, b, m, mask)
	}
	_, _, err := Fit(ctx, env, p.u8(t), green.model(t, env), nil)
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err))
	require.Equal(t, 1, calls)
}

// A grid that was fitted passes what it is held to when it comes back, blended as well; one that goes beyond a cap does not.
func TestCheck(t *testing.T) {
	env, ctx := testEnv(t), context.Background()
	p := pictures["gradient wall"]()
	green := p.each(func(x, y int, v []float64) { v[1] += 20 })
	d := p.u8(t)
	g, _, err := Fit(ctx, env, d, green.model(t, env), nil)
	require.NoError(t, err)
	require.NoError(t, Check(ctx, env, d, g, nil))
	require.NoError(t, Check(ctx, env, d, g.Scaled(0.4), nil))
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(Check(ctx, env, d, g, &Options{Block: 1})))
	require.ErrorContains(t, Check(ctx, env, d, g, &Options{Block: 1}), "a block moves")

	turn := []int16{maxShift, maxShift, -maxShift, -maxShift, maxShift, maxShift} // green to magenta
	steep := *g
	steep.Shifts = slices.Clone(g.Shifts)
	copy(steep.Shifts[len(steep.Shifts)-perNode:], turn) // at one corner
	require.NoError(t, steep.valid())
	require.ErrorContains(t, Check(ctx, env, d, &steep, nil), "a colour moves")
	// The most nodes that a report may have.
	large := &Grid{Width: p.w, Height: p.h, Columns: maxNodes, Rows: 2, Shifts: make([]int16, maxNodes*2*perNode)}
	require.NoError(t, Check(ctx, env, d, large, nil))
	copy(large.Shifts[(2*maxNodes-1)*perNode:], turn)
	require.ErrorContains(t, Check(ctx, env, d, large, nil), "a colour moves")

	other := Identity(p.w+1, p.h)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(Check(ctx, env, d, other, nil)))
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(Check(ctx, env, nil, g, nil)))
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(Check(ctx, env, d, &Grid{}, nil)))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(Check(ended, env, d, g, nil)))
}
