package scene

import (
	"math"
	"runtime"
	"slices"
	"testing"
)

func lumAt(m []float32, i int) float64 {
	return vec{float64(m[3*i]), float64(m[3*i+1]), float64(m[3*i+2])}.lum()
}

func TestSameBytesForAnyThreads(t *testing.T) {
	o := EvenWallOptions{W: 150, H: 101, Wall: Sage, Seed: 4}
	shoot := func() []uint8 {
		b := EvenWall(o).Bracket(BracketOptions{EVs: []float64{0, -3}, Hand: 5})
		return append(b.Photos[0].Pix, b.Photos[1].Pix...)
	}
	a := shoot()
	old := runtime.GOMAXPROCS(1)
	b := shoot()
	runtime.GOMAXPROCS(old)
	if !slices.Equal(a, b) {
		t.Fatal("one thread and many give different photos")
	}
	o.Seed++
	if slices.Equal(a, shoot()) {
		t.Fatal("the seed has no effect")
	}
}

func TestInteriorMasksAndLevels(t *testing.T) {
	o := InteriorOptions{W: 240, H: 160, WindowEV: 6}
	s := Interior(o)
	if math.Abs(s.WindowEV-6) > 0.6 {
		t.Errorf("window %.2f EV over the room, asked for 6", s.WindowEV)
	}
	var glass, sky, wall int
	darkest, brightest := math.Inf(1), 0.0
	for i := range s.Window {
		w, op, sk, wl := s.Window[i], s.Opening[i], s.Sky[i], s.Wall[i]
		if w < 0 || op > 1 || w > op || sk > w || op+wl > 1.0001 {
			t.Fatalf("pixel %d: window %g opening %g sky %g wall %g do not fit together", i, w, op, sk, wl)
		}
		l := lumAt(s.Radiance, i)
		if !(l >= 0) || math.IsInf(l, 0) {
			t.Fatalf("pixel %d has radiance %g", i, l)
		}
		if sk > 0.99 {
			sky++
			darkest = min(darkest, l)
		}
		if w > 0.99 {
			glass++
		}
		if wl > 0.99 {
			wall++
			brightest = max(brightest, l)
		}
	}
	if glass < 500 || sky < 20 || wall < 5000 {
		t.Fatalf("%d pixels of glass, %d of sky, %d of wall: not a room with a view", glass, sky, wall)
	}
	if darkest < 4*brightest {
		t.Errorf("the darkest sky (%.2f) should be stops over the brightest wall (%.2f)", darkest, brightest)
	}
}

func TestNeutralRender(t *testing.T) {
	o := InteriorOptions{W: 120, H: 80}
	day := Interior(o)
	for i := range day.Radiance {
		if d := math.Abs(float64(day.Radiance[i] - day.Neutral[i])); d > 0.004*float64(day.Neutral[i])+1e-6 {
			t.Fatalf("under D65 the neutral render is the picture itself; sample %d differs by %g", i, d)
		}
	}
	o.Light = Lamps2700
	warm := Interior(o)
	var rad, neu [3]float64
	for i := range warm.Wall {
		if warm.Wall[i] > 0.99 {
			for c := range 3 {
				rad[c] += float64(warm.Radiance[3*i+c])
				neu[c] += float64(warm.Neutral[3*i+c])
			}
		}
	}
	if rad[0]/rad[2] < 2.5*neu[0]/neu[2] {
		t.Errorf("walls under 2700 K have R/B %.2f, neutral %.2f: lamps do not look warm", rad[0]/rad[2], neu[0]/neu[2])
	}
	paint := Beige.Albedo()
	if q := neu[0] / neu[2] / (paint[0] / paint[2]); q < 0.9 || q > 2.2 {
		t.Errorf("neutral walls have %.2f times the paint's R/B", q)
	}
}

func TestEvenWallIsEven(t *testing.T) {
	s := EvenWall(EvenWallOptions{W: 150, H: 100, Wall: White})
	n := 0
	for i := range s.Wall {
		if s.Wall[i] == 1 {
			n++
			if l := lumAt(s.Radiance, i); math.Abs(l-Key) > 1e-3*Key {
				t.Fatalf("wall pixel %d has luminance %g, not %g", i, l, Key)
			}
		}
	}
	if n < s.W*s.H/4 {
		t.Fatalf("only %d pixels of wall", n)
	}
	if s.WindowEV < 5 {
		t.Errorf("window %.2f EV over the wall", s.WindowEV)
	}
}

func TestIlluminants(t *testing.T) {
	for c, v := range IlluminantRGB(6504) {
		if math.Abs(v-1) > 0.01 {
			t.Errorf("6504 K: channel %d is %.4f, not 1", c, v)
		}
	}
	last := math.Inf(1)
	for cct := 1800.0; cct < 12000; cct += 50 {
		c := IlluminantRGB(cct)
		if r := c[0] / c[2]; r > last*1.03 {
			t.Fatalf("R/B rises at %g K", cct)
		} else {
			last = r
		}
	}
	if g := AsShot(IlluminantRGB(2700), 1); math.Abs(g[2]*IlluminantRGB(2700)[2]-IlluminantRGB(2700)[1]) > 1e-9 {
		t.Error("full correction does not make white neutral")
	}
}

// The sky's edges are exact fractions, so a twig thinner than a pixel leaves part of the sky in it.
func TestExteriorSky(t *testing.T) {
	s := Exterior(ExteriorOptions{W: 240, H: 160, Sky: SkyOvercast})
	bare := Exterior(ExteriorOptions{W: 240, H: 160, Sky: SkyOvercast, Bare: true})
	var whole, part int
	for i := range s.Sky {
		if s.Sky[i] > bare.Sky[i]+1e-6 {
			t.Fatalf("pixel %d: twigs add sky", i)
		}
		if s.Sky[i] == 1 {
			whole++
		} else if bare.Sky[i] == 1 && s.Sky[i] > 0 {
			part++
			// what a wire does not cover is still the sky's light
			if got, most := lumAt(s.Radiance, i), lumAt(bare.Radiance, i); got > most || got < float64(s.Sky[i])*most*0.98 {
				t.Fatalf("pixel %d: luminance %.3f with %.2f of a sky of %.3f", i, got, s.Sky[i], most)
			}
		}
	}
	if whole < 8000 || part < 200 {
		t.Errorf("%d pixels of sky, %d partly covered", whole, part)
	}
}
