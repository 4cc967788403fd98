package segment

import (
	"cmp"
	"math"
	"slices"
)

// corners are a window's, clockwise from the upper left one, in pixels.
type corners [4][2]float64

// sideLine is u = a + b·t: a side of a window, u across it and t along it.
type sideLine struct{ a, b float64 }

// fitSide fits a side to the outermost points of a region: of the lines through two of some thirty points that lean no more than steepest, the one that
// most points lie within a pixel and a half of, then least squares over those. What stands before the window, or is bright beside it, does not count.
func fitSide(t, u []float64, steepest float64) (sideLine, bool) {
	const tries, near = 32, 1.5
	n := len(t)
	if n < 6 {
		return sideLine{}, false
	}
	var best sideLine
	most := 0
	for i := range min(n, tries) {
		for j := range i {
			p, q := i*(n-1)/(min(n, tries)-1), j*(n-1)/(min(n, tries)-1)
			if (p-q)*4 < n {
				continue
			}
			b := (u[p] - u[q]) / (t[p] - t[q])
			if math.Abs(b) > steepest {
				continue
			}
			l := sideLine{u[p] - b*t[p], b}
			c := 0
			for k := range t {
				if math.Abs(u[k]-l.a-l.b*t[k]) <= near {
					c++
				}
			}
			if c > most {
				best, most = l, c
			}
		}
	}
	if most*4 < n {
		return best, false
	}
	for range 2 {
		var s, st, su, stt, stu float64
		for i := range t {
			if math.Abs(u[i]-best.a-best.b*t[i]) <= near {
				s++
				st += t[i]
				su += u[i]
				stt += t[i] * t[i]
				stu += t[i] * u[i]
			}
		}
		if d := s*stt - st*st; d > 0 {
			best.b = (s*stu - st*su) / d
			best.a = (su - best.b*st) / s
		}
	}
	return best, true
}

// middle is the upper median; v is left in another order.
func middle[T cmp.Ordered](v []T) T { return nth(v, len(v)/2) }

// nth is what would be v[k] if v were sorted, by Hoare's selection; v is left in another order.
func nth[T cmp.Ordered](v []T, k int) T {
	for len(v) > 32 {
		a, b, c := v[0], v[len(v)/2], v[len(v)-1]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := 0, len(v)-1
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch { // v[:j+1] ≤ pivot ≤ v[i:], what is between them is the pivot
		case k <= j:
			v = v[:j+1]
		case k >= i:
			v, k = v[i:], k-i
		default:
			return v[k]
		}
	}
	slices.Sort(v)
	return v[k]
}

// steepest is how much the upper and lower sides of a window rise at most, dy/dx, as seen along a wall.
const steepest = 0.6

// fitQuad finds the four sides of a region and their corners at pixel edges.
// tilt is how far the left or right side leans at most, dx/dy: walls stand upright.
func fitQuad(r region) (q corners, tilt float64, ok bool) {
	o := r.outline()
	line := func(v []int, from int, steepest float64) (sideLine, bool) {
		t, u := make([]float64, len(v)), make([]float64, len(v))
		for i, e := range v {
			t[i], u[i] = float64(from+i)+0.5, float64(e)
		}
		return fitSide(t, u, steepest)
	}
	left, ok1 := line(o.left, o.y0, 0.3)
	right, ok2 := line(o.right, o.y0, 0.3)
	top, ok3 := line(o.top, o.x0, steepest)
	bottom, ok4 := line(o.bottom, o.x0, steepest)
	if !(ok1 && ok2 && ok3 && ok4) {
		return q, 0, false
	}
	meet := func(side, edge sideLine) [2]float64 { // x = side.a + side.b·y, y = edge.a + edge.b·x
		y := (edge.a + edge.b*side.a) / (1 - edge.b*side.b)
		return [2]float64{side.a + side.b*y, y}
	}
	q = corners{meet(left, top), meet(right, top), meet(right, bottom), meet(left, bottom)}
	return q, max(math.Abs(left.b), math.Abs(right.b)), q.convex() && max(math.Abs(top.b), math.Abs(bottom.b)) < steepest
}

// convex tells whether the corners turn right all the way round and enclose something.
func (q corners) convex() bool {
	for i := range q {
		a, b, c := q[i], q[(i+1)%4], q[(i+2)%4]
		if !((b[0]-a[0])*(c[1]-b[1])-(b[1]-a[1])*(c[0]-b[0]) > 0) {
			return false
		}
	}
	return true
}

// area is in square pixels.
func (q corners) area() (s float64) {
	for i := range q {
		a, b := q[i], q[(i+1)%4]
		s += a[0]*b[1] - a[1]*b[0]
	}
	return s / 2
}

// quadSides is a quad made ready for many points: a corner, the way to the next, and its length.
type quadSides [4]struct{ x, y, ex, ey, l float64 }

func (q corners) sides() (s quadSides) {
	for i := range q {
		a, b := q[i], q[(i+1)%4]
		s[i].x, s[i].y, s[i].ex, s[i].ey = a[0], a[1], b[0]-a[0], b[1]-a[1]
		s[i].l = math.Hypot(s[i].ex, s[i].ey)
	}
	return s
}

// away is as corners.away.
func (s *quadSides) away(x, y float64) (d [4]float64) {
	for i := range s {
		if e := &s[i]; e.l > 0 {
			d[i] = (e.ex*(y-e.y) - e.ey*(x-e.x)) / e.l
		}
	}
	return d
}

func (s *quadSides) inside(x, y float64) float64 {
	d := s.away(x, y)
	return min(d[0], d[1], d[2], d[3])
}

// scaled multiplies coordinates.
func (q corners) scaled(sx, sy float64) corners {
	for i := range q {
		q[i][0] *= sx
		q[i][1] *= sy
	}
	return q
}

// rounded is the corners to a hundredth of a pixel.
func (q corners) rounded() [4][2]float64 {
	for i := range q {
		for c := range q[i] {
			q[i][c] = math.Round(q[i][c]*100) / 100
		}
	}
	return q
}

// box is the pixels that the corners and margin more around them touch, cut to w×h.
func (q corners) box(margin float64, w, h int) (x0, y0, x1, y1 int) {
	lx, ly, hx, hy := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, c := range q {
		lx, hx = min(lx, c[0]), max(hx, c[0])
		ly, hy = min(ly, c[1]), max(hy, c[1])
	}
	clip := func(v float64, n int) int { return int(min(max(v, 0), float64(n))) }
	return clip(math.Floor(lx-margin), w), clip(math.Floor(ly-margin), h), clip(math.Ceil(hx+margin), w), clip(math.Ceil(hy+margin), h)
}

// span is the pixels x0 ≤ x < x1 of row y, of those from and to are given, whose middles lie more than d within all sides. They are of one
// run: how far a point lies within a side only grows, or only falls, along a row.
func (s *quadSides) span(y, from, to int, d float64) (x0, x1 int) {
	for from < to && !(s.inside(float64(from)+0.5, float64(y)+0.5) > d) {
		from++
	}
	for from < to && !(s.inside(float64(to-1)+0.5, float64(y)+0.5) > d) {
		to--
	}
	return from, to
}

// agreement is the share of quad and region together that both cover; what of the quad lies outside the picture, w×h, does not count.
func (q corners) agreement(r region, w, h int) float64 {
	s := q.sides()
	x0, y0, x1, y1 := q.box(0, w, h)
	both, either := 0, r.area()
	for y := y0; y < y1; y++ {
		from, to := s.span(y, x0, x1, -math.SmallestNonzeroFloat64)
		either += to - from
		for len(r) > 0 && int(r[0].y) < y {
			r = r[1:]
		}
		for len(r) > 0 && int(r[0].y) == y {
			both += max(0, min(to, int(r[0].x1))-max(from, int(r[0].x0)))
			r = r[1:]
		}
	}
	return float64(both) / float64(max(1, either-both))
}

// sidePoints is how many points along a side are asked.
const sidePoints = 24

// drops are how much light is lost across side i from a pixel and a half inside to as much outside, at points along it that lie in the plane; into is where to put them.
func (p *lightPlane) drops(into *[sidePoints]float64, q corners, i int) []float64 {
	a, b := q[i], q[(i+1)%4]
	ex, ey := b[0]-a[0], b[1]-a[1]
	l := math.Hypot(ex, ey)
	if l < 1 {
		return nil
	}
	nx, ny := -ey/l, ex/l // inwards
	out := into[:0]
	const reach = 1.5
	for k := range sidePoints {
		t := (float64(k) + 0.5) / sidePoints
		x, y := a[0]+t*ex, a[1]+t*ey
		in, ok1 := p.at(x+reach*nx, y+reach*ny)
		ex, ok2 := p.at(x-reach*nx, y-reach*ny)
		if ok1 && ok2 {
			out = append(out, in-ex)
		}
	}
	return out
}

// at is the light at a point, pixels' middles at halves.
func (p *lightPlane) at(x, y float64) (float64, bool) {
	x, y = x-0.5, y-0.5
	if x < 0 || y < 0 || x > float64(p.w-1) || y > float64(p.h-1) {
		return 0, false
	}
	i, j := min(int(x), max(p.w-2, 0)), min(int(y), max(p.h-2, 0))
	u, v := x-float64(i), y-float64(j)
	r0, r1 := p.v[j*p.w:], p.v[min(j+1, p.h-1)*p.w:]
	n := min(i+1, p.w-1)
	return (float64(r0[i])*(1-u)+float64(r0[n])*u)*(1-v) + (float64(r1[i])*(1-u)+float64(r1[n])*u)*v, true
}

// drop is the mean of a side's drops, each cut to −1..3 stops, 0 where nothing is measured (the picture's border).
func drop(d []float64) (s float64) {
	if len(d) == 0 {
		return 0
	}
	for _, v := range d {
		s += min(max(v, -1), 3)
	}
	return s / float64(len(d))
}

// settle moves the sides, each end on its own, by up to reach pixels to where most light is lost.
func (p *lightPlane) settle(q corners, reach int) corners {
	var d [sidePoints]float64
	for _, i := range [4]int{0, 2, 3, 1} {
		best, most := q, drop(p.drops(&d, q, i))
		for d0 := -reach; d0 <= reach; d0++ {
			for d1 := -reach; d1 <= reach; d1++ {
				if m, ok := q.moved(i, float64(d0), float64(d1)); ok {
					if v := drop(p.drops(&d, m, i)) - 0.03*math.Abs(float64(d0-d1)); v > most+1e-9 {
						best, most = m, v
					}
				}
			}
		}
		q = best
	}
	return q
}

// moved is the quad with side i moved inwards, d0 at its start and d1 at its end; the corners stay on the neighbouring sides' lines.
func (q corners) moved(i int, d0, d1 float64) (corners, bool) {
	a, b := q[i], q[(i+1)%4]
	before, after := q[(i+3)%4], q[(i+2)%4]
	ex, ey := b[0]-a[0], b[1]-a[1]
	l := math.Hypot(ex, ey)
	if l < 4 {
		return q, false
	}
	nx, ny := -ey/l, ex/l
	slide := func(c, far [2]float64, d float64) ([2]float64, bool) {
		fx, fy := far[0]-c[0], far[1]-c[1]
		k := fx*nx + fy*ny // how far the neighbouring side leads inwards
		if k < 4 {
			return c, false
		}
		return [2]float64{c[0] + fx*d/k, c[1] + fy*d/k}, true
	}
	var ok0, ok1 bool
	m := q
	m[i], ok0 = slide(a, before, d0)
	m[(i+1)%4], ok1 = slide(b, after, d1)
	return m, ok0 && ok1
}

// toGlass moves the sides from the frame's outer edge, where the region of light may end, inwards to the glass: to the innermost straight edge within depth pixels
// that light is lost across along most of its length, with nothing but an even strip, the frame, between it and the side before.
func (p *lightPlane) toGlass(q corners, depth float64) corners {
	var points [sidePoints]float64
	for i := range q {
		best := q
		a, b := q[(i+1)%4], q[(i+2)%4]
		for d := 1.0; d <= min(depth, 0.3*math.Hypot(b[0]-a[0], b[1]-a[1])); d += 0.5 {
			var at corners
			most := 0.0
			for e := -2.0; e <= 2; e += 0.5 {
				m, ok := q.moved(i, d-e, d+e)
				if !ok {
					continue
				}
				if v := drop(p.drops(&points, m, i)) - 0.03*math.Abs(e); v > most {
					at, most = m, v
				}
			}
			if most < 0.5 {
				continue
			}
			steps := p.drops(&points, at, i)
			lost := 0
			for _, v := range steps {
				if v > 0.4 {
					lost++
				}
			}
			if lost*10 < len(steps)*6 || !p.even(q, at, i, d > 0.11*math.Hypot(b[0]-a[0], b[1]-a[1])) {
				continue
			}
			// only where it is a peak
			in, ok1 := at.moved(i, 1, 1)
			out, ok2 := at.moved(i, -1, -1)
			if ok1 && ok2 && drop(p.drops(&points, in, i)) <= most && drop(p.drops(&points, out, i)) <= most {
				best = at
			}
		}
		q = best
	}
	return q.upright()
}

// upright gives both upright sides nearly the lean of the one that leans less, by moving the other's end outwards: they are plumb lines of one wall, and one that
// has gone astray takes the direction of the muntins with it.
func (q corners) upright() corners {
	const most = 0.03 // difference of dx/dy
	lean := func(top, bottom [2]float64) float64 { return (bottom[0] - top[0]) / (bottom[1] - top[1]) }
	left, right := lean(q[0], q[3]), lean(q[1], q[2])
	if math.Abs(left-right) <= most {
		return q
	}
	i, d := 1, left-right
	h := q[2][1] - q[1][1]
	if math.Abs(left) > math.Abs(right) {
		i, d, h = 3, left-right, q[3][1]-q[0][1]
	}
	d *= h // how far outwards an end moves: side 1 runs downwards, side 3 upwards
	if i == 1 && d < 0 || i == 3 && d < 0 {
		if m, ok := q.moved(i, d, 0); ok {
			return m
		}
		return q
	}
	if m, ok := q.moved(i, 0, -d); ok {
		return m
	}
	return q
}

// even tells whether the strip between side i of two quads is of one brightness along the side, as a painted frame is. A wide strip must be darker
// than what lies within, too, as a pane beside a muntin is not.
func (p *lightPlane) even(outer, inner corners, i int, wide bool) bool {
	const n = 24
	along := func(share, within float64) (v []float64) {
		for k := range n {
			t := (float64(k) + 0.5) / n
			var m [2]float64
			for c := range m {
				o := outer[i][c] + t*(outer[(i+1)%4][c]-outer[i][c])
				g := inner[i][c] + t*(inner[(i+1)%4][c]-inner[i][c])
				m[c] = o + (g-o)*share
				if within > 0 {
					far := inner[(i+3)%4][c] + t*(inner[(i+2)%4][c]-inner[(i+3)%4][c])
					m[c] = g + (far-g)*within
				}
			}
			if l, ok := p.at(m[0], m[1]); ok {
				v = append(v, l)
			}
		}
		return v
	}
	view := along(0, 0.06)
	if len(view) < 6 {
		return false
	}
	bright := middle(view)
	shares, spread := []float64{0.6}, 0.35
	if wide {
		shares, spread = []float64{0.3, 0.5, 0.75}, 0.3
	}
	for _, share := range shares {
		v := along(share, 0)
		if len(v) < 6 {
			return false
		}
		m := middle(v)
		if wide && m > bright-0.4 {
			return false
		}
		for k := range v {
			v[k] = math.Abs(v[k] - m)
		}
		if middle(v) > spread {
			return false
		}
	}
	return true
}
