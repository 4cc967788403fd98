package scene

import (
	"math"
	"time"
)

// Exteriors are views of the house under every sky, with what makes finding the sky hard: bare branches and wires down to a tenth of a
// pixel, haze against a white wall, dusk, the sky in the windows' glass. Time, position, heading, focal length and light value in the
// EXIF are those of the scene: the sun of Scene.Sun stands where SunAt puts it, and dusk has a light value of 5 to 6, day one of 13 to 15.
func Exteriors() []Take {
	three := []float64{0, -2, 2}
	list := []struct {
		name    string
		o       ExteriorOptions
		evs     []float64
		shutter float64
		iso     int
	}{
		{"clouds", ExteriorOptions{Sky: SkyClouds}, three, 1.0 / 250, 100},
		{"clouds, red, from the right", ExteriorOptions{Sky: SkyClouds, Wall: Red, View: 1, Seed: 2}, three[:1], 1.0 / 320, 100},
		{"clear", ExteriorOptions{Sky: SkyClear, View: 2, Seed: 5}, three, 1.0 / 250, 100},
		{"clear, no tree", ExteriorOptions{Sky: SkyClear, Wall: Sage, Bare: true}, three[:1], 1.0 / 250, 100},
		{"overcast", ExteriorOptions{Sky: SkyOvercast, View: 1, Seed: 3}, three[:1], 1.0 / 160, 100},
		{"overcast, white", ExteriorOptions{Sky: SkyOvercast, Wall: White, View: 2}, three, 1.0 / 125, 100},
		{"blown", ExteriorOptions{Sky: SkyBlown, View: 0}, three, 1.0 / 125, 100},
		{"blown, from the right", ExteriorOptions{Sky: SkyBlown, View: 1, Seed: 7}, three[:1], 1.0 / 125, 100},
		{"dusk", ExteriorOptions{Sky: SkyDusk}, three, 1.0 / 5, 400},
		{"dusk, from the right", ExteriorOptions{Sky: SkyDusk, View: 1, Wall: White, Seed: 3}, three[:1], 1.0 / 3, 400},
		{"winter, clear", ExteriorOptions{Sky: SkyClear, Winter: true}, three, 1.0 / 250, 100},
		{"winter, overcast", ExteriorOptions{Sky: SkyOvercast, Winter: true, View: 2, Seed: 4}, three[:1], 1.0 / 125, 100},
		{"winter, clouds, from the right", ExteriorOptions{Sky: SkyClouds, Winter: true, View: 1, Wall: White, Seed: 6}, three[:1], 1.0 / 250, 100},
		{"winter, dusk", ExteriorOptions{Sky: SkyDusk, Winter: true, View: 2, Seed: 8}, three, 1.0 / 4, 400},
		{"haze, white wall", ExteriorOptions{Sky: SkyHaze, Wall: White, View: 1}, three, 1.0 / 160, 100},
		{"haze, white wall, winter", ExteriorOptions{Sky: SkyHaze, Wall: White, View: 2, Winter: true, Seed: 9}, three[:1], 1.0 / 160, 100},
		{"glass, clouds", ExteriorOptions{Sky: SkyClouds, Mirror: true, View: 1}, three, 1.0 / 250, 100},
		{"glass, overcast", ExteriorOptions{Sky: SkyOvercast, Mirror: true, View: 2, Seed: 2}, three[:1], 1.0 / 160, 100},
		{"glass, blown", ExteriorOptions{Sky: SkyBlown, Mirror: true, View: 1, Seed: 3}, three[:1], 1.0 / 125, 100},
	}
	var takes []Take
	n := 301
	for i, l := range list {
		at := when(l.o.Sky, i)
		takes = append(takes, Take{Name: l.name, W: 1200, H: 800, Scene: func(w, h int) *Scene { o := l.o; o.W, o.H = w, h; return Exterior(o) },
			Bracket: BracketOptions{EVs: l.evs, Start: at, Shutter: l.shutter, ISO: l.iso, FileNumber: n,
				GPS: true, Heading: heading(l.o, at), Lens: true, Seed: uint32(i + 1)}})
		n += len(l.evs)
	}
	return takes
}

// when is the time at which the sky's sun stands as high as it does, some days after 14 May: in the morning, at dusk in the evening.
func when(k SkyKind, days int) time.Time {
	want := sunSeen(sunDirections[k], 0, false).Elevation
	from, to := 5, 13 // hours; the sun rises in between, or sinks
	if k == SkyDusk {
		from, to = 23, 17
	}
	day := time.Date(2025, 5, 14+days, 0, 0, 0, 0, time.FixedZone("", 2*3600))
	low, high := day.Add(time.Duration(from)*time.Hour), day.Add(time.Duration(to)*time.Hour)
	for range 40 {
		mid := low.Add(high.Sub(low) / 2)
		if _, e := SunAt(mid, Latitude, Longitude); e < want {
			low = mid
		} else {
			high = mid
		}
	}
	return low.Truncate(10 * time.Millisecond)
}

// heading is the compass direction of the view that puts the scene's sun where it stands at that time.
func heading(o ExteriorOptions, at time.Time) float64 {
	az, _ := SunAt(at, Latitude, Longitude)
	h := math.Mod(az-sunSeen(sunDirections[o.Sky], exteriorCameras[o.View].yaw, false).Azimuth+720, 360)
	if h == 0 {
		h = 360
	}
	return math.Round(h*100) / 100
}
