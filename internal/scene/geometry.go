package scene

import (
	"math"
	"sort"
)

type kind uint8

const (
	kindBox kind = iota
	kindQuad
	kindEllipsoid
	kindCone // a vertical open frustum
	kindCapsule
	kindPillow // |x/a|^p + |y/b|^p + |z/c|^p = 1 with power 2 along its thin axis and 4 along the others
)

// prim is one solid or sheet. Lengths are metres, y is up.
type prim struct {
	kind   kind
	c, h   vec     // box: centre and half sizes; ellipsoid: centre and radii; cone: foot, h.Y height; capsule: first end
	cs, sn float64 // box: yaw
	b      vec     // capsule: second end
	r0, r1 float64 // cone: radii at foot and top; capsule: r0
	u, v   vec     // quad: unit edges from corner c
	n      vec     // quad: normal
	lu, lv float64 // quad: edge lengths
	clip   func(u, v float64) bool
	both   bool // quad: seen from both sides

	mat     [6]*material // by face; quads and round things use mat[0]
	lm      [6]*lightmap // nil: lit by the probe
	probe   *probe
	obj     int  // parts of one object do not shade each other's probes
	ghost   bool // casts no shadow: the lamp around its own light
	frame   bool // window frame: left out of blurred reflections
	lit     bool // wants light maps
	kindTag tag
	lo, hi  vec
}

// tag says what a pixel shows, for the masks.
type tag uint8

const (
	tagNone tag = iota
	tagWall
	tagFrame  // frame and muntins inside a window opening
	tagFigure // what moves between photos
)

type hit struct {
	t    float64
	pr   *prim
	face int
	p, n vec
	u, v float64
}

func (h *hit) material() *material { return h.pr.mat[h.face] }

func (pr *prim) rot(a vec) vec   { return vec{pr.cs*a.X - pr.sn*a.Z, a.Y, pr.sn*a.X + pr.cs*a.Z} }
func (pr *prim) unrot(a vec) vec { return vec{pr.cs*a.X + pr.sn*a.Z, a.Y, -pr.sn*a.X + pr.cs*a.Z} }

// bound fills the axis-aligned box around the primitive.
func (pr *prim) bound() {
	switch pr.kind {
	case kindBox:
		ax := math.Abs(pr.cs)*pr.h.X + math.Abs(pr.sn)*pr.h.Z
		az := math.Abs(pr.sn)*pr.h.X + math.Abs(pr.cs)*pr.h.Z
		pr.lo, pr.hi = pr.c.sub(vec{ax, pr.h.Y, az}), pr.c.add(vec{ax, pr.h.Y, az})
	case kindQuad:
		pr.lo, pr.hi = pr.c, pr.c
		for _, q := range []vec{pr.c.add(pr.u.scale(pr.lu)), pr.c.add(pr.v.scale(pr.lv)), pr.c.add(pr.u.scale(pr.lu)).add(pr.v.scale(pr.lv))} {
			pr.lo = vec{min(pr.lo.X, q.X), min(pr.lo.Y, q.Y), min(pr.lo.Z, q.Z)}
			pr.hi = vec{max(pr.hi.X, q.X), max(pr.hi.Y, q.Y), max(pr.hi.Z, q.Z)}
		}
	case kindEllipsoid, kindPillow:
		pr.lo, pr.hi = pr.c.sub(pr.h), pr.c.add(pr.h)
	case kindCone:
		r := max(pr.r0, pr.r1)
		pr.lo, pr.hi = pr.c.sub(vec{r, 0, r}), pr.c.add(vec{r, pr.h.Y, r})
	case kindCapsule:
		r := grey(pr.r0)
		pr.lo = vec{min(pr.c.X, pr.b.X), min(pr.c.Y, pr.b.Y), min(pr.c.Z, pr.b.Z)}.sub(r)
		pr.hi = vec{max(pr.c.X, pr.b.X), max(pr.c.Y, pr.b.Y), max(pr.c.Z, pr.b.Z)}.add(r)
	}
	e := grey(1e-6)
	pr.lo, pr.hi = pr.lo.sub(e), pr.hi.add(e)
}

const tiny = 1e-5

// intersect returns the distance and the face hit in (tiny, tmax).
func (pr *prim) intersect(o, d vec, tmax float64) (float64, int, bool) {
	switch pr.kind {
	case kindBox:
		o, d := o.sub(pr.c), d
		if pr.sn != 0 {
			o, d = pr.rot(o), pr.rot(d)
		}
		t0, t1, face := tiny, tmax, -1
		for a := range 3 {
			var oo, dd, hh float64
			switch a {
			case 0:
				oo, dd, hh = o.X, d.X, pr.h.X
			case 1:
				oo, dd, hh = o.Y, d.Y, pr.h.Y
			default:
				oo, dd, hh = o.Z, d.Z, pr.h.Z
			}
			if dd == 0 {
				if math.Abs(oo) > hh {
					return 0, 0, false
				}
				continue
			}
			near, far, f := (-hh-oo)/dd, (hh-oo)/dd, 2*a
			if dd < 0 {
				near, far, f = far, near, 2*a+1
			}
			if near > t0 {
				t0, face = near, f
			}
			t1 = min(t1, far)
			if t0 >= t1 {
				return 0, 0, false
			}
		}
		return t0, face, face >= 0
	case kindQuad:
		dn := d.dot(pr.n)
		if dn == 0 || dn > 0 && !pr.both {
			return 0, 0, false
		}
		q := pr.c.sub(o)
		t := q.dot(pr.n) / dn
		if t <= tiny || t >= tmax {
			return 0, 0, false
		}
		q = d.scale(t).sub(q)
		u, v := q.dot(pr.u), q.dot(pr.v)
		if u < 0 || v < 0 || u > pr.lu || v > pr.lv || pr.clip != nil && !pr.clip(u, v) {
			return 0, 0, false
		}
		return t, 0, true
	case kindEllipsoid:
		q := o.sub(pr.c)
		q = vec{q.X / pr.h.X, q.Y / pr.h.Y, q.Z / pr.h.Z}
		e := vec{d.X / pr.h.X, d.Y / pr.h.Y, d.Z / pr.h.Z}
		return root(e.dot(e), q.dot(e), q.dot(q)-1, tmax, func(float64) bool { return true })
	case kindCone:
		// radius grows linearly from the foot: |xz| = r0 + k·y
		q := o.sub(pr.c)
		k := (pr.r1 - pr.r0) / pr.h.Y
		r := pr.r0 + k*q.Y
		a := d.X*d.X + d.Z*d.Z - k*k*d.Y*d.Y
		b := q.X*d.X + q.Z*d.Z - r*k*d.Y
		return root(a, b, q.X*q.X+q.Z*q.Z-r*r, tmax, func(t float64) bool { y := q.Y + t*d.Y; return y >= 0 && y <= pr.h.Y })
	case kindPillow:
		q := o.sub(pr.c)
		b := node{lo: pr.h.scale(-1), hi: pr.h}
		t0, ok := b.enter(&ray{q, inverse(d)}, tmax)
		if !ok {
			return 0, 0, false
		}
		const steps = 20
		dt := 2 * pr.h.length() / d.length() / steps
		last := t0
		for i := range steps + 1 {
			t := t0 + float64(i)*dt
			if pr.pillow(q.add(d.scale(t))) > 0 {
				last = t
				continue
			}
			lo, hi := last, t
			for range 14 {
				if m := (lo + hi) / 2; pr.pillow(q.add(d.scale(m))) > 0 {
					lo = m
				} else {
					hi = m
				}
			}
			return hi, 0, hi > tiny && hi < tmax
		}
		return 0, 0, false
	default: // capsule, after Iñigo Quilez's derivation
		ba, oa := pr.b.sub(pr.c), o.sub(pr.c)
		baba, bard, baoa, rdoa := ba.dot(ba), ba.dot(d), ba.dot(oa), d.dot(oa)
		dd := d.dot(d)
		a := baba*dd - bard*bard
		b := baba*rdoa - baoa*bard
		c := baba*oa.dot(oa) - baoa*baoa - pr.r0*pr.r0*baba
		best, ok := tmax, false
		if t, _, k := root(a, b, c, best, func(t float64) bool { y := baoa + t*bard; return y > 0 && y < baba }); k {
			best, ok = t, true
		}
		for _, e := range [2]vec{oa, o.sub(pr.b)} {
			if t, _, k := root(dd, d.dot(e), e.dot(e)-pr.r0*pr.r0, best, func(float64) bool { return true }); k {
				best, ok = t, true
			}
		}
		return best, 0, ok
	}
}

// pillow is the implicit function of a cushion, negative inside.
func (pr *prim) pillow(q vec) float64 {
	x, y, z := q.X/pr.h.X, q.Y/pr.h.Y, q.Z/pr.h.Z
	x, y, z = x*x, y*y, z*z
	switch min(pr.h.X, pr.h.Y, pr.h.Z) {
	case pr.h.X:
		return x + y*y + z*z - 1
	case pr.h.Y:
		return x*x + y + z*z - 1
	}
	return x*x + y*y + z - 1
}

// root solves a·t² + 2b·t + c = 0 for the nearest accepted t in (tiny, tmax).
func root(a, b, c, tmax float64, accept func(float64) bool) (float64, int, bool) {
	q := b*b - a*c
	if q < 0 || a == 0 {
		return 0, 0, false
	}
	q = math.Sqrt(q)
	t0, t1 := (-b-q)/a, (-b+q)/a
	if t0 > t1 {
		t0, t1 = t1, t0
	}
	for _, t := range [2]float64{t0, t1} {
		if t > tiny && t < tmax && accept(t) {
			return t, 0, true
		}
	}
	return 0, 0, false
}

// finish fills normal and surface coordinates of a hit.
func (h *hit) finish(d vec) {
	pr := h.pr
	switch pr.kind {
	case kindBox:
		q := h.p.sub(pr.c)
		if pr.sn != 0 {
			q = pr.rot(q)
		}
		s := float64(h.face&1)*2 - 1
		switch h.face / 2 {
		case 0:
			h.n, h.u, h.v = vec{s, 0, 0}, q.Z+pr.h.Z, q.Y+pr.h.Y
		case 1:
			h.n, h.u, h.v = vec{0, s, 0}, q.X+pr.h.X, q.Z+pr.h.Z
		default:
			h.n, h.u, h.v = vec{0, 0, s}, q.X+pr.h.X, q.Y+pr.h.Y
		}
		if pr.sn != 0 {
			h.n = pr.unrot(h.n)
		}
	case kindQuad:
		q := h.p.sub(pr.c)
		h.n, h.u, h.v = pr.n, q.dot(pr.u), q.dot(pr.v)
	case kindEllipsoid:
		q := h.p.sub(pr.c)
		h.n = vec{q.X / (pr.h.X * pr.h.X), q.Y / (pr.h.Y * pr.h.Y), q.Z / (pr.h.Z * pr.h.Z)}.unit()
		h.u, h.v = math.Atan2(q.Z, q.X)*pr.h.X, q.Y
	case kindPillow:
		q := h.p.sub(pr.c)
		const e = 1e-4
		f := pr.pillow(q)
		h.n = vec{pr.pillow(q.add(vec{e, 0, 0})) - f, pr.pillow(q.add(vec{0, e, 0})) - f, pr.pillow(q.add(vec{0, 0, e})) - f}.unit()
		h.u, h.v = q.Z, q.Y
		if math.Abs(h.n.X) < 0.5 {
			h.u = q.X
			if math.Abs(h.n.Y) > 0.7 {
				h.v = q.Z
			}
		}
	case kindCone:
		q := h.p.sub(pr.c)
		k := (pr.r1 - pr.r0) / pr.h.Y
		h.n = vec{q.X, -k * math.Hypot(q.X, q.Z), q.Z}.unit()
		h.u, h.v = math.Atan2(q.Z, q.X)*pr.r0, q.Y
	default:
		ba, q := pr.b.sub(pr.c), h.p.sub(pr.c)
		t := clamp(q.dot(ba)/ba.dot(ba), 0, 1)
		h.n = q.sub(ba.scale(t)).unit()
		h.u, h.v = math.Atan2(h.n.Z, h.n.X)*pr.r0, t*ba.length()
	}
	if h.n.dot(d) > 0 {
		h.n = h.n.scale(-1)
	}
}

// face returns the frame of a flat face: corner, edges, normal, lengths.
func (pr *prim) face(f int) (c, u, v, n vec, lu, lv float64) {
	if pr.kind == kindQuad {
		return pr.c, pr.u, pr.v, pr.n, pr.lu, pr.lv
	}
	s := float64(f&1)*2 - 1
	h := pr.h
	switch f / 2 {
	case 0:
		c, u, v, n, lu, lv = vec{s * h.X, -h.Y, -h.Z}, vec{0, 0, 1}, vec{0, 1, 0}, vec{s, 0, 0}, 2*h.Z, 2*h.Y
	case 1:
		c, u, v, n, lu, lv = vec{-h.X, s * h.Y, -h.Z}, vec{1, 0, 0}, vec{0, 0, 1}, vec{0, s, 0}, 2*h.X, 2*h.Z
	default:
		c, u, v, n, lu, lv = vec{-h.X, -h.Y, s * h.Z}, vec{1, 0, 0}, vec{0, 1, 0}, vec{0, 0, s}, 2*h.X, 2*h.Y
	}
	return pr.unrot(c).add(pr.c), pr.unrot(u), pr.unrot(v), pr.unrot(n), lu, lv
}

// bvh is a median-split tree of bounding boxes over the primitives.
type bvh struct {
	nodes []node
	prims []*prim
	big   []*prim // walls and lawns, which would swell every box; tested first
}

type node struct {
	lo, hi      vec
	left, right int32 // children, or first and count when leaf
	leaf        bool
}

func newBVH(prims []*prim) *bvh {
	t := &bvh{}
	lo, hi := grey(math.Inf(1)), grey(math.Inf(-1))
	for _, p := range prims {
		lo = vec{min(lo.X, p.lo.X), min(lo.Y, p.lo.Y), min(lo.Z, p.lo.Z)}
		hi = vec{max(hi.X, p.hi.X), max(hi.Y, p.hi.Y), max(hi.Z, p.hi.Z)}
	}
	for _, p := range prims {
		if len(t.big) < 8 && p.hi.sub(p.lo).length() > 0.4*hi.sub(lo).length() {
			t.big = append(t.big, p)
		} else {
			t.prims = append(t.prims, p)
		}
	}
	if len(t.prims) > 0 {
		t.build(0, len(t.prims))
	}
	return t
}

func (t *bvh) build(a, b int) int32 {
	id := int32(len(t.nodes))
	nd := node{lo: grey(math.Inf(1)), hi: grey(math.Inf(-1))}
	for _, p := range t.prims[a:b] {
		nd.lo = vec{min(nd.lo.X, p.lo.X), min(nd.lo.Y, p.lo.Y), min(nd.lo.Z, p.lo.Z)}
		nd.hi = vec{max(nd.hi.X, p.hi.X), max(nd.hi.Y, p.hi.Y), max(nd.hi.Z, p.hi.Z)}
	}
	t.nodes = append(t.nodes, nd)
	if b-a <= 3 {
		nd.leaf, nd.left, nd.right = true, int32(a), int32(b-a)
		t.nodes[id] = nd
		return id
	}
	e := nd.hi.sub(nd.lo)
	key := func(p *prim) float64 { return p.lo.X + p.hi.X }
	if e.Y > e.X && e.Y > e.Z {
		key = func(p *prim) float64 { return p.lo.Y + p.hi.Y }
	} else if e.Z > e.X {
		key = func(p *prim) float64 { return p.lo.Z + p.hi.Z }
	}
	sort.SliceStable(t.prims[a:b], func(i, j int) bool { return key(t.prims[a+i]) < key(t.prims[a+j]) })
	m := (a + b) / 2
	nd.left = t.build(a, m)
	nd.right = t.build(m, b)
	t.nodes[id] = nd
	return id
}

// enter is the slab test. Plain comparisons: the built-in min and max also order NaNs and signed zeros, at three times the cost.
func (nd *node) enter(r *ray, tmax float64) (float64, bool) {
	lo, hi := &nd.lo, &nd.hi
	x0, x1 := lo.X, hi.X
	if r.inv.X < 0 {
		x0, x1 = x1, x0
	}
	t0, t1 := 0.0, tmax
	if a := (x0 - r.o.X) * r.inv.X; a > t0 {
		t0 = a
	}
	if b := (x1 - r.o.X) * r.inv.X; b < t1 {
		t1 = b
	}
	y0, y1 := lo.Y, hi.Y
	if r.inv.Y < 0 {
		y0, y1 = y1, y0
	}
	if a := (y0 - r.o.Y) * r.inv.Y; a > t0 {
		t0 = a
	}
	if b := (y1 - r.o.Y) * r.inv.Y; b < t1 {
		t1 = b
	}
	if t0 > t1 {
		return 0, false
	}
	z0, z1 := lo.Z, hi.Z
	if r.inv.Z < 0 {
		z0, z1 = z1, z0
	}
	if a := (z0 - r.o.Z) * r.inv.Z; a > t0 {
		t0 = a
	}
	if b := (z1 - r.o.Z) * r.inv.Z; b < t1 {
		t1 = b
	}
	return t0, t0 <= t1
}

// ray is where one begins, and one over its direction.
type ray struct{ o, inv vec }

func inverse(d vec) vec {
	f := func(x float64) float64 {
		if math.Abs(x) < 1e-12 {
			return math.Copysign(1e12, x)
		}
		return 1 / x
	}
	return vec{f(d.X), f(d.Y), f(d.Z)}
}

// closest finds the nearest primitive along o + t·d, t < tmax; use is asked before a primitive counts.
func (t *bvh) closest(o, d vec, tmax float64, use func(*prim) bool) (hit, bool) {
	h := hit{t: tmax}
	for _, p := range t.big {
		if use != nil && !use(p) {
			continue
		}
		if s, f, ok := p.intersect(o, d, h.t); ok {
			h.t, h.pr, h.face = s, p, f
		}
	}
	r := &ray{o, inverse(d)}
	var stack [64]struct {
		node int32
		at   float64 // where the ray enters it
	}
	sp := 0
	if len(t.nodes) > 0 {
		if at, ok := t.nodes[0].enter(r, h.t); ok {
			stack[0].at, sp = at, 1
		}
	}
	for sp > 0 {
		sp--
		if stack[sp].at > h.t {
			continue
		}
		nd := &t.nodes[stack[sp].node]
		if nd.leaf {
			for _, p := range t.prims[nd.left : nd.left+nd.right] {
				if use != nil && !use(p) {
					continue
				}
				if s, f, ok := p.intersect(o, d, h.t); ok {
					h.t, h.pr, h.face = s, p, f
				}
			}
			continue
		}
		a, b := nd.left, nd.right
		ta, oka := t.nodes[a].enter(r, h.t)
		tb, okb := t.nodes[b].enter(r, h.t)
		if oka && okb && ta < tb {
			a, b, ta, tb = b, a, tb, ta
		}
		if oka {
			stack[sp].node, stack[sp].at = a, ta
			sp++
		}
		if okb {
			stack[sp].node, stack[sp].at = b, tb
			sp++
		}
	}
	if h.pr == nil {
		return h, false
	}
	h.p = o.add(d.scale(h.t))
	h.finish(d)
	return h, true
}

// blocked says whether anything that casts shadows lies on o + t·d before tmax.
func (t *bvh) blocked(o, d vec, tmax float64, use func(*prim) bool) bool {
	for _, p := range t.big {
		if p.ghost || use != nil && !use(p) {
			continue
		}
		if _, _, ok := p.intersect(o, d, tmax); ok {
			return true
		}
	}
	r := &ray{o, inverse(d)}
	var stack [64]int32
	sp := min(1, len(t.nodes))
	for sp > 0 {
		sp--
		nd := &t.nodes[stack[sp]]
		if _, ok := nd.enter(r, tmax); !ok {
			continue
		}
		if !nd.leaf {
			stack[sp], stack[sp+1] = nd.left, nd.right
			sp += 2
			continue
		}
		for _, p := range t.prims[nd.left : nd.left+nd.right] {
			if p.ghost || use != nil && !use(p) {
				continue
			}
			if _, _, ok := p.intersect(o, d, tmax); ok {
				return true
			}
		}
	}
	return false
}
