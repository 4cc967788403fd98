package segment

import "math"

func abs32(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// probable is the probability of sky for each place of the grid.
func (f *skyFeatures) probable() *skyPlane {
	w, h := f.w, f.h
	var a0, b0, l0, edge1, rank1 *skyPlane
	var s []shape
	together(
		func() { a0 = f.r0.mean(f.a) },
		func() { b0 = f.r0.mean(f.b) },
		func() { l0 = f.r0.mean(f.l) },
		func() { edge1 = f.r1.mean(f.edge) },
		func() { rank1 = f.r1.mean(f.rank) },
		func() { s = f.shapes(f.r1) },
	)
	p := newSkyPlane(w, h)
	onAll(h, func(y int) {
		pos := (float32(y) + 0.5) / float32(h)
		for x := range w {
			i := y*w + x
			bb, ll, aa := (b0.v[i]+f.b.v[i])/2, (l0.v[i]+f.l.v[i])/2, a0.v[i]
			t := s[f.r1.label[i]]
			sum := 2.2*ramp(-bb, 3, 18)*ramp(ll, .12, .35)*ramp(25-aa, 0, 10) +
				1.6*ramp(f.min.v[i], .78, .93)*ramp(6-bb, 0, 5) +
				1.2*ramp(f.rank.v[i], .45, .8)*ramp(8-abs32(aa), 0, 5)*ramp(6-bb, 0, 6) +
				1.4*ramp(-bb, -12, -3) +
				0.6*ramp(-f.green.v[i], -.12, -.04) +
				0.8*ramp(-f.fine.v[i], 2.2, 4.6) +
				0.5*ramp(-edge1.v[i], 2.6, 4.6) +
				0.4*ramp(-f.wide.v[i], 1.7, 4) +
				0.9*(1-ramp(f.above.v[i], .03, .25)) +
				0.8*(1-ramp(f.barrier.v[i], .1, .6)) +
				1.2*(1-ramp(f.topward.v[i], -4, -1)) +
				1.3*(1-ramp(pos, .2, .7)) +
				0.4*ramp(t.top, 0, .4) +
				0.8*(1-ramp(t.lowest, .45, .9)) +
				0.5*(1-ramp(t.bottom, 0, .1)) +
				1.2*ramp(f.belowB.v[i]-f.b.v[i], -2, 14) +
				0.9*ramp(f.l.v[i]-f.belowL.v[i], -.1, .3) +
				0.6*ramp(f.belowEdge.v[i]-edge1.v[i], 0, 1.5) +
				0.6*ramp(rank1.v[i], .3, .85) +
				0.3*(1-ramp(t.slope, .1, .8)) +
				0.3*ramp(t.wide, .1, .6)
			p.v[i] = float32(1 / (1 + math.Exp(float64(10.5-sum))))
		}
	})
	return p
}

// joined is p with what belongs to its sure parts: cloud and haze have other colours than the blue beside them, but no edge as sharp
// as the skyline's lies between.
func (f *skyFeatures) joined(p *skyPlane) *skyPlane {
	sure := f.barrierFrom(f.bound, func(i int) bool { return p.v[i] > 0.9 })
	out := newSkyPlane(p.w, p.h)
	onAll(p.h, func(y int) {
		for i := y * p.w; i < (y+1)*p.w; i++ {
			q := p.v[i]
			odds := math.Log(float64(q/(1-q))) + float64(5*(1-ramp(sure.v[i], .05, .45))+4*(1-ramp(sure.v[i], .04, .15)))
			out.v[i] = float32(1 / (1 + math.Exp(-odds)))
		}
	})
	return out
}

// shape is where a region lies.
type shape struct {
	top, bottom float32 // share of the picture's top and bottom row that is this region
	lowest      float32 // its lowest row, 0..1
	wide        float32 // its box's width over the picture's
	slope       float32 // |least-squares slope of L over x|, per picture width
}

func (f *skyFeatures) shapes(r *skyRegions) []shape {
	s := make([]shape, r.n)
	left, right := make([]int, r.n), make([]int, r.n)
	type sums struct{ n, x, l, xx, xl float64 }
	t := make([]sums, r.n)
	for k := range left {
		left[k] = f.w
	}
	for i, k := range r.label {
		x, y := i%f.w, i/f.w
		left[k], right[k] = min(left[k], x), max(right[k], x)
		s[k].lowest = (float32(y) + 0.5) / float32(f.h)
		if y == 0 {
			s[k].top += 1 / float32(f.w)
		}
		if y == f.h-1 {
			s[k].bottom += 1 / float32(f.w)
		}
		u, l := float64(x)/float64(f.w), float64(f.l.v[i])
		t[k].n++
		t[k].x += u
		t[k].l += l
		t[k].xx += u * u
		t[k].xl += u * l
	}
	for k := range s {
		s[k].wide = float32(right[k]-left[k]+1) / float32(f.w)
		if d := t[k].n*t[k].xx - t[k].x*t[k].x; d > 1e-9 {
			s[k].slope = abs32(float32((t[k].n*t[k].xl - t[k].x*t[k].l) / d))
		}
	}
	return s
}
