package sampler

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

func TestDefault(t *testing.T) {
	s, start := Default()
	require.Equal(t, 8, s.Steps())
	require.Equal(t, 2, start.Executed())
	require.Equal(t, float32(249), s.Timestep(start.Index))
	require.Equal(t, Epsilon, s.Prediction())
	require.InEpsilon(t, 0.6932054, s.Sigma(start.Index), 1e-6)
}

// With no step to execute the photograph stays as it is, by the same calls.
func TestNoSteps(t *testing.T) {
	s, _ := Default()
	start, err := s.StartAt(0.1249)
	require.NoError(t, err)
	require.True(t, start.None())
	require.Equal(t, s.Steps(), start.Index)
	z0, x := field(4, 2, 3, 1).Values, make([]float32, 24)
	require.NoError(t, s.AddNoise(x, z0, field(4, 2, 3, 2).Values, start.Index))
	require.Equal(t, z0, x)
	keep, err := Keep(0, 1, start.Executed())
	require.NoError(t, err)
	require.Empty(t, keep)
}

// The one step of weights that predict the picture gives their output, whatever it is.
func TestSamplePrediction(t *testing.T) {
	s, err := NewSchedule(1, Sample)
	require.NoError(t, err)
	x, out := field(4, 2, 3, 1).Values, field(4, 2, 3, 2).Values
	require.NoError(t, s.Step(x, out, 0))
	require.Equal(t, out, x)
}

// What a network made of a kept part is not in the result, not even as NaN.
func TestInpaintKeepsOutNaN(t *testing.T) {
	s, _ := Default()
	m, err := NewMask(1, 3, []float32{0, 0.5, float32(math.NaN())})
	require.NoError(t, err)
	require.Equal(t, []float32{0, 1, 0}, m.Values)
	nan := float32(math.NaN())
	x, z0, noise := []float32{nan, 2, nan, nan, 3, nan}, []float32{1, 1, 1, 2, 2, 2}, []float32{1, 1, 1, 1, 1, 1}
	require.NoError(t, s.InpaintBlend(x, z0, noise, m, 6))
	require.Equal(t, []float32{1 + s.Sigma(7), 2, 1 + s.Sigma(7), 2 + s.Sigma(7), 3, 2 + s.Sigma(7)}, x)
}

func TestInpaintInput(t *testing.T) {
	m, err := NewMask(2, 2, []float32{0, 1, 1, 0})
	require.NoError(t, err)
	scaled, masked, dst := field(4, 2, 2, 1).Values, field(4, 2, 2, 2).Values, make([]float32, 36)
	require.NoError(t, InpaintInput(dst, scaled, m, masked))
	require.Equal(t, scaled, dst[:16])
	require.Equal(t, m.Values, dst[16:20])
	require.Equal(t, masked, dst[20:])
}

func TestTimeIDs(t *testing.T) {
	ids, err := TimeIDs(5455, 8183, 12, 0, 768, 1024)
	require.NoError(t, err)
	require.Equal(t, [6]float32{5455, 8183, 12, 0, 768, 1024}, ids)
	for side, s := range map[int]float32{768: 1024, 1024: 1024, 1280: 1280} {
		ids, err := TileTimeIDs(side)
		require.NoError(t, err)
		require.Equal(t, [6]float32{s, s, 0, 0, s, s}, ids)
	}
}

// Whatever does not fit is refused by code, and nothing panics.
func TestRefusals(t *testing.T) {
	s, start := Default()
	four, three := make([]float32, 4), make([]float32, 3)
	m := &Mask{2, 2, four}
	planes := NewPlanes(1, 16, 16)
	lying := &Planes{1, 16, 16, four}
	tl, err := NewTiling(16, 24, 16, 4)
	require.NoError(t, err)
	wide := NewPlanes(1, 16, 24)
	second := func(_ any, err error) error { return err }
	nan, inf := math.NaN(), math.Inf(1)
	var all []error
	add := func(errs ...error) { all = append(all, errs...) }
	for _, n := range []int{-1, 0, 1, 3, 5, 16, math.MaxInt} {
		add(second(NewSchedule(n, Epsilon)))
	}
	add(second(NewSchedule(4, Sample)), second(NewSchedule(4, 7)))
	for _, v := range []float64{nan, inf, -inf, -1e-9, 1.0000001} {
		add(second(s.StartAt(v)))
	}
	add(second(s.StartWith(-1)), second(s.StartWith(9)))
	for _, i := range []int{-1, 8} {
		add(s.ScaleModelInput(four, four, i), s.Step(four, four, i), s.InpaintBlend(four, four, four, m, i))
	}
	add(s.AddNoise(four, four, four, -1), s.AddNoise(four, four, four, 9), s.AddNoise(four, three, four, 0), s.AddNoise(four, four, three, 0))
	add(s.ScaleModelInput(four, three, 0), s.Step(four, three, 0))
	add(FromPosterior(four, three), ToDecoder(four, three), FromDecoder(four, three))
	for _, c := range [][2]float64{{nan, 1}, {0, nan}, {-0.1, 1}, {0, 1.1}, {0.5, 0.5}, {0.6, 0.5}} {
		add(second(Keep(c[0], c[1], 4)))
	}
	add(second(Keep(0, 1, -1)))
	add(second(NewMask(2, 2, three)), second(NewMask(0, 2, nil)))
	add(s.InpaintBlend(four, four, three, m, 0), s.InpaintBlend(three, three, three, m, 0), s.InpaintBlend(nil, nil, nil, m, 0), s.InpaintBlend(four, four, four, &Mask{}, 0))
	add(s.InpaintNoise(four, four, three, start), s.InpaintNoise(four, four, four, Start{0, 4}), s.InpaintNoise(four, four, four, Start{-1, 8}), s.InpaintNoise(four, four, four, Start{9, 8}))
	add(InpaintInput(four, four, m, four))
	for _, c := range [][4]int{{16, 16, 12, 0}, {16, 16, 0, 0}, {16, 16, 8, 8}, {16, 16, 8, -1}, {8, 16, 16, 0}, {16, 1 << 18, 16, 0}, {1 << 17, 1 << 17, 16, 15}} {
		add(second(NewTiling(c[0], c[1], c[2], c[3])))
	}
	add(second(tl.Scaled(0)), second(tl.Scaled(65)), second(tl.NewAssembler(0, func(int, []float32) error { return nil })), second(tl.NewAssembler(1, nil)))
	add(tl.Cut(make([]float32, 256), wide, 2), tl.Cut(make([]float32, 256), wide, -1), tl.Cut(four, wide, 0), tl.Cut(make([]float32, 256), planes, 0), tl.Cut(make([]float32, 256), lying, 0), tl.Cut(four, nil, 0))
	add(tl.Assemble(wide, nil), tl.Assemble(planes, make([][]float32, 2)), tl.Assemble(wide, make([][]float32, 2)), tl.Assemble(nil, nil), tl.Assemble(&Planes{}, nil))
	for _, c := range [][3]int{{0, 1, 8}, {1, 0, 8}, {1, 1, 0}, {1 << 25, 1, 8}} {
		add(second(Pad(c[0], c[1], c[2])))
	}
	add(second(TimeIDs(0, 1, 0, 0, 1, 1)), second(TimeIDs(1, 1, -1, 0, 1, 1)), second(TimeIDs(1, 1, 0, 0, 1<<24+1, 1)), second(TileTimeIDs(0)), second(TileTimeIDs(-5)))
	for i, err := range all {
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err), fmt.Sprintf("case %d: %v", i, err))
	}
}
