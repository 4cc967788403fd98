package qc

import (
	"image"
	"math"
	"sort"

	"github.com/realedit/realedit/kernels"
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
func (b *bench) lines(got *view, refs []*view) error {
	g := got.geometry
	if min(g.w, g.h) < lineLeast {
		return nil
	}
	// Most lines lie in the frame that records most; the frame that records best what
	// that one does not (the window) adds its own.
	order := pickTwo(refs)
	var px, deg []Region
	for _, k := range order {
		segs, err := b.segments(refs[k])
		if err != nil {
			return err
		}
		p, d := make([]float64, len(segs)), make([]float64, len(segs))
		ok := make([]bool, len(segs))
		each(len(segs), func(i int) { p[i], d[i], ok[i] = follow(got, refs[k], segs[i]) })
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
	return nil
}

// pickTwo is the reference that records most and the one that adds most to it.
func pickTwo(refs []*view) []int {
	count := func(v, but *view) (n int) {
		for i := 0; i < len(v.ok); i += 7 {
			if v.ok[i] != 0 && (but == nil || but.ok[i] == 0) {
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
	c, more := -1, len(refs[a].ok)/7/50
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
	theta  int
}

// segments finds the long straight lines of a view.
func (b *bench) segments(v *view) ([]segment, error) {
	e, err := b.edgeMap(v, edgeStrong/2)
	if err != nil {
		return nil, err
	}
	defer e.Free()
	grad, err := b.image(v.w, v.h, 2, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer grad.Free()
	if err := b.ops.Gradient(grad, v.log); err != nil {
		return nil, err
	}
	const bins = 180
	diag := math.Hypot(float64(v.w), float64(v.h))
	const rhoStep = 2.0
	nrho := int(2*diag/rhoStep) + 2
	var sin, cos [bins]float64
	for t := range bins {
		sin[t], cos[t] = math.Sincos(float64(t) * math.Pi / bins)
	}
	slot := func(t int, x, y float32) int {
		return int((float64(x)*cos[t] + float64(y)*sin[t] + diag) / rhoStep)
	}
	var pts []edgel
	for y := 1; y < v.h-1; y++ {
		row, gr := e.RowU8(y), grad.RowF32(y)
		for x := 1; x < v.w-1; x++ {
			if row[x] == 0 || v.ok[y*v.w+x] == 0 {
				continue
			}
			gx, gy := float64(gr[2*x]), float64(gr[2*x+1])
			a := math.Atan2(gy, gx)
			t := int(math.Round(a*bins/math.Pi)+2*bins) % bins
			m := math.Hypot(gx, gy)
			pts = append(pts, edgel{float32(x), float32(y), float32(gx / m), float32(gy / m), t})
		}
	}
	acc := make([]int32, bins*nrho)
	vote := func(p edgel, by int32) {
		for d := -2; d <= 2; d++ {
			t := (p.theta + d + bins) % bins
			s := slot(t, p.x, p.y)
			acc[t*nrho+s] += by
		}
	}
	for _, p := range pts {
		vote(p, 1)
	}
	least := max(lineLeast, max(v.w, v.h)/10)
	var out []segment
	for tries := 0; tries < 4*lineMost && len(out) < lineMost; tries++ {
		top, at := int32(0), 0
		for i, n := range acc {
			if n > top {
				top, at = n, i
			}
		}
		if int(top) < least/2 {
			break
		}
		t := at / nrho
		rho := (float64(at%nrho)+0.5)*rhoStep - diag
		var on []int
		for i, p := range pts {
			if math.Abs(float64(p.x)*cos[t]+float64(p.y)*sin[t]-rho) < 2.5 &&
				math.Abs(float64(p.nx)*cos[t]+float64(p.ny)*sin[t]) > 0.97 {
				on = append(on, i)
			}
		}
		along := func(i int) float64 { return -float64(pts[i].x)*sin[t] + float64(pts[i].y)*cos[t] }
		sort.Slice(on, func(i, j int) bool {
			if a, c := along(on[i]), along(on[j]); a != c {
				return a < c
			}
			return on[i] < on[j]
		})
		from, to := 0, 0 // the longest run without a gap
		for i, s := 0, 0; i < len(on); i++ {
			if i > 0 && along(on[i])-along(on[i-1]) > lineGap {
				s = i
			}
			if along(on[i])-along(on[s]) > along(on[max(0, to-1)])-along(on[from]) || to == 0 {
				from, to = s, i+1
			}
		}
		gone := map[int]bool{}
		if to-from >= least*2/3 && along(on[to-1])-along(on[from]) >= float64(least) {
			if s, good := fitLine(pts, on[from:to]); good {
				out = append(out, s)
			}
		}
		// Voted off: the run, or the whole peak when there was none.
		off := on
		if to-from >= 2 {
			off = on[from:to]
		}
		for _, i := range off {
			vote(pts[i], -1)
			gone[i] = true
		}
		acc[at] = 0
		kept := pts[:0]
		for i, p := range pts {
			if !gone[i] {
				kept = append(kept, p)
			}
		}
		pts = kept
	}
	return out, nil
}

// fitLine is the total-least-squares line through points; good is false when they do not lie straight.
func fitLine(pts []edgel, on []int) (segment, bool) {
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
	for k := range pieces {
		a, c := -s.half+2*s.half*float64(k)/float64(pieces), -s.half+2*s.half*float64(k+1)/float64(pieces)
		p, q = [2*side + 1]float64{}, [2*side + 1]float64{}
		n, in := 0.0, 0
		for t := a; t < c; t++ {
			bx, by := s.x+s.ux*t, s.y+s.uy*t
			if bx < side || by < side || bx > float64(got.w-side-1) || by > float64(got.h-side-1) {
				continue
			}
			if ref.full[int(by+0.5)*ref.w+int(bx+0.5)] > 0.75 {
				in++
			}
			for i := range p {
				d := float64(i - side)
				x, y := bx-s.uy*d, by+s.ux*d
				p[i] += float64(bilinear(ref.log.RowF32, ref.w, ref.h, x, y))
				q[i] += float64(bilinear(got.log.RowF32, got.w, got.h, x, y))
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
