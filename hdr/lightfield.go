package hdr

import (
	"math"
	"sort"

	"github.com/realedit/realedit"
)

// A room lit by lamps and by its windows has no one light. lightField finds, beside the
// picture's main light, how the mixture changes over the picture: smooth, and only along the line of
// mixtures of daylight, the main light and lamps, so that paint and objects keep their hue.
// With s the coolness (ln B/R) of a light, it minimises over a coarse grid of cells
//
//	Σ_edges w (Δt − Δs)² + ε (Δt)²  +  Σ_cells λ (t − s)² + μ (t − s₀)²
//
// where t is the light's coolness, s the cell's, s₀ the main light's. w is near 1 where two cells look
// like one surface (a change of colour along a wall is a change of light) and 0 across edges. λ is
// for cells that lie on the line, less for those warmer than the main light, which may be paint.
//
// Under one light the votes would take paint for light, so the field is kept to the degree g that there is more than one: the
// daylight seen has more blue than the main light (5 to 13 % of R+B), or the light changes along surfaces (deviation 0.165 to 0.2).
const (
	fieldSide  = 60   // cells along the longer side
	fieldSame  = 0.26 // of w: how much coolness may change from cell to cell on one surface
	fieldHue   = 0.46 // of w: how much the colour may change across the line
	fieldStep  = 0.34 // of w: stops
	fieldEps   = 0.06
	fieldVote  = 0.8    // λ of a perfect white
	fieldOff   = 0.7    // how far off the line a white may lie
	fieldWarm  = 0.2    // how little a cell warmer than the main light is doubted to be white
	fieldPrior = 0.0012 // μ
	fieldKnown = 0.03   // μ where other views of the room told the main light too
	fieldReach = 1.6    // bound on |t − s₀|
	fieldLeast = 0.15   // a main light this near to daylight is left alone
	fieldLamp  = 2600   // kelvin of a warm lamp
)

// lightLine are the mixtures of daylight, a main light and a warm lamp, by rising coolness:
// across is ln RB/G² at coolness cool.
type lightLine struct{ cool, across []float64 }

func newLightLine(main, day [3]float64) *lightLine {
	const n = 64
	lamp := locus(fieldLamp)
	var colours [][3]float64
	for _, part := range [][2][3]float64{{lamp, main}, {main, day}} {
		for i := range n {
			f := float64(i) / n
			var c [3]float64
			for k := range c {
				c[k] = part[0][k]*(1-f) + part[1][k]*f
			}
			colours = append(colours, c)
		}
	}
	colours = append(colours, day)
	sort.Slice(colours, func(i, j int) bool { return cool(colours[i]) < cool(colours[j]) })
	l := &lightLine{}
	for _, c := range colours {
		l.cool, l.across = append(l.cool, cool(c)), append(l.across, across(c))
	}
	return l
}

func across(c [3]float64) float64 { return math.Log(c[0] * c[2] / (c[1] * c[1])) }

// at is the line's colour at coolness s: its across, and the light, luminance 1.
func (l *lightLine) at(s float64) (float64, [3]float64) {
	last := len(l.cool) - 1
	s = max(l.cool[0], min(l.cool[last], s))
	j := max(1, min(last, sort.SearchFloat64s(l.cool, s)))
	f := (s - l.cool[j-1]) / max(l.cool[j]-l.cool[j-1], 1e-12)
	a := l.across[j-1]*(1-f) + l.across[j]*f
	r, b := math.Exp((a-s)/2), math.Exp((a+s)/2)
	y := luminance(r, 1, b)
	return a, [3]float64{r / y, 1 / y, b / y}
}

// lightField returns, for a linear picture of w×h pixels, log2 of the light at each pixel (luminance 1), 3 values per pixel; nil
// where the main light is daylight.
func lightField(pix []float32, w, h int, window *plane, main [3]float64, seen []float64, prior float64) []float32 {
	s0 := cool(main)
	if s0 > -fieldLeast {
		return nil
	}
	day := [3]float64{1, 1, 1}
	if len(seen) > 0 && seen[0] > 0 {
		day = locus(1e6 / miredOf(seen[0]))
	}
	line := newLightLine(main, day)
	gw, gh := realedit.FitInto(w, h, fieldSide)
	t := solveField(pix, w, h, gw, gh, window, line, s0, prior, seen)

	view := viewLight(pix, window, s0)
	if len(seen) > 0 {
		view = max(s0, seen[0])
	}
	// Looking colours up by coolness is cheaper than computing them for every pixel.
	const steps = 512
	lo, hi := line.cool[0], line.cool[len(line.cool)-1]
	var table [steps + 1][3]float32
	for i := range table {
		_, c := line.at(lo + (hi-lo)*float64(i)/steps)
		for k := range c {
			table[i][k] = float32(math.Log2(c[k]))
		}
	}
	out := make([]float32, 3*w*h)
	for y := range h {
		fy := max(0, min(float64(gh-1), (float64(y)+0.5)*float64(gh)/float64(h)-0.5))
		y0 := int(fy)
		y1 := min(y0+1, gh-1)
		fy -= float64(y0)
		for x := range w {
			fx := max(0, min(float64(gw-1), (float64(x)+0.5)*float64(gw)/float64(w)-0.5))
			x0 := int(fx)
			x1 := min(x0+1, gw-1)
			fx -= float64(x0)
			v := (t[y0*gw+x0]*(1-fx)+t[y0*gw+x1]*fx)*(1-fy) + (t[y1*gw+x0]*(1-fx)+t[y1*gw+x1]*fx)*fy
			if window != nil {
				m := max(0, min(1, float64(window.v[y*w+x])))
				v += (view - v) * m
			}
			copy(out[3*(y*w+x):], table[int(max(0, min(steps, (v-lo)/(hi-lo)*steps+0.5)))][:])
		}
	}
	return out
}

// viewLight is the coolness of the light outside: that of the view's cooler quarter, between
// the room's light and daylight.
func viewLight(pix []float32, window *plane, s0 float64) float64 {
	if window == nil {
		return s0
	}
	var all []float64
	for i, m := range window.v {
		if r, b := pix[3*i], pix[3*i+2]; m > 0.9 && min(r, b) > 0.01 && max(r, pix[3*i+1], b) < 0.97 {
			all = append(all, math.Log(float64(b/r)))
		}
	}
	if len(all) < 16 {
		return 0
	}
	sort.Float64s(all)
	return max(s0, min(0, all[len(all)*3/4]))
}

// solveField returns the coolness of the cells' light.
func solveField(pix []float32, w, h, gw, gh int, window *plane, line *lightLine, s0, prior float64, seen []float64) []float64 {
	n := gw * gh
	sum, count, total := make([][3]float64, n), make([]float64, n), make([]float64, n)
	for y := range h {
		for x := range w {
			i, c := y*w+x, (y*gh/h)*gw+x*gw/w
			total[c]++
			r, g, b := float64(pix[3*i]), float64(pix[3*i+1]), float64(pix[3*i+2])
			if window != nil && window.v[i] > 0.2 || max(r, g, b) > 0.97 || min(r, g, b) < 0.002 || luminance(r, g, b) < 0.012 {
				continue
			}
			sum[c][0] += r
			sum[c][1] += g
			sum[c][2] += b
			count[c]++
		}
	}
	s := make([]float64, n)
	off, stops, share := make([]float64, n), make([]float64, n), make([]float64, n)
	for c := range sum {
		if count[c] == 0 {
			s[c] = s0
			continue
		}
		share[c] = count[c] / total[c]
		s[c], off[c] = cool(sum[c]), across(sum[c])
		stops[c] = math.Log2(luminance(sum[c][0], sum[c][1], sum[c][2]) / count[c])
	}
	// A x = b, A = edges (Laplacian) + diagonal.
	right, down := make([]float64, n), make([]float64, n)
	votes := make([]float64, n)
	diag, b := make([]float64, n), make([]float64, n)
	edge := func(i, j int) float64 {
		ds, dh, dy := (s[i]-s[j])/fieldSame, (off[i]-off[j])/fieldHue, (stops[i]-stops[j])/fieldStep
		wt := min(share[i], share[j]) * math.Exp(-ds*ds-dh*dh-dy*dy)
		b[i] += wt * (s[i] - s[j])
		b[j] -= wt * (s[i] - s[j])
		diag[i] += wt + fieldEps
		diag[j] += wt + fieldEps
		return wt + fieldEps
	}
	for y := range gh {
		for x := range gw {
			c := y*gw + x
			if x+1 < gw {
				right[c] = edge(c, c+1)
			}
			if y+1 < gh {
				down[c] = edge(c, c+gw)
			}
			var vote float64
			if s[c] < 0.05 && s[c] > line.cool[0]-0.05 && share[c] > 0 {
				a, _ := line.at(s[c])
				d := (off[c] - a) / fieldOff
				vote = fieldVote * share[c] * math.Exp(-d*d/2) / (1 + fieldWarm*math.Exp(-(s[c]-s0)/0.1))
			}
			votes[c] = vote
			diag[c] += vote + prior
			b[c] += vote*s[c] + prior*s0
		}
	}
	t := conjugateGradient(gw, gh, diag, right, down, b, s0)
	g := 0.0
	if len(seen) > 0 {
		g = smoothstep((blueShare(seen[0]) - blueShare(s0) - 0.05) / 0.08)
	}
	if g < 1 {
		// The same without votes: how much the light changes along surfaces.
		for c := range n {
			diag[c] -= votes[c] + prior - 1e-3
			b[c] -= votes[c]*s[c] + prior*s0
		}
		g = max(g, smoothstep((spread(conjugateGradient(gw, gh, diag, right, down, b, 0), share)-0.165)/0.035))
	}
	for c := range t {
		t[c] = s0 + g*max(-fieldReach, min(fieldReach, t[c]-s0))
	}
	return t
}

// conjugateGradient solves (diag − couplings to the right and downward neighbours) x = b from x = start.
func conjugateGradient(w, h int, diag, right, down, b []float64, start float64) []float64 {
	n := w * h
	mul := func(x, y []float64) {
		for c := range x {
			y[c] = diag[c] * x[c]
		}
		for c := range x {
			if (c+1)%w != 0 {
				y[c] -= right[c] * x[c+1]
				y[c+1] -= right[c] * x[c]
			}
			if c+w < n {
				y[c] -= down[c] * x[c+w]
				y[c+w] -= down[c] * x[c]
			}
		}
	}
	x, r, z, p, q := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for c := range x {
		x[c] = start
	}
	mul(x, q)
	var rz float64
	for c := range r {
		r[c] = b[c] - q[c]
		z[c] = r[c] / diag[c]
		p[c] = z[c]
		rz += r[c] * z[c]
	}
	for range 400 {
		if rz < 1e-12*float64(n) {
			break
		}
		mul(p, q)
		var pq float64
		for c := range p {
			pq += p[c] * q[c]
		}
		a := rz / pq
		var next float64
		for c := range x {
			x[c] += a * p[c]
			r[c] -= a * q[c]
			z[c] = r[c] / diag[c]
			next += r[c] * z[c]
		}
		for c := range p {
			p[c] = z[c] + next/rz*p[c]
		}
		rz = next
	}
	return x
}

// spread is the weighted standard deviation of v.
func spread(v, weight []float64) float64 {
	var m, q, n float64
	for c, x := range v {
		m, q, n = m+weight[c]*x, q+weight[c]*x*x, n+weight[c]
	}
	n = max(n, 1e-9)
	return math.Sqrt(max(0, q/n-m/n*m/n))
}

// blueShare is B/(B+R) of a light of coolness s.
func blueShare(s float64) float64 { return 1 / (1 + math.Exp(-s)) }

func smoothstep(t float64) float64 {
	t = max(0, min(1, t))
	return t * t * (3 - 2*t)
}
