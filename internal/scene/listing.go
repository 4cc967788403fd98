package scene

import "time"

// Take is one set of the sample listing: how its scene is made and how it is photographed.
type Take struct {
	Name    string
	W, H    int
	Scene   func(w, h int) *Scene // at any size; W × H is the committed one
	Bracket BracketOptions
}

// Listing is the sample listing under testdata/listing, in the order it was taken. testdata/gen writes it; tests call Scene and Scene.Bracket to
// have the truth beside the files.
func Listing() []Take {
	const w, h = 1200, 800
	at := func(minute, second int) time.Time {
		return time.Date(2025, 5, 14, 10, minute, second, 240e6, time.FixedZone("", 2*3600))
	}
	room := func(o InteriorOptions) func(w, h int) *Scene {
		return func(w, h int) *Scene { o.W, o.H = w, h; return Interior(o) }
	}
	house := func(o ExteriorOptions) func(w, h int) *Scene {
		return func(w, h int) *Scene { o.W, o.H = w, h; return Exterior(o) }
	}
	three, five := []float64{0, -2, 2}, []float64{0, -2, 2, -4, 4}
	warm := AsShot(IlluminantRGB(2700), 0.35) // automatic white balance that stops half way
	takes := []Take{
		{"front", w, h, house(ExteriorOptions{Sky: SkyClouds}), BracketOptions{EVs: three, Start: at(2, 11), Shutter: 1.0 / 250, GPS: true}},
		{"side, single", w, h, house(ExteriorOptions{Sky: SkyOvercast, View: 1, Seed: 3}), BracketOptions{EVs: []float64{0}, Start: at(4, 40), Shutter: 1.0 / 160, GPS: true}},
		{"living room", w, h, room(InteriorOptions{Sun: true, WindowEV: 5.2}), BracketOptions{EVs: five, Base: -0.7, Start: at(12, 5), Shutter: 1.0 / 15}},
		{"living room, lamps lit", w, h, room(InteriorOptions{View: 1, Light: Mixed, WindowEV: 5}), BracketOptions{EVs: five, Base: -0.7, Camera: Camera{WB: warm}, Start: at(14, 31), Shutter: 1.0 / 8}},
		{"kitchen, somebody walks", w, h, room(InteriorOptions{Room: Kitchen, Wall: Red, View: 1}), BracketOptions{EVs: three, Base: -1, Ghost: true, Start: at(19, 48), Shutter: 1.0 / 10}},
		{"bedroom, hand-held", w, h, room(InteriorOptions{Room: Bedroom, Wall: Sage}), BracketOptions{EVs: three, Base: -1, Hand: 12, Start: at(24, 20), Shutter: 1.0 / 40, ISO: 800}},
		{"guest bedroom, upright, lamps", h, w, room(InteriorOptions{Room: Bedroom, Wall: White, Seed: 6, Light: Lamps2700}), BracketOptions{EVs: three, Base: -0.8, Camera: Camera{WB: warm}, Start: at(27, 2), Shutter: 1.0 / 5, Orientation: 6}},
	}
	n := 123
	for i := range takes {
		takes[i].Bracket.FileNumber = n
		takes[i].Bracket.Seed = uint32(i + 1)
		n += len(takes[i].Bracket.EVs)
	}
	return takes
}
