package scene

import "math"

// SkyKind is the weather.
type SkyKind uint8

// The skies a scene can have.
const (
	SkyClouds   SkyKind = iota // blue with fair-weather clouds
	SkyClear                   // blue without clouds
	SkyOvercast                // grey, with faint structure
	SkyBlown                   // white glare: three stops over an overcast sky, without structure
	SkyDusk                    // the sun three degrees below the horizon: deep blue to orange, lamps lit behind the windows
	SkyHaze                    // bright even haze with the light from behind the camera: a white wall has nearly the sky's value

	skyKinds
)

func (k SkyKind) String() string {
	return [...]string{"clouds", "clear", "overcast", "blown", "dusk", "haze"}[k%skyKinds]
}

// view is the land and sky around a building: the part of the world that is far enough to be painted on planes.
// White is 1: a perfect white surface in daylight has radiance 1.
type view struct {
	seed   uint32
	ground float64 // height of the land
	sky    SkyKind
	sunny  float64 // 0 overcast .. 1 sun
	sun    vec     // towards the sun, for skies that show where it is
	far    float64 // pushes all planes away by this many metres
	empty  bool    // no houses and trees in the foreground (a building of our own stands there)
}

func (v *view) skyColour(d vec, fw float64) vec {
	e := clamp(d.Y, 0, 1)
	switch v.sky {
	case SkyOvercast:
		n := fbm(v.seed+40, d.X/(d.Y+0.25)*1.3, d.Z/(d.Y+0.25)*1.3, 0, 5)
		return srgb(226, 230, 236).scale((0.92 + 0.25*e) * (1 + 0.13*n))
	case SkyBlown:
		return vec{6.4, 6.6, 6.8}
	case SkyDusk:
		return v.dusk(d)
	case SkyHaze:
		n := fbm(v.seed+42, d.X/(d.Y+0.4), d.Z/(d.Y+0.4), 0, 4)
		return srgb(211, 213, 216).scale((1 + 0.03*n) * (0.98 + 0.10*e))
	}
	c := srgb(206, 222, 238).lerp(srgb(82, 136, 206), math.Pow(e, 0.55)*0.95)
	if v.sky == SkyClouds {
		s := 1.0 / (d.Y + 0.14)
		x, z := d.X*s+3.1, d.Z*s*1.4
		n := fbm(v.seed+41, x*0.85, z*0.85, 0, 7)
		k := smooth(0.02, 0.30, n) * smooth(0, 0.06, d.Y)
		shadow := smooth(0.15, 0.55, fbm(v.seed+41, x*0.85+0.05, z*0.85-0.13, 0, 5))
		c = c.lerp(srgb(252, 250, 246).lerp(srgb(186, 194, 208), 0.75*shadow), 0.95*k)
	}
	return c
}

// dusk is the sky after sunset: an orange band over the sun, rose opposite, deep blue overhead, and a few streaks of cloud lit from below.
func (v *view) dusk(d vec) vec {
	e := clamp(d.Y, 0, 1)
	h := vec{d.X, 0, d.Z}.unit()
	near := h.dot(vec{v.sun.X, 0, v.sun.Z}.unit())
	band := vec{0.30, 0.24, 0.30}.lerp(vec{1.45, 0.66, 0.22}, smooth(-0.4, 1, near))
	c := band.lerp(vec{0.125, 0.175, 0.33}, smooth(-0.02, 0.30, e)).lerp(vec{0.022, 0.045, 0.13}, smooth(0.10, 0.62, e))
	n := fbm(v.seed+43, d.X/(d.Y+0.2)*0.7, d.Z/(d.Y+0.2)*2.6, 0, 5)
	return c.lerp(c.mul(vec{1.9, 1.15, 0.85}), 0.7*smooth(0.08, 0.4, n)*smooth(0, 0.05, d.Y)*smooth(0.6, 0.2, e))
}

// air is what a surface looks like through k of haze, whose daylight colour is c.
func (v *view) air(surface, c vec, k float64) vec {
	if v.sky == SkyDusk {
		c = vec{0.075, 0.07, 0.095}
	}
	return surface.lerp(c, k)
}

// at is the radiance along a ray that leaves the scene's own primitives, and whether it is sky.
func (v *view) at(o, d vec, fw float64) (vec, bool) {
	best := math.Inf(1)
	if d.Y < 0 {
		best = (v.ground - o.Y) / d.Y
	}
	lit := 0.55 + 0.45*v.sunny
	if v.sky == SkyDusk {
		lit = 0.11
	}
	plane := func(dist float64) (x, y, w float64, ok bool) {
		if d.Z >= -1e-6 {
			return
		}
		t := (-(dist + v.far) - o.Z) / d.Z
		if t <= 0 || t >= best {
			return
		}
		p := o.add(d.scale(t))
		return p.X, p.Y - v.ground, t * fw, true
	}
	if !v.empty {
		// a near shrub border and a picket fence
		if x, y, w, ok := plane(9); ok {
			top := 0.75 + 0.5*fbm(v.seed+1, x*0.8, 0.5, 0, 4) + 0.1*noise2(v.seed+2, x*9, y*9)
			if y < top {
				return v.leaves(x, y, w, srgb(74, 104, 48), 9).scale(lit * (0.45 + 0.6*y/max(top, 0.2))), false
			}
		}
		for i := range 3 {
			cx := -9 + 8.5*float64(i) + 4*rnd2(v.seed+5, i, 0)
			if c, ok := v.tree(plane, 15+1.5*float64(i), cx, 5.6+1.6*rnd2(v.seed+5, i, 1), 2.3+0.7*rnd2(v.seed+5, i, 2), uint32(i)); ok {
				return c.scale(lit), false
			}
		}
		if c, ok := v.houses(plane, 27); ok {
			return c.scale(lit), false
		}
	}
	for i := range 4 {
		cx := -30 + 17*float64(i) + 9*rnd2(v.seed+6, i, 0)
		if c, ok := v.tree(plane, 38+float64(i), cx, 6.5+3*rnd2(v.seed+6, i, 1), 3.6+1.4*rnd2(v.seed+6, i, 2), uint32(i+20)); ok {
			return v.air(c.scale(lit), srgb(170, 186, 204), 0.14), false
		}
	}
	if x, y, w, ok := plane(70); ok {
		top := 6.5 + 5*fbm(v.seed+8, x*0.06, 0.3, 0, 5) + 0.8*noise2(v.seed+9, x*1.2, y*1.2)
		if y < top {
			return v.air(v.leaves(x, y, w, srgb(84, 110, 76), 1.4).scale(lit), srgb(176, 192, 210), 0.35), false
		}
	}
	if !math.IsInf(best, 1) {
		p := o.add(d.scale(best))
		w := best * fw / math.Sqrt(max(-d.Y, 0.02))
		c := srgb(116, 130, 76)
		n := fbm(v.seed+10, p.X*0.4, p.Z*0.4, w*0.4, 4) + 0.8*fbm(v.seed+11, p.X*9, p.Z*9, w*9, 4)
		c = c.scale(max(0.2, 1+0.45*n))
		z := p.Z + v.far
		if road := smooth(-17.2, -17, z) - smooth(-22, -21.8, z); road > 0 && !v.empty {
			c = c.lerp(grey(0.16*(1+0.2*fbm(v.seed+12, p.X*6, p.Z*6, w*6, 4))), clamp(road, 0, 1))
		}
		return v.air(c.scale(lit), srgb(176, 192, 210), 0.25*smooth(20, 150, best)), false
	}
	return v.skyColour(d, fw), true
}

func (v *view) leaves(x, y, w float64, c vec, f float64) vec {
	n := fbm(v.seed+20, x*f/3, y*f/3, w*f/3, 5) + 0.8*fbm(v.seed+22, x*f*1.9, y*f*1.9, w*f*1.9, 3)
	h := 0.5 + 0.5*noise2(v.seed+21, x*0.7, y*0.7)
	return c.lerp(c.mul(vec{1.5, 1.25, 0.7}), 0.5*h).scale(max(0.12, 0.9+1.5*n))
}

func (v *view) tree(plane func(float64) (float64, float64, float64, bool), dist, cx, cy, r float64, id uint32) (vec, bool) {
	x, y, w, ok := plane(dist)
	if !ok || math.Abs(x-cx) > 1.7*r || y > cy+1.7*r {
		return vec{}, false
	}
	dx, dy := (x-cx)/r, (y-cy)/(r*1.15)
	n := fbm(v.seed+30+id, x*1.1/r*2.3, y*1.1/r*2.3, 0, 6)
	d := math.Hypot(dx, dy) + 0.75*n + 0.13*noise2(v.seed+34+id, x*7, y*7) + 0.1*noise2(v.seed+35+id, x*17, y*17)
	if d < 1 && fbm(v.seed+60+id, x*2.2, y*2.2, 0, 4) > -0.62+0.3*d {
		c := srgb(88, 122, 52)
		if id%3 == 1 {
			c = srgb(150, 128, 54)
		} else if id%3 == 2 {
			c = srgb(70, 108, 64)
		}
		light := clamp(0.62-0.35*dx+0.45*dy-0.5*n, 0.15, 1.4)
		return v.leaves(x, y, w, c, 6).scale(light), true
	}
	tw := 0.09*r + 0.04*(cy-y)
	if y < cy && math.Abs(x-cx-0.1*noise2(v.seed+id, y, 0)) < tw*0.7 {
		return srgb(92, 78, 66).scale(0.7 + 0.3*noise2(v.seed+33, x*30, y*6)*fade(w*30)), true
	}
	return vec{}, false
}

// houses is a row of houses across the street.
func (v *view) houses(plane func(float64) (float64, float64, float64, bool), dist float64) (vec, bool) {
	x, y, w, ok := plane(dist)
	if !ok || y > 9.5 {
		return vec{}, false
	}
	const pitch = 13.0
	i := int(math.Floor(x / pitch))
	r := func(k int) float64 { return rnd2(v.seed+70, i, k) }
	lx := x - float64(i)*pitch
	left, wide, eave := 1.5+1.2*r(1), 8.4+1.5*r(2), 5.2+0.6*r(3)
	u := lx - left
	if u < -0.4 || u > wide+0.4 {
		return vec{}, false
	}
	walls := [5]vec{srgb(206, 182, 150), srgb(168, 92, 72), srgb(226, 222, 212), srgb(150, 164, 170), srgb(216, 192, 120)}
	roofs := [3]vec{srgb(122, 72, 58), srgb(88, 86, 90), srgb(112, 92, 78)}
	wall, roof := walls[int(r(4)*5)], roofs[int(r(5)*3)]
	if y > eave {
		peak := eave + 3.1
		s := (y - eave) / (peak - eave)
		if r(6) < 0.5 { // gable towards us
			if a := math.Abs(u-wide/2) / (wide/2 + 0.4); a < 1-s {
				if a > 1-s-0.09 {
					return roof.scale(0.7), true
				}
				if math.Abs(u-wide/2) < 0.5 && s > 0.15 && s < 0.5 {
					return grey(0.05), true
				}
				return wall.scale(0.9 + 0.1*fbm(v.seed, x*3, y*3, w*3, 3)), true
			}
			return vec{}, false
		}
		if math.Abs(u-wide*0.8) < 0.45 && y < peak+0.9 && y > eave+1 {
			return srgb(140, 84, 70).scale(1 - 0.3*line(y, 0.22, 0.04, w)), true
		}
		if s < 1 && u > -0.4+s*1.1 && u < wide+0.4-s*1.1 {
			k := 1 - 0.35*line(y, 0.34, 0.07, w) + 0.2*fbm(v.seed+71, x*2.5, y*2.5, w*2.5, 3)
			return roof.scale(k * 0.95), true
		}
		return vec{}, false
	}
	if u < 0 || u > wide {
		return vec{}, false
	}
	const cols, rows = 4, 2
	sx, sy := wide/cols, eave/rows
	a, b := math.Mod(u, sx)-sx/2, math.Mod(y, sy)-sy*0.55
	cx, cy := int(u/sx), int(y/sy)
	if cy == 0 && cx == int(r(7)*cols) {
		if math.Abs(a) < 0.5 && y < 2.15 {
			return srgb(84, 56, 44).scale(1 - 0.3*line(a, 0.5, 0.04, w)), true
		}
	} else if ax, ay := math.Abs(a), math.Abs(b); ax < 0.62 && ay < 0.8 {
		if ax > 0.52 || ay > 0.70 || ax < 0.04 || math.Abs(b-0.1) < 0.03 {
			return grey(0.8), true
		}
		return srgb(90, 108, 126).scale(0.4 + 0.5*rnd2(v.seed+72, cx+9*i, cy) + 0.3*b), true
	}
	k := 0.94 + 0.12*fbm(v.seed+73, x*2, y*2, w*2, 4)
	k *= 0.72 + 0.28*smooth(0, 0.55, eave-y) // under the eave
	return wall.scale(k), true
}
