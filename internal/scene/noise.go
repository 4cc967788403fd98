package scene

import "math"

// hash mixes integers into 32 well-spread bits (Murmur3's finaliser); everything random here comes from it, so that a
// pixel's value depends on the seed and its position, never on the order of the work.
func hash(a ...uint32) uint32 {
	h := uint32(0x9e3779b9)
	for _, v := range a {
		h = Mix(h ^ (v + 0x7f4a7c15 + h<<6 + h>>2))
	}
	return h
}

// Mix is Murmur3's 32-bit finaliser.
func Mix(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

func hash2(seed uint32, x, y int) uint32 {
	return Mix(Mix(seed+uint32(x)*0x8da6b343) + uint32(y)*0xd8163841)
}

// rnd2 is hash2 as a number in [0, 1).
func rnd2(seed uint32, x, y int) float64 { return float64(hash2(seed, x, y)>>8) / (1 << 24) }

// rng is a small counter-based generator for building scenes.
type rng struct{ seed, n uint32 }

func (r *rng) float() float64 {
	r.n++
	return float64(hash(r.seed, r.n)>>8) / (1 << 24)
}
func (r *rng) between(a, b float64) float64 { return a + (b-a)*r.float() }

// value noise in [-1, 1] with features of size 1.
func noise2(seed uint32, x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int(fx), int(fy)
	u, v := x-fx, y-fy
	u, v = u*u*(3-2*u), v*v*(3-2*v)
	a, b := rnd2(seed, ix, iy), rnd2(seed, ix+1, iy)
	c, d := rnd2(seed, ix, iy+1), rnd2(seed, ix+1, iy+1)
	t := a + (b-a)*u
	s := c + (d-c)*u
	return 2*(t+(s-t)*v) - 1
}

// fbm sums octaves of noise2, each half as strong and twice as fine; octaves finer than the pixel's footprint fw
// (in the units of x and y) fade out instead of aliasing.
func fbm(seed uint32, x, y, fw float64, octaves int) float64 {
	sum, amp, f := 0.0, 0.5, 1.0
	for i := range octaves {
		k := fade(f * fw)
		if k == 0 {
			break
		}
		sum += amp * k * noise2(seed+uint32(i)*101, x*f, y*f)
		amp *= 0.5
		f *= 2
	}
	return sum
}

// fade is the share of a pattern left when one pixel covers c of its periods.
func fade(c float64) float64 { return clamp(2-3*c, 0, 1) }

// line is the coverage, in [0, 1], of a stroke of width w centred on multiples of period, seen through a box of width fw.
func line(x, period, w, fw float64) float64 {
	d := math.Abs(x - math.Round(x/period)*period)
	fw = max(fw, 1e-6)
	if fw > period {
		return w / period
	}
	lo, hi := max(d-fw/2, -w/2), min(d+fw/2, w/2)
	return clamp((hi-lo)/fw, 0, 1)
}
