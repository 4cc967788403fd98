package scene

import (
	"math"
	"testing"
	"time"
)

// The sun stands where almanacs put it: solstice and equinox at noon in Greenwich, and a sunset in Vaduz.
func TestSunAt(t *testing.T) {
	for _, c := range []struct {
		at            time.Time
		north, east   float64
		az, elevation float64
		tol           float64
	}{
		{time.Date(2025, 6, 21, 12, 1, 50, 0, time.UTC), 51.4779, 0, 180, 90 - 51.4779 + 23.44, 0.2},
		{time.Date(2025, 12, 21, 11, 58, 10, 0, time.UTC), 51.4779, 0, 180, 90 - 51.4779 - 23.44, 0.2},
		{time.Date(2025, 3, 20, 12, 7, 30, 0, time.UTC), 0, 0, 90, 90, 1.5},
		{time.Date(2025, 5, 14, 18, 51, 0, 0, time.UTC), Latitude, Longitude, 300, -0.8, 1},
	} {
		az, el := SunAt(c.at, c.north, c.east)
		if math.Abs(el-c.elevation) > c.tol || c.elevation < 89 && math.Abs(az-c.az) > 1 {
			t.Errorf("%v at %.2f, %.2f: azimuth %.2f, elevation %.2f, not %.2f and %.2f", c.at, c.north, c.east, az, el, c.az, c.elevation)
		}
	}
}

// What the files of the exteriors say of time, place and camera is true of the scene.
func TestExteriorsAgreeWithTheirEXIF(t *testing.T) {
	houses.Clear()
	unlit = true
	t.Cleanup(func() {
		houses.Clear()
		unlit = false
	})
	for _, k := range Exteriors() {
		s := k.Scene(96, 64)
		k.Bracket.EVs = k.Bracket.EVs[:1]
		p := s.Bracket(k.Bracket).Photos[0]
		az, el := SunAt(p.EXIF.Taken, Latitude, Longitude)
		if d := math.Abs(math.Remainder(p.EXIF.Heading+s.Sun.Azimuth-az, 360)); d > 0.05 || math.Abs(el-s.Sun.Elevation) > 0.05 {
			t.Errorf("%s: the sun is at %.2f, %.2f; the scene has it %.2f right of %.2f, at %.2f", k.Name, az, el, s.Sun.Azimuth, p.EXIF.Heading, s.Sun.Elevation)
		}
		if f := 18 / math.Tan(s.stage.cam.hfov/2); math.Abs(float64(p.EXIF.Focal35)-f) > 0.5 {
			t.Errorf("%s: focal length %d, the camera's is %.1f", k.Name, p.EXIF.Focal35, f)
		}
		lv := math.Log2(p.EXIF.FNumber*p.EXIF.FNumber/p.EXIF.Exposure()) - math.Log2(float64(p.EXIF.ISO)/100)
		if lo, hi := lightValues(s.Sun); lv < lo || lv > hi {
			t.Errorf("%s: light value %.1f is outside %g..%g", k.Name, lv, lo, hi)
		}
	}
}

func lightValues(s *Sun) (lo, hi float64) {
	if s.Elevation < 0 {
		return 4, 7
	}
	return 12.9, 15
}

func TestDusk(t *testing.T) {
	s := Exterior(ExteriorOptions{W: 240, H: 160, Sky: SkyDusk})
	row := func(y0, y1 int) (c [3]float64) {
		n := 0.0
		for i := y0 * s.W; i < y1*s.W; i++ {
			if s.Sky[i] == 1 {
				n++
				for k := range c {
					c[k] += float64(s.Radiance[3*i+k])
				}
			}
		}
		for k := range c {
			c[k] /= n
		}
		return c
	}
	top, low := row(0, 8), row(84, 96)
	if top[2] < 1.6*top[0] || low[0] < 1.3*low[2] {
		t.Errorf("from %.3f overhead to %.3f at the horizon: not from blue to orange", top, low)
	}
	lit := 0
	for i := range s.Sky {
		if s.Sky[i] == 0 && s.Radiance[3*i] > 2.5*s.Radiance[3*i+2] && lumAt(s.Radiance, i) > Key*2 {
			lit++
		}
	}
	if lit < 100 {
		t.Errorf("%d pixels of lit windows", lit)
	}
}

// In haze the white annex has the value of the sky beside it within a quarter of a stop.
func TestHazeHidesAWhiteWall(t *testing.T) {
	s := Exterior(ExteriorOptions{W: 480, H: 320, Sky: SkyHaze, View: 1, Bare: true})
	var d []float64
	for y := 110; y < 150; y++ { // the wall's right edge stands near x = 346
		for x := 335; x < 355; x++ {
			i := y*s.W + x
			if s.Sky[i] == 0 && s.Sky[i+2] == 1 {
				d = append(d, math.Log2(lumAt(s.Radiance, i+2)/lumAt(s.Radiance, i-1)))
			}
		}
	}
	if len(d) < 20 {
		t.Fatalf("%d pixels of the wall's edge", len(d))
	}
	for _, v := range d {
		if math.Abs(v) > 0.5 {
			t.Fatalf("the sky is %.2f stops over the wall", v)
		}
	}
}

// Glass that mirrors the sky is bright and is no sky.
func TestMirror(t *testing.T) {
	o := ExteriorOptions{W: 240, H: 160, Sky: SkyBlown, View: 1}
	plain := Exterior(o)
	o.Mirror = true
	s := Exterior(o)
	bright := 0
	for i := range s.Sky {
		if s.Sky[i] != plain.Sky[i] {
			t.Fatalf("pixel %d: glass changes the sky's truth", i)
		}
		if s.Sky[i] == 0 && lumAt(s.Radiance, i) > 3*lumAt(plain.Radiance, i) && lumAt(s.Radiance, i) > 1 {
			bright++
		}
	}
	if bright < 300 {
		t.Errorf("%d pixels of glass show the sky", bright)
	}
}

// Winter's trees cover much of the sky a little: pixels are partly sky by the twigs in them.
func TestWinter(t *testing.T) {
	o := ExteriorOptions{W: 240, H: 160, Sky: SkyOvercast}
	few := Exterior(o)
	o.Winter = true
	s := Exterior(o)
	part := func(s *Scene) (n int) {
		for _, v := range s.Sky {
			if v > 0.02 && v < 0.98 {
				n++
			}
		}
		return n
	}
	if a, b := part(s), part(few); a < b*5/4 {
		t.Errorf("%d pixels partly sky, %d without the winter trees", a, b)
	}
}
