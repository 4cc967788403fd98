package segment

import (
	"slices"

	"github.com/realedit/realedit"
)

// gateFacts are what the gate decides on: whether what looks like sky is one. Means are over the grid's places with a probability above one half.
type gateFacts struct {
	share     float32 // of such places
	score     float32 // what the pixels say
	certain   float32 // mean probability
	blue      float32 // mean of −b
	bluer     float32 // by how much b lies under the rest's mean
	lighter   float32 // by how much L lies above the rest's mean
	contrast  float32 // median colour difference over the lower border, CIE76
	top       float32 // share of columns that reach the top
	unsure    float32 // places between 0.2 and 0.8, over those above one half
	green     float32 // share of the picture that is leaf green
	warm      float32 // share of the picture with the colour of wood, skin and lamp light
	upright   float32 // share of the cut's border that is straight and steep
	longLines float32 // horizontal against vertical lines in the picture
}

// The scores from which there is a sky: by default, where the scene is known to be outdoors, and where Force says so.
const (
	gateScore     = 0.75
	gateOutdoors  = -1.5
	gateUncertain = 0 // from here to the gate something may be sky
)

// judge weighs the pixels' evidence. Every term runs from against to for; together they are 0 where nothing is known.
func (v *skyView) judge() gateFacts {
	f, p := v.f, v.probable
	n := float32(len(p.v))
	var g gateFacts
	var in, l, b, outL, outB float32
	for i, q := range p.v {
		if q > 0.2 && q < 0.8 {
			g.unsure++
		}
		if f.a.v[i] < -6 && f.b.v[i] > 6 {
			g.green += 1 / n
		}
		if f.a.v[i] > 4 && f.b.v[i] > 8 {
			g.warm += 1 / n
		}
		if q > 0.5 {
			in++
			g.certain += q
			l += f.l.v[i]
			b += f.b.v[i]
		} else {
			outL += f.l.v[i]
			outB += f.b.v[i]
		}
	}
	g.share = in / n
	if g.share < 0.005 {
		g.score = -9
		return g
	}
	out := max(n-in, 1)
	g.certain, g.unsure = g.certain/in, g.unsure/in
	g.blue, g.bluer, g.lighter = -b/in, outB/out-b/in, l/in-outL/out
	g.contrast, g.top = v.lowerBorder()
	g.upright = uprightShare(v.cut, 7)
	g.longLines = f.vertical
	g.score = 2*ramp(g.certain, .6, .95) - 1 +
		1.5*ramp(g.blue, -4, 10) - .6 +
		.8*ramp(g.contrast, 8, 30) - .4 +
		.8*ramp(g.top, .05, .4) - .3 +
		.6*ramp(g.bluer, 2, 15) - .3 +
		.6*ramp(g.lighter, 0, .3) - .3 +
		.5*ramp(g.longLines, -.1, .3) - .25 +
		.5*ramp(g.green, 0, .15) -
		.8*ramp(g.warm, .15, .5) -
		.5*ramp(g.unsure, .5, 1.5) -
		1.5*ramp(g.upright, .2, .5)*(1-ramp(g.blue, 4, 12))
	return g
}

// pale is how much speaks against a colourless sky that is not far lighter than the rest: ceilings are a stop above their walls and less, a
// clouded sky one to four above the ground. L of 0.95 and 0.72 are a stop apart. A merge draws levels together, so it is asked of single photos only.
func (v *skyView) pale() float32 {
	if v.light.merged {
		return 0
	}
	return (1 - ramp(v.gate.blue, 4, 12)) * (1 - ramp(v.gate.lighter, .2, .35))
}

// lowerBorder is the median colour difference between seven rows of the grid across the sky's lower border, and the share of columns that reach the top two rows.
func (v *skyView) lowerBorder() (contrast, top float32) {
	f, p := v.f, v.probable
	var all []float32
	for x := range f.w {
		if p.v[x] > 0.5 || f.h > 1 && p.v[f.w+x] > 0.5 {
			top += 1 / float32(f.w)
		}
		for y := range f.h - 1 {
			i := y*f.w + x
			if p.v[i] > 0.5 && p.v[i+f.w] <= 0.5 {
				u, d := max(y-3, 0)*f.w+x, min(y+4, f.h-1)*f.w+x
				dl, da, db := 100*(f.l.v[u]-f.l.v[d]), f.a.v[u]-f.a.v[d], f.b.v[u]-f.b.v[d]
				all = append(all, sqrt32(dl*dl+da*da+db*db))
			}
		}
	}
	if len(all) == 0 {
		return 0, top
	}
	slices.Sort(all)
	return all[len(all)/2], top
}

// uprightShare is the share of the cut's border (pixels with a 4-neighbour on the other side; the picture's edge is no border) along which it
// runs steeper than 60° and, over reach pixels either way, within half a pixel of a line: walls and windows have such borders, skies few.
func uprightShare(m *skyPlane, reach int) float32 {
	border := make([]bool, len(m.v))
	w, h := m.w, m.h
	for i, v := range m.v {
		x := i % w
		border[i] = v > 0.5 && (x > 0 && m.v[i-1] <= 0.5 || x+1 < w && m.v[i+1] <= 0.5 || i >= w && m.v[i-w] <= 0.5 || i+w < len(m.v) && m.v[i+w] <= 0.5)
	}
	var n, upright float32
	for i, b := range border {
		if !b {
			continue
		}
		n++
		var c, sx, sy, sxx, sxy, syy float64
		for dy := -reach; dy <= reach; dy++ {
			for dx := -reach; dx <= reach; dx++ {
				if x, y := i%w+dx, i/w+dy; x >= 0 && y >= 0 && x < w && y < h && border[y*w+x] {
					u, v := float64(dx), float64(dy)
					c++
					sx += u
					sy += v
					sxx += u * u
					sxy += u * v
					syy += v * v
				}
			}
		}
		if c < float64(reach) {
			continue
		}
		xx, xy, yy := sxx/c-sx*sx/c/c, sxy/c-sx*sy/c/c, syy/c-sy*sy/c/c
		least := (xx+yy)/2 - float64(sqrt32(float32((xx-yy)*(xx-yy)/4+xy*xy)))
		if least < 0.25 && yy > 3*xx {
			upright++
		}
	}
	if n == 0 {
		return 0
	}
	return upright / n
}

// withLight is the score with what exposure and bracket tell.
func (v *skyView) withLight() float32 {
	s := v.gate.score
	if v.gate.share < 0.005 {
		return s
	}
	if l := v.light; l.known {
		s += 1.5*ramp(float32(l.value), anyLight, dayLight) - 0.75*(1-ramp(float32(l.value), roomLight-4, roomLight))
	}
	s -= 1.5*ramp(float32(v.light.ratio), outdoorStops, windowStops) + 1.5*v.pale()
	return s
}

// verdict of the gate for a scene.
type verdict uint8

const (
	noSky verdict = iota
	maybeSky
	isSky
)

func (v *skyView) decide(scene realedit.SceneKind) verdict {
	s := v.withLight()
	switch {
	case scene == realedit.SceneInterior || v.share < 0.005:
		return noSky
	case v.model || s >= gateScore || scene == realedit.SceneExterior && s >= gateOutdoors:
		return isSky
	case s >= gateUncertain || scene == realedit.SceneExterior && v.share >= 0.02:
		return maybeSky
	}
	return noSky
}
