package scene

import "math"

// build.go: the joinery. Every helper adds primitives to a world; coordinates are metres, y up.

func (w *world) object() { w.obj++ }

// box adds an axis-aligned block between two corners, with light maps.
func (w *world) box(x0, y0, z0, x1, y1, z1 float64, m *material) *prim {
	lo, hi := vec{min(x0, x1), min(y0, y1), min(z0, z1)}, vec{max(x0, x1), max(y0, y1), max(z0, z1)}
	p := &prim{kind: kindBox, c: lo.add(hi).scale(0.5), h: hi.sub(lo).scale(0.5), lit: true}
	p.mat[0] = m
	return w.add(p)
}

// turned adds a block of size sx × sy × sz standing on (x, y, z), turned by yaw.
func (w *world) turned(x, y, z, sx, sy, sz, yaw float64, m *material) *prim {
	p := &prim{kind: kindBox, c: vec{x, y + sy/2, z}, h: vec{sx / 2, sy / 2, sz / 2}, lit: true}
	p.sn, p.cs = math.Sincos(yaw)
	p.mat[0] = m
	return w.add(p)
}

// quad adds a sheet from corner c along u and v (full edges); it faces u × v.
func (w *world) quad(c, u, v vec, m *material) *prim {
	p := &prim{kind: kindQuad, c: c, u: u.unit(), v: v.unit(), lu: u.length(), lv: v.length(), lit: true}
	p.n = p.u.cross(p.v).unit()
	p.mat[0] = m
	return w.add(p)
}

func (w *world) ellipsoid(c, r vec, m *material) *prim {
	p := &prim{kind: kindEllipsoid, c: c, h: r}
	p.mat[0] = m
	return w.add(p)
}

func (w *world) cone(foot vec, height, r0, r1 float64, m *material) *prim {
	p := &prim{kind: kindCone, c: foot, h: vec{0, height, 0}, r0: r0, r1: r1}
	p.mat[0] = m
	return w.add(p)
}

func capsule(a, b vec, r float64, m *material, obj int) *prim {
	p := &prim{kind: kindCapsule, c: a, b: b, r0: r, obj: obj}
	p.mat[0] = m
	return p
}

// opening is a window in the wall z = 0.
type opening struct{ x0, y0, x1, y1 float64 }

// windowWall adds the wall z = 0 with its openings, reveals, frames, muntins and sills, and makes each opening a portal.
func (w *world) windowWall(width, height float64, ops []opening, wall, white *material, cols, rows int) {
	q := w.quad(vec{0, 0, 0}, vec{width, 0, 0}, vec{0, height, 0}, wall)
	q.kindTag, q.frame = tagWall, true
	q.clip = func(u, v float64) bool {
		for _, o := range ops {
			if u > o.x0 && u < o.x1 && v > o.y0 && v < o.y1 {
				return false
			}
		}
		return true
	}
	const deep, ft = 0.24, 0.055
	for _, o := range ops {
		lx, ly := o.x1-o.x0, o.y1-o.y0
		frame := func(p *prim) { p.kindTag, p.frame = tagFrame, true }
		for _, r := range []*prim{
			w.quad(vec{o.x0, o.y0, -deep}, vec{0, 0, deep}, vec{0, -ly, 0}.scale(-1), white),
			w.quad(vec{o.x1, o.y0, 0}, vec{0, 0, -deep}, vec{0, ly, 0}, white),
			w.quad(vec{o.x0, o.y1, 0}, vec{lx, 0, 0}, vec{0, 0, -deep}, white),
		} {
			mid := r.c.add(r.u.scale(r.lu / 2)).add(r.v.scale(r.lv / 2))
			if r.n.dot(vec{(o.x0 + o.x1) / 2, (o.y0 + o.y1) / 2, mid.Z}.sub(mid)) < 0 {
				r.n = r.n.scale(-1)
			}
			r.frame = true
		}
		sill := w.box(o.x0-0.06, o.y0-0.035, -deep, o.x1+0.06, o.y0, 0.11, white)
		sill.frame = true
		z0, z1 := -deep+0.03, -deep+0.09
		bar := func(x0, y0, x1, y1, d float64) { frame(w.box(x0, y0, z0+d, x1, y1, z1-d, white)) }
		bar(o.x0, o.y0, o.x0+ft, o.y1, 0)
		bar(o.x1-ft, o.y0, o.x1, o.y1, 0)
		bar(o.x0, o.y0, o.x1, o.y0+ft, 0)
		bar(o.x0, o.y1-ft, o.x1, o.y1, 0)
		for i := 1; i < cols; i++ {
			x := o.x0 + lx*float64(i)/float64(cols)
			t := 0.014
			if i*2 == cols {
				t = 0.045 // the meeting stiles
			}
			bar(x-t, o.y0, x+t, o.y1, 0.008)
		}
		for i := 1; i < rows; i++ {
			y := o.y0 + ly*float64(i)/float64(rows)
			bar(o.x0, y-0.013, o.x1, y+0.013, 0.012)
		}
		w.portals = append(w.portals, portal{vec{o.x0, o.y0, -deep - 0.02}, vec{1, 0, 0}, vec{0, 1, 0}, vec{0, 0, 1}, lx, ly})
	}
}

// shell adds floor, ceiling, the other three walls, skirting boards and a plain cornice.
func (w *world) shell(width, height, depth float64, wall, back, floor, ceiling, trim *material) {
	w.quad(vec{0, 0, depth}, vec{width, 0, 0}, vec{0, 0, -depth}, floor)
	w.quad(vec{0, height, 0}, vec{width, 0, 0}, vec{0, 0, depth}, ceiling)
	w.quad(vec{0, 0, depth}, vec{0, 0, -depth}, vec{0, height, 0}, wall).kindTag = tagWall
	w.quad(vec{width, 0, 0}, vec{0, 0, depth}, vec{0, height, 0}, back).kindTag = tagWall
	w.quad(vec{width, 0, depth}, vec{-width, 0, 0}, vec{0, height, 0}, wall).kindTag = tagWall
	const t, h = 0.016, 0.09
	w.box(0, 0, 0, width, h, t, trim)
	w.box(0, 0, depth-t, width, h, depth, trim)
	w.box(0, 0, t, t, h, depth-t, trim)
	w.box(width-t, 0, t, width, h, depth-t, trim)
	const c = 0.05
	w.box(0, height-c, 0, width, height, c, trim)
	w.box(0, height-c, depth-c, width, height, depth, trim)
	w.box(0, height-c, c, c, height, depth-c, trim)
	w.box(width-c, height-c, c, width, height, depth-c, trim)
}

// frameOn hangs a framed picture on a wall: axis 'x' means the wall x = at (facing into the room by sign), 'z' the wall z = at.
func (w *world) frameOn(axis byte, at, sign, along, y, lu, lv float64, frame *material, seed uint32) {
	const t, b = 0.03, 0.025
	art := picture(lu, lv, seed)
	if axis == 'x' {
		x := at + sign*t
		w.box(at, y-b, along-lu/2-b, x, y+lv+b, along+lu/2+b, frame)
		if sign > 0 {
			w.quad(vec{x + 0.001, y, along + lu/2}, vec{0, 0, -lu}, vec{0, lv, 0}, art)
		} else {
			w.quad(vec{x - 0.001, y, along - lu/2}, vec{0, 0, lu}, vec{0, lv, 0}, art)
		}
		return
	}
	z := at + sign*t
	w.box(along-lu/2-b, y-b, at, along+lu/2+b, y+lv+b, z, frame)
	w.quad(vec{along - lu/2, y, z + 0.001}, vec{lu, 0, 0}, vec{0, lv, 0}, art)
}

// doorX is a panelled door with its casing in the wall x = at.
func (w *world) doorX(at, sign, z0 float64, leaf vec, trim *material) {
	const wd, ht = 0.86, 2.05
	w.box(at, 0, z0-0.08, at+sign*0.03, ht+0.08, z0, trim)
	w.box(at, 0, z0+wd, at+sign*0.03, ht+0.08, z0+wd+0.08, trim)
	w.box(at, ht, z0, at+sign*0.03, ht+0.08, z0+wd, trim)
	w.box(at, 0.005, z0, at+sign*0.012, ht, z0+wd, panels(leaf, wd, ht, 2, 2, 0.12))
	brass := &material{albedo: func(*hit, float64) vec { return srgb(168, 140, 92) }, avg: srgb(168, 140, 92), gloss: 0.6, blur: 0.3}
	hx := at + sign*0.05
	w.box(at, 1.0, z0+0.06, at+sign*0.02, 1.14, z0+0.1, brass)
	w.box(hx-0.012, 1.06, z0+0.06, hx+0.012, 1.085, z0+0.2, brass)
}

func (w *world) legs(x0, z0, x1, z1, h, t float64, m *material) {
	for _, x := range [2]float64{x0, x1 - t} {
		for _, z := range [2]float64{z0, z1 - t} {
			w.box(x, 0, z, x+t, h, z+t, m)
		}
	}
}

// plant is a pot with leaves.
func (w *world) plant(x, y, z, size float64, seed uint32) {
	r := &rng{seed: seed}
	w.object()
	obj := w.obj
	pot := plain(srgb(214, 206, 196))
	p := w.cone(vec{x, y, z}, 0.28*size, 0.12*size, 0.16*size, pot)
	p.obj = obj
	soil := w.quad(vec{x - 0.15*size, y + 0.25*size, z + 0.15*size}, vec{0.3 * size, 0, 0}, vec{0, 0, -0.3 * size}, plain(grey(0.05)))
	soil.lit, soil.obj = false, obj
	sr := 0.148 * size
	soil.clip = func(u, v float64) bool { return (u-0.15*size)*(u-0.15*size)+(v-0.15*size)*(v-0.15*size) < sr*sr }
	stem := plain(srgb(86, 92, 52))
	for range 34 {
		a, lean := r.between(0, 2*math.Pi), r.between(0.1, 1)
		top := vec{x + lean*0.42*size*math.Cos(a), y + size*(0.5+0.75*r.float()*(1.2-0.5*lean)), z + lean*0.42*size*math.Sin(a)}
		foot := vec{x + 0.04*size*math.Cos(a), y + 0.25*size, z + 0.04*size*math.Sin(a)}
		mid := foot.lerp(top, 0.55).add(vec{0, 0.12 * size, 0})
		for _, e := range [2][2]vec{{foot, mid}, {mid, top}} {
			w.add(capsule(e[0], e[1], 0.006*size, stem, obj))
		}
		out := vec{math.Cos(a), r.between(-0.7, 0.3), math.Sin(a)}.unit()
		side := out.cross(vec{0, 1, 0}).unit().add(vec{0, r.between(-0.5, 0.5), 0}).unit()
		l, b := size*r.between(0.2, 0.32), size*r.between(0.07, 0.12)
		g := srgb(r.between(50, 84), r.between(92, 128), r.between(46, 66))
		leaf := &material{avg: g, gloss: 0.3, blur: 0.4}
		leaf.albedo = func(h *hit, fw float64) vec {
			return g.scale(1 + 0.35*line(h.v-b/2, b*4, 0.006, fw) + 0.15*fbm(seed, h.u*60, h.v*60, fw*60, 2))
		}
		q := w.quad(top.sub(side.scale(b/2)), out.scale(l), side.scale(b), leaf)
		q.lit, q.both, q.obj = false, true, obj
		q.clip = func(u, v float64) bool {
			t := u / l
			return math.Abs(v-b/2) < b/2*math.Sqrt(max(0, 4*t*(1-t)))*(1.1-0.4*t)
		}
	}
}

// glow is a lamp shade with the light on inside.
func glow(c vec) *material {
	return &material{avg: c, albedo: func(*hit, float64) vec { return c }, emit: func(h *hit) vec {
		y := (h.p.Y - h.pr.lo.Y) / (h.pr.hi.Y - h.pr.lo.Y)
		return grey(0.55 + 0.75*math.Exp(-(y-0.45)*(y-0.45)*7))
	}}
}

func (w *world) floorLamp(x, z float64) {
	w.object()
	obj := w.obj
	metal := plain(srgb(58, 54, 50))
	add := func(p *prim) { p.obj, p.ghost = obj, true }
	add(w.cone(vec{x, 0, z}, 0.03, 0.16, 0.14, metal))
	add(w.add(capsule(vec{x, 0, z}, vec{x, 1.5, z}, 0.012, metal, obj)))
	add(w.cone(vec{x, 1.36, z}, 0.3, 0.21, 0.15, glow(srgb(236, 226, 206))))
	w.lamps = append(w.lamps, lamp{c: vec{x, 1.54, z}, r: 0.12, power: 0.55})
}

func (w *world) tableLamp(x, y, z float64) {
	w.object()
	obj := w.obj
	add := func(p *prim) { p.obj, p.ghost = obj, true }
	add(w.ellipsoid(vec{x, y + 0.12, z}, vec{0.075, 0.12, 0.075}, plain(srgb(108, 132, 138))))
	add(w.cone(vec{x, y + 0.25, z}, 0.2, 0.15, 0.1, glow(srgb(236, 226, 206))))
	w.lamps = append(w.lamps, lamp{c: vec{x, y + 0.37, z}, r: 0.09, power: 0.35})
}

func (w *world) pendant(x, y, z, ceiling, r float64) {
	w.object()
	obj := w.obj
	add := func(p *prim) { p.obj, p.ghost = obj, true }
	add(w.add(capsule(vec{x, y + r, z}, vec{x, ceiling, z}, 0.006, plain(grey(0.05)), obj)))
	add(w.ellipsoid(vec{x, y, z}, vec{r, r * 0.8, r}, glow(srgb(240, 236, 226))))
	w.lamps = append(w.lamps, lamp{c: vec{x, y, z}, r: r, power: 1})
}

func (w *world) pillow(c, r vec, m *material) {
	p := &prim{kind: kindPillow, c: c, h: r}
	p.mat[0] = m
	w.add(p)
}
