package sampler

import (
	"encoding/json"
	"image"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference is what testdata/reference.py recorded.
type reference struct {
	Schedules []struct {
		Steps             int
		Prediction        string
		Timesteps, Sigmas []float32
	}
	TrainingSigmas []float32 `json:"training_sigmas"`
	Starts         []struct {
		Steps, Executed int
		Strength        float64
	}
	Runs []struct {
		Steps, Executed int
		Prediction      string
		Start           []float32
		Inputs, Latents [][]float32
	}
	Inpaint []struct {
		Steps, Executed int
		Start           []float32
		Latents         [][]float32
	}
	Mask struct{ Latent []float32 }
	Keep []struct {
		Executed   int
		Start, End float64
		Keep       []bool
	}
	Ranges struct{ Denormalize, Scaled, Unscaled []float32 }
	Noise  []struct {
		Seed   string
		X, Y   int
		Values []float32
	}
}

func recorded(t *testing.T) *reference {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	r := new(reference)
	require.NoError(t, json.Unmarshal(data, r))
	return r
}

// field is reference.py's.
func field(c, h, w, k int) *Planes {
	p := NewPlanes(c, h, w)
	for i := range p.Values {
		p.Values[i] = float32((i*7919+k*104729+i/5*31)%255-127) / 64
	}
	return p
}

func prediction(name string) Prediction {
	if name == "sample" {
		return Sample
	}
	return Epsilon
}

// near holds values to within limit, absolutely.
func near(t *testing.T, want, got []float32, limit float64, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	require.NotEmpty(t, want, what)
	for i, w := range want {
		if d := math.Abs(float64(w) - float64(got[i])); !(d <= limit) {
			t.Fatalf("%s: value %d is %v, want %v", what, i, got[i], w)
		}
	}
}

// Every noise level that SDXL was trained with is torch's to within a unit in the last place, and so are the schedules.
func TestScheduleAsDiffusers(t *testing.T) {
	r := recorded(t)
	ours := trainingSigmas()
	require.Len(t, r.TrainingSigmas, len(ours))
	same := 0
	for i, w := range r.TrainingSigmas {
		require.InEpsilon(t, w, ours[i], 1.2e-7, "σ(%d)", i)
		if w == ours[i] {
			same++
		}
	}
	t.Logf("%d of %d noise levels have torch's bits", same, len(ours))
	require.Len(t, r.Schedules, 4)
	for _, w := range r.Schedules {
		s, err := NewSchedule(w.Steps, prediction(w.Prediction))
		require.NoError(t, err)
		require.Equal(t, w.Timesteps, s.timesteps)
		sigmas := s.sigmas
		require.Len(t, sigmas, w.Steps+1)
		for i, v := range w.Sigmas[:w.Steps] {
			require.InEpsilon(t, v, sigmas[i], 1.2e-7)
		}
		require.Zero(t, sigmas[w.Steps])
	}
}

func TestStartAsDiffusers(t *testing.T) {
	r := recorded(t)
	require.NotEmpty(t, r.Starts)
	for _, w := range r.Starts {
		s, err := NewSchedule(w.Steps, Epsilon)
		require.NoError(t, err)
		start, err := s.StartAt(w.Strength)
		require.NoError(t, err)
		require.Equal(t, w.Executed, start.Executed(), "%d steps at strength %v", w.Steps, w.Strength)
		require.Equal(t, w.Executed == 0, start.None())
		require.Equal(t, w.Strength == 1, start.Full())
		again, err := s.StartWith(w.Executed)
		require.NoError(t, err)
		require.Equal(t, start, again)
	}
}

// network is reference.py's stand-in.
func network(in []float32, k int) []float32 {
	out := field(4, 5, 6, k).Values
	for i, v := range in {
		out[i] = float32(0.25*v) + float32(0.125*out[i])
	}
	return out
}

// From the noised photograph to the last latents, step by step. Values reach 30, where a unit in the last place is 2·10⁻⁶;
// the limit is twice that, for what the reference's way by x₀ rounds.
func TestStepsAsDiffusers(t *testing.T) {
	r := recorded(t)
	require.Len(t, r.Runs, 4)
	for _, w := range r.Runs {
		s, err := NewSchedule(w.Steps, prediction(w.Prediction))
		require.NoError(t, err)
		start, err := s.StartWith(w.Executed)
		require.NoError(t, err)
		x := make([]float32, 4*5*6)
		require.NoError(t, s.AddNoise(x, field(4, 5, 6, 1).Values, field(4, 5, 6, 2).Values, start.Index))
		near(t, w.Start, x, 2e-6, "start")
		in := make([]float32, len(x))
		for k := range w.Executed {
			i := start.Index + k
			require.NoError(t, s.ScaleModelInput(in, x, i))
			near(t, w.Inputs[k], in, 4e-6, "input")
			out := network(in, 10+k)
			require.NoError(t, s.Step(x, out, i))
			near(t, w.Latents[k], x, 4e-6, "latents")
		}
	}
}

func TestInpaintAsDiffusers(t *testing.T) {
	r := recorded(t)
	soft := make([]float32, 40*48)
	for i := range soft {
		if soft[i] = float32(float64(i*37%256) / 255); i/48 >= 8 && i/48 < 24 && i%48 >= 16 && i%48 < 40 {
			soft[i] = 0.5
		}
	}
	mask, err := NewMask(40, 48, soft)
	require.NoError(t, err)
	m := &Mask{5, 6, nil}
	for i := range 5 * 6 { // torch's "nearest" takes the upper left pixel of each latent
		m.Values = append(m.Values, mask.Values[(i/6*48+i%6)*LatentScale])
	}
	require.Equal(t, r.Mask.Latent, m.Values)
	require.Len(t, r.Inpaint, 2)
	for _, w := range r.Inpaint {
		s, err := NewSchedule(w.Steps, Epsilon)
		require.NoError(t, err)
		start, err := s.StartWith(w.Executed)
		require.NoError(t, err)
		z0, noise := field(4, 5, 6, 3).Values, field(4, 5, 6, 4).Values
		x, in := make([]float32, len(z0)), make([]float32, len(z0))
		require.NoError(t, s.InpaintNoise(x, z0, noise, start))
		near(t, w.Start, x, 2e-6, "start")
		for k := range w.Executed {
			i := start.Index + k
			require.NoError(t, s.ScaleModelInput(in, x, i))
			require.NoError(t, s.Step(x, network(in, 20+k), i))
			require.NoError(t, s.InpaintBlend(x, z0, noise, m, i))
			near(t, w.Latents[k], x, 4e-6, "latents")
		}
		for i, v := range x {
			if m.Values[i%30] == 0 {
				require.Equal(t, z0[i], v, "what is kept ends as it was")
			}
		}
	}
}

func TestKeepAsDiffusers(t *testing.T) {
	r := recorded(t)
	require.NotEmpty(t, r.Keep)
	for _, w := range r.Keep {
		keep, err := Keep(w.Start, w.End, w.Executed)
		require.NoError(t, err)
		require.Equal(t, w.Keep, keep, "%d steps from %v to %v", w.Executed, w.Start, w.End)
	}
}

func TestRangesAsDiffusers(t *testing.T) {
	r, v := recorded(t).Ranges, field(1, 1, 40, 7).Values
	out := make([]float32, len(v))
	require.NoError(t, FromDecoder(out, v))
	near(t, r.Denormalize, out, 0, "FromDecoder")
	require.NoError(t, FromPosterior(out, v))
	near(t, r.Scaled, out, 0, "FromPosterior")
	require.NoError(t, ToDecoder(out, v))
	near(t, r.Unscaled, out, 2e-6, "ToDecoder") // values reach 15; torch may multiply by the reciprocal
	nan := []float32{float32(math.NaN())}
	require.NoError(t, FromDecoder(nan, nan))
	require.True(t, math.IsNaN(float64(nan[0])), "an overflow of the VAE stays visible")
}

// Against the C library's logarithm, sine and cosine: the last bit of a float32 may differ where the deviate lies within 10⁻¹⁴ of a tie.
func TestNoiseAsPython(t *testing.T) {
	r := recorded(t)
	require.Len(t, r.Noise, 2)
	for _, w := range r.Noise {
		seed, err := strconv.ParseUint(w.Seed, 10, 64)
		require.NoError(t, err)
		got := make([]float32, 6*8*9)
		require.NoError(t, Noise{seed}.Fill(got, 6, image.Rect(w.X, w.Y, w.X+9, w.Y+8)))
		require.Equal(t, w.Values, got)
	}
}
