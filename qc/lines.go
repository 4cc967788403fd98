package qc

import (
	"cmp"
	"image"
	"math"
	"slices"
	"sort"

	"github.com/realedit/realedit/internal/parallel"
)

// segment is a straight line of the reference, in proxy pixels.
type segment struct {
	x, y   float64 // middle
	ux, uy float64 // along it
	half   float64 // half its length
}

const (
	lineLeast  = 60 // proxy pixels
	lineMost   = 24 // lines per reference
	lineGap    = 6  // pixels of missing edge a line may bridge
	lineReach  = 5  // pixels a line is searched to either side
	lineWindow = 5  // half the profile that is compared
)

// lines measures long straight lines. They are found in the reference only (Hough, with
// the gradient's direction); then, in pieces along each line, the picture's profile across it
// is slid over the reference's. The offsets of the pieces give drift in pixels (its largest) and
// the turn in degrees, each far below a proxy pixel, without having to match two sets of lines.
func (b *bench) lines(got *view, refs []*view) {
	g := got.geometry
	if min(g.w, g.h) < lineLeast {
		return
	}
	// Most lines lie in the frame that records most; the frame that records best what
	// that one does not (the window) adds its own.
	order := pickTwo(refs)
	var px, deg []Region
	found := make([][]segment, len(order))
	parallel.Each(len(order), func(i int) { found[i] = segments(refs[order[i]]) })
	for i, k := range order {
		segs := found[i]
		p, d := make([]float64, len(segs)), make([]float64, len(segs))
		ok := make([]bool, len(segs))
		parallel.Each(len(segs), func(i int) { p[i], d[i], ok[i] = follow(got, refs[k], segs[i]) })
		for i, s := range segs {
			if !ok[i] {
				continue
			}
			r := image.Rect(int(s.x-s.ux*s.half), int(s.y-s.uy*s.half), int(s.x+s.ux*s.half), int(s.y+s.uy*s.half)).Canon()
			full := g.full(max(0, r.Min.X-2), max(0, r.Min.Y-2), r.Max.X+2, r.Max.Y+2)
			px = append(px, Region{full, p[i] * g.scale()})
			deg = append(deg, Region{full, d[i]})
		}
	}
	if px, deg = worst(px, false), worst(deg, false); len(px) > 0 {
		b.add(Lines, "degrees", deg[0].Value, false, deg)
		b.add(Lines, "pixels", px[0].Value, false, px)
	}
}

// pickTwo is the reference that records most and the one that adds most to it.
func pickTwo(refs []*view) []int {
	count := func(v, but *view) (n int) {
		for i := 0; i < len(v.mark); i += 7 {
			if v.mark[i]&recorded != 0 && (but == nil || but.mark[i]&recorded == 0) {
				n++
			}
		}
		return n
	}
	a, top := 0, -1
	for k, v := range refs {
		if n := count(v, nil); n > top {
			a, top = k, n
		}
	}
	out := []int{a}
	c, more := -1, len(refs[a].mark)/7/50
	for k, v := range refs {
		if n := count(v, refs[a]); k != a && n > more {
			c, more = k, n
		}
	}
	if c >= 0 {
		out = append(out, c)
	}
	return out
}

type edgel struct {
	x, y   float32
	nx, ny float32
	theta  int32
}

const (
	lineBins = 180 // directions
	rhoStep  = 2.0 // proxy pixels
	// lineFan is how many directions to either side the points of a line may have: those with a cosine above 0.97, 14°.
	lineFan = 15
)

// edgels are a view's edges of half edgeStrong with their directions, row by row.
func edgels(v *view) []edgel {
	parts := make([][]edgel, (v.h+15)/16)
	rows(v.h, func(y0, y1 int) {
		n := 0
		for y := max(1, y0); y < min(y1, v.h-1); y++ {
			for _, e := range v.edge.RowU8(y) {
				n += int(e / edgeHalf & 1)
			}
		}
		pts := make([]edgel, 0, n)
		for y := max(1, y0); y < min(y1, v.h-1); y++ {
			row := v.edge.RowU8(y)[:v.w-1]
			u, m, l := v.log.RowF32(y-1), v.log.RowF32(y), v.log.RowF32(y+1)
			for x := nextEdge(row, 1, edgeHalf); x < len(row); x = nextEdge(row, x+1, edgeHalf) {
				if v.mark[y*v.w+x]&recorded == 0 {
					continue
				}
				// As Ops.Gradient.
				sx := ((u[x+1] - u[x-1]) + (l[x+1] - l[x-1])) + 2*(m[x+1]-m[x-1])
				sy := ((l[x-1] - u[x-1]) + (l[x+1] - u[x+1])) + 2*(l[x]-u[x])
				gx, gy := float64(sx*0.125), float64(sy*0.125)
				a := math.Atan2(gy, gx)
				t := int(math.Round(a*lineBins/math.Pi)+2*lineBins) % lineBins
				m := math.Hypot(gx, gy)
				pts = append(pts, edgel{float32(x), float32(y), float32(gx / m), float32(gy / m), int32(t)})
			}
		}
		parts[y0/16] = pts
	})
	return slices.Concat(parts...)
}

// votes is the accumulator of the Hough transform, with the highest count of each direction.
type votes struct {
	sin, cos [lineBins]float64
	diag     float64
	nrho     int
	n        []int32
	top      [lineBins]int // slot of the highest count, the first of equals
	stale    [lineBins]bool
}

func newVotes(w, h int) *votes {
	a := &votes{diag: math.Hypot(float64(w), float64(h))}
	a.nrho = int(2*a.diag/rhoStep) + 2
	a.n = make([]int32, lineBins*a.nrho)
	for t := range lineBins {
		a.sin[t], a.cos[t] = math.Sincos(float64(t) * math.Pi / lineBins)
		a.stale[t] = true
	}
	return a
}

func (a *votes) add(p *edgel, by int32) {
	x, y := float64(p.x), float64(p.y)
	for d := -2; d <= 2; d++ {
		t := int(p.theta) + d
		if t < 0 {
			t += lineBins
		} else if t >= lineBins {
			t -= lineBins
		}
		a.n[t*a.nrho+int((x*a.cos[t]+y*a.sin[t]+a.diag)/rhoStep)] += by
		a.stale[t] = true
	}
}

// highest is the highest count and its slot, the first of equals.
func (a *votes) highest() (top int32, at int) {
	for t := range lineBins {
		if a.stale[t] {
			a.stale[t], a.top[t] = false, t*a.nrho
			most := int32(0)
			for i, n := range a.n[t*a.nrho : (t+1)*a.nrho] {
				if n > most {
					most, a.top[t] = n, t*a.nrho+i
				}
			}
		}
		if n := a.n[a.top[t]]; n > top {
			top, at = n, a.top[t]
		}
	}
	return top, at
}

// segments finds the long straight lines of a view.
func segments(v *view) []segment {
	pts := edgels(v)
	acc := newVotes(v.w, v.h)
	var byTheta [lineBins][]int32 // the points that still vote, by direction
	for i := range pts {
		acc.add(&pts[i], 1)
		byTheta[pts[i].theta] = append(byTheta[pts[i].theta], int32(i))
	}
	type place struct {
		along float64
		i     int32
	}
	var on []place
	var run []int32
	gone := make([]bool, len(pts))
	least := max(lineLeast, max(v.w, v.h)/10)
	var out []segment
	for tries := 0; tries < 4*lineMost && len(out) < lineMost; tries++ {
		top, at := acc.highest()
		if int(top) < least/2 {
			break
		}
		t := at / acc.nrho
		sin, cos := acc.sin[t], acc.cos[t]
		rho := (float64(at%acc.nrho)+0.5)*rhoStep - acc.diag
		on = on[:0]
		for d := -lineFan; d <= lineFan; d++ {
			for _, i := range byTheta[(t+d+lineBins)%lineBins] {
				p := &pts[i]
				x, y := float64(p.x), float64(p.y)
				if math.Abs(x*cos+y*sin-rho) < 2.5 && math.Abs(float64(p.nx)*cos+float64(p.ny)*sin) > 0.97 {
					on = append(on, place{-x*sin + y*cos, i})
				}
			}
		}
		slices.SortFunc(on, func(a, c place) int {
			if a.along != c.along {
				return cmp.Compare(a.along, c.along)
			}
			return cmp.Compare(a.i, c.i)
		})
		from, to := 0, 0 // the longest run without a gap
		for i, s := 0, 0; i < len(on); i++ {
			if i > 0 && on[i].along-on[i-1].along > lineGap {
				s = i
			}
			if on[i].along-on[s].along > on[max(0, to-1)].along-on[from].along || to == 0 {
				from, to = s, i+1
			}
		}
		if to-from >= least*2/3 && on[to-1].along-on[from].along >= float64(least) {
			run = run[:0]
			for _, p := range on[from:to] {
				run = append(run, p.i)
			}
			if s, good := fitLine(pts, run); good {
				out = append(out, s)
			}
		}
		// Voted off: the run, or the whole peak when there was none.
		off := on
		if to-from >= 2 {
			off = on[from:to]
		}
		for _, p := range off {
			acc.add(&pts[p.i], -1)
			gone[p.i] = true
		}
		acc.n[at] = 0
		acc.stale[t] = true
		for d := -lineFan; d <= lineFan && len(off) > 0; d++ {
			k := (t + d + lineBins) % lineBins
			byTheta[k] = slices.DeleteFunc(byTheta[k], func(i int32) bool { return gone[i] })
		}
	}
	return out
}

// fitLine is the total-least-squares line through points; good is false when they do not lie straight.
func fitLine(pts []edgel, on []int32) (segment, bool) {
	var mx, my float64
	for _, i := range on {
		mx += float64(pts[i].x)
		my += float64(pts[i].y)
	}
	n := float64(len(on))
	mx, my = mx/n, my/n
	var a, c, d float64
	for _, i := range on {
		x, y := float64(pts[i].x)-mx, float64(pts[i].y)-my
		a += x * x
		c += x * y
		d += y * y
	}
	phi := 0.5 * math.Atan2(2*c, a-d)
	s := segment{ux: math.Cos(phi), uy: math.Sin(phi)}
	lo, hi, res := math.Inf(1), math.Inf(-1), 0.0
	for _, i := range on {
		x, y := float64(pts[i].x)-mx, float64(pts[i].y)-my
		t := x*s.ux + y*s.uy
		lo, hi = min(lo, t), max(hi, t)
		r := -x*s.uy + y*s.ux
		res += r * r
	}
	s.x, s.y, s.half = mx+s.ux*(lo+hi)/2, my+s.uy*(lo+hi)/2, (hi-lo)/2
	return s, math.Sqrt(res/n) < 1
}

// follow measures a line's pieces in got against ref: the largest offset across it in
// proxy pixels and the turn in degrees.
func follow(got, ref *view, s segment) (px, deg float64, ok bool) {
	const side = lineReach + lineWindow
	pieces := min(16, max(6, int(2*s.half/12)))
	var at, off []float64
	var p, q [2*side + 1]float64
	was, pitch := samples(ref.log)
	is, _ := samples(got.log) // of the same shape
	for k := range pieces {
		a, c := -s.half+2*s.half*float64(k)/float64(pieces), -s.half+2*s.half*float64(k+1)/float64(pieces)
		p, q = [2*side + 1]float64{}, [2*side + 1]float64{}
		n, in := 0.0, 0
		for t := a; t < c; t++ {
			bx, by := s.x+s.ux*t, s.y+s.uy*t
			if bx < side || by < side || bx > float64(got.w-side-1) || by > float64(got.h-side-1) {
				continue
			}
			if ref.mark[int(by+0.5)*ref.w+int(bx+0.5)]&full75 != 0 {
				in++
			}
			for i := range p {
				d := float64(i - side)
				x, y := bx-s.uy*d, by+s.ux*d
				h, v := positionOf(x, ref.w), positionOf(y, ref.h)
				p[i] += float64(bilinear(was[v.i*pitch:], was[v.k*pitch:], h, v.f))
				q[i] += float64(bilinear(is[v.i*pitch:], is[v.k*pitch:], h, v.f))
			}
			n++
		}
		if n < 4 || float64(in) < n*0.9 {
			continue
		}
		if o, good := slide(p[:], q[:], side); good {
			at = append(at, (a+c)/2)
			off = append(off, o)
		}
	}
	if len(off) < 5 || at[len(at)-1]-at[0] < s.half {
		return 0, 0, false
	}
	// A median of three takes out a single piece that an ornament or a crossing fooled.
	smooth := make([]float64, len(off))
	for i := range off {
		m := []float64{off[max(0, i-1)], off[i], off[min(len(off)-1, i+1)]}
		if i == 0 {
			m[0] = off[2]
		}
		if i == len(off)-1 {
			m[2] = off[len(off)-3]
		}
		sort.Float64s(m)
		smooth[i] = m[1]
		px = max(px, math.Abs(m[1]))
	}
	var st, so, stt, sto float64
	for i, t := range at {
		st += t
		so += smooth[i]
		stt += t * t
		sto += t * smooth[i]
	}
	n := float64(len(at))
	slope := (n*sto - st*so) / (n*stt - st*st)
	return px, math.Abs(math.Atan(slope)) * 180 / math.Pi, true
}

// bilinear is between the samples of two rows.
func bilinear(r, s []float32, h position, f float32) float32 {
	return (r[h.i]*(1-h.f)+r[h.k]*h.f)*(1-f) + (s[h.i]*(1-h.f)+s[h.k]*h.f)*f
}

// slide finds the offset of profile q against p: normalised correlation to the pixel,
// then one-dimensional Lucas–Kanade with gain and offset taken out.
func slide(p, q []float64, side int) (float64, bool) {
	lo, hi := side-lineWindow, side+lineWindow
	zncc := func(d int) float64 {
		var mp, mq, pp, qq, pq float64
		n := float64(hi - lo + 1)
		for i := lo; i <= hi; i++ {
			mp += p[i] / n
			mq += q[i+d] / n
		}
		for i := lo; i <= hi; i++ {
			a, c := p[i]-mp, q[i+d]-mq
			pp += a * a
			qq += c * c
			pq += a * c
		}
		if pp <= 0 || qq <= 0 {
			return 0
		}
		return pq / math.Sqrt(pp*qq)
	}
	top, at := -2.0, 0
	for d := -lineReach; d <= lineReach; d++ {
		if c := zncc(d); c > top {
			top, at = c, d
		}
	}
	if c := zncc(0); c > top-0.03 { // repeated stripes fit elsewhere almost as well
		top, at = c, 0
	}
	if top < 0.93 || at == -lineReach || at == lineReach {
		return 0, false
	}
	x := float64(at)
	for range 3 {
		f := math.Floor(x)
		w := x - f
		v := func(i int) float64 {
			a := min(max(i+int(f), 0), len(q)-1)
			return q[a]*(1-w) + q[min(a+1, len(q)-1)]*w
		}
		// Least squares of p = g·v + o + δ·(−g v'): solve for gain and offset, then the shift.
		var sv, sp, svv, svp float64
		n := float64(hi - lo + 1)
		for i := lo; i <= hi; i++ {
			sv += v(i)
			sp += p[i]
			svv += v(i) * v(i)
			svp += v(i) * p[i]
		}
		den := n*svv - sv*sv
		if den <= 0 {
			return 0, false
		}
		g := (n*svp - sv*sp) / den
		o := (sp - g*sv) / n
		var num, dd float64
		for i := lo; i <= hi; i++ {
			dp := (p[i+1] - p[i-1]) / 2
			num += dp * (g*v(i) + o - p[i])
			dd += dp * dp
		}
		if dd <= 0 {
			return 0, false
		}
		x -= min(1, max(-1, num/dd))
	}
	if math.Abs(x-float64(at)) > 1.2 {
		return 0, false
	}
	return x, true
}
