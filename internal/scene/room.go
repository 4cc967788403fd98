package scene

// RoomKind chooses the furniture.
type RoomKind uint8

// The rooms that can be built.
const (
	Living RoomKind = iota
	Bedroom
	Kitchen
)

func (k RoomKind) String() string { return [...]string{"living", "bedroom", "kitchen", "kitchen"}[k&3] }

// WallColour is the paint on the walls.
type WallColour uint8

// The wall paints.
const (
	Beige WallColour = iota
	Sage
	Red
	White
)

func (c WallColour) String() string { return [...]string{"beige", "sage", "red", "white"}[c&3] }

// Albedo is the paint's linear sRGB reflectance.
func (c WallColour) Albedo() [3]float64 {
	v := [...]vec{srgb(222, 204, 176), srgb(164, 178, 152), srgb(152, 58, 48), srgb(236, 235, 231)}[c&3]
	return [3]float64{v.X, v.Y, v.Z}
}

// room is a solved world and its camera positions.
type room struct {
	w       *world
	cameras []camera
	floor   vec // where a person may stand, and the direction they walk in
	walk    vec
}

func deg(a float64) float64 { return a * 3.141592653589793 / 180 }

func buildRoom(k RoomKind, c WallColour, sunny bool, seed uint32) *room {
	w := &world{seed: seed, texel: 0.075, bounces: 6}
	// A clear sky's upper half sheds more light than the land below the horizon.
	w.env = func(d vec) vec {
		return grey(0.16).lerp(grey(0.95), smooth(-0.12, 0.12, d.Y))
	}
	v := &view{seed: seed + 500, ground: -0.6, sky: SkyClouds, sunny: 1}
	w.outside = v.at
	if sunny {
		w.sunDir, w.sun = vec{-0.62, 0.62, -0.95}.unit(), 6.5
	}
	r := &room{w: w}
	wall := toVec(c.Albedo())
	switch k {
	case Living:
		r.living(wall, seed)
	case Bedroom:
		v.ground = -3.6
		r.bedroom(wall, seed)
	default:
		r.kitchen(wall, seed)
	}
	w.solve()
	return r
}

func (r *room) living(wall vec, seed uint32) {
	w := r.w
	const wd, ht, dp = 5.6, 2.62, 4.9
	white := plain(grey(0.78))
	wp := paint(wall, seed)
	w.shell(wd, ht, dp, wp, wp, planks(srgb(174, 134, 96), seed+1), paint(grey(0.82), seed+2), white)
	w.windowWall(wd, ht, []opening{{1.15, 0.62, 3.05, 2.22}, {3.75, 0.62, 4.75, 2.22}}, wp, white, 4, 2)
	oak, walnut := wood(srgb(170, 124, 80), seed+3, false), wood(srgb(104, 70, 48), seed+4, true)
	black := plain(srgb(40, 38, 37))

	// curtains on a rod
	w.box(0.75, 2.36, 0.09, 5.2, 2.385, 0.115, black)
	for i, x := range [3]float64{0.78, 3.13, 4.78} {
		wide := [3]float64{0.42, 0.5, 0.42}[i]
		w.box(x, 0.03, 0.07, x+wide, 2.36, 0.14, curtain(srgb(216, 210, 198), seed+uint32(i), 0.9)).frame = true
	}

	// sofa along the right wall
	grey1 := fabric(srgb(126, 132, 138), seed+5)
	sx := wd - 0.06
	w.box(sx-0.95, 0.12, 1.15, sx, 0.40, 3.35, grey1)
	w.box(sx-0.28, 0.40, 1.15, sx, 0.84, 3.35, grey1)
	w.box(sx-0.95, 0.40, 1.00, sx, 0.62, 1.18, grey1)
	w.box(sx-0.95, 0.12, 1.00, sx, 0.40, 1.15, grey1)
	w.box(sx-0.95, 0.12, 3.35, sx, 0.62, 3.53, grey1)
	w.box(sx-0.93, 0.40, 1.20, sx-0.24, 0.53, 2.25, grey1)
	w.box(sx-0.93, 0.40, 2.27, sx-0.24, 0.53, 3.33, grey1)
	w.box(sx-0.44, 0.53, 1.22, sx-0.24, 0.95, 2.24, grey1)
	w.box(sx-0.44, 0.53, 2.28, sx-0.24, 0.95, 3.32, grey1)
	w.legs(sx-0.9, 1.05, sx-0.05, 3.48, 0.12, 0.05, black)
	w.pillow(vec{sx - 0.50, 0.74, 1.48}, vec{0.11, 0.21, 0.23}, fabric(srgb(196, 120, 60), seed+6))
	w.pillow(vec{sx - 0.50, 0.73, 1.88}, vec{0.10, 0.20, 0.21}, fabric(srgb(224, 214, 196), seed+7))
	w.pillow(vec{sx - 0.50, 0.74, 3.05}, vec{0.11, 0.21, 0.23}, fabric(srgb(62, 94, 102), seed+8))

	// rug and coffee table
	w.box(2.3, 0, 1.15, 4.3, 0.014, 3.55, rug(srgb(206, 192, 168), srgb(84, 96, 116), srgb(172, 92, 68), 2.0, 2.4, seed+9))
	w.box(2.95, 0.36, 1.75, 3.65, 0.40, 2.95, oak)
	w.legs(2.98, 1.78, 3.62, 2.92, 0.36, 0.05, oak)
	w.box(3.02, 0.14, 1.82, 3.58, 0.16, 2.88, oak)
	w.turned(3.3, 0.40, 2.65, 0.2, 0.03, 0.28, 0.3, plain(srgb(70, 96, 110)))
	w.turned(3.31, 0.43, 2.66, 0.17, 0.022, 0.25, 0.1, plain(srgb(212, 170, 120)))
	w.object()
	w.ellipsoid(vec{3.3, 0.46, 2.1}, vec{0.15, 0.06, 0.15}, plain(srgb(226, 222, 214)))
	w.ellipsoid(vec{3.27, 0.53, 2.1}, vec{0.045, 0.042, 0.045}, plain(srgb(196, 60, 40)))
	w.ellipsoid(vec{3.35, 0.525, 2.06}, vec{0.042, 0.04, 0.042}, plain(srgb(206, 160, 50)))
	w.ellipsoid(vec{3.34, 0.525, 2.15}, vec{0.042, 0.04, 0.042}, plain(srgb(120, 150, 60)))

	// pictures over the sofa
	w.frameOn('x', wd, -1, 1.65, 1.32, 0.6, 0.78, black, seed*3+12)
	w.frameOn('x', wd, -1, 2.4, 1.32, 0.6, 0.78, black, seed*3+13)
	w.frameOn('x', wd, -1, 3.15, 1.32, 0.6, 0.78, black, seed*3+14)

	// low cabinet, screen and bookcase along the left wall
	front := panels(srgb(228, 224, 214), 2.0, 0.42, 4, 1, 0)
	cb := w.box(0.03, 0.12, 1.2, 0.46, 0.54, 3.2, walnut)
	cb.mat[1] = front
	w.legs(0.06, 1.25, 0.44, 3.15, 0.12, 0.04, black)
	screen := &material{avg: grey(0.02), gloss: 1, blur: 0.01, albedo: func(*hit, float64) vec { return grey(0.018) }}
	w.box(0.05, 0.66, 1.6, 0.10, 1.40, 2.85, screen)
	w.box(0.12, 0.54, 2.0, 0.34, 0.56, 2.45, black)
	w.box(0.18, 0.55, 2.18, 0.22, 0.7, 2.28, black)
	w.bookcase(0.02, 3.45, 0.34, 1.0, 1.9, oak, seed+15)
	w.tableLamp(0.25, 0.54, 1.42)
	w.frameOn('x', 0, 1, 0.62, 1.35, 0.44, 0.6, oak, seed*3+16)

	// armchair near the window, plant in the corner, lamps
	w.armchair(1.05, 1.05, 0.75, fabric(srgb(178, 146, 72), seed+17), oak)
	w.plant(5.1, 0, 0.45, 1.0, seed+18)
	w.floorLamp(0.42, 0.5)
	w.pendant(2.8, 2.12, 2.5, ht, 0.17)

	// radiator under the wide window
	w.radiator(1.35, 2.85, 0.12, 0.52, 0.035)
	w.doorX(wd, -1, 3.75, grey(0.74), white)

	r.cameras = []camera{
		{pos: vec{0.45, 1.32, 4.6}, yaw: deg(35), hfov: deg(80), shift: -0.02},
		{pos: vec{4.35, 1.32, 4.65}, yaw: deg(-33), hfov: deg(80), shift: -0.02},
		{pos: vec{2.5, 1.30, 4.75}, yaw: deg(4), hfov: deg(74), shift: -0.02},
	}
	r.floor, r.walk = vec{2.2, 0, 1.5}, vec{0.55, 0, 0.25}
}

func (w *world) bookcase(x, z, deep, wide, high float64, m *material, seed uint32) {
	w.box(x, 0, z, x+0.02, high, z+wide, m)
	w.box(x+0.02, 0, z, x+deep, high, z+0.03, m)
	w.box(x+0.02, 0, z+wide-0.03, x+deep, high, z+wide, m)
	const n = 5
	for i := range n + 1 {
		y := 0.06 + (high-0.09)*float64(i)/n
		w.box(x+0.02, y, z+0.03, x+deep, y+0.025, z+wide-0.03, m)
		if i < n {
			gap := (high-0.09)/n - 0.025
			l := wide - 0.06
			if i%2 == 1 {
				l *= 0.62
			}
			b := w.box(x+0.03, y+0.025, z+0.03, x+deep-0.07, y+0.025+gap*0.97, z+0.03+l, plain(grey(0.05)))
			b.mat[1] = books(gap, seed+uint32(i))
			if i%2 == 1 {
				w.object()
				w.ellipsoid(vec{x + 0.2, y + 0.025 + gap*0.36, z + 0.03 + l + 0.17}, vec{0.07, gap * 0.36, 0.07}, plain(srgb(92+float64(i)*30, 130, 140)))
			}
		}
	}
}

func (w *world) armchair(x, z, yaw float64, f, leg *material) {
	at := func(dx, dz float64) (float64, float64) {
		// a block turned by yaw has its local x axis along (cs, −sn) in world (x, z); see prim.unrot
		p := &prim{}
		p.sn, p.cs = sincos(yaw)
		q := p.unrot(vec{dx, 0, dz})
		return x + q.X, z + q.Z
	}
	add := func(dx, y, dz, sx, sy, sz float64, m *material) {
		px, pz := at(dx, dz)
		w.turned(px, y, pz, sx, sy, sz, yaw, m)
	}
	add(0, 0.2, 0, 0.72, 0.24, 0.7, f)
	add(0, 0.44, -0.29, 0.72, 0.42, 0.14, f)
	add(-0.31, 0.44, 0.06, 0.1, 0.17, 0.58, f)
	add(0.31, 0.44, 0.06, 0.1, 0.17, 0.58, f)
	add(0, 0.44, 0.05, 0.5, 0.08, 0.56, f)
	for _, e := range [4][2]float64{{-0.3, -0.3}, {0.3, -0.3}, {-0.3, 0.3}, {0.3, 0.3}} {
		add(e[0], 0, e[1], 0.045, 0.2, 0.045, leg)
	}
}

func (w *world) radiator(x0, x1, y0, y1, z float64) {
	m := &material{avg: grey(0.72), albedo: func(h *hit, fw float64) vec {
		return grey(0.76 * (1 - 0.45*line(h.u, 0.06, 0.018, fw)))
	}}
	w.box(x0, y0, z, x1, y1, z+0.07, m)
	w.box(x0+0.2, 0.02, z+0.02, x0+0.23, y0, z+0.05, plain(grey(0.7)))
	w.box(x1-0.23, 0.02, z+0.02, x1-0.2, y0, z+0.05, plain(grey(0.7)))
}

func (r *room) bedroom(wall vec, seed uint32) {
	w := r.w
	const wd, ht, dp = 4.4, 2.55, 4.2
	white := plain(grey(0.78))
	wp := paint(wall, seed)
	w.shell(wd, ht, dp, wp, wp, planks(srgb(196, 160, 118), seed+1), paint(grey(0.82), seed+2), white)
	w.windowWall(wd, ht, []opening{{1.2, 0.85, 2.8, 2.2}}, wp, white, 2, 3)
	oak := wood(srgb(186, 146, 100), seed+3, true)
	black := plain(srgb(44, 42, 41))
	w.box(0.75, 2.33, 0.09, 3.25, 2.355, 0.115, black)
	for i, x := range [2]float64{0.78, 2.82} {
		w.box(x, 0.03, 0.07, x+0.42, 2.33, 0.14, curtain(srgb(150, 160, 172), seed+uint32(i), 0.5)).frame = true
	}
	w.radiator(1.4, 2.6, 0.14, 0.7, 0.035)

	// bed with its head at the right wall
	linen, cover := fabric(srgb(232, 228, 220), seed+5), fabric(srgb(92, 112, 128), seed+6)
	bx := wd - 0.04
	w.box(bx-0.06, 0.1, 1.15, bx, 1.12, 2.95, oak)
	w.box(bx-2.1, 0.14, 1.16, bx-0.06, 0.36, 2.94, oak)
	w.legs(bx-2.08, 1.22, bx-0.1, 2.88, 0.14, 0.06, oak)
	w.box(bx-2.0, 0.36, 1.24, bx-0.08, 0.46, 2.86, linen)
	w.pillow(vec{bx - 1.30, 0.47, 2.05}, vec{0.80, 0.17, 0.93}, linen)
	w.pillow(vec{bx - 1.72, 0.44, 2.05}, vec{0.42, 0.22, 0.97}, cover)
	for i, z := range [2]float64{1.65, 2.45} {
		w.pillow(vec{bx - 0.33, 0.68, z}, vec{0.17, 0.17, 0.36}, linen)
		w.pillow(vec{bx - 0.55, 0.66, z}, vec{0.11, 0.15, 0.25}, fabric([2]vec{srgb(190, 150, 96), srgb(120, 134, 120)}[i], seed+7))
	}
	for _, z := range [2]float64{0.62, 3.05} {
		n := w.box(bx-0.42, 0.12, z, bx, 0.5, z+0.45, oak)
		n.mat[0] = panels(srgb(186, 146, 100), 0.45, 0.38, 1, 2, 0)
		w.legs(bx-0.4, z+0.02, bx-0.02, z+0.43, 0.12, 0.04, oak)
		w.tableLamp(bx-0.2, 0.5, z+0.22)
	}
	w.frameOn('x', wd, -1, 2.05, 1.35, 1.1, 0.66, oak, seed*3+12)

	// wardrobe, chest, mirror along the left wall
	wr := w.box(0.02, 0.08, 2.3, 0.62, 2.2, 4.1, plain(grey(0.7)))
	wr.mat[1] = panels(srgb(226, 222, 212), 1.8, 2.12, 3, 1, 0.1)
	w.box(0.03, 0, 2.32, 0.58, 0.08, 4.08, black)
	for i := range 3 {
		z := 2.3 + 0.6*float64(i) + 0.5
		w.box(0.62, 1.0, z, 0.65, 1.25, z+0.015, black)
	}
	ch := w.box(0.02, 0.1, 0.8, 0.47, 0.85, 1.9, oak)
	ch.mat[1] = panels(srgb(186, 146, 100), 1.1, 0.75, 2, 3, 0.03)
	w.frameOn('x', 0, 1, 1.35, 1.15, 0.7, 0.5, black, seed*3+13)
	w.plant(0.25, 0.85, 1.05, 0.42, seed+8)
	w.box(1.1, 0, 1.3, 2.2, 0.016, 3.1, rug(srgb(214, 206, 192), srgb(150, 120, 96), srgb(98, 112, 120), 1.1, 1.8, seed+9))
	w.armchair(0.75, 0.5, 0.5, fabric(srgb(140, 150, 130), seed+10), oak)
	w.pendant(2.2, 2.1, 2.1, ht, 0.18)
	r.cameras = []camera{
		{pos: vec{0.72, 1.35, 4.0}, yaw: deg(38), hfov: deg(80), shift: -0.03},
		{pos: vec{3.95, 1.35, 3.95}, yaw: deg(-36), hfov: deg(80), shift: -0.03},
		{pos: vec{1.9, 1.35, 4.05}, yaw: deg(3), hfov: deg(76), shift: -0.03},
	}
	r.floor, r.walk = vec{1.5, 0, 1.0}, vec{0.3, 0, 0.3}
}

func (r *room) kitchen(wall vec, seed uint32) {
	w := r.w
	const wd, ht, dp = 4.6, 2.6, 4.4
	white := plain(grey(0.78))
	wp := paint(wall, seed)
	w.shell(wd, ht, dp, wp, wp, tiles(srgb(196, 188, 176), grey(0.3), 0.45, seed+1), paint(grey(0.82), seed+2), white)
	w.windowWall(wd, ht, []opening{{0.95, 1.06, 2.75, 2.2}}, wp, white, 2, 1)
	front := srgb(92, 112, 110)
	stone := marble(grey(0.72), seed+3)
	steel := &material{avg: grey(0.45), gloss: 0.8, blur: 0.12, albedo: func(h *hit, fw float64) vec {
		return grey(0.42 * (1 + 0.12*fbm(seed+4, h.u*2, h.v*220, fw*220, 2)))
	}}
	black := plain(srgb(36, 35, 35))
	// units under the window and along the right wall
	c1 := w.box(0.6, 0.1, 0.02, wd-0.62, 0.86, 0.60, plain(front))
	c1.mat[5] = panels(front, wd-1.22, 0.76, 6, 1, 0.07)
	w.box(0.6, 0, 0.02, wd-0.62, 0.1, 0.54, black)
	w.box(0.58, 0.86, 0.0, wd-0.62, 0.9, 0.63, stone)
	c2 := w.box(wd-0.6, 0.1, 0.02, wd-0.02, 0.86, 3.1, plain(front))
	c2.mat[0] = panels(front, 3.08, 0.76, 5, 1, 0.07)
	w.box(wd-0.54, 0, 0.02, wd-0.02, 0.1, 3.1, black)
	w.box(wd-0.63, 0.86, 0.0, wd, 0.9, 3.12, stone)
	// splash-back, wall units, hood
	w.quad(vec{wd - 0.004, 0.9, 0}, vec{0, 0, 3.1}, vec{0, 0.55, 0}, tiles(srgb(232, 230, 222), grey(0.5), 0.15, seed+5))
	for _, e := range [2][2]float64{{0.02, 1.2}, {1.95, 3.1}} {
		u := w.box(wd-0.36, 1.45, e[0], wd-0.01, 2.25, e[1], plain(grey(0.74)))
		u.mat[0] = panels(srgb(230, 226, 218), e[1]-e[0], 0.8, 2, 1, 0.08)
	}
	w.box(wd-0.5, 1.5, 1.25, wd-0.01, 1.58, 1.9, steel)
	w.box(wd-0.3, 1.58, 1.42, wd-0.01, ht, 1.73, steel)
	w.box(wd-0.56, 0.9, 1.28, wd-0.08, 0.908, 1.88, &material{avg: grey(0.02), gloss: 1, blur: 0.01, albedo: func(*hit, float64) vec { return grey(0.02) }})
	w.box(wd-0.615, 0.3, 1.28, wd-0.598, 0.82, 1.88, &material{avg: grey(0.05), gloss: 1.2, blur: 0.02, albedo: func(*hit, float64) vec { return grey(0.03) }})
	w.box(wd-0.65, 0.76, 1.33, wd-0.63, 0.785, 1.83, steel)
	// sink, tap, things on the worktop
	w.box(1.45, 0.895, 0.12, 2.2, 0.905, 0.52, steel)
	w.object()
	w.add(capsule(vec{1.83, 0.9, 0.1}, vec{1.83, 1.2, 0.1}, 0.014, steel, w.obj))
	w.add(capsule(vec{1.83, 1.2, 0.1}, vec{1.83, 1.2, 0.28}, 0.012, steel, w.obj))
	w.plant(2.45, 0.9, 0.2, 0.32, seed+6)
	w.object()
	w.cone(vec{wd - 0.3, 0.9, 0.4}, 0.22, 0.07, 0.05, plain(srgb(190, 70, 50)))
	w.turned(wd-0.14, 0.9, 2.5, 0.02, 0.34, 0.26, 0.0, wood(srgb(176, 126, 80), seed+7, false))
	w.object()
	w.cone(vec{wd - 0.2, 0.9, 2.2}, 0.18, 0.06, 0.06, plain(srgb(224, 216, 200)))
	w.cone(vec{wd - 0.22, 0.9, 2.02}, 0.14, 0.05, 0.05, plain(srgb(150, 160, 150)))
	// fridge on the left, table in the middle
	fr := w.box(0.02, 0.04, 0.02, 0.58, 1.95, 0.68, steel)
	fr.mat[1] = panels(grey(0.46), 0.66, 1.91, 1, 1, 0)
	w.box(0.60, 0.9, 0.12, 0.63, 1.5, 0.14, plain(grey(0.3)))
	oak := wood(srgb(178, 132, 88), seed+8, false)
	w.box(1.05, 0.71, 1.75, 2.55, 0.75, 2.75, oak)
	w.legs(1.1, 1.8, 2.5, 2.7, 0.71, 0.06, oak)
	for i, e := range [4][3]float64{{1.4, 1.6, 0}, {2.2, 1.6, 0}, {1.4, 2.92, 1}, {2.2, 2.92, 1}} {
		w.chair(e[0], e[1], e[2] > 0, wood(srgb(120, 84, 58), seed+9+uint32(i), false))
	}
	w.object()
	w.ellipsoid(vec{1.8, 0.80, 2.2}, vec{0.17, 0.07, 0.17}, plain(srgb(226, 222, 214)))
	for i := range 5 {
		a := float64(i) * 1.26
		s, c := sincos(a)
		w.ellipsoid(vec{1.8 + 0.085*c, 0.865, 2.2 + 0.085*s}, vec{0.045, 0.043, 0.045}, plain(srgb(220, 150+10*float64(i), 40)))
	}
	w.pendant(1.45, 1.62, 2.25, ht, 0.13)
	w.pendant(2.15, 1.62, 2.25, ht, 0.13)
	w.doorX(0, 1, 2.9, grey(0.74), white)
	w.frameOn('x', 0, 1, 1.9, 1.3, 0.7, 0.9, black, seed*3+1)
	w.frameOn('z', 0, 1, 3.5, 1.35, 0.44, 0.6, oak, seed*3+2)
	r.cameras = []camera{
		{pos: vec{0.5, 1.4, 4.15}, yaw: deg(36), hfov: deg(80), shift: -0.03},
		{pos: vec{3.7, 1.4, 4.15}, yaw: deg(-30), hfov: deg(80), shift: -0.03},
		{pos: vec{2.0, 1.4, 4.2}, yaw: deg(2), hfov: deg(76), shift: -0.03},
	}
	r.floor, r.walk = vec{2.75, 0, 1.12}, vec{0.6, 0, 0.04}
}

func (w *world) chair(x, z float64, flip bool, m *material) {
	b := z - 0.2
	if flip {
		b = z + 0.17
	}
	w.box(x-0.21, 0.43, z-0.2, x+0.21, 0.46, z+0.2, m)
	w.legs(x-0.2, z-0.19, x+0.2, z+0.19, 0.43, 0.035, m)
	w.box(x-0.2, 0.46, b, x-0.165, 0.9, b+0.03, m)
	w.box(x+0.165, 0.46, b, x+0.2, 0.9, b+0.03, m)
	for _, y := range [3]float64{0.56, 0.68, 0.80} {
		w.box(x-0.165, y, b+0.005, x+0.165, y+0.06, b+0.025, m)
	}
}
