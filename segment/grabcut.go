package segment

import (
	"math"
	"slices"
)

// grabCut divides an interleaved picture (0..255) by Rother, Kolmogorov and Blake 2004: colours of both sides as mixtures of Gaussians and a minimum
// cut, in turn. prior is the probability of the object: above sureIn and below sureOut it is taken as known; the rest starts at begin.
// It returns false where a side has under 50 pixels: then there is nothing to learn.
//
// After each round but the last review sees the cut and the prior, and may change both.
func grabCut(rgb []float32, prior *skyPlane, sureIn, begin, sureOut float32, rounds int, review func(in []bool, prior *skyPlane)) ([]bool, bool) {
	prior = &skyPlane{prior.w, prior.h, slices.Clone(prior.v)}
	w, h := prior.w, prior.h
	in := make([]bool, w*h)
	count := 0
	for i, p := range prior.v {
		if in[i] = p > begin; in[i] {
			count++
		}
	}
	if count < 50 || w*h-count < 50 {
		return in, false
	}
	var near [][8]int32
	part := make([]uint8, w*h)
	together(
		func() { near = contrastWeights(rgb, w, h) },
		func() { startParts(rgb, in, true, part) },
		func() { startParts(rgb, in, false, part) },
	)
	g := newCutGraph(w, h)
	var models [2]mixture
	cost := [2][]float32{make([]float32, w*h), make([]float32, w*h)}
	for round := range rounds {
		if round > 0 {
			onAll(h, func(y int) {
				for i := y * w; i < (y+1)*w; i++ {
					m := &models[1]
					if in[i] {
						m = &models[0]
					}
					part[i] = m.nearest(rgb[3*i : 3*i+3])
				}
			})
		}
		models = learn(rgb, in, part)
		onAll(h, func(y int) {
			for i := y * w; i < (y+1)*w; i++ {
				if p := prior.v[i]; p > sureIn || p <= sureOut {
					continue
				}
				for side := range models {
					cost[side][i] = models[side].cost(rgb[3*i : 3*i+3])
				}
			}
		})
		cutPixels(g, in, prior, near, cost, sureIn, sureOut)
		if round+1 < rounds && review != nil {
			review(in, prior)
		}
	}
	return in, true
}

// unit is how finely costs are told apart in the graph, gammaCost the largest cost of a step over an edge (the authors' γ).
const (
	unit      = 256
	gammaCost = 50
)

// contrastWeights are the arcs to the neighbours: γ/length · exp(−β d²), β one over twice the mean of d². An arc and the way back weigh the same.
func contrastWeights(rgb []float32, w, h int) [][8]int32 {
	sums := make([]float64, h)
	distances := make([][4]float64, w*h) // squared, towards the neighbours after this one in raster order
	onAll(h, func(y int) {
		var sum float64
		for x := range w {
			p := rgb[3*(y*w+x):][:3:3]
			for d := 4; d < 8; d++ {
				if x2, y2 := x+stepX[d], y+stepY[d]; x2 >= 0 && x2 < w && y2 < h {
					q := rgb[3*(y2*w+x2):][:3:3]
					a, b, c := float64(p[0]-q[0]), float64(p[1]-q[1]), float64(p[2]-q[2])
					s := a*a + b*b + c*c
					sum += s
					distances[y*w+x][d-4] = s
				}
			}
		}
		sums[y] = sum
	})
	var sum float64
	for _, s := range sums {
		sum += s
	}
	n := float64(4*w*h - 3*w - 3*h + 2)
	beta := n / (2 * max(sum, 1e-6))
	arcs := make([][8]int32, w*h)
	onAll(h, func(y int) {
		for x := range w {
			i := y*w + x
			for d := 4; d < 8; d++ {
				x2, y2 := x+stepX[d], y+stepY[d]
				if x2 < 0 || x2 >= w || y2 >= h {
					continue
				}
				k := float64(gammaCost * unit)
				if stepX[d] != 0 && stepY[d] != 0 {
					k /= math.Sqrt2
				}
				arcs[i][d] = int32(k * math.Exp(-beta*distances[i][d-4]))
			}
		}
	})
	onAll(h, func(y int) {
		for x := range w {
			for d := range 4 {
				if x2, y2 := x+stepX[d], y+stepY[d]; x2 >= 0 && x2 < w && y2 >= 0 {
					arcs[y*w+x][d] = arcs[y2*w+x2][7-d]
				}
			}
		}
	})
	return arcs
}

// cutGraph is the graph of a division's rounds. What flowed in one round flows in the next: only its costs have changed.
type cutGraph struct {
	*flowGrid
	open  []bool  // pixels that took part in the round before
	given []int32 // their excess before anything flowed
}

func newCutGraph(w, h int) *cutGraph {
	return &cutGraph{newFlowGrid(w, h), make([]bool, w*h), make([]int32, w*h)}
}

// connect gives the graph a round's costs. What is known takes no part in it: arcs to it are costs of the side it is not on.
func (g *cutGraph) connect(prior *skyPlane, near [][8]int32, cost [2][]float32, sureIn, sureOut float32) {
	w := prior.w
	onAll(prior.h, func(y int) {
		for i := y * w; i < (y+1)*w; i++ {
			if p := prior.v[i]; p > sureIn || p <= sureOut {
				continue
			}
			e := int32((cost[1][i] - cost[0][i]) * unit)
			arc := &g.arc[i]
			for d, k := range near[i] {
				if k == 0 {
					continue
				}
				j := g.at(int32(i), d)
				switch q := prior.v[j]; {
				case q > sureIn:
					e += k
				case q <= sureOut:
					e -= k
				case !g.open[i] || !g.open[j]:
					arc[d] = k
				}
			}
			g.excess[i] += e - g.given[i]
			g.given[i] = e
		}
	})
	for i, p := range prior.v {
		g.open[i] = p <= sureIn && p > sureOut
	}
}

// cutPixels finds the cut of least cost. From round to round more pixels may become unknown, but none known.
func cutPixels(g *cutGraph, in []bool, prior *skyPlane, near [][8]int32, cost [2][]float32, sureIn, sureOut float32) {
	g.connect(prior, near, cost, sureIn, sureOut)
	g.cut()
	for i, p := range prior.v {
		switch {
		case p > sureIn:
			in[i] = true
		case p <= sureOut:
			in[i] = false
		default:
			in[i] = g.inSource(i)
		}
	}
}

// mixture is five Gaussians over R, G, B.
type mixture [5]gaussian

type gaussian struct {
	weight  float64 // share of the pixels
	mean    [3]float32
	inverse [6]float32 // of the covariance: xx, xy, xz, yy, yz, zz
	scale   float32    // weight / √determinant
	log     float64    // ln of scale
}

func (g *gaussian) distance(c []float32) float32 {
	x, y, z := c[0]-g.mean[0], c[1]-g.mean[1], c[2]-g.mean[2]
	return x*(g.inverse[0]*x+2*g.inverse[1]*y+2*g.inverse[2]*z) + y*(g.inverse[3]*y+2*g.inverse[4]*z) + g.inverse[5]*z*z
}

// cost is −ln of the density, but for a constant.
func (m *mixture) cost(c []float32) float32 {
	var p float64
	for k := range m {
		if m[k].weight > 0 {
			p += float64(m[k].scale) * math.Exp(-0.5*float64(m[k].distance(c)))
		}
	}
	return float32(-math.Log(max(p, 1e-30)))
}

// nearest is the Gaussian that gives the colour most.
func (m *mixture) nearest(c []float32) uint8 {
	best, top := 0, math.Inf(-1)
	for k := range m {
		if m[k].weight > 0 {
			if p := m[k].log - 0.5*float64(m[k].distance(c)); p > top {
				best, top = k, p
			}
		}
	}
	return uint8(best)
}

// moments are what weight, mean and covariance of a part are made of: xx, xy, xz, yy, yz, zz.
type moments struct {
	n   float64
	sum [3]float64
	sq  [6]float64
}

// learnBands is how many bands of pixels learn sums up apart; it is fixed, so that rounding is the same on any number of processors.
const learnBands = 16

// learn takes weight, mean and covariance of each part of both sides, one level of noise added to the variances.
func learn(rgb []float32, in []bool, part []uint8) (m [2]mixture) {
	var bands [learnBands][2][5]moments
	onAll(learnBands, func(k int) {
		var own [2][5]moments
		for i := k * len(in) / learnBands; i < (k+1)*len(in)/learnBands; i++ {
			side := 1
			if in[i] {
				side = 0
			}
			t := &own[side][part[i]]
			p := rgb[3*i : 3*i+3 : 3*i+3]
			x, y, z := float64(p[0]), float64(p[1]), float64(p[2])
			t.n++
			t.sum[0] += x
			t.sum[1] += y
			t.sum[2] += z
			t.sq[0] += x * x
			t.sq[1] += x * y
			t.sq[2] += x * z
			t.sq[3] += y * y
			t.sq[4] += y * z
			t.sq[5] += z * z
		}
		bands[k] = own
	})
	for side := range m {
		var parts [5]moments
		total := 0.0
		for k := range parts {
			t := &parts[k]
			for b := range bands {
				o := &bands[b][side][k]
				t.n += o.n
				for i, v := range o.sum {
					t.sum[i] += v
				}
				for i, v := range o.sq {
					t.sq[i] += v
				}
			}
			total += t.n
		}
		for k, t := range parts {
			m[side][k] = t.gaussian(total)
		}
	}
	return m
}

// gaussian is that of a part of total pixels; one without pixels or of a single colour weighs nothing.
func (t *moments) gaussian(total float64) gaussian {
	if t.n == 0 {
		return gaussian{}
	}
	a, b, c := t.sum[0]/t.n, t.sum[1]/t.n, t.sum[2]/t.n
	xx, xy, xz := t.sq[0]/t.n-a*a+1, t.sq[1]/t.n-a*b, t.sq[2]/t.n-a*c
	yy, yz, zz := t.sq[3]/t.n-b*b+1, t.sq[4]/t.n-b*c, t.sq[5]/t.n-c*c+1
	det := xx*(yy*zz-yz*yz) - xy*(xy*zz-yz*xz) + xz*(xy*yz-yy*xz)
	if det < 1e-3 {
		return gaussian{}
	}
	scale := float32(t.n / total / math.Sqrt(det))
	return gaussian{weight: t.n / total, mean: [3]float32{float32(a), float32(b), float32(c)},
		inverse: [6]float32{float32((yy*zz - yz*yz) / det), float32((xz*yz - xy*zz) / det), float32((xy*yz - xz*yy) / det),
			float32((xx*zz - xz*xz) / det), float32((xy*xz - xx*yz) / det), float32((xx*yy - xy*xy) / det)},
		scale: scale, log: math.Log(float64(scale))}
}

// startParts divides a side's colours into five parts, each new one around the colour farthest from the others', then by k-means, over
// every few pixels so that it costs the same for any size; part receives every pixel's.
func startParts(rgb []float32, in []bool, side bool, part []uint8) {
	var all []int32
	for i, s := range in {
		if s == side {
			all = append(all, int32(i))
		}
	}
	type colour [3]float64
	colourOf := func(i int32) colour {
		return colour{float64(rgb[3*i]), float64(rgb[3*i+1]), float64(rgb[3*i+2])}
	}
	stride := max(1, len(all)/4000)
	some := make([]colour, 0, (len(all)+stride-1)/stride)
	for j := 0; j < len(all); j += stride {
		some = append(some, colourOf(all[j]))
	}
	var mean [5]colour
	for _, p := range some {
		for c, v := range p {
			mean[0][c] += v
		}
	}
	for c := range mean[0] {
		mean[0][c] /= float64(len(some))
	}
	nearest := func(p colour, n int) (best int, least float64) {
		least = math.Inf(1)
		for k, m := range mean[:n] {
			x, y, z := p[0]-m[0], p[1]-m[1], p[2]-m[2]
			if d := x*x + y*y + z*z; d < least {
				best, least = k, d
			}
		}
		return best, least
	}
	for n := 1; n < len(mean); n++ {
		top := -1.0
		for _, p := range some {
			if _, d := nearest(p, n); d > top {
				mean[n], top = p, d
			}
		}
	}
	for range 8 {
		var sum [5][4]float64
		for _, p := range some {
			k, _ := nearest(p, len(mean))
			t := &sum[k]
			t[0] += p[0]
			t[1] += p[1]
			t[2] += p[2]
			t[3]++
		}
		for k, t := range sum {
			if t[3] > 0 {
				mean[k] = colour{t[0] / t[3], t[1] / t[3], t[2] / t[3]}
			}
		}
	}
	onAll(min(16, len(all)), func(s int) {
		for j := s; j < len(all); j += 16 {
			k, _ := nearest(colourOf(all[j]), len(mean))
			part[all[j]] = uint8(k)
		}
	})
}
