package segment

import "slices"

// gateFacts are what the gate decides on.
type gateFacts struct {
	score                                                                                float32 // what the pixels say: 0.75 and more is sky
	conf, b, contrast, top, db, dl, vertical, green, warm, amb, rest, l, straight, steep float32
}

// judge asks whether what looks like sky is one.
func (v *skyView) judge() gateFacts {
	f, p := v.f, v.probable
	n := len(p.v)
	var in, conf, b, l, ob, ol, green, warm, amb float64
	for i, q := range p.v {
		if q > 0.2 && q < 0.8 {
			amb++
		}
		if f.a.v[i] < -6 && f.b.v[i] > 6 {
			green++
		}
		if f.a.v[i] > 4 && f.b.v[i] > 8 {
			warm++
		}
		if q > 0.5 {
			in++
			conf += float64(q)
			b += float64(f.b.v[i])
			l += float64(f.l.v[i])
		} else {
			ob += float64(f.b.v[i])
			ol += float64(f.l.v[i])
		}
	}
	if in < 0.005*float64(n) {
		return gateFacts{score: -9}
	}
	var restL []float32
	for i, q := range p.v {
		if q <= 0.5 {
			restL = append(restL, f.l.v[i])
		}
	}
	slices.Sort(restL)
	rest := float32(0)
	if len(restL) > 0 {
		rest = restL[len(restL)/2]
	}
	out := max(float64(n)-in, 1)
	conf, b, l, ob, ol, amb = conf/in, b/in, l/in, ob/out, ol/out, amb/in
	green, warm = green/float64(n), warm/float64(n)
	var con []float32
	topCols := 0
	for x := range f.w {
		if p.v[x] > 0.5 || f.h > 1 && p.v[f.w+x] > 0.5 {
			topCols++
		}
		for y := range f.h - 1 {
			i := y*f.w + x
			if p.v[i] > 0.5 && p.v[i+f.w] <= 0.5 {
				u, d := max(y-3, 0)*f.w+x, min(y+4, f.h-1)*f.w+x
				dl, da, db := 100*(f.l.v[u]-f.l.v[d]), f.a.v[u]-f.a.v[d], f.b.v[u]-f.b.v[d]
				con = append(con, sqrt32(dl*dl+da*da+db*db))
			}
		}
	}
	contrast := float32(0)
	if len(con) > 0 {
		slices.Sort(con)
		contrast = con[len(con)/2]
	}
	top := float32(topCols) / float32(f.w)
	r := func(x float64, lo, hi float32) float32 { return ramp(float32(x), lo, hi) }
	s := 2*r(conf, .6, .95) - 1 + 1.5*r(-b, -4, 10) - .6 + .8*ramp(contrast, 8, 30) - .4 + .8*ramp(top, .05, .4) - .3 +
		.6*r(ob-b, 2, 15) - .3 + .6*r(l-ol, 0, .3) - .3 + .5*ramp(f.vertical, -.1, .3) - .25 + .5*r(green, 0, .15) - .8*r(warm, .15, .5) - .5*r(amb, .5, 1.5)
	st, up := straightness(v.cut, 7)
	s -= 1.5 * ramp(up, .2, .6) * (1 - r(-b, 4, 12))
	return gateFacts{score: s, straight: st, steep: up, conf: float32(conf), b: float32(b), contrast: contrast, top: top, db: float32(ob - b), dl: float32(l - ol), vertical: f.vertical, green: float32(green), warm: float32(warm), amb: float32(amb), l: float32(l), rest: rest}
}

// keep tells whether the pixels alone show a sky.
func (g gateFacts) keep() bool { return g.score >= 0.75 }

// straightness tells how much of the cut's border is straight: the share of its pixels (with a 4-neighbour on the other side; the picture's edge is no
// border) through which the border runs within half a pixel of a line over reach pixels either way, and of those how many run steeper than 60°.
func straightness(m *skyPlane, reach int) (straight, steep float32) {
	border := make([]bool, len(m.v))
	w, h := m.w, m.h
	for i, v := range m.v {
		x := i % w
		border[i] = v > 0.5 && (x > 0 && m.v[i-1] <= 0.5 || x+1 < w && m.v[i+1] <= 0.5 || i >= w && m.v[i-w] <= 0.5 || i+w < len(m.v) && m.v[i+w] <= 0.5)
	}
	var n, lines, upright float32
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
		if least < 0.25 {
			lines++
			if yy > 3*xx {
				upright++
			}
		}
	}
	if n == 0 {
		return 0, 0
	}
	return lines / n, upright / n
}
