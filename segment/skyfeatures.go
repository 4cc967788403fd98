package segment

import "math"

// The sizes that a sky is looked for on: colours and textures are measured at workSide, rules and regions work on a grid
// of gridSide, and the cut between sky and the rest is made at cutSide, all of them the longer side.
const (
	workSide = 640
	cutSide  = 320
	gridSide = 160
)

// skyFeatures are what the rules read, one value for each place of the grid. Colours are CIELAB with L over 100.
type skyFeatures struct {
	w, h       int
	l, a, b    *skyPlane
	min, green *skyPlane // the least of R, G and B, sRGB-encoded; how much G stands out, over the largest
	edge       *skyPlane // ln of the gradient's mean
	most       *skyPlane // its maximum
	bound      *skyPlane // the same without thin dark things, and with horizons
	horizon    *skyPlane // four times how strong a long faint line is here: findHorizon
	fine, wide *skyPlane // ln of L's deviation over 9 and 27 working pixels
	rank       *skyPlane // share of the picture that is darker
	above      *skyPlane // the largest most between here and the top of the column
	belowEdge  *skyPlane // mean of edge, l, b from here to the bottom of the column
	belowL     *skyPlane
	belowB     *skyPlane
	barrier    *skyPlane // the largest most that cannot be avoided on the way to the top row, 1 = 0.25 and more
	topward    *skyPlane // ln of the way to the top row over that to the bottom row, where edges make ways long
	r0, r1     *skyRegions
	vertical   float32 // picture mean of ln |∂y L| − ln |∂x L|: horizontal lines against vertical ones
}

// logOf is the scale that deviations and gradients are compared on; 0.002 is under a camera's noise at this size.
func logOf(v float32) float32 { return float32(math.Log(float64(v) + 0.002)) }

func (p *skyPlane) logged() *skyPlane {
	out := newSkyPlane(p.w, p.h)
	onAll(p.h, func(y int) {
		dst := out.row(y)
		for x, v := range p.row(y) {
			dst[x] = logOf(v)
		}
	})
	return out
}

// measureSky takes the features of an interleaved sRGB-encoded picture at working size.
func measureSky(picture []float32, w, h, gw, gh int) *skyFeatures {
	f := &skyFeatures{w: gw, h: gh}
	rgb := planesOf(picture, w, h)
	lab := labPlanes(rgb)
	for i, p := range [3]**skyPlane{&f.l, &f.a, &f.b} {
		*p = lab[i].shrink(gw, gh)
	}
	// What is made at working size is in rows on all processors; beside it go the parts that follow a front from place to place and have no rows.
	together(
		func() {
			f.gradients(lab)
			together(f.columns, f.ways)
		},
		func() { f.r0, f.r1 = f.regions() },
		func() { f.bounds(rgb) },
		func() {
			n := max(1, max(w, h)*9/(2*workSide))
			d := lab[0].boxDeviations(n, 3*n+1)
			f.fine, f.wide = d[0].shrink(gw, gh).logged(), d[1].shrink(gw, gh).logged()
			f.colours(rgb)
			f.ranks()
		},
	)
	for i, v := range f.horizon.v {
		f.bound.v[i] = max(f.bound.v[i], v)
	}
	return f
}

// regions divide the grid finely and coarsely.
func (f *skyFeatures) regions() (fine, coarse *skyRegions) {
	scaled := func(p *skyPlane) *skyPlane {
		out := p.smooth121()
		for i := range out.v {
			out.v[i] /= 100
		}
		return out
	}
	e := newSkyEdges(f.l.smooth121(), scaled(f.a), scaled(f.b))
	together(func() { fine = e.divide(0.12, 20) }, func() { coarse = e.divide(0.6, 20) })
	return fine, coarse
}

func (f *skyFeatures) colours(rgb [3]*skyPlane) {
	var c [3]*skyPlane
	for k := range c {
		c[k] = rgb[k].shrink(f.w, f.h)
	}
	f.min, f.green = newSkyPlane(f.w, f.h), newSkyPlane(f.w, f.h)
	for i := range f.min.v {
		r, g, b := c[0].v[i], c[1].v[i], c[2].v[i]
		f.min.v[i] = min(r, g, b)
		f.green.v[i] = (g - (r+b)/2) / (max(r, g, b) + 0.05)
	}
}

// gradient is Sobel/4 of slightly smoothed planes, all but the first over 100: the root of the sum of the squares. each, where it is not nil, receives
// every row's in turn, plane by plane, and must keep none.
func gradient(planes [3]*skyPlane, each func(plane, y int, gx, gy []float32)) *skyPlane {
	w, h := planes[0].w, planes[0].h
	grad := newSkyPlane(w, h)
	var smooth [3]*skyPlane
	for i, p := range planes {
		smooth[i] = p.smooth121()
	}
	onAll(h, func(y int) {
		var lines []float32
		if each != nil {
			lines = make([]float32, 2*w)
		}
		dst := grad.row(y)
		for i, p := range smooth {
			k := float32(0.25)
			if i > 0 {
				k = 0.0025
			}
			up, at, low := p.row(max(y-1, 0))[:len(dst)], p.row(y)[:len(dst)], p.row(min(y+1, h-1))[:len(dst)]
			for x := range dst {
				l, r := max(x-1, 0), min(x+1, w-1)
				gx := k * (up[r] - up[l] + 2*(at[r]-at[l]) + low[r] - low[l])
				gy := k * (low[l] - up[l] + 2*(low[x]-up[x]) + low[r] - up[r])
				dst[x] += gx*gx + gy*gy
				if lines != nil {
					lines[x], lines[w+x] = gx, gy
				}
			}
			if each != nil {
				each(i, y, lines[:w], lines[w:])
			}
		}
		for x, v := range dst {
			dst[x] = sqrt32(v)
		}
	})
	return grad
}

func (f *skyFeatures) gradients(lab [3]*skyPlane) {
	w, h := lab[0].w, lab[0].h
	dx, dy, downL, downB := newSkyPlane(w, h), newSkyPlane(w, h), newSkyPlane(w, h), newSkyPlane(w, h)
	grad := gradient(lab, func(plane, y int, gx, gy []float32) {
		switch plane {
		case 0:
			copy(downL.row(y), gy)
			toX, toY := dx.row(y), dy.row(y)
			for x := range toX {
				toX[x], toY[x] = abs32(gx[x]), abs32(gy[x])
			}
		case 2:
			copy(downB.row(y), gy)
		}
	})
	f.edge, f.most = grad.shrink(f.w, f.h).logged(), grad.shrinkMost(f.w, f.h)
	f.horizon = newSkyPlane(f.w, f.h)
	for _, p := range [2]*skyPlane{downL, downB} {
		f.findHorizon(p.shrink(f.w, f.h))
	}
	sx, sy := dx.shrink(f.w, f.h).logged(), dy.shrink(f.w, f.h).logged()
	var sum float64
	for i := range sx.v {
		sum += float64(sy.v[i] - sx.v[i])
	}
	f.vertical = float32(sum / float64(len(sx.v)))
}

// bounds looks at the picture after a closing over 5×5 working pixels, each channel for itself: wires, twigs and poles do not bound a sky.
func (f *skyFeatures) bounds(rgb [3]*skyPlane) {
	var closed [3]*skyPlane
	for c, p := range rgb {
		closed[c] = p.extreme(false).extreme(true)
	}
	f.bound = gradient(labPlanes(closed), nil).shrinkMost(f.w, f.h)
}

// findHorizon looks for what a sea makes of a sky: a faint but long line. It is the vertical gradient that an eighth of the picture's width to the left
// and another one to the right agree on, and the places beside this one, less that three rows above and below, which a sky that grows paler has as well.
func (f *skyFeatures) findHorizon(dy *skyPlane) {
	reach := max(1, f.w/8)
	mean := newSkyPlane(f.w, f.h)
	onAll(f.h, func(y int) {
		src, dst := dy.row(y), mean.row(y)
		for x := range dst {
			l, r := max(0, x-reach), min(f.w, x+reach+1)
			// Beside the picture's border one side has to do.
			if 2*(x-l) < reach {
				l = x
			} else if 2*(r-x) < reach {
				r = x + 1
			}
			left, right := mean32(src[l:x+1]), mean32(src[x:r])
			if l == x {
				left = right
			} else if r == x+1 {
				right = left
			}
			if here := mean32(src[max(0, x-1):min(f.w, x+2)]); left*right > 0 && left*here > 0 {
				dst[x] = min(abs32(left), abs32(right), 1.5*abs32(here))
			}
		}
	})
	onAll(f.h, func(y int) {
		up, at, low, dst := mean.row(max(y-3, 0)), mean.row(y), mean.row(min(y+3, f.h-1)), f.horizon.row(y)
		for x := range dst {
			dst[x] = max(dst[x], 4*(at[x]-max(up[x], low[x])))
		}
	})
}

func mean32(v []float32) float32 {
	var s float32
	for _, x := range v {
		s += x
	}
	return s / float32(len(v))
}

// ranks counts in 1024 steps of L; a step's pixels share the middle of their ranks.
func (f *skyFeatures) ranks() {
	var count [1025]int
	step := func(v float32) int { return min(max(int(v*1024), 0), 1023) }
	for _, v := range f.l.v {
		count[step(v)+1]++
	}
	for i := range 1024 {
		count[i+1] += count[i]
	}
	f.rank = newSkyPlane(f.w, f.h)
	for i, v := range f.l.v {
		s := step(v)
		f.rank.v[i] = float32(count[s]+count[s+1]) / float32(2*len(f.l.v))
	}
}

// columns are running maxima from the top and running means from the bottom.
func (f *skyFeatures) columns() {
	f.above, f.belowEdge, f.belowL, f.belowB = newSkyPlane(f.w, f.h), newSkyPlane(f.w, f.h), newSkyPlane(f.w, f.h), newSkyPlane(f.w, f.h)
	copy(f.above.v, f.most.v)
	for i := f.w; i < len(f.above.v); i++ {
		f.above.v[i] = max(f.above.v[i], f.above.v[i-f.w])
	}
	for _, c := range [3][2]*skyPlane{{f.belowEdge, f.edge}, {f.belowL, f.l}, {f.belowB, f.b}} {
		copy(c[0].v, c[1].v)
		for i := len(c[0].v) - f.w - 1; i >= 0; i-- {
			c[0].v[i] += c[0].v[i+f.w]
		}
		for i := range c[0].v {
			c[0].v[i] /= float32(f.h - i/f.w)
		}
	}
}

// barrierFrom is the largest gradient that cannot be avoided on the 4-connected way from the nearest of the places given, in 24 steps, where 1 is a
// gradient of 0.25 and more: an edge of a fifth of the range is sharp there. 1 where there are none.
func (f *skyFeatures) barrierFrom(cost *skyPlane, start func(i int) bool) *skyPlane {
	const levels = 24
	w, h := f.w, f.h
	level := make([]uint8, w*h)
	for i, v := range cost.v {
		level[i] = uint8(math.Ceil(float64(min(v/0.25, 1)) * levels))
	}
	out := newSkyPlane(w, h)
	var waiting [levels + 1][]int32
	seen := make([]bool, w*h)
	for i := range out.v {
		out.v[i] = 1
		if start(i) {
			waiting[level[i]] = append(waiting[level[i]], int32(i))
			seen[i] = true
		}
	}
	for at := range waiting {
		for len(waiting[at]) > 0 {
			n := len(waiting[at]) - 1
			i := int(waiting[at][n])
			waiting[at] = waiting[at][:n]
			out.v[i] = float32(at) / levels
			x := i % w
			for _, q := range [4]struct {
				i  int
				in bool
			}{{i - 1, x > 0}, {i + 1, x < w-1}, {i - w, i >= w}, {i + w, i < w*(h-1)}} {
				if q.in && !seen[q.i] {
					seen[q.i] = true
					l := max(int(level[q.i]), at)
					waiting[l] = append(waiting[l], int32(q.i))
				}
			}
		}
	}
	return out
}

// ways are what lies between a place and the top row.
func (f *skyFeatures) ways() {
	var top, bottom []float32
	together(
		func() { top = f.distance(0) },
		func() { bottom = f.distance(f.h - 1) },
		func() { f.barrier = f.barrierFrom(f.most, func(i int) bool { return i < f.w }) },
	)
	f.topward = newSkyPlane(f.w, f.h)
	onAll(f.h, func(y int) {
		for i := y * f.w; i < (y+1)*f.w; i++ {
			f.topward.v[i] = float32(math.Log(float64(top[i])+0.01) - math.Log(float64(bottom[i])+0.01))
		}
	})
}

// distance is the shortest way to a row over 8-neighbours, where a step costs its length times the mean of 0.002 + most at its ends: raster
// sweeps there and back until a pair of them changes nothing, eight pairs at most (ways that turn more often are not told apart).
func (f *skyFeatures) distance(row int) []float32 {
	w, h := f.w, f.h
	d := make([]float32, w*h)
	for i := range d {
		d[i] = 1e9
	}
	for x := range w {
		d[row*w+x] = 0
	}
	cost := f.most.v
	changed := true
	relax := func(x, y, dx, dy int, length float32) {
		x2, y2 := x+dx, y+dy
		if x2 < 0 || x2 >= w || y2 < 0 || y2 >= h {
			return
		}
		i, j := y*w+x, y2*w+x2
		if n := d[j] + length*(0.002+0.5*(cost[i]+cost[j])); n < d[i] {
			d[i], changed = n, true
		}
	}
	for n := 0; changed && n < 8; n++ {
		changed = false
		for y := range h {
			for x := range w {
				relax(x, y, -1, -1, math.Sqrt2)
				relax(x, y, 0, -1, 1)
				relax(x, y, 1, -1, math.Sqrt2)
				relax(x, y, -1, 0, 1)
			}
			for x := w - 1; x >= 0; x-- {
				relax(x, y, 1, 0, 1)
			}
		}
		for y := h - 1; y >= 0; y-- {
			for x := w - 1; x >= 0; x-- {
				relax(x, y, 1, 1, math.Sqrt2)
				relax(x, y, 0, 1, 1)
				relax(x, y, -1, 1, math.Sqrt2)
				relax(x, y, 1, 0, 1)
			}
			for x := range w {
				relax(x, y, -1, 0, 1)
			}
		}
	}
	return d
}
