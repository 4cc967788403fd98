package sampler

import (
	"hash/fnv"
	"image"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

// The known answers of Random123 1.14.0, tests/kat_vectors, lines "philox4x32 10": zeros, ones, digits of π.
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, k := range [][10]uint32{
		{0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
		{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
	} {
		a, b, c, d := philox(k[0], k[1], k[2], k[3], k[4], k[5])
		require.Equal(t, [4]uint32(k[6:]), [4]uint32{a, b, c, d})
	}
}

// Logarithm, sine and cosine against package math, with the words at which anything may go wrong: ends, quarters, eighths, powers of two.
func TestBoxMullerFunctions(t *testing.T) {
	words := []uint32{0, 1, 2, math.MaxUint32, math.MaxUint32 - 1}
	for k := range 32 {
		words = append(words, 1<<k, 1<<k-1, 1<<k+1, -(1 << k), uint32(float64(uint32(1<<k))*math.Sqrt2))
	}
	for k := uint32(0); k < 1<<20; k++ {
		words = append(words, k*2654435761)
	}
	for _, w := range words {
		u := (float64(w) + 0.5) / (1 << 32)
		require.InEpsilon(t, math.Log(u), logUnit(w), 1e-14, "ln of word %d", w)
		sin, cos := sinCosTurn(w)
		ws, wc := math.Sincos(2 * math.Pi * u)
		if math.Abs(ws-sin) > 2e-15 || math.Abs(wc-cos) > 2e-15 { // 2πu is rounded for package math
			t.Fatalf("word %d: sine %v and cosine %v, want %v and %v", w, sin, cos, ws, wc)
		}
	}
	r, _ := boxMuller(0, 0)
	require.InDelta(t, 6.7638, r, 1e-3, "no deviate is larger")
}

// The field's bits on any machine. The sum was taken on amd64.
func TestNoiseBits(t *testing.T) {
	dst := make([]float32, 4*256*256)
	require.NoError(t, Noise{20261126}.Fill(dst, 4, image.Rect(0, 0, 256, 256)))
	sum := fnv.New64a()
	for _, v := range dst {
		b := math.Float32bits(v)
		sum.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
	}
	require.Equal(t, uint64(0xbb5c557ba5016638), sum.Sum64())
}

// Moments, correlations and the distribution itself of 2²⁰ deviates a seed; the limits are five standard errors.
func TestNoiseIsNormal(t *testing.T) {
	const w, h, channels = 512, 512, 4
	const n = w * h * channels
	fill := func(seed uint64) []float32 {
		dst := make([]float32, n)
		require.NoError(t, Noise{seed}.Fill(dst, channels, image.Rect(0, 0, w, h)))
		return dst
	}
	correlation := func(a, b []float32) float64 {
		var sum float64
		for i, v := range a {
			sum += float64(v) * float64(b[i])
		}
		return sum / float64(len(a))
	}
	limit := func(pairs int) float64 { return 5 / math.Sqrt(float64(pairs)) }
	var fields [][]float32
	for _, seed := range []uint64{0, 1, 2, 1 << 32, math.MaxUint64} {
		v := fill(seed)
		var m [5]float64
		var bins [64]int
		for _, f := range v {
			p := 1.0
			for k := range m {
				m[k] += p / n
				p *= float64(f)
			}
			bins[min(63, int(64*0.5*math.Erfc(-float64(f)/math.Sqrt2)))]++
		}
		require.InDelta(t, 0, m[1], limit(n), "mean")
		require.InDelta(t, 1, m[2], math.Sqrt(2)*limit(n), "variance")
		require.InDelta(t, 0, m[3], math.Sqrt(15)*limit(n), "third moment")
		require.InDelta(t, 3, m[4], math.Sqrt(96)*limit(n), "kurtosis")
		chi := 0.0
		for _, b := range bins {
			chi += (float64(b) - n/64) * (float64(b) - n/64) / (n / 64)
		}
		require.InDelta(t, 63, chi, 5*math.Sqrt(2*63), "64 classes of equal probability")
		require.InDelta(t, 0, correlation(v[:n-1], v[1:]), limit(n-1), "neighbours along x")
		require.InDelta(t, 0, correlation(v[:n-w], v[w:]), limit(n-w), "neighbours along y")
		for k := 1; k < channels; k++ {
			require.InDelta(t, 0, correlation(v[:w*h], v[k*w*h:][:w*h]), limit(w*h), "channels 0 and %d", k)
		}
		squares := make([]float32, n) // a pair of Box and Muller shares its radius: squares must not show it
		for i, f := range v {
			squares[i] = (f*f - 1) / math.Sqrt2
		}
		require.InDelta(t, 0, correlation(squares[:w*h], squares[w*h:][:w*h]), limit(w*h), "squares of a pair")
		require.InDelta(t, 0, correlation(squares[:n-1], squares[1:]), limit(n-1), "squares along x")
		for _, other := range fields {
			require.InDelta(t, 0, correlation(v, other), limit(n), "seeds")
		}
		fields = append(fields, v)
	}
}

// The noise of a part is the part of the noise, with as many channels as are asked for.
func TestNoiseOfAPart(t *testing.T) {
	whole := NewPlanes(6, 40, 50)
	require.NoError(t, Noise{7}.Fill(whole.Values, 6, image.Rect(0, 0, 50, 40)))
	for _, r := range []image.Rectangle{image.Rect(0, 0, 1, 1), image.Rect(49, 39, 50, 40), image.Rect(3, 5, 47, 21), image.Rect(0, 7, 50, 8)} {
		for channels := 1; channels <= 6; channels++ {
			part := NewPlanes(channels, r.Dy(), r.Dx())
			require.NoError(t, Noise{7}.Fill(part.Values, channels, r))
			for c := range channels {
				for y := range r.Dy() {
					require.Equal(t, whole.Row(c, r.Min.Y+y)[r.Min.X:r.Max.X], part.Row(c, y))
				}
			}
		}
	}
	for _, c := range []struct {
		n, channels int
		r           image.Rectangle
	}{{4, 0, image.Rect(0, 0, 1, 1)}, {3, 4, image.Rect(0, 0, 1, 1)}, {0, 4, image.Rect(5, 5, 5, 9)}, {4, 4, image.Rect(-1, 0, 0, 1)}, {4, 4, image.Rect(0, -1, 1, 0)}} {
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(Noise{}.Fill(make([]float32, c.n), c.channels, c.r)), "%v", c)
	}
}

func BenchmarkNoise(b *testing.B) {
	const w, h = 1024, 128
	dst := make([]float32, 4*w*h)
	for b.Loop() {
		if err := (Noise{1}).Fill(dst, 4, image.Rect(0, 0, w, h)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(dst))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mnormals/s")
}
