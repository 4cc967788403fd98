package scene

import "math"

// person builds a standing figure at floor position p, turned by yaw, mid-step by stride (−1..1).
func person(p vec, yaw, stride float64, obj int) []*prim {
	sn, cs := math.Sincos(yaw)
	at := func(x, y, z float64) vec { return p.add(vec{cs*x + sn*z, y, -sn*x + cs*z}) }
	skin, hair := plain(srgb(206, 160, 132)), plain(srgb(58, 42, 34))
	jeans, shoes := fabric(srgb(52, 66, 96), 91), plain(srgb(66, 52, 44))
	top := fabric(srgb(56, 118, 124), 92)
	var out []*prim
	add := func(a, b vec, r float64, m *material) { out = append(out, capsule(a, b, r, m, obj)) }
	s := 0.22 * stride
	for i, x := range [2]float64{-0.09, 0.09} {
		f := s
		if i == 1 {
			f = -s
		}
		hip, knee, foot := at(x, 0.92, 0), at(x, 0.5, f*0.55+0.03), at(x, 0.07, f)
		add(hip, knee, 0.083, jeans)
		add(knee, foot, 0.062, jeans)
		add(foot.add(vec{0, -0.02, 0}), at(x, 0.045, f+0.14), 0.045, shoes)
		sh, el, ha := at(x*2.2, 1.40, 0), at(x*2.75, 1.13, -f*0.5-0.02), at(x*2.7, 0.90, -f*0.9+0.08)
		add(sh, el, 0.055, top)
		add(el, ha, 0.045, top)
		add(ha, at(x*2.65, 0.82, -f+0.10), 0.04, skin)
	}
	add(at(-0.05, 0.98, 0), at(0.05, 0.98, 0), 0.125, jeans)
	add(at(0, 1.06, 0), at(0, 1.30, 0), 0.155, top)
	add(at(-0.12, 1.36, 0), at(0.12, 1.36, 0), 0.10, top)
	add(at(0, 1.44, 0), at(0, 1.54, 0.01), 0.052, skin)
	add(at(0, 1.62, 0.02), at(0, 1.68, 0.015), 0.088, skin)
	add(at(0, 1.68, -0.02), at(0, 1.71, -0.015), 0.092, hair)
	for _, q := range out {
		for i := 1; i < 6; i++ {
			q.mat[i] = q.mat[0]
		}
		q.kindTag = tagFigure
		q.bound()
	}
	return out
}

// withPerson returns a copy of the stage in which a person stands at p, with the soft shadow they cast on what is near their feet.
func (s *stage) withPerson(p vec, yaw, stride float64) *stage {
	c := *s
	prims := person(p, yaw, stride, -1)
	pr := s.w.probeAt(p.add(vec{0, 1, 0}), func(q *prim) bool { return q.lit })
	for _, q := range prims {
		q.probe = pr
	}
	c.extra = newBVH(prims)
	c.dark = func(q vec) float64 {
		if q.Y > 0.05 {
			return 1
		}
		d := q.sub(p)
		return 1 - 0.5*math.Exp(-(d.X*d.X+d.Z*d.Z)/(2*0.26*0.26))*smooth(1.2, 0.8, math.Hypot(d.X, d.Z))
	}
	return &c
}
