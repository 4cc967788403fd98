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

// reference is what testdata/reference.py recorded of diffusers, torch and the C library.
type reference struct {
	Schedules []struct {
		Steps             int
		Prediction        string
		Timesteps, Sigmas []float32
	}
	TrainingSigmas []float32 `json:"training_sigmas"`
	Starts         []struct {
		Steps    int
		Strength float64
		Executed int
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
	}
	Ranges struct{ Normalize, Denormalize, Scaled, Unscaled []float32 }
	Noise  []struct {
		Seed   string
		X, Y   int
		Values []float32
	}
}

func recorded(t *testing.T) (r reference) {
	b, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &r))
	return r
}

// field is reference.py's: multiples of 1/64 in (−2, 2).
func field(c, h, w, k int) []float32 {
	v := make([]float32, c*h*w)
	for i := range v {
		v[i] = float32((i*7919+k*104729+i/5*31)%255-127) / 64
	}
	return v
}

// near compares with a tolerance of 2e-6 of the largest number that took part, scale: diffusers comes to latents by way of x₀, which rounds at σ·ε, and
// sums in another order.
func near(t *testing.T, want, got []float32, scale float32, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i := range want {
		require.InDelta(t, want[i], got[i], 2e-6*float64(max(1, scale, want[i], -want[i])), "%s: value %d", what, i)
	}
}

func scheduleOf(t *testing.T, n int, prediction string) *Schedule {
	p := Epsilon
	if prediction == "sample" {
		p = Sample
	}
	s, err := NewSchedule(n, p)
	require.NoError(t, err)
	return s
}

// Noise levels are within 1e-6 of diffusers', of their own size; timesteps are the same.
func TestSchedules(t *testing.T) {
	r := recorded(t)
	for _, want := range r.Schedules {
		s := scheduleOf(t, want.Steps, want.Prediction)
		require.Equal(t, want.Timesteps, s.Timesteps())
		for i, v := range s.Sigmas() {
			require.InDelta(t, want.Sigmas[i], v, 1e-6*float64(want.Sigmas[i]))
		}
	}
	for i, v := range trainingSigmas() {
		require.InDelta(t, r.TrainingSigmas[i], v, 1e-6*float64(v), i)
	}
}

func TestStarts(t *testing.T) {
	for _, want := range recorded(t).Starts {
		start, err := scheduleOf(t, want.Steps, "epsilon").StartAt(want.Strength)
		require.NoError(t, err)
		require.Equal(t, want.Executed, start.Executed(), "%d steps at strength %v", want.Steps, want.Strength)
		require.Equal(t, want.Executed == 0, start.None())
	}
}

// output stands for a network: ε = 0.25·x_in + 0.125·field.
func output(in []float32, k int) []float32 {
	out := field(4, 5, 6, k)
	for i := range out {
		out[i] = 0.25*in[i] + 0.125*out[i]
	}
	return out
}

func TestSampling(t *testing.T) {
	for _, want := range recorded(t).Runs {
		s := scheduleOf(t, want.Steps, want.Prediction)
		start, err := s.StartWith(want.Executed)
		require.NoError(t, err)
		x, in, x0 := make([]float32, 120), make([]float32, 120), make([]float32, 120)
		require.NoError(t, s.AddNoise(x, field(4, 5, 6, 1), field(4, 5, 6, 2), start.Index))
		near(t, want.Start, x, 1, "start")
		for k := range want.Executed {
			i := start.Index + k
			require.NoError(t, s.ScaleModelInput(in, x, i))
			near(t, want.Inputs[k], in, 1, "input")
			out := output(in, 10+k)
			require.NoError(t, s.Denoised(x0, x, out, i))
			near(t, want.Denoised[k], x0, s.Sigma(start.Index), "denoised")
			require.NoError(t, s.Step(x, out, i))
			near(t, want.Latents[k], x, s.Sigma(start.Index), "latents")
		}
		require.Equal(t, x0, x, "after the last step nothing but the picture is left, to the bit")
	}
}

func TestInpainting(t *testing.T) {
	r := recorded(t)
	soft := make([]float32, 40*48)
	for i := range soft {
		soft[i] = float32(float64(i*37%256) / 255)
		if y, x := i/48, i%48; y >= 8 && y < 24 && x >= 16 && x < 40 {
			soft[i] = 0.5
		}
	}
	m, err := NewMask(40, 48, soft)
	require.NoError(t, err)
	latent, err := m.Latent()
	require.NoError(t, err)
	require.Equal(t, r.Mask.Latent, latent.Values)
	for _, want := range r.Inpaint {
		s := scheduleOf(t, want.Steps, "epsilon")
		start, err := s.StartWith(want.Executed)
		require.NoError(t, err)
		z0, noise := field(4, 5, 6, 3), field(4, 5, 6, 4)
		x, in := make([]float32, 120), make([]float32, 120)
		require.NoError(t, s.InpaintNoise(x, z0, noise, start))
		near(t, want.Start, x, 1, "start")
		for k := range want.Executed {
			i := start.Index + k
			require.NoError(t, s.ScaleModelInput(in, x, i))
			require.NoError(t, s.Step(x, output(in, 20+k), i))
			require.NoError(t, s.InpaintBlend(x, z0, noise, latent, i))
			near(t, want.Latents[k], x, s.Sigma(start.Index), "latents")
		}
		for i, v := range latent.Values {
			if v == 0 {
				require.Equal(t, z0[i], x[i], "what is kept is the photograph's, to the bit")
			}
		}
	}
	nine := make([]float32, 9*30)
	require.NoError(t, InpaintInput(nine, field(4, 5, 6, 1), latent, field(4, 5, 6, 2)))
	require.Equal(t, field(4, 5, 6, 1), nine[:120])
	require.Equal(t, latent.Values, nine[120:150])
	require.Equal(t, field(4, 5, 6, 2), nine[150:])
}

func TestKeep(t *testing.T) {
	for _, want := range recorded(t).Keep {
		got, err := Keep(want.Start, want.End, want.Executed)
		require.NoError(t, err)
		require.Equal(t, want.Keep, got, "%d steps from %v to %v", want.Executed, want.Start, want.End)
	}
}

func TestRanges(t *testing.T) {
	want, v := recorded(t).Ranges, field(1, 1, 40, 7)
	quarter, got := make([]float32, len(v)), make([]float32, len(v))
	for i := range v {
		quarter[i] = (v[i] + 2) / 4
	}
	for _, c := range []struct {
		f    func(dst, v []float32) error
		in   []float32
		want []float32
	}{{ToEncoder, quarter, want.Normalize}, {FromDecoder, v, want.Denormalize}, {FromPosterior, v, want.Scaled}, {ToDecoder, v, want.Unscaled}} {
		require.NoError(t, c.f(got, c.in))
		for i := range got {
			require.InEpsilon(t, 1+math.Abs(float64(c.want[i])), 1+math.Abs(float64(got[i])), 2e-7)
			require.Equal(t, math.Signbit(float64(c.want[i])), math.Signbit(float64(got[i])))
		}
	}
}

// Deviates are those of the C library's functions to a float32's last bit, with a rounding's difference at most.
func TestNoiseReference(t *testing.T) {
	for _, want := range recorded(t).Noise {
		seed, err := strconv.ParseUint(want.Seed, 10, 64)
		require.NoError(t, err)
		got := make([]float32, 6*8*9)
		require.NoError(t, Noise{seed}.Fill(got, 6, image.Rect(want.X, want.Y, want.X+9, want.Y+8)))
		for i := range got {
			require.InDelta(t, want.Values[i], got[i], 1.2e-7*math.Abs(float64(want.Values[i])), i)
		}
	}
}

// Tiled VAEs join as diffusers' do, on stand-ins for networks that see a tile's mean, so that overlapping tiles disagree.
func TestVAETiles(t *testing.T) {
	part := func(from *Planes, r image.Rectangle) *Planes {
		p := NewPlanes(from.Channels, r.Dy(), r.Dx())
		for c := range p.Channels {
			mean := 0.0
			for y := range p.Height {
				copy(p.Row(c, y), from.Row(c, r.Min.Y+y)[r.Min.X:r.Max.X])
			}
			plane := p.Values[c*p.Height*p.Width:][:p.Height*p.Width]
			for _, v := range plane {
				mean += float64(v)
			}
			for i := range plane {
				plane[i] -= float32(mean / float64(len(plane)))
			}
		}
		return p
	}
	for _, want := range recorded(t).VAE {
		d, err := DecodeTiles(want.Height, want.Width, 64, 0.25)
		require.NoError(t, err)
		z := &Planes{4, want.Height, want.Width, field(4, want.Height, want.Width, 5)}
		var tiles []*Planes
		for i := range d.Len() {
			p := part(z, d.Source(i))
			big := NewPlanes(3, 8*p.Height, 8*p.Width)
			for k := range big.Values {
				c, y, x := k/big.Width/big.Height, k/big.Width%big.Height, k%big.Width
				big.Values[k] = p.Row(c, y/8)[x/8] + float32(x%8)/16
			}
			tiles = append(tiles, big)
		}
		out := NewPlanes(3, 8*want.Height, 8*want.Width)
		require.NoError(t, d.Join(out, tiles))
		var every []float32
		for i := 0; i < len(out.Values); i += 29 {
			every = append(every, out.Values[i])
		}
		near(t, want.Decoded, every, 1, "decoded")

		e, err := EncodeTiles(8*want.Height, 8*want.Width, 64, 0.25)
		require.NoError(t, err)
		picture := &Planes{3, 8 * want.Height, 8 * want.Width, field(3, 8*want.Height, 8*want.Width, 6)}
		tiles = nil
		for i := range e.Len() {
			p := part(picture, e.Source(i))
			small := NewPlanes(4, p.Height/8, p.Width/8)
			for k := range small.Values {
				c, y, x := k/small.Width/small.Height, k/small.Width%small.Height, k%small.Width
				sum := 0.0
				for j := range 64 {
					sum += float64(p.Row(c%3, 8*y+j/8)[8*x+j%8])
				}
				small.Values[k] = float32(sum / 64)
			}
			tiles = append(tiles, small)
		}
		out = NewPlanes(4, want.Height, want.Width)
		require.NoError(t, e.Join(out, tiles))
		near(t, want.Encoded, out.Values, 1, "encoded")
	}
}
