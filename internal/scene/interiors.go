package scene

import (
	"fmt"
	"time"
)

// Interiors are brackets of every room in every wall paint from every view, under daylight, sun, lamps and both, on a tripod and by hand, with
// somebody walking through now and then: 36 sets. The light value in their EXIF is 5 to 8.
func Interiors() []Take {
	lights := []Lighting{Daylight6500, Mixed, Lamps2700, Lamps4000}
	three, five := []float64{0, -2, 2}, []float64{0, -2, 2, -4, 4}
	start := time.Date(2025, 6, 3, 11, 0, 0, 0, time.FixedZone("", 2*3600))
	var takes []Take
	n := 1001
	for i := range 36 {
		room, wall, view := RoomKind(i/12), WallColour(i/3%4), i%3
		o := InteriorOptions{Room: room, Wall: wall, View: view, Light: lights[(i+i/3)%4], WindowEV: 4.6 + 0.4*float64(i%5), Sun: i%6 == 1, Seed: uint32(i / 3)}
		b := BracketOptions{EVs: three, Base: -0.8, Start: start.Add(time.Duration(i) * 3 * time.Minute), Shutter: 1.0 / 4, ISO: 100, FileNumber: n, Lens: true, GPS: true, Seed: uint32(i + 1)}
		if i%2 == 0 {
			b.EVs = five
		}
		if i%3 == 2 {
			b.Hand, b.Shutter, b.ISO = 10, 1.0/30, 800
		}
		if o.Light.LampShare > 0.9 {
			b.Shutter *= 2
			b.Camera.WB = AsShot(IlluminantRGB(o.Light.LampCCT), 0.35)
		}
		b.Ghost = i%9 == 4
		takes = append(takes, Take{Name: fmt.Sprintf("%v, %v, view %d", room, wall, view), W: 1200, H: 800,
			Scene: func(w, h int) *Scene { o := o; o.W, o.H = w, h; return Interior(o) }, Bracket: b})
		n += len(b.EVs)
	}
	return takes
}
