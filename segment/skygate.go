package segment

import "slices"

// gateFacts are what the gate decides on.
type gateFacts struct {
	score float32 // what the pixels say: 0.75 and more is sky
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
	return gateFacts{score: s}
}

// keep tells whether the pixels alone show a sky.
func (g gateFacts) keep() bool { return g.score >= 0.75 }
