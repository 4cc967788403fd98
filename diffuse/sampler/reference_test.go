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
		Steps, Executed           int
		Prediction                string
		Start                     []float32
		Inputs, Denoised, Latents [][]float32
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
	VAE []struct {
		Height, Width    int
		Decoded, Encoded []float32
	} `json:"vae"`
	Ranges struct{ Normalize, Denormalize, Scaled, Unscaled []float32 }
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
		require.Equal(t, w.Timesteps, s.Timesteps())
		sigmas := s.Sigmas()
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
		in, x0 := make([]float32, len(x)), make([]float32, len(x))
		for k := range w.Executed {
			i := start.Index + k
			require.NoError(t, s.ScaleModelInput(in, x, i))
			near(t, w.Inputs[k], in, 4e-6, "input")
			out := network(in, 10+k)
			require.NoError(t, s.Denoised(x0, x, out, i))
			near(t, w.Denoised[k], x0, 4e-6, "denoised")
			require.NoError(t, s.Step(x, out, i))
			near(t, w.Latents[k], x, 4e-6, "latents")
		}
		require.Equal(t, x0, x, "the last step ends at the denoised picture")
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
	m, err := mask.Latent()
	require.NoError(t, err)
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

// Stand-ins for the VAE that mix places within a tile, so that overlapping tiles disagree and the blend shows.
func TestVAETilesAsDiffusers(t *testing.T) {
	r := recorded(t)
	require.Len(t, r.VAE, 5)
	for _, w := range r.VAE {
		v, err := DecodeTiles(w.Height, w.Width, 64, 0.25)
		require.NoError(t, err)
		z, tiles := field(4, w.Height, w.Width, 5), make([]*Planes, v.Len())
		for i := range tiles {
			tiles[i] = NewPlanes(3, v.Target(i).Dy(), v.Target(i).Dx())
			from := centred(z, v.Source(i))
			for c := range 3 {
				for y := range tiles[i].Height {
					for x := range tiles[i].Width {
						tiles[i].Row(c, y)[x] = from.Row(c, y/8)[x/8] + float32(x%8)/16
					}
				}
			}
		}
		picture := NewPlanes(3, 8*w.Height, 8*w.Width)
		require.NoError(t, v.Join(picture, tiles))
		var some []float32
		for i := 0; i < len(picture.Values); i += 29 {
			some = append(some, picture.Values[i])
		}
		near(t, w.Decoded, some, 1e-6, "decoded")

		v, err = EncodeTiles(8*w.Height, 8*w.Width, 64, 0.25)
		require.NoError(t, err)
		p, tiles := field(3, 8*w.Height, 8*w.Width, 6), make([]*Planes, v.Len())
		small := NewPlanes(3, w.Height, w.Width)
		for c := range 3 {
			for y := range p.Height {
				for x, value := range p.Row(c, y) {
					small.Row(c, y/8)[x/8] += value / 64
				}
			}
		}
		for i := range tiles {
			s, r := v.Source(i), v.Target(i)
			require.Equal(t, image.Rectangle{r.Min.Mul(8), r.Max.Mul(8)}, s)
			m := centred(small, r)
			tiles[i] = NewPlanes(4, r.Dy(), r.Dx())
			copy(tiles[i].Values, m.Values)
			copy(tiles[i].Values[len(m.Values):], m.Values[:r.Dx()*r.Dy()])
		}
		latents := NewPlanes(4, w.Height, w.Width)
		require.NoError(t, v.Join(latents, tiles))
		near(t, w.Encoded, latents.Values, 1e-6, "encoded")
	}
}

// centred is the part of p under r, each channel less its mean there.
func centred(p *Planes, r image.Rectangle) *Planes {
	out := NewPlanes(p.Channels, r.Dy(), r.Dx())
	for c := range p.Channels {
		var sum float64
		for y := range r.Dy() {
			copy(out.Row(c, y), p.Row(c, r.Min.Y+y)[r.Min.X:])
			for _, v := range out.Row(c, y) {
				sum += float64(v)
			}
		}
		for y := range r.Dy() {
			for x := range out.Row(c, y) {
				out.Row(c, y)[x] -= float32(sum / float64(r.Dx()*r.Dy()))
			}
		}
	}
	return out
}

func TestRangesAsDiffusers(t *testing.T) {
	r, v := recorded(t).Ranges, field(1, 1, 40, 7).Values
	unit, out := make([]float32, len(v)), make([]float32, len(v))
	for i, f := range v {
		unit[i] = (f + 2) / 4
	}
	require.NoError(t, ToEncoder(out, unit))
	near(t, r.Normalize, out, 0, "ToEncoder")
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
