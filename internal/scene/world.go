package scene

import (
	"math"

	"github.com/realedit/realedit/internal/parallel"
)

// Light is solved per group under white light and coloured afterwards; since nothing here fluoresces, red, green and blue
// never mix, and the same solution gives the coloured and the neutral render.
const (
	groupDay = iota
	groupSun
	groupLamps
	groups
)

type light [groups]vec

func (l *light) addScaled(m *light, s vec) {
	for g := range l {
		l[g] = l[g].add(m[g].mul(s))
	}
}

// material is a surface: albedo seen through a footprint of fw metres, its mean for bounced light, gloss (share of the Fresnel
// reflection kept, with its blur in radians) and light of its own in the lamp group.
type material struct {
	albedo func(h *hit, fw float64) vec
	avg    vec
	gloss  float64
	blur   float64
	mirror float64 // exteriors: share reflected at right angles, instead of Schlick's 0.04
	emit   func(h *hit) vec
	shine  func(h *hit) float64 // share of daylight that shines through (curtains, blinds)
}

// lightmap holds radiance per unit albedo (irradiance/π) on a grid over a flat face.
type lightmap struct {
	w, h   int
	su, sv float64
	e      []light
	first  int // index of its first texel in the world's list
}

func (m *lightmap) at(u, v float64) light {
	x := clamp(u/m.su-0.5, 0, float64(m.w-1))
	y := clamp(v/m.sv-0.5, 0, float64(m.h-1))
	i, j := min(int(x), max(m.w-2, 0)), min(int(y), max(m.h-2, 0))
	fx, fy := x-float64(i), y-float64(j)
	i1, j1 := min(i+1, m.w-1), min(j+1, m.h-1)
	a, b := &m.e[j*m.w+i], &m.e[j*m.w+i1]
	c, d := &m.e[j1*m.w+i], &m.e[j1*m.w+i1]
	var out light
	for g := range out {
		out[g] = a[g].lerp(b[g], fx).lerp(c[g].lerp(d[g], fx), fy)
	}
	return out
}

// probe is an ambient cube: light per axis direction (+x −x +y −y +z −z) for round and small things.
type probe [6]light

func (p *probe) at(n vec) light {
	var out light
	for a, c := range [3]float64{n.X, n.Y, n.Z} {
		i := 2 * a
		if c < 0 {
			i++
		}
		out.addScaled(&p[i], grey(c*c))
	}
	return out
}

type portal struct { // a window opening as a light source; u × v spans it, n points into the room
	c, u, v, n vec
	lu, lv     float64
}

type lamp struct {
	c     vec
	r     float64
	power float64
}

type world struct {
	prims    []*prim
	tree     *bvh
	portals  []portal
	lamps    []lamp
	twigs    *bvh // thin things that are drawn as strokes and only cast the sun's shadow
	sunDir   vec  // towards the sun
	sun      float64
	env      func(d vec) vec                              // light of the sky and ground, smooth
	outside  func(o, d vec, fw float64) (c vec, sky bool) // what is seen beyond all primitives
	outGain  float64                                      // scales what is seen outside against the light it sheds
	emitGain float64                                      // the same for lamps
	glowGain float64                                      // and for daylight that shines through cloth
	lit      bool                                         // exterior: lamps are on behind the windows
	mirror   bool                                         // exterior: coated glass
	open     bool                                         // exterior: sky light comes from every direction, not through portals
	texel    float64
	bounces  int
	seed     uint32
	obj      int
}

func (w *world) add(p *prim) *prim {
	if p.obj == 0 {
		w.obj++
		p.obj = w.obj
	}
	for i := 1; i < 6; i++ {
		if p.mat[i] == nil {
			p.mat[i] = p.mat[0]
		}
	}
	if p.kind == kindBox && p.cs == 0 && p.sn == 0 {
		p.cs = 1
	}
	p.bound()
	w.prims = append(w.prims, p)
	return p
}

// direct is the light that reaches p (normal n) without a bounce.
func (w *world) direct(p, n vec, seed uint32, use func(*prim) bool) light {
	var out light
	for k := range w.portals {
		po := &w.portals[k]
		const nu, nv = 4, 4
		area := po.lu * po.lv / (nu * nv)
		for j := range nv {
			for i := range nu {
				ru := rnd2(seed, i+17*k, j)
				rv := rnd2(seed+1, i+17*k, j)
				q := po.c.add(po.u.scale((float64(i) + ru) / nu * po.lu)).add(po.v.scale((float64(j) + rv) / nv * po.lv))
				d := q.sub(p)
				r2 := d.dot(d)
				r := math.Sqrt(r2)
				d = d.scale(1 / r)
				cp, cq := d.dot(n), -d.dot(po.n)
				if cp <= 0 || cq <= 0 || w.tree.blocked(p, d, r, use) {
					continue
				}
				out[groupDay] = out[groupDay].add(w.env(d).scale(cp * cq * area / (r2 + area*0.5) / math.Pi))
			}
		}
	}
	for k := range w.lamps {
		la := &w.lamps[k]
		const ns = 8
		for i := range ns {
			z := 1 - 2*(float64(i)+rnd2(seed+2, i, k))/ns
			a := 2 * math.Pi * (float64(i)*0.618034 + rnd2(seed+3, 0, k))
			s := math.Sqrt(1 - z*z)
			q := la.c.add(vec{s * math.Cos(a), z, s * math.Sin(a)}.scale(la.r))
			d := q.sub(p)
			r2 := d.dot(d)
			r := math.Sqrt(r2)
			d = d.scale(1 / r)
			c := d.dot(n)
			if c <= 0 || w.tree.blocked(p, d, r, use) {
				continue
			}
			out[groupLamps] = out[groupLamps].add(grey(la.power * c / (ns * max(r2, 0.02))))
		}
	}
	if w.sun > 0 {
		if c := n.dot(w.sunDir); c > 0 && w.sunlit(p, use) {
			out[groupSun] = grey(w.sun * c)
		}
	}
	return out
}

// sunlit says whether the sun reaches p; into a room it comes through the windows only.
func (w *world) sunlit(p vec, use func(*prim) bool) bool {
	in := w.open
	for i := range w.portals {
		po := &w.portals[i]
		dn := w.sunDir.dot(po.n)
		if dn >= 0 {
			continue
		}
		q := p.add(w.sunDir.scale(po.c.sub(p).dot(po.n) / dn)).sub(po.c)
		u, v := q.dot(po.u), q.dot(po.v)
		in = in || u > 0 && v > 0 && u < po.lu && v < po.lv
	}
	return in && !w.tree.blocked(p, w.sunDir, 1e9, use) && (w.twigs == nil || !w.twigs.blocked(p, w.sunDir, 1e9, nil))
}

// cosineDir is the i-th of n cosine-weighted directions around nrm.
func cosineDir(nrm vec, i, n int, seed uint32) vec {
	u := (float64(i) + rnd2(seed, i, 7)) / float64(n)
	a := 2 * math.Pi * (float64(i)*0.61803398875 + rnd2(seed, -1, 3))
	r := math.Sqrt(u)
	b1, b2 := basis(nrm)
	return b1.scale(r * math.Cos(a)).add(b2.scale(r * math.Sin(a))).add(nrm.scale(math.Sqrt(1 - u)))
}

const gatherRays = 96

// unlit leaves surfaces black, for tests that look at none: nineteen houses' light takes half a minute.
var unlit = false

// solve fills every light map and probe: direct light, then bounces gathered with cosine-weighted rays.
func (w *world) solve() {
	w.tree = newBVH(w.prims)
	type texel struct {
		p, n  vec
		mat   *material
		m     *lightmap
		local int
		tag   uint32
	}
	var tx []texel
	for pi, pr := range w.prims {
		if !pr.lit || pr.kind != kindBox && pr.kind != kindQuad {
			continue
		}
		nf := 6
		if pr.kind == kindQuad {
			nf = 1
		}
		for f := range nf {
			if pr.mat[f] == nil {
				continue
			}
			c, u, v, n, lu, lv := pr.face(f)
			m := &lightmap{w: int(clamp(math.Ceil(lu/w.texel), 1, 200)), h: int(clamp(math.Ceil(lv/w.texel), 1, 200)), first: len(tx)}
			m.su, m.sv = lu/float64(m.w), lv/float64(m.h)
			m.e = make([]light, m.w*m.h)
			for j := range m.h {
				for i := range m.w {
					p := c.add(u.scale((float64(i) + 0.5) * m.su)).add(v.scale((float64(j) + 0.5) * m.sv)).add(n.scale(1e-3))
					tx = append(tx, texel{p, n, pr.mat[f], m, j*m.w + i, hash(w.seed, uint32(pi), uint32(f), uint32(j*m.w+i))})
				}
			}
			pr.lm[f] = m
		}
	}
	hard := func(p *prim) bool { return p.lit }
	dir := make([]light, len(tx))
	hits, keep := w.hitsOf(len(tx) * gatherRays) // the texel that a ray meets, −1 = none
	const chunk = 256
	chunks := (len(tx) + chunk - 1) / chunk
	if unlit {
		chunks, keep = 0, nil
	}
	parallel.Each(chunks, func(c int) {
		for i := c * chunk; i < min((c+1)*chunk, len(tx)); i++ {
			t := &tx[i]
			dir[i] = w.direct(t.p, t.n, t.tag, nil)
			for k := range gatherRays {
				at := &hits[i*gatherRays+k]
				if keep == nil && (*at >= 0 || !w.open) {
					continue
				}
				d := cosineDir(t.n, k, gatherRays, t.tag)
				if keep != nil {
					*at = -1
					if h, ok := w.tree.closest(t.p, d, 1e9, hard); ok {
						m := h.pr.lm[h.face]
						x, y := min(int(h.u/m.su), m.w-1), min(int(h.v/m.sv), m.h-1)
						*at = int32(m.first + max(y, 0)*m.w + max(x, 0))
						continue
					}
				}
				if w.open {
					dir[i][groupDay] = dir[i][groupDay].add(w.env(d).scale(1.0 / gatherRays))
				}
			}
		}
	})
	if keep != nil {
		keep()
	}
	ind, next := make([]light, len(tx)), make([]light, len(tx))
	for range w.bounces {
		parallel.Each(chunks, func(c int) {
			for i := c * chunk; i < min((c+1)*chunk, len(tx)); i++ {
				var s light
				for k := range gatherRays {
					if j := hits[i*gatherRays+k]; j >= 0 {
						a := tx[j].mat.avg.scale(1.0 / gatherRays)
						s.addScaled(&dir[j], a)
						s.addScaled(&ind[j], a)
					}
				}
				next[i] = s
			}
		})
		ind, next = next, ind
	}
	// The gather's grain is white from texel to texel; a binomial blur removes it and keeps the soft light. Bounced light is smoother
	// than direct light, and smoothest on walls, floor and ceiling.
	var maps []*lightmap
	for i := range tx {
		t := &tx[i]
		if t.local == 0 {
			maps = append(maps, t.m)
		}
		t.m.e[t.local] = ind[i]
	}
	parallel.Each(len(maps), func(k int) {
		m := maps[k]
		times := 4
		if min(float64(m.w)*m.su, float64(m.h)*m.sv) > 2 {
			times = 24
		}
		m.blur(times)
		direct := lightmap{w: m.w, h: m.h, e: dir[m.first : m.first+len(m.e)]}
		for i := range direct.e {
			direct.e[i][groupSun] = vec{} // the sun itself is traced per sample
		}
		direct.blur(2)
		for i := range m.e {
			m.e[i].addScaled(&direct.e[i], grey(1))
		}
	})
	for _, pr := range w.prims {
		if !pr.lit {
			w.probeOf(pr)
		}
	}
}

func (m *lightmap) blur(times int) {
	tmp := make([]light, len(m.e))
	pass := func(dst, src []light, n, stride, lines, step int) {
		for l := range lines {
			for i := range n {
				c := l*step + i*stride
				a, b := l*step+max(i-1, 0)*stride, l*step+min(i+1, n-1)*stride
				for g := range dst[c] {
					dst[c][g] = src[a][g].add(src[b][g]).scale(0.25).add(src[c][g].scale(0.5))
				}
			}
		}
	}
	for range times {
		pass(tmp, m.e, m.w, 1, m.h, m.w)
		pass(m.e, tmp, m.h, m.w, m.w, 1)
	}
}

// probeOf lights a primitive without light maps from its middle.
func (w *world) probeOf(pr *prim) {
	pr.probe = w.probeAt(pr.lo.add(pr.hi).scale(0.5), func(q *prim) bool { return q.obj != pr.obj && q.lit })
}

func (w *world) probeAt(p vec, use func(*prim) bool) *probe {
	var out probe
	for i, n := range [6]vec{{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}} {
		e := w.direct(p, n, hash(w.seed, 991, uint32(i)), use)
		e[groupSun] = vec{}
		const rays = 128
		for k := range rays {
			d := cosineDir(n, k, rays, hash(w.seed, 77))
			h, ok := w.tree.closest(p, d, 1e9, use)
			if !ok {
				if w.open {
					e[groupDay] = e[groupDay].add(w.env(d).scale(1.0 / rays))
				}
				continue
			}
			in := h.pr.lm[h.face].at(h.u, h.v)
			e.addScaled(&in, h.material().avg.scale(1.0/rays))
		}
		out[i] = e
	}
	return &out
}

// shade is the radiance, per light group, that leaves a hit against direction d; pix is the pixel's angle in radians.
func (w *world) shade(h *hit, d vec, dist, pix float64) light {
	m := h.material()
	cos := max(-h.n.dot(d), 0.02)
	fw := dist * pix / math.Sqrt(cos)
	var e light
	if lm := h.pr.lm[h.face]; lm != nil {
		e = lm.at(h.u, h.v)
	} else {
		e = h.pr.probe.at(h.n)
	}
	if w.sun > 0 {
		if c := h.n.dot(w.sunDir); c > 0 && w.sunlit(h.p.add(h.n.scale(1e-4)), nil) {
			e[groupSun] = e[groupSun].add(grey(w.sun * c))
		}
	}
	var out light
	out.addScaled(&e, m.albedo(h, fw))
	if m.emit != nil {
		out[groupLamps] = out[groupLamps].add(m.emit(h).scale(w.emitGain))
	}
	if m.shine != nil {
		out[groupDay] = out[groupDay].add(grey(m.shine(h) * w.glowGain))
	}
	if m.gloss > 0 {
		w.reflect(&out, h, d, cos, m)
	}
	return out
}

// reflect adds the blurred mirror image of windows (interiors) or of the sky (exteriors): Schlick's Fresnel with F0 = 0.04.
func (w *world) reflect(out *light, h *hit, d vec, cos float64, m *material) {
	f := (0.04 + 0.96*math.Pow(1-cos, 5)) * m.gloss
	r := d.sub(h.n.scale(2 * d.dot(h.n)))
	use := func(p *prim) bool { return !p.frame }
	p := h.p.add(h.n.scale(1e-4))
	if m.mirror > 0 {
		w.mirrored(out, h, r, cos, m.mirror)
		return
	}
	if w.open {
		if !w.tree.blocked(p, r, 1e9, use) {
			c, _ := w.outside(p, r, 0.01)
			out[groupDay] = out[groupDay].add(c.scale(f))
		}
		return
	}
	for i := range w.portals {
		po := &w.portals[i]
		dn := r.dot(po.n)
		if dn >= -1e-3 {
			continue
		}
		t := po.c.sub(h.p).dot(po.n) / dn
		if t <= 0 {
			continue
		}
		q := h.p.add(r.scale(t)).sub(po.c)
		b := max(m.blur*t, 0.01)
		// A grazing floor smears reflections along the view, so the blur is longer upwards than sideways.
		k := box(q.dot(po.u), po.lu, b) * box(q.dot(po.v), po.lv, 2.5*b)
		if k < 0.002 {
			continue
		}
		// what stands in between blurs as much as the window
		seen := 0
		b1, b2 := basis(r)
		const rays = 12
		for i := range rays {
			sn, cs := sincos(float64(i) * 2.39996)
			rr := math.Sqrt((float64(i) + 0.5) / rays)
			q := r.add(b1.scale(rr * m.blur * cs)).add(b2.scale(rr * m.blur * sn))
			if !w.tree.blocked(p, q, t, use) {
				seen++
			}
		}
		out[groupDay] = out[groupDay].add(w.env(r).scale(f * k * w.outGain * float64(seen) / rays))
	}
}

// mirrored adds what coated glass shows of the street side: the land and sky that the camera would see behind the house.
func (w *world) mirrored(out *light, h *hit, r vec, cos, share float64) {
	f := share + (1-share)*math.Pow(1-cos, 5)
	// panes are never quite flat
	r.X += 0.012 * noise2(w.seed+95, h.u*2.3, h.v*2.3)
	r.Y += 0.012 * noise2(w.seed+96, h.u*2.3, h.v*2.3)
	r.Z = -math.Abs(r.Z)
	c, _ := w.outside(h.p, r.unit(), 0.002)
	for g := range out {
		out[g] = out[g].scale(1 - f)
	}
	out[groupDay] = out[groupDay].add(c.scale(f))
}

// box is the share of a soft interval [0, l] at x, with edges b wide.
func box(x, l, b float64) float64 { return smooth(-b, b, x) * (1 - smooth(l-b, l+b, x)) }
