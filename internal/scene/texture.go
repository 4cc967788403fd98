package scene

import "math"

func plain(c vec) *material {
	return &material{albedo: func(*hit, float64) vec { return c }, avg: c}
}

// paint is rolled wall paint: a fine stipple and slow unevenness of under two percent.
func paint(c vec, seed uint32) *material {
	return &material{avg: c, albedo: func(h *hit, fw float64) vec {
		k := 1 + 0.012*fbm(seed, h.u*0.7, h.v*0.7, 0, 2) + 0.035*fbm(seed+9, h.u*160, h.v*160, fw*160, 3)
		return c.scale(k)
	}}
}

// grain is the pattern of a board that runs along y: rings and pores, about −1..1.
func grain(seed uint32, x, y, fw float64) float64 {
	warp := 0.5 * noise2(seed+3, x*3, y*0.5)
	g := 0.6*fbm(seed, x*28+warp*3, y*1.1, fw*28, 3) + 0.5*fbm(seed+5, x*170, y*4, fw*170, 2)
	return g
}

// wood is oiled timber with its grain along v, or along u when turned.
func wood(c vec, seed uint32, turned bool) *material {
	return &material{avg: c, gloss: 0.14, blur: 0.2, albedo: func(h *hit, fw float64) vec {
		x, y := h.u, h.v
		if turned {
			x, y = y, x
		}
		g := grain(seed+uint32(h.face)*7, x, y, fw)
		return c.mul(vec{1 + 0.22*g, 1 + 0.27*g, 1 + 0.32*g})
	}}
}

// planks is a laid wooden floor: boards 0.14 m wide along v, staggered, each with its own tone.
func planks(c vec, seed uint32) *material {
	return &material{avg: c, gloss: 0.15, blur: 0.22, albedo: func(h *hit, fw float64) vec {
		const wide, long = 0.14, 1.7
		i := math.Floor(h.u / wide)
		y := h.v + long*rnd2(seed, int(i), 5)
		j := math.Floor(y / long)
		id := hash2(seed+1, int(i), int(j))
		tone := 0.82 + 0.36*float64(id>>8)/(1<<24)
		g := grain(id, h.u-i*wide, y, fw)
		seam := 1 - 0.6*max(line(h.u, wide, 0.003, fw), line(y, long, 0.003, fw))
		k := tone * seam
		return c.mul(vec{k * (1 + 0.24*g), k * (1 + 0.30*g), k * (1 + 0.36*g)})
	}}
}

// tiles are square ceramic tiles of side s with grout.
func tiles(c, grout vec, s float64, seed uint32) *material {
	return &material{avg: c.lerp(grout, 0.06), gloss: 0.3, blur: 0.1, albedo: func(h *hit, fw float64) vec {
		id := rnd2(seed, int(math.Floor(h.u/s+0.5)), int(math.Floor(h.v/s+0.5)))
		t := c.scale(0.95 + 0.1*id + 0.05*fbm(seed, h.u*9, h.v*9, fw*9, 4))
		return t.lerp(grout, max(line(h.u+s/2, s, 0.006, fw), line(h.v+s/2, s, 0.006, fw)))
	}}
}

// brick in running bond.
func brick(c, mortar vec, seed uint32) *material {
	return &material{avg: c.lerp(mortar, 0.2), albedo: func(h *hit, fw float64) vec {
		const bw, bh = 0.24, 0.075
		row := math.Floor(h.v / bh)
		x := h.u + bw/2*math.Mod(math.Abs(row), 2)
		id := rnd2(seed, int(math.Floor(x/bw)), int(row))
		b := c.scale(0.75 + 0.5*id + 0.3*fbm(seed, h.u*60, h.v*60, fw*60, 3))
		return b.lerp(mortar, max(line(x, bw, 0.012, fw), line(h.v, bh, 0.012, fw)))
	}}
}

// stucco is rough render.
func stucco(c vec, seed uint32) *material {
	return &material{avg: c, albedo: func(h *hit, fw float64) vec {
		return c.scale(1 + 0.03*fbm(seed, h.u, h.v, 0, 3) + 0.16*fbm(seed+4, h.u*70, h.v*70, fw*70, 3))
	}}
}

// shingles are roof tiles in rows.
func shingles(c vec, seed uint32) *material {
	return &material{avg: c.scale(0.9), albedo: func(h *hit, fw float64) vec {
		const tw, th = 0.28, 0.22
		row := math.Floor(h.v / th)
		x := h.u + tw/2*math.Mod(math.Abs(row), 2)
		id := rnd2(seed, int(math.Floor(x/tw)), int(row))
		k := (0.8 + 0.4*id) * (1 + 0.2*fbm(seed, h.u*40, h.v*40, fw*40, 2))
		return c.scale(k * (1 - 0.5*max(line(h.v, th, 0.03, fw), 0.6*line(x, tw, 0.015, fw))))
	}}
}

// fabric is a plain weave with uneven yarn.
func fabric(c vec, seed uint32) *material {
	return &material{avg: c, albedo: func(h *hit, fw float64) vec {
		const s = 0.007
		weave := math.Sin(2*math.Pi*h.u/s) * math.Sin(2*math.Pi*h.v/s) * fade(fw/s)
		k := 1 + 0.12*weave + 0.22*fbm(seed, h.u*90, h.v*90, fw*90, 3) + 0.10*fbm(seed+8, h.u*4, h.v*4, fw*4, 2)
		return c.scale(k)
	}}
}

// rug is a bordered carpet of size lu × lv.
func rug(a, b, c vec, lu, lv float64, seed uint32) *material {
	return &material{avg: a.lerp(b, 0.4), albedo: func(h *hit, fw float64) vec {
		d := min(h.u, h.v, lu-h.u, lv-h.v)
		col := a
		switch {
		case d < 0.05:
			col = b
		case d > 0.14 && d < 0.18 || d > 0.22 && d < 0.235:
			col = c
		case d > 0.3:
			x, y := math.Mod(h.u-lu/2+50, 0.5)-0.25, math.Mod(h.v-lv/2+50, 0.5)-0.25
			r := math.Abs(x) + math.Abs(y)
			if r < 0.09 {
				col = c
			} else if r < 0.17 {
				col = b
			}
		}
		k := 1 + 0.35*fbm(seed, h.u*130, h.v*130, fw*130, 3) + 0.08*math.Sin(2*math.Pi*h.v/0.012)*fade(fw/0.012)
		return col.scale(k)
	}}
}

// picture is a painted landscape or an abstract, framed by a mat.
func picture(lu, lv float64, seed uint32) *material {
	pal := [][4]vec{
		{srgb(232, 214, 188), srgb(92, 128, 150), srgb(196, 120, 72), srgb(52, 66, 60)},
		{srgb(240, 232, 220), srgb(200, 160, 150), srgb(150, 60, 60), srgb(40, 44, 72)},
		{srgb(214, 226, 232), srgb(120, 160, 140), srgb(226, 190, 90), srgb(60, 80, 100)},
	}[seed%3]
	return &material{avg: pal[0].lerp(pal[1], 0.5), gloss: 0.4, blur: 0.02, albedo: func(h *hit, fw float64) vec {
		m := 0.12 * min(lu, lv)
		if h.u < m || h.v < m || h.u > lu-m || h.v > lv-m {
			return grey(0.78)
		}
		x, y := h.u/lu, h.v/lv
		ridge := func(s uint32, base, amp float64) float64 { return base + amp*fbm(s, x*4, 1.5, 0, 5) }
		c := pal[0].lerp(pal[1], clamp((y-0.4)*1.2, 0, 1))
		if (x-0.66)*(x-0.66)*lu*lu+(y-0.7)*(y-0.7)*lv*lv < 0.004 {
			c = pal[2]
		}
		f := fw / lu * 4
		for i, b := range [3]float64{0.52, 0.40, 0.26} {
			r := ridge(seed+uint32(i)*17, b, 0.22)
			k := smooth(r+f, r-f, y)
			c = c.lerp(pal[1].lerp(pal[3], float64(i+1)/3), k)
		}
		return c.scale(1 + 0.3*fbm(seed+1, x*40, y*40, fw/lu*40, 3))
	}}
}

// books are spines along u on a shelf lv high; the gap above them is dark.
func books(lv float64, seed uint32) *material {
	return &material{avg: srgb(120, 96, 84), albedo: func(h *hit, fw float64) vec {
		cell := math.Floor(h.u / 0.034)
		id := hash2(seed, int(cell), int(h.p.Y*3))
		r := func(k uint32) float64 { return float64(Mix(id+k)>>8) / (1 << 24) }
		top := lv * (0.62 + 0.3*r(1))
		if h.v > top {
			return grey(0.04)
		}
		hue := [6]vec{srgb(150, 60, 50), srgb(60, 80, 110), srgb(210, 200, 180), srgb(70, 96, 76), srgb(190, 150, 80), srgb(50, 50, 54)}[int(r(2)*6)]
		c := hue.scale(0.7 + 0.6*r(3))
		if y := h.v / top; y > 0.7 && y < 0.78 {
			c = c.lerp(srgb(220, 200, 140), 0.6)
		}
		return c.scale(1 - 0.75*line(h.u, 0.034, 0.005, fw))
	}}
}

// panels draws the grooves of a cabinet front or a door: one raised field per cell of the grid.
func panels(c vec, lu, lv float64, nu, nv int, inset float64) *material {
	return &material{avg: c, gloss: 0.2, blur: 0.15, albedo: func(h *hit, fw float64) vec {
		su, sv := lu/float64(nu), lv/float64(nv)
		gap := max(line(h.u, su, 0.006, fw), line(h.v, sv, 0.006, fw))
		k := 1 - 0.7*gap
		if inset > 0 {
			x, y := math.Mod(h.u, su), math.Mod(h.v, sv)
			dx, dy := math.Abs(x-su/2)-(su/2-inset), math.Abs(y-sv/2)-(sv/2-inset)
			d := max(dx, dy)
			b := 0.012
			if math.Abs(d) < b+fw {
				// a bevel: light from above, so its lower edge is bright and its upper edge dark
				s := 0.10
				if dy > dx && y > sv/2 || dx > dy && x > su/2 {
					s = -0.16
				}
				k *= 1 + s*clamp((b+fw/2-math.Abs(d))/max(fw, b), 0, 1)
			}
		}
		return c.scale(k)
	}}
}

// marble is a pale stone with veins.
func marble(c vec, seed uint32) *material {
	return &material{avg: c, gloss: 0.35, blur: 0.08, albedo: func(h *hit, fw float64) vec {
		v := math.Abs(fbm(seed, h.u*2.5, h.v*2.5, fw*3, 5))
		return c.scale(1 - 0.35*math.Exp(-v*14) + 0.05*fbm(seed+2, h.u*20, h.v*20, fw*20, 3))
	}}
}

// curtain hangs in folds along u and lets some daylight through.
func curtain(c vec, seed uint32, glow float64) *material {
	fold := func(u float64) float64 {
		return math.Sin(2*math.Pi*u/0.085+2.2*noise2(seed, u*5, 0)) * 0.7
	}
	return &material{avg: c.scale(0.8), albedo: func(h *hit, fw float64) vec {
		k := 0.74 + 0.26*fold(h.u+0.01*noise2(seed+2, h.v*1.3, 3)) + 0.10*fbm(seed+1, h.u*150, h.v*150, fw*150, 2)
		return c.scale(k)
	}, shine: func(h *hit) float64 {
		return glow * (0.6 + 0.4*fold(h.u+0.02))
	}}
}

// lawn is mown grass.
func lawn(seed uint32) *material {
	c := srgb(112, 128, 74)
	return &material{avg: c, albedo: func(h *hit, fw float64) vec {
		k := 1 + 0.25*fbm(seed, h.u*0.5, h.v*0.5, fw*0.5, 4) + 1.1*fbm(seed+3, h.u*32, h.v*18, fw*20, 4)
		y := 0.5 + 0.5*noise2(seed+7, h.u*0.9, h.v*0.9)
		return c.lerp(srgb(140, 134, 82), 0.5*y).scale(max(k, 0.15))
	}}
}

// gravel serves for paths, asphalt and concrete.
func gravel(c vec, seed uint32, scale float64) *material {
	return &material{avg: c, albedo: func(h *hit, fw float64) vec {
		k := 1 + 0.25*fbm(seed, h.u*scale, h.v*scale, fw*scale, 4) + 0.1*fbm(seed+1, h.u*0.6, h.v*0.6, fw, 3)
		return c.scale(k)
	}}
}

// foliage is clipped hedge.
func foliage(c vec, seed uint32) *material {
	return &material{avg: c.scale(0.8), albedo: func(h *hit, fw float64) vec {
		n := fbm(seed, h.u*14, h.v*14+h.p.Z*3, fw*14, 4)
		return c.mul(vec{1 + 0.5*n, 1 + 0.4*n, 1 + 0.3*n}).scale(max(0.2, 0.75+1.1*n))
	}}
}
