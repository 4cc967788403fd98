package scene

import (
	"fmt"
	"math"
	"sync"
)

// ExteriorOptions chooses a view of the house from the street. The zero value is a beige house under a blue sky with clouds, 1200 × 800.
type ExteriorOptions struct {
	W, H    int // 0: 1200 × 800
	Sky     SkyKind
	Wall    WallColour // colour of the main house; the annex is always white
	View    int        // 0: from the left, 1: from the right, close to the white annex, 2: straight on
	Samples int        // samples per pixel side (0: 2)
	Bare    bool       // no tree and no wires in front
	Winter  bool       // dense bare trees stand before the sky, down to twigs far thinner than a pixel
	Mirror  bool       // coated glass: the windows show the mirrored sky, which is no sky of the picture's
	Seed    uint32
}

type houseKey struct {
	sky    SkyKind
	wall   WallColour
	mirror bool
	seed   uint32
}

var houses sync.Map // houseKey → func() *world

// exteriorCameras are the views' cameras.
var exteriorCameras = [3]camera{
	{pos: vec{-8.2, 1.65, 0.5}, yaw: deg(23), hfov: deg(66), shift: 0.16},
	{pos: vec{9.5, 1.65, -1.5}, yaw: deg(-17), hfov: deg(68), shift: 0.17},
	{pos: vec{0.6, 1.65, 1.5}, yaw: deg(0), hfov: deg(66), shift: 0.15},
}

// Exterior renders the house. Its truth is the sky mask: twigs, wires, the antenna and the railings cover it by exact fractions.
func Exterior(o ExteriorOptions) *Scene {
	key := houseKey{o.Sky % skyKinds, o.Wall & 3, o.Mirror, o.Seed}
	f, _ := houses.LoadOrStore(key, sync.OnceValue(func() *world { return buildHouse(key) }))
	w := f.(func() *world)()
	view := ((o.View % 3) + 3) % 3
	st := newStage(w, exteriorCameras[view], o.W, o.H, o.Samples)
	one := [groups]float64{1, 1, 0}
	mean, _ := st.measure(one, 1, 0)
	k := Key * 1.15 / mean
	sun := toVec(IlluminantRGB(5600))
	st.lum = [groups]float64{k, k, 0}
	st.colour = light{grey(k), sun.scale(k), vec{}}
	if !o.Bare {
		st.segs = thin(o.Seed)
		if o.Winter {
			st.segs = append(st.segs, winter(o.Seed)...)
		}
		st.w.twigs = twigs(st.segs)
	}
	if key.sky == SkyDusk {
		st.dusk(0.34 * k)
	}
	s := finish(st, fmt.Sprintf("exterior-%v-%v-view%d", key.sky, key.wall, view))
	s.Sun = sunSeen(sunDirections[key.sky], st.cam.yaw, w.sun > 0)
	return s
}

// sunDirections point to the sun of each sky; behind an even one it stands where it shines at that hour, seen or not.
var sunDirections = func() (out [skyKinds]vec) {
	for k := range out {
		out[k] = vec{-0.66, 0.62, 0.52}
	}
	sn, cs := math.Sincos(deg(35))
	out[SkyDusk] = vec{sn, math.Tan(deg(-3)), -cs}
	return out
}()

const duskLamps = 2900 // kelvin

// dusk dims the daylight to what a photographer leaves of it in the blue hour, and lights the lamps. Thin things stand against the light.
func (s *stage) dusk(k float64) {
	for i := range s.segs {
		s.segs[i].col = s.segs[i].col.scale(0.12)
	}
	s.lum = [groups]float64{k, k, 1}
	s.colour = light{grey(k), grey(k), toVec(IlluminantRGB(duskLamps))}
	s.w.emitGain = 0.75
}

func buildHouse(key houseKey) *world {
	seed := key.seed
	w := &world{seed: seed, texel: 0.22, bounces: 3, open: true, mirror: key.mirror}
	v := &view{seed: seed + 900, sky: key.sky, far: 12, empty: true}
	w.outside = v.at
	switch key.sky {
	case SkyOvercast, SkyBlown:
		w.env = func(d vec) vec { return grey(0.12).lerp(grey(0.60+0.25*max(d.Y, 0)), smooth(-0.05, 0.05, d.Y)) }
	case SkyDusk:
		v.sun = sunDirections[SkyDusk]
		w.env = func(d vec) vec { return grey(0.03).lerp(v.dusk(d), smooth(-0.05, 0.05, d.Y)) }
		w.lit = true
		w.lamps = append(w.lamps, lamp{c: vec{0, 2.72, -14.1}, r: 0.09, power: 0.16})
	case SkyHaze:
		// The haze is brighter around the sun, which stands behind the camera, so that walls facing it are as bright as the sky behind them.
		w.env = func(d vec) vec { return grey(0.36).lerp(grey(0.78+0.50*d.Z), smooth(-0.05, 0.05, d.Y)) }
	default:
		v.sunny = 1
		w.sunDir, w.sun = sunDirections[key.sky].unit(), 1.15
		w.env = func(d vec) vec { return vec{0.10, 0.11, 0.09}.lerp(vec{0.20, 0.25, 0.33}, smooth(-0.05, 0.05, d.Y)) }
	}
	wall := stucco(toVec(key.wall.Albedo()).scale(0.92), seed)
	whiteWall, trim := stucco(grey(0.80), seed+1), plain(grey(0.80))
	dark := plain(srgb(52, 50, 50))
	roof := shingles(srgb(128, 74, 60), seed+2)
	stone := gravel(grey(0.34), seed+3, 9)

	// land
	w.quad(vec{-34, 0, 6}, vec{68, 0, 0}, vec{0, 0, -40}, lawn(seed+4))
	w.box(-34, 0, 3.2, 34, 0.06, 6.2, gravel(grey(0.22), seed+5, 30))
	w.box(-34, 0, 2.6, 34, 0.1, 3.2, stone)
	w.box(-0.9, 0, -15, 0.7, 0.03, 2.6, tiles(grey(0.36), grey(0.14), 0.4, seed+6))
	w.box(9.6, 0, -15, 12.8, 0.025, 2.6, gravel(grey(0.30), seed+7, 14))

	// main house: walls, gables, roof with an overhang
	const x0, x1, z0, z1, eave, ridge = -5.2, 5.2, -15.0, -23.0, 5.5, 8.8
	w.box(x0-0.02, 0, z0+0.03, x1+0.02, 0.55, z1, brick(srgb(128, 84, 66), grey(0.3), seed+8))
	w.box(x0, 0.55, z0, x1, eave, z1, wall)
	for _, s := range [2]float64{x0, x1} {
		u := vec{0, 0, z1 - z0}
		c := vec{s, eave, z0}
		if s == x0 {
			u, c = u.scale(-1), vec{s, eave, z1}
		}
		g := w.quad(c, u, vec{0, ridge - eave, 0}, wall)
		half := (z0 - z1) / 2
		g.clip = func(u, v float64) bool { return math.Abs(u-half) < half*(1-v/(ridge-eave)) }
		if (g.n.X < 0) != (s == x0) {
			g.n = g.n.scale(-1)
		}
	}
	const over = 0.55
	slope := (ridge - eave) / ((z0 - z1) / 2)
	for _, f := range [2]float64{1, -1} {
		zm := (z0 + z1) / 2
		foot := vec{x0 - over, eave - over*slope + 0.12, zm + f*((z0-z1)/2+over)}
		up := vec{0, ridge + 0.12 - foot.Y, zm - foot.Z}
		q := w.quad(foot, vec{x1 - x0 + 2*over, 0, 0}, up, roof)
		if q.n.Y < 0 {
			q.n = q.n.scale(-1)
		}
		q.both = true
		w.box(x0-over, foot.Y-0.16, foot.Z-0.02, x1+over, foot.Y+0.02, foot.Z+0.03, trim) // fascia
		w.box(x0-over, foot.Y-0.04, foot.Z+f*0.03, x1+over, foot.Y+0.06, foot.Z+f*0.14, plain(grey(0.42)))
	}
	w.box(2.3, 7.6, -18.2, 3.2, 10.0, -17.4, brick(srgb(140, 86, 68), grey(0.3), seed+9))
	w.box(2.22, 10.0, -18.28, 3.28, 10.12, -17.32, plain(grey(0.4)))
	w.object()
	w.cone(vec{2.6, 10.12, -17.8}, 0.35, 0.13, 0.11, plain(srgb(150, 90, 70)))
	w.cone(vec{x0 + 0.12, 0.3, z0 + 0.08}, eave-0.3, 0.045, 0.045, plain(grey(0.5)))
	w.cone(vec{x1 - 0.12, 0.3, z0 + 0.08}, eave-0.3, 0.045, 0.045, plain(grey(0.5)))

	r := &rng{seed: seed + 77}
	for _, y := range [2]float64{1.35, 3.75} {
		for _, x := range [4]float64{-3.9, -1.9, 1.9, 3.9} {
			w.facadeWindow(x, y, z0, 1.05, 1.35, 2, trim, r)
		}
	}
	w.facadeWindow(0, 3.9, z0, 0.8, 1.2, 1, trim, r)
	w.shutters(z0, plain(srgb(62, 88, 82)))

	// door, steps, porch with railing
	w.box(-0.55, 0.45, z0, 0.55, 2.65, z0+0.05, trim)
	w.box(-0.46, 0.45, z0+0.05, 0.46, 2.55, z0+0.07, plain(grey(0.2))).mat[5] = panels(srgb(120, 40, 36), 0.92, 2.1, 2, 3, 0.08)
	w.box(-1.5, 0, z0+0.02, 1.5, 0.45, z0+1.5, stone)
	w.box(-0.9, 0, z0+1.5, 0.9, 0.30, z0+1.8, stone)
	w.box(-0.9, 0, z0+1.8, 0.9, 0.15, z0+2.1, stone)
	w.box(-1.65, 2.85, z0, 1.65, 3.0, z0+1.65, trim)
	for _, x := range [2]float64{-1.4, 1.4} {
		w.turned(x, 0.45, z0+1.4, 0.13, 2.4, 0.13, 0, trim)
		w.railing(vec{x, 0.45, z0 + 0.1}, vec{x, 0.45, z0 + 1.35}, 0.85, trim)
	}
	w.railing(vec{-1.35, 0.45, z0 + 1.42}, vec{-0.92, 0.45, z0 + 1.42}, 0.85, trim)
	w.railing(vec{0.92, 0.45, z0 + 1.42}, vec{1.35, 0.45, z0 + 1.42}, 0.85, trim)

	// white annex with a flat roof: its wall stands straight against the sky, a railing on top
	w.box(x1, 0, -15.6, 9.4, 6.3, -22, whiteWall)
	w.facadeWindow(6.5, 3.9, -15.6, 1.5, 1.5, 2, dark, r)
	w.facadeWindow(8.3, 3.9, -15.6, 1.1, 1.5, 1, dark, r)
	w.facadeWindow(6.6, 1.2, -15.6, 1.7, 1.7, 2, dark, r)
	w.railing(vec{x1 + 0.2, 6.3, -15.75}, vec{9.3, 6.3, -15.75}, 0.95, dark)
	w.railing(vec{9.3, 6.3, -15.8}, vec{9.3, 6.3, -21.8}, 0.95, dark)
	w.box(9.4, 0, -16.2, 13, 2.9, -22, whiteWall)
	w.box(9.3, 2.9, -16.1, 13.1, 3.05, -22.1, dark)
	g := w.box(9.75, 0.02, -16.2, 12.65, 2.4, -16.14, trim)
	g.mat[5] = panels(grey(0.62), 2.9, 2.38, 4, 5, 0.07)

	// hedge and shrubs
	w.object()
	green := foliage(srgb(66, 92, 48), seed+10)
	for i := range 9 {
		x := -5 + 1.05*float64(i)
		if math.Abs(x) > 1.7 && x < 5 {
			w.ellipsoid(vec{x, 0.42, z0 + 0.75 + 0.1*r.float()}, vec{0.6, r.between(0.45, 0.62), 0.5}, green)
		}
	}
	w.box(-13.6, 0, -24, -13.0, 1.25, -2, foliage(srgb(62, 88, 46), seed+11))
	w.box(14.5, 0, -24, 15.1, 1.3, -2, foliage(srgb(62, 88, 46), seed+12))
	w.object()
	w.cone(vec{-10.2, 0, -9.5}, 8.2, 0.13, 0.1, wood(srgb(110, 92, 76), seed+13, false)) // the pole that carries the wires
	w.box(-11.1, 7.55, -9.56, -9.3, 7.67, -9.44, plain(srgb(96, 82, 70)))
	w.solve()
	return w
}

// facadeWindow is a framed pane in the wall z = at, with curtains behind it.
func (w *world) facadeWindow(x, y, at, lx, ly float64, cols int, frame *material, r *rng) {
	drawn := r.between(0.08, 0.3)
	tone := r.between(0.25, 0.5)
	glass := &material{avg: grey(0.06), gloss: 2.6, blur: 0.01, albedo: func(h *hit, fw float64) vec {
		d := min(h.u, lx-h.u)
		if d < drawn*lx {
			return grey(tone * (0.7 + 0.3*math.Sin(h.u*60)*fade(fw*10)))
		}
		return grey(0.025 + 0.03*h.v/ly)
	}}
	if w.mirror {
		glass.mirror, glass.gloss = 0.62, 1
	}
	if w.lit && rnd2(w.seed+90, int(x*10), int(y*10)) < 0.6 {
		// a lamp in the room: brightest over the middle, its light on the curtains at the sides
		glass.emit = func(h *hit) vec {
			u, v := h.u/lx-0.5, h.v/ly-0.6
			k := 0.55 + 0.8*math.Exp(-9*(u*u+v*v))
			if min(h.u, lx-h.u) < drawn*lx {
				k *= 0.55 * (1 + 0.25*math.Sin(h.u*60))
			}
			return grey(k)
		}
	}
	w.quad(vec{x - lx/2, y, at + 0.012}, vec{lx, 0, 0}, vec{0, ly, 0}, glass)
	const t = 0.07
	w.box(x-lx/2-t, y-t, at, x-lx/2, y+ly+t, at+0.05, frame)
	w.box(x+lx/2, y-t, at, x+lx/2+t, y+ly+t, at+0.05, frame)
	w.box(x-lx/2, y+ly, at, x+lx/2, y+ly+t, at+0.05, frame)
	w.box(x-lx/2-t-0.05, y-t-0.03, at, x+lx/2+t+0.05, y, at+0.12, frame)
	for i := 1; i < cols; i++ {
		m := x - lx/2 + lx*float64(i)/float64(cols)
		w.box(m-0.025, y, at, m+0.025, y+ly, at+0.035, frame)
	}
	w.box(x-lx/2, y+ly*0.64, at, x+lx/2, y+ly*0.64+0.03, at+0.03, frame)
}

func (w *world) shutters(at float64, m *material) {
	louvre := &material{avg: m.avg, albedo: func(h *hit, fw float64) vec {
		return m.avg.scale(1 - 0.5*line(h.v, 0.06, 0.02, fw))
	}}
	for _, y := range [2]float64{1.35, 3.75} {
		for _, x := range [4]float64{-3.9, -1.9, 1.9, 3.9} {
			for _, s := range [2]float64{-1, 1} {
				c := x + s*0.8
				w.box(c-0.17, y-0.05, at, c+0.17, y+1.4, at+0.04, louvre)
			}
		}
	}
}

// railing is two rails on thin balusters from a to b.
func (w *world) railing(a, b vec, h float64, m *material) {
	d := b.sub(a)
	n := max(2, int(d.length()/0.13))
	t := 0.011
	for i := range n + 1 {
		p := a.add(d.scale(float64(i) / float64(n)))
		w.box(p.X-t, p.Y, p.Z-t, p.X+t, p.Y+h, p.Z+t, m)
	}
	for _, y := range [2]float64{0.1, h} {
		w.box(min(a.X, b.X)-0.02, a.Y+y-0.02, min(a.Z, b.Z)-0.02, max(a.X, b.X)+0.02, a.Y+y+0.02, max(a.Z, b.Z)+0.02, m)
	}
}

// thin is what is finer than a pixel: a bare tree, power wires, an antenna.
func thin(seed uint32) []seg {
	var out []seg
	r := &rng{seed: seed + 31}
	bark, wire := srgb(74, 64, 58).scale(0.8), grey(0.012)
	var grow func(a, dir vec, l, rad float64, depth int)
	grow = func(a, dir vec, l, rad float64, depth int) {
		n := 3
		for range n {
			dir = dir.add(vec{r.between(-0.16, 0.16), r.between(-0.05, 0.12), r.between(-0.16, 0.16)}).unit()
			b := a.add(dir.scale(l / float64(n)))
			rb := rad * 0.9
			out = append(out, seg{a, b, rad, rb, bark})
			a, rad = b, rb
			if depth > 0 && depth < 6 && r.float() < 0.35 {
				grow(a, dir.add(side(r, dir).scale(0.9)).unit(), l*0.55, rad*0.5, depth-2)
			}
		}
		if depth <= 0 {
			return
		}
		k := 2
		if r.float() < 0.45 {
			k = 3
		}
		for range k {
			grow(a, dir.add(side(r, dir).scale(r.between(0.35, 0.8))).unit(), l*r.between(0.66, 0.84), rad*r.between(0.58, 0.74), depth-1)
		}
	}
	grow(vec{-6.6, 0, -10.4}, vec{0.03, 1, 0}, 1.9, 0.13, 7)
	grow(vec{14.6, 0, -19}, vec{-0.03, 1, 0}, 1.9, 0.13, 7)

	hang := func(a, b vec, sag float64) {
		const n = 40
		p := a
		for i := 1; i <= n; i++ {
			t := float64(i) / n
			q := a.lerp(b, t).sub(vec{0, 4 * sag * t * (1 - t), 0})
			out = append(out, seg{p, q, 0.011, 0.011, wire})
			p = q
		}
	}
	for _, dx := range [3]float64{-0.8, 0, 0.8} {
		hang(vec{-10.2 + dx, 7.75, -9.5}, vec{30 + dx, 8.3, -11.5}, 0.75)
		hang(vec{-10.2 + dx, 7.75, -9.5}, vec{-40 + dx, 8.2, -8}, 0.8)
	}
	hang(vec{-10.2, 7.4, -9.5}, vec{-5.2, 5.9, -16}, 0.35)

	// antenna on the ridge
	alu := grey(0.35)
	base := vec{-2.4, 8.75, -19}
	rod := func(a, b vec, t float64) { out = append(out, seg{base.add(a), base.add(b), t, t, alu}) }
	rod(vec{}, vec{0, 2.3, 0}, 0.02)
	rod(vec{-0.75, 2.15, 0}, vec{0.75, 2.15, 0}, 0.012)
	for i := range 8 {
		x := -0.7 + 0.2*float64(i)
		l := 0.42 - 0.03*float64(i)
		rod(vec{x, 2.15 - l*0.7, 0.3}, vec{x, 2.15 + l*0.7, -0.3}, 0.007)
	}
	return out
}

// twigs are the shadow casters among the thin things; a wire's shadow is lost in its penumbra.
func twigs(segs []seg) *bvh {
	var prims []*prim
	for _, s := range segs {
		if s.ra >= 0.012 {
			p := capsule(s.a, s.b, s.ra, nil, 0)
			p.bound()
			prims = append(prims, p)
		}
	}
	return newBVH(prims)
}

// side is a random direction across d.
func side(r *rng, d vec) vec {
	u, v := basis(d)
	sn, cs := math.Sincos(r.between(0, 2*math.Pi))
	return u.scale(cs).add(v.scale(sn))
}
