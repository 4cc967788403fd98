package sampler

import (
	"image"
	"math"
)

// Noise is a field of independent standard normal deviates over the latents of a whole picture, as a function of seed, channel, row and
// column. Tiles are given the part that lies under them, so that overlapping tiles share their noise; the same seed gives the same
// field whatever the tiles, the processor or the size of the picture.
//
// Channels come in groups of four. The words a, b, c, d of Philox4x32-10 with key (seed mod 2³², ⌊seed/2³²⌋) and counter (x, y, group, 0) give
// two pairs by Box and Muller 1958, the group's channels 0, 1 from (a, b) and 2, 3 from (c, d):
//
//	u = (a + ½)/2³²        v = (b + ½)/2³²        √(−2 ln u)·cos 2πv,  √(−2 ln u)·sin 2πv
//
// in float64, rounded to float32. No value lies beyond ±6.8. Logarithm, sine and cosine are computed here and not by package math, whose
// assembly on some processors has other last bits.
type Noise struct {
	Seed uint64
}

// Fill writes the field under r (in latents of the whole picture) into dst, planar [channels, r.Dy(), r.Dx()]. r must not be empty nor reach
// below 0, channels be at least 1 and dst have that many values; else CodeBadOption.
func (n Noise) Fill(dst []float32, channels int, r image.Rectangle) error {
	if channels < 1 || r.Empty() || r.Min.X < 0 || r.Min.Y < 0 || r.Max.X > math.MaxInt32 || r.Max.Y > math.MaxInt32 {
		return bad("noise", "%d channels of %v", channels, r)
	}
	w, plane := r.Dx(), r.Dx()*r.Dy()
	if len(dst) != channels*plane {
		return bad("noise", "%d values for %d channels of %v", len(dst), channels, r)
	}
	spare := make([]float32, w) // what a last group of fewer than four channels leaves over
	for group := 0; 4*group < channels; group++ {
		for y := range r.Dy() {
			var rows [4][]float32
			for k := range rows {
				if rows[k] = spare; 4*group+k < channels {
					rows[k] = dst[(4*group+k)*plane+y*w:][:w]
				}
			}
			n.row(&rows, uint32(r.Min.X), uint32(r.Min.Y+y), uint32(group))
		}
	}
	return nil
}

// row fills the rows of a group's four channels from column x on.
func (n Noise) row(rows *[4][]float32, x, y, group uint32) {
	r0 := rows[0]
	r1, r2, r3 := rows[1][:len(r0)], rows[2][:len(r0)], rows[3][:len(r0)]
	k0, k1 := uint32(n.Seed), uint32(n.Seed>>32)
	for i := range r0 {
		a, b, c, d := philox(x+uint32(i), y, group, 0, k0, k1)
		v0, v1 := boxMuller(a, b)
		v2, v3 := boxMuller(c, d)
		r0[i], r1[i], r2[i], r3[i] = float32(v0), float32(v1), float32(v2), float32(v3)
	}
}

// boxMuller is the pair of deviates of two random words.
func boxMuller(a, b uint32) (float64, float64) {
	r := math.Sqrt(float64(-2 * logUnit(a))) // IEEE 754 has the root correctly rounded on every processor
	sin, cos := sinCosTurn(b)
	return float64(r * cos), float64(r * sin)
}

// logUnit is ln((a + ½)/2³²), to 10⁻¹⁴ of its value. With u = 2^e·m, √½ ≤ m < √2 and s = (m−1)/(m+1), ln u = e·ln 2 + 2(s + s³/3 + s⁵/5 + …).
func logUnit(a uint32) float64 {
	const rootHalf = 0x3FE6A09E667F3BCD // the bits of √½
	bits := math.Float64bits(float64((float64(a) + 0.5) * 0x1p-32))
	e := int64(bits-rootHalf) >> 52
	m := math.Float64frombits(bits - uint64(e)<<52)
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	p := 1.0/15 + float64(z*(1.0/17))
	p = 1.0/13 + float64(z*p)
	p = 1.0/11 + float64(z*p)
	p = 1.0/9 + float64(z*p)
	p = 1.0/7 + float64(z*p)
	p = 1.0/5 + float64(z*p)
	p = 1.0/3 + float64(z*p)
	p = 1 + float64(z*p)
	return float64(float64(e)*math.Ln2) + float64(2*float64(s*p))
}

// sinCosTurn are sine and cosine of (b + ½)/2³² of a turn, to 10⁻¹⁵. The nearest quarter turn is taken off in whole numbers, the rest, at most an
// eighth of a turn, goes into Taylor's series, and the quarters change sine for cosine and signs. There is no branch on the random bits.
func sinCosTurn(b uint32) (sin, cos float64) {
	quarter := (b + 1<<29) >> 30
	x := float64((float64(int32(b-quarter<<30)) + 0.5) * (2 * math.Pi / (1 << 32)))
	z := float64(x * x)
	p := -1.0/39916800 + float64(z*(1.0/6227020800-float64(z*(1.0/1307674368000)))) // 1/11!, 1/13!, 1/15!
	p = 1.0/362880 + float64(z*p)
	p = -1.0/5040 + float64(z*p)
	p = 1.0/120 + float64(z*p)
	p = -1.0/6 + float64(z*p)
	s := x + float64(float64(x*z)*p)
	q := -1.0/3628800 + float64(z*(1.0/479001600-float64(z*(1.0/87178291200)))) // 1/10!, 1/12!, 1/14!
	q = 1.0/40320 + float64(z*q)
	q = -1.0/720 + float64(z*q)
	q = 1.0/24 + float64(z*q)
	q = -0.5 + float64(z*q)
	c := 1 + float64(z*q)
	// Of x + k quarter turns the sine is s, c, −s, −c and the cosine c, −s, −c, s.
	sb, cb := math.Float64bits(s), math.Float64bits(c)
	swap := (sb ^ cb) & -uint64(quarter&1)
	sb, cb = sb^swap, cb^swap
	sb ^= uint64(quarter>>1&1) << 63
	cb ^= uint64((quarter>>1^quarter)&1) << 63
	return math.Float64frombits(sb), math.Float64frombits(cb)
}
