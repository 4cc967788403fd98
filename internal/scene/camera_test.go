package scene

import (
	"math"
	"testing"
)

func TestToneInverse(t *testing.T) {
	for _, c := range []Camera{{}, {Shoulder: 0.3}, {Shoulder: 0.95}} {
		last := -1.0
		for x := 0.0; x < 3 && c.Tone(x) < 1-1e-6; x += 0.01 {
			y := c.Tone(x)
			if y <= last || y > 1 {
				t.Fatalf("shoulder %g: tone(%g) = %g after %g", c.Shoulder, x, y, last)
			}
			last = y
			if back := c.Untone(y); math.Abs(back-x) > 1e-5 {
				t.Fatalf("untone(tone(%g)) = %g", x, back)
			}
		}
	}
}

func TestNoise(t *testing.T) {
	const w, h, level = 300, 200, 0.2
	flat := make([]float32, 3*w*h)
	for i := range flat {
		flat[i] = level
	}
	c := Camera{FullWell: 5000, Bits: 16, Shoulder: 1}
	_, p := c.Expose(flat, w, h, 0, 1)
	var sum, sq, cov float64
	x := make([]float64, len(p))
	for i, v := range p {
		x[i] = decodeSRGB(float64(v)/65535) - level
		sum += x[i]
		sq += x[i] * x[i]
	}
	for i := 3; i < len(x); i++ {
		cov += x[i] * x[i-3]
	}
	n := float64(len(x))
	want := math.Sqrt(level/5000 + 25/(5000.0*5000))
	if got := math.Sqrt(sq / n); math.Abs(got/want-1) > 0.02 {
		t.Errorf("noise %.5f, want %.5f", got, want)
	}
	if m := sum / n; math.Abs(m) > 4*want/math.Sqrt(n) {
		t.Errorf("noise has mean %g", m)
	}
	if r := cov / sq; math.Abs(r) > 0.02 {
		t.Errorf("neighbouring pixels correlate by %.3f", r)
	}
	_, q := c.Expose(flat, w, h, 0, 2)
	same := 0
	for i := range p {
		if p[i] == q[i] {
			same++
		}
	}
	if same > len(p)/50 {
		t.Errorf("two shots share %d of %d samples", same, len(p))
	}
}

func TestExposureIsDoubling(t *testing.T) {
	rad := []float32{0.05, 0.06, 0.07}
	c := Camera{FullWell: -1, Bits: 16}
	for ev := -2.0; ev <= 2; ev++ {
		_, p := c.Expose(rad, 1, 1, ev, 0)
		for k := range 3 {
			want := float64(rad[k]) * math.Exp2(ev)
			if got := decodeSRGB(float64(p[k]) / 65535); math.Abs(got-want) > 2e-5 {
				t.Errorf("EV %+g: %g, want %g", ev, got, want)
			}
		}
	}
}
