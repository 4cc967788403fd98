package segment

import (
	"math"
	"slices"
	"sync"

	"github.com/realedit/realedit/internal/parallel"
)

// skyPlane is one channel of a small picture on the host.
type skyPlane struct {
	w, h int
	v    []float32
}

func newSkyPlane(w, h int) *skyPlane { return &skyPlane{w, h, make([]float32, w*h)} }

func (p *skyPlane) row(y int) []float32 { return p.v[y*p.w : (y+1)*p.w] }

// ramp is 0 up to lo, 1 from hi on and straight between; with lo above hi it falls.
func ramp(x, lo, hi float32) float32 {
	if t := (x - lo) / (hi - lo); t < 1 {
		if t > 0 {
			return t
		}
		return 0
	}
	return 1
}

// onAll calls f for 0..n-1 on all processors. What f does for i must not depend on what it does for others.
func onAll(n int, f func(i int)) { parallel.Each(n, f) }

// together runs parts that do not depend on each other, at once.
func together(parts ...func()) { onAll(len(parts), func(i int) { parts[i]() }) }

// planesOf takes an interleaved picture apart.
func planesOf(rgb []float32, w, h int) [3]*skyPlane {
	p := [3]*skyPlane{newSkyPlane(w, h), newSkyPlane(w, h), newSkyPlane(w, h)}
	onAll(h, func(y int) {
		r, g, b := p[0].row(y), p[1].row(y), p[2].row(y)
		line := rgb[3*y*w : 3*(y+1)*w]
		for x := range r {
			q := line[3*x : 3*x+3 : 3*x+3]
			r[x], g[x], b[x] = q[0], q[1], q[2]
		}
	})
	return p
}

// spread is how much of each source pixel goes into a cell when n pixels become m cells.
type spread struct {
	first  int
	weight []float32
}

// spreads are the cells' shares in one direction, their sum 1.
func spreads(n, m int) []spread {
	s := make([]spread, m)
	k := float64(n) / float64(m)
	for i := range s {
		a, b := float64(i)*k, float64(i+1)*k
		first, last := int(a), min(n-1, int(math.Ceil(b))-1)
		s[i].first = first
		for j := first; j <= last; j++ {
			s[i].weight = append(s[i].weight, float32((min(b, float64(j+1))-max(a, float64(j)))/(b-a)))
		}
	}
	return s
}

// shrink averages over areas to w×h.
func (p *skyPlane) shrink(w, h int) *skyPlane {
	out := newSkyPlane(w, h)
	xs, ys := spreads(p.w, w), spreads(p.h, h)
	onAll(h, func(y int) {
		line, dst := make([]float32, p.w), out.row(y)
		for j, k := range ys[y].weight {
			for x, v := range p.row(ys[y].first + j) {
				line[x] += k * v
			}
		}
		for x := range dst {
			var sum float32
			for i, k := range xs[x].weight {
				sum += k * line[xs[x].first+i]
			}
			dst[x] = sum
		}
	})
	return out
}

// shrinkMost takes the largest value of each cell and one pixel around it.
func (p *skyPlane) shrinkMost(w, h int) *skyPlane {
	out := newSkyPlane(w, h)
	xs, ys := spreads(p.w, w), spreads(p.h, h)
	onAll(h, func(y int) {
		line, dst := make([]float32, p.w), out.row(y)
		for j := max(0, ys[y].first-1); j < min(p.h, ys[y].first+len(ys[y].weight)+1); j++ {
			for x, v := range p.row(j) {
				line[x] = max(line[x], v)
			}
		}
		for x := range dst {
			dst[x] = slices.Max(line[max(0, xs[x].first-1):min(p.w, xs[x].first+len(xs[x].weight)+1)])
		}
	})
	return out
}

// grow interpolates between pixel centres to w×h.
func (p *skyPlane) grow(w, h int) *skyPlane {
	out := newSkyPlane(w, h)
	xs := between(p.w, w)
	ys := between(p.h, h)
	onRows(h, w, func(y int) {
		a, b, t, dst := p.row(ys[y].at), p.row(min(ys[y].at+1, p.h-1)), ys[y].t, out.row(y)
		for x := range dst {
			i, u := xs[x].at, xs[x].t
			j := min(i+1, p.w-1)
			l, r := a[i]+(b[i]-a[i])*t, a[j]+(b[j]-a[j])*t
			dst[x] = l + (r-l)*u
		}
	})
	return out
}

// resized shrinks or grows.
func (p *skyPlane) resized(w, h int) *skyPlane {
	if w < p.w {
		return p.shrink(w, h)
	}
	return p.grow(w, h)
}

// place is a position between two samples.
type place struct {
	at int
	t  float32
}

// between are the positions of m pixel centres among n.
func between(n, m int) []place {
	s := make([]place, m)
	for i := range s {
		f := min(max((float64(i)+0.5)*float64(n)/float64(m)-0.5, 0), float64(n-1))
		s[i] = place{int(f), float32(f - math.Floor(f))}
	}
	return s
}

// smooth121 is a [1 2 1]/4 blur both ways, edges replicated.
func (p *skyPlane) smooth121() *skyPlane {
	tmp, out := newSkyPlane(p.w, p.h), newSkyPlane(p.w, p.h)
	onAll(p.h, func(y int) {
		a, dst := p.row(y), tmp.row(y)
		for x := range dst {
			dst[x] = 0.25*a[max(x-1, 0)] + 0.5*a[x] + 0.25*a[min(x+1, p.w-1)]
		}
	})
	onAll(p.h, func(y int) {
		a, b, c, dst := tmp.row(max(y-1, 0)), tmp.row(y), tmp.row(min(y+1, p.h-1)), out.row(y)
		for x := range dst {
			dst[x] = 0.25*a[x] + 0.5*b[x] + 0.25*c[x]
		}
	})
	return out
}

// extreme is the least or the largest value over 5×5 pixels, of values that are not negative: as integers their bits are in the same order, and
// the processor picks among integers without a jump.
func (p *skyPlane) extreme(least bool) *skyPlane {
	pick := largestOf
	if least {
		pick = leastOf
	}
	tmp, out := newSkyPlane(p.w, p.h), newSkyPlane(p.w, p.h)
	onAll(p.h, func(y int) {
		src, dst := p.row(y), tmp.row(y)
		last := len(src) - 1
		for x := range dst {
			if x == 2 && last > 4 {
				pick(dst[2:last-1], src, src[1:], src[2:], src[3:], src[4:])
			}
			if x < 2 || x > last-2 || last <= 4 {
				pick(dst[x:x+1], src[max(x-2, 0):], src[max(x-1, 0):], src[x:], src[min(x+1, last):], src[min(x+2, last):])
			}
		}
	})
	onAll(p.h, func(y int) {
		pick(out.row(y), tmp.row(max(y-2, 0)), tmp.row(max(y-1, 0)), tmp.row(y), tmp.row(min(y+1, p.h-1)), tmp.row(min(y+2, p.h-1)))
	})
	return out
}

func leastOf(dst, a, b, c, d, e []float32) {
	n := len(dst)
	a, b, c, d, e = a[:n], b[:n], c[:n], d[:n], e[:n]
	for i := range dst {
		dst[i] = math.Float32frombits(min(math.Float32bits(a[i]), math.Float32bits(b[i]), math.Float32bits(c[i]), math.Float32bits(d[i]), math.Float32bits(e[i])))
	}
}

func largestOf(dst, a, b, c, d, e []float32) {
	n := len(dst)
	a, b, c, d, e = a[:n], b[:n], c[:n], d[:n], e[:n]
	for i := range dst {
		dst[i] = math.Float32frombits(max(math.Float32bits(a[i]), math.Float32bits(b[i]), math.Float32bits(c[i]), math.Float32bits(d[i]), math.Float32bits(e[i])))
	}
}

// boxDeviations are the standard deviations over (2r+1)² pixels for each r, windows cut off at the borders, from one pair of running sums.
func (p *skyPlane) boxDeviations(radii ...int) []*skyPlane {
	w1 := p.w + 1
	sum, sq := make([]float64, w1*(p.h+1)), make([]float64, w1*(p.h+1))
	onAll(p.h, func(y int) {
		var s, q float64
		to, toSq := sum[(y+1)*w1+1:(y+2)*w1], sq[(y+1)*w1+1:(y+2)*w1]
		for x, v := range p.row(y) {
			s += float64(v)
			q += float64(v) * float64(v)
			to[x], toSq[x] = s, q
		}
	})
	const side = 64 // columns at a time
	onAll((w1+side-1)/side, func(k int) {
		x0, x1 := k*side, min(w1, (k+1)*side)
		for y := 2; y <= p.h; y++ {
			for _, t := range [2][]float64{sum, sq} {
				above, at := t[(y-1)*w1+x0:(y-1)*w1+x1], t[y*w1+x0:y*w1+x1]
				for x := range at {
					at[x] = above[x] + at[x]
				}
			}
		}
	})
	out := make([]*skyPlane, len(radii))
	for k := range out {
		out[k] = newSkyPlane(p.w, p.h)
	}
	onAll(p.h, func(y int) {
		for k, r := range radii {
			y0, y1 := max(0, y-r)*w1, min(p.h, y+r+1)*w1
			dst := out[k].row(y)
			s0, s1, q0, q1 := sum[y0:y0+w1], sum[y1:y1+w1], sq[y0:y0+w1], sq[y1:y1+w1]
			for x := range dst {
				x0, x1 := max(0, x-r), min(p.w, x+r+1)
				n := float64((x1 - x0) * ((y1 - y0) / w1))
				m := (s1[x1] - s0[x1] - s1[x0] + s0[x0]) / n
				v := (q1[x1]-q0[x1]-q1[x0]+q0[x0])/n - m*m
				dst[x] = float32(math.Sqrt(max(v, 0)))
			}
		}
	})
	return out
}

// labTables hold what CIELAB needs per value, evenly spaced over 0..1: linear light of an sRGB-encoded value, and CIELAB's f.
var labTables = sync.OnceValue(func() *[2][4097]float32 {
	var t [2][4097]float32
	for i := range t[0] {
		v := float64(i) / 4096
		if v <= 0.04045 {
			t[0][i] = float32(v / 12.92)
		} else {
			t[0][i] = float32(math.Pow((v+0.055)/1.055, 2.4))
		}
		if v > 216.0/24389 {
			t[1][i] = float32(math.Cbrt(v))
		} else {
			t[1][i] = float32((24389.0/27*v + 16) / 116)
		}
	}
	return &t
})

func lookUp(t *[4097]float32, v float32) float32 {
	f := v * 4096
	i := int(f)
	if uint(i) > 4095 || f < 0 {
		f = min(max(v, 0), 1) * 4096
		i = min(int(f), 4095)
	}
	return t[i] + (t[i+1]-t[i])*(f-float32(i))
}

// linearOf is the linear light of an sRGB-encoded value.
func linearOf(v float32) float32 { return lookUp(&labTables()[0], v) }

// labPlanes are CIELAB (D65) of an sRGB-encoded picture's channels: L over 100, a, b.
func labPlanes(rgb [3]*skyPlane) (lab [3]*skyPlane) {
	t := labTables()
	w, h := rgb[0].w, rgb[0].h
	lab = [3]*skyPlane{newSkyPlane(w, h), newSkyPlane(w, h), newSkyPlane(w, h)}
	onAll(h, func(y int) {
		l := lab[0].row(y)
		a, b := lab[1].row(y)[:len(l)], lab[2].row(y)[:len(l)]
		pr, pg, pb := rgb[0].row(y)[:len(l)], rgb[1].row(y)[:len(l)], rgb[2].row(y)[:len(l)]
		for x := range l {
			r, g, u := lookUp(&t[0], pr[x]), lookUp(&t[0], pg[x]), lookUp(&t[0], pb[x])
			fx := lookUp(&t[1], (0.4124564*r+0.3575761*g+0.1804375*u)/0.95047)
			fy := lookUp(&t[1], 0.2126729*r+0.7151522*g+0.0721750*u)
			fz := lookUp(&t[1], (0.0193339*r+0.1191920*g+0.9503041*u)/1.08883)
			l[x], a[x], b[x] = 1.16*fy-0.16, 500*(fx-fy), 200*(fy-fz)
		}
	})
	return lab
}

func sqrt32(v float32) float32 { return float32(math.Sqrt(float64(v))) }
