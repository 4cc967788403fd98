// Package scene renders houses and rooms with exact truth: linear radiance, masks, illuminants, exposure values and motion.
//
// It is a small ray caster. Flat surfaces carry light maps solved per group of lights (daylight, sun, lamps) with several bounces, so a
// room costs about a second and each view of it a few more; the same solution gives the coloured and the neutral render. A [Camera] turns radiance into
// photographs with shot noise, a soft shoulder and sRGB encoding, [Scene.Bracket] takes whole brackets, hand-held or with somebody walking
// through, and [WriteJPEG] writes them with the EXIF of a plausible camera.
//
// Everything is a function of the options: the same options give the same bytes for any number of threads.
package scene

import (
	"fmt"
	"slices"
	"sync"
)

// Scene is one view with its truth. All maps are W·H in row order; colour is interleaved linear sRGB (D65 white). Radiance is
// scaled so that at EV 0 a room's surfaces average Key; nothing in it is clipped.
// The caller owns it; its methods only read it and are safe for concurrent use.
type Scene struct {
	Name     string
	W, H     int
	Radiance []float32 // what the camera sees
	Neutral  []float32 // the same scene with every light replaced by D65 of the same luminance: the target of white balance

	Window  []float32 // share of the pixel that shows the outside through glass (interiors), 0..1
	Opening []float32 // the same with window frames and muntins: the whole opening
	Sky     []float32 // share of sky, through windows too
	Wall    []float32 // share of painted wall

	Sun      *Sun    // where the sun stands (exteriors); nil indoors
	WindowEV float64 // log2 of the outside's mean luminance over the room's (interiors), measured on this view

	stage *stage
	room  *room
}

// Key is the mean luminance of a room's surfaces at EV 0, in linear light.
const Key = 0.18

// Lighting says what lights a room.
type Lighting struct {
	DayCCT    float64 // daylight, kelvin (0: 6504)
	LampCCT   float64 // lamps, kelvin (0: 2700)
	LampShare float64 // share of the room's luminance that comes from lamps, 0..1
}

// Common lightings for rooms.
var (
	Daylight6500 = Lighting{6504, 2700, 0}
	Lamps2700    = Lighting{6504, 2700, 0.92}
	Lamps4000    = Lighting{6504, 4000, 0.92}
	Mixed        = Lighting{6504, 2700, 0.45}
)

// InteriorOptions chooses a room and a view. The zero value is a beige living room in daylight, 1200 × 800.
type InteriorOptions struct {
	W, H     int // 0: 1200 × 800
	Room     RoomKind
	Wall     WallColour
	Light    Lighting // zero: Daylight6500
	View     int      // 0..2: from the left corner, from the right corner, from the middle of the back wall
	WindowEV float64  // stops from the room to the view outside (0: 5.5; useful 4..7)
	Sun      bool     // direct sun falls into the room
	// OneLight sets the lights for the room's first view, whatever View is, so that all views show the same radiance; else
	// each view averages Key and has Light's share of lamps.
	OneLight bool
	Samples  int // samples per pixel side (0: 2)
	Seed     uint32
}

type roomKey struct {
	k    RoomKind
	c    WallColour
	sun  bool
	seed uint32
}

var rooms sync.Map // roomKey → func() *room; solved rooms are a few megabytes each

func solvedRoom(key roomKey) *room {
	f, _ := rooms.LoadOrStore(key, sync.OnceValue(func() *room { return buildRoom(key.k, key.c, key.sun, key.seed) }))
	return f.(func() *room)()
}

// Interior renders a room. Views of the same room share one solution of its light.
func Interior(o InteriorOptions) *Scene {
	if o.Light == (Lighting{}) {
		o.Light = Daylight6500
	}
	if o.WindowEV == 0 {
		o.WindowEV = 5.5
	}
	key := roomKey{o.Room % 3, o.Wall % 4, o.Sun, o.Seed}
	r := solvedRoom(key)
	n := len(r.cameras)
	view := ((o.View % n) + n) % n
	st := newStage(r.w, r.cameras[view], o.W, o.H, o.Samples)
	st.lightRoom(o.Light, o.WindowEV)
	if o.OneLight && view != 0 {
		first := newStage(r.w, r.cameras[0], o.W, o.H, o.Samples)
		first.lightRoom(o.Light, o.WindowEV)
		st.lum, st.colour = first.lum, first.colour
		st.w.outGain, st.w.emitGain, st.w.glowGain = first.w.outGain, first.w.emitGain, first.w.glowGain
	}
	s := finish(st, fmt.Sprintf("%v-%v-view%d", key.k, key.c, view))
	s.room = r
	return s
}

func newStage(w *world, c camera, width, height, ss int) *stage {
	if width <= 0 || height <= 0 {
		width, height = 1200, 800
	}
	if ss <= 0 {
		ss = 2
	}
	own := *w // gains belong to the view, light maps to the room
	own.outGain, own.emitGain = 1, 1
	return &stage{w: &own, cam: c, width: width, height: height, ss: ss}
}

// small is the stage at a size that is enough for measuring.
func (s *stage) small() *stage {
	c := *s
	w := *s.w
	c.w = &w
	k := 96.0 / float64(max(s.width, s.height))
	c.width, c.height, c.ss = max(1, int(float64(s.width)*k)), max(1, int(float64(s.height)*k)), 1
	c.segs = nil
	return &c
}

// measure is the trimmed mean luminance of the surfaces, and of the outside, under the given group weights.
func (s *stage) measure(weights [groups]float64, out, emit float64) (surfaces, outside float64) {
	c := s.small()
	c.w.outGain, c.w.emitGain = out, emit
	c.lum = weights
	for g := range groups {
		c.colour[g] = grey(weights[g])
	}
	b := c.render(Identity)
	var a, o []float64
	for i := range b.window {
		l := vec{float64(b.neutral[3*i]), float64(b.neutral[3*i+1]), float64(b.neutral[3*i+2])}.lum()
		if b.window[i] > 0.5 {
			o = append(o, l)
		} else if b.opening[i] == 0 && b.sky[i] == 0 {
			a = append(a, l)
		}
	}
	mean := func(v []float64) float64 {
		slices.Sort(v)
		v = v[len(v)/20 : len(v)-len(v)/20]
		sum := 0.0
		for _, x := range v {
			sum += x
		}
		return sum / max(float64(len(v)), 1)
	}
	return mean(a), mean(o)
}

// lightRoom sets the colours and strengths of the groups so that the room's mean is Key and the outside lies windowEV above it.
func (s *stage) lightRoom(l Lighting, windowEV float64) {
	if l.DayCCT == 0 {
		l.DayCCT = 6504
	}
	if l.LampCCT == 0 {
		l.LampCCT = 2700
	}
	share := clamp(l.LampShare, 0, 1)
	day, out := s.measure([groups]float64{1, 1, 0}, 1, 0)
	lamps, _ := s.measure([groups]float64{0, 0, 1}, 1, 0)
	if lamps == 0 {
		share = 0 // a room without lamps
	}
	kd, kl := (1-share)*Key/day, share*Key/max(lamps, 1e-9)
	dayRGB, lampRGB := toVec(IlluminantRGB(l.DayCCT)), toVec(IlluminantRGB(l.LampCCT))
	// The outside keeps its own level when the room's daylight is dimmed towards 0 (blinds, dusk).
	kd = max(kd, 1e-4)
	s.lum = [groups]float64{kd, kd, kl}
	s.colour = light{dayRGB.scale(kd), dayRGB.scale(kd), lampRGB.scale(kl)}
	if out > 0 {
		s.w.outGain = Key * exp2(windowEV) / (out * kd)
	}
	s.w.glowGain = Key / kd
	if kl > 0 {
		s.w.emitGain = Key * (4 + 14*share) / kl
	}
}

func finish(st *stage, name string) *Scene {
	b := st.render(Identity)
	s := &Scene{Name: name, W: st.width, H: st.height, Radiance: b.radiance, Neutral: b.neutral,
		Window: b.window, Opening: b.opening, Sky: b.sky, Wall: b.wall, stage: st}
	s.WindowEV = s.measureWindow()
	return s
}

func (s *Scene) measureWindow() float64 {
	var in, out, ni, no float64
	for i := range s.Window {
		l := vec{float64(s.Neutral[3*i]), float64(s.Neutral[3*i+1]), float64(s.Neutral[3*i+2])}.lum()
		if w := float64(s.Window[i]); w > 0.99 {
			out, no = out+l, no+1
		} else if s.Opening[i] == 0 {
			in, ni = in+min(l, 1), ni+1
		}
	}
	if no == 0 || ni == 0 {
		return 0
	}
	return log2(out / no / (in / ni))
}

// EvenWallOptions chooses a halo scene.
type EvenWallOptions struct {
	W, H     int // 0: 1200 × 800
	Wall     WallColour
	WindowEV float64 // 0: 5.5
	Samples  int
	Seed     uint32
}

// EvenWall is a window seen straight on in a wall of exactly constant radiance: whatever a merge adds around the window is a halo.
// Radiance on pixels with Wall = 1 is one colour, luminance Key.
func EvenWall(o EvenWallOptions) *Scene {
	if o.WindowEV == 0 {
		o.WindowEV = 5.5
	}
	w := &world{seed: o.Seed, texel: 0.08, bounces: 4}
	w.env = func(d vec) vec { return grey(0.16).lerp(grey(0.95), smooth(-0.12, 0.12, d.Y)) }
	v := &view{seed: o.Seed + 500, ground: -0.6, sky: SkyClouds, sunny: 1}
	w.outside = v.at
	c := toVec(o.Wall.Albedo())
	wall, white := plain(c), plain(grey(0.78))
	w.shell(6, 3, 4.4, wall, wall, plain(grey(0.3)), white, white)
	w.windowWall(6, 3, []opening{{2.15, 0.75, 3.85, 2.15}}, wall, white, 2, 2)
	w.solve()
	st := newStage(w, camera{pos: vec{3, 1.45, 3.5}, hfov: deg(58)}, o.W, o.H, o.Samples)
	st.lightRoom(Daylight6500, o.WindowEV)
	st.even, st.evenE = true, Key/c.lum()/st.lum[groupDay]
	return finish(st, fmt.Sprintf("evenwall-%v", o.Wall%4))
}
