package kernels

import (
	"math"
	"testing"
)

// Every binary16 number survives the way to binary32 and back; NaN stays NaN.
func TestHalfRoundTrip(t *testing.T) {
	for i := range 1 << 16 {
		h := Half(i)
		f := h.Float32()
		if f != f {
			if g := HalfFrom(f); g&0x7c00 != 0x7c00 || g&0x3ff == 0 {
				t.Fatalf("%#04x is NaN and came back as %#04x", i, g)
			}
			continue
		}
		if got := HalfFrom(f); got != h {
			t.Fatalf("%#04x is %g and came back as %#04x", i, f, got)
		}
		if exp, man := i>>10&31, float64(i&1023); exp < 31 {
			want := man / (1 << 24)
			if exp > 0 {
				want = (1 + man/1024) * math.Ldexp(1, exp-15)
			}
			if i&0x8000 != 0 {
				want = -want
			}
			if float64(f) != want {
				t.Fatalf("%#04x is %g, want %g", i, f, want)
			}
		}
	}
}

// Between two neighbours the nearer one is taken, at the middle the even one.
func TestHalfRounding(t *testing.T) {
	for i := range 0x7bff {
		a, b := Half(i), Half(i+1)
		mid := (a.Float32() + b.Float32()) / 2
		even := a
		if i%2 == 1 {
			even = b
		}
		below, above := math.Nextafter32(mid, -1), math.Nextafter32(mid, 1e9)
		if HalfFrom(mid) != even || HalfFrom(below) != a || HalfFrom(above) != b {
			t.Fatalf("around %g: %#04x %#04x %#04x", mid, HalfFrom(below), HalfFrom(mid), HalfFrom(above))
		}
		if HalfFrom(-below) != a|0x8000 {
			t.Fatalf("−%g is %#04x", below, HalfFrom(-below))
		}
	}
	for _, c := range []struct {
		f    float32
		want Half
	}{{65504, 0x7bff}, {65519.99, 0x7bff}, {65520, 0x7c00}, {1e30, 0x7c00}, {float32(math.Inf(-1)), 0xfc00}, {1e-30, 0}, {math.Float32frombits(0x80000001), 0x8000}} {
		if got := HalfFrom(c.f); got != c.want {
			t.Errorf("%g is %#04x, want %#04x", c.f, got, c.want)
		}
	}
}
