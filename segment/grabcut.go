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
	near := contrastWeights(rgb, w, h)
	part := make([]uint8, w*h)
	var models [2]mixture
	for side := range models {
		models[side] = startMixture(rgb, in, side == 0, part)
	}
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
		onAll(2, func(side int) { models[side] = learn(rgb, in, side == 0, part) })
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
		cutPixels(in, prior, near, cost, sureIn, sureOut)
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

// contrastWeights are the arcs to the neighbours: γ/length · exp(−β d²), β one over twice the mean of d².
func contrastWeights(rgb []float32, w, h int) [][8]int32 {
	sums := make([]float64, h)
	distance := func(i, j int) float64 {
		var s float64
		for c := range 3 {
			d := float64(rgb[3*i+c] - rgb[3*j+c])
			s += d * d
		}
		return s
	}
	onAll(h, func(y int) {
		for x := range w {
			for d := 4; d < 8; d++ {
				if x2, y2 := x+stepX[d], y+stepY[d]; x2 >= 0 && x2 < w && y2 < h {
					sums[y] += distance(y*w+x, y2*w+x2)
				}
			}
		}
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
			for d := range 8 {
				x2, y2 := x+stepX[d], y+stepY[d]
				if x2 < 0 || x2 >= w || y2 < 0 || y2 >= h {
					continue
				}
				k := float64(gammaCost * unit)
				if stepX[d] != 0 && stepY[d] != 0 {
					k /= math.Sqrt2
				}
				arcs[i][d] = int32(k * math.Exp(-beta*distance(i, y2*w+x2)))
			}
		}
	})
	return arcs
}

// cutPixels finds the cut of least cost. What is known takes no part in the graph: arcs to it are costs of the side it is not on.
func cutPixels(in []bool, prior *skyPlane, near [][8]int32, cost [2][]float32, sureIn, sureOut float32) {
	g := newFlowGrid(prior.w, prior.h)
	for i, p := range prior.v {
		if p > sureIn || p <= sureOut {
			continue
		}
		e := int32((cost[1][i] - cost[0][i]) * unit)
		g.arc[i] = near[i]
		for d, k := range near[i] {
			if k == 0 {
				continue
			}
			switch q := prior.v[g.at(int32(i), d)]; {
			case q > sureIn:
				e += k
				g.arc[i][d] = 0
			case q <= sureOut:
				e -= k
				g.arc[i][d] = 0
			}
		}
		g.excess[i] = e
	}
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
			if p := math.Log(float64(m[k].scale)) - 0.5*float64(m[k].distance(c)); p > top {
				best, top = k, p
			}
		}
	}
	return uint8(best)
}

// learn takes weight, mean and covariance of each part of a side, one level of noise added to the variances.
func learn(rgb []float32, in []bool, side bool, part []uint8) (m mixture) {
	var sum [5][3]float64
	var sq [5][6]float64
	var n [5]float64
	total := 0.0
	for i, s := range in {
		if s != side {
			continue
		}
		k := part[i]
		x, y, z := float64(rgb[3*i]), float64(rgb[3*i+1]), float64(rgb[3*i+2])
		n[k]++
		total++
		sum[k][0] += x
		sum[k][1] += y
		sum[k][2] += z
		sq[k][0] += x * x
		sq[k][1] += x * y
		sq[k][2] += x * z
		sq[k][3] += y * y
		sq[k][4] += y * z
		sq[k][5] += z * z
	}
	for k := range m {
		if n[k] == 0 {
			continue
		}
		a, b, c := sum[k][0]/n[k], sum[k][1]/n[k], sum[k][2]/n[k]
		xx, xy, xz := sq[k][0]/n[k]-a*a+1, sq[k][1]/n[k]-a*b, sq[k][2]/n[k]-a*c
		yy, yz, zz := sq[k][3]/n[k]-b*b+1, sq[k][4]/n[k]-b*c, sq[k][5]/n[k]-c*c+1
		det := xx*(yy*zz-yz*yz) - xy*(xy*zz-yz*xz) + xz*(xy*yz-yy*xz)
		if det < 1e-3 {
			continue
		}
		m[k] = gaussian{weight: n[k] / total, mean: [3]float32{float32(a), float32(b), float32(c)},
			inverse: [6]float32{float32((yy*zz - yz*yz) / det), float32((xz*yz - xy*zz) / det), float32((xy*yz - xz*yy) / det),
				float32((xx*zz - xz*xz) / det), float32((xy*xz - xx*yz) / det), float32((xx*yy - xy*xy) / det)},
			scale: float32(n[k] / total / math.Sqrt(det))}
	}
	return m
}

// startMixture divides a side's colours into five parts, each new one around the colour farthest from the others', then by k-means, over
// every few pixels so that it costs the same for any size; part receives every pixel's.
func startMixture(rgb []float32, in []bool, side bool, part []uint8) mixture {
	var all []int
	for i, s := range in {
		if s == side {
			all = append(all, i)
		}
	}
	stride := max(1, len(all)/4000)
	var mean [5][3]float64
	for j := 0; j < len(all); j += stride {
		for c := range 3 {
			mean[0][c] += float64(rgb[3*all[j]+c])
		}
	}
	for c := range 3 {
		mean[0][c] /= float64((len(all) + stride - 1) / stride)
	}
	distance := func(i, k int) float64 {
		var s float64
		for c := range 3 {
			d := float64(rgb[3*i+c]) - mean[k][c]
			s += d * d
		}
		return s
	}
	nearest := func(i, n int) (int, float64) {
		best, least := 0, math.Inf(1)
		for k := range n {
			if d := distance(i, k); d < least {
				best, least = k, d
			}
		}
		return best, least
	}
	for n := 1; n < len(mean); n++ {
		far, top := all[0], -1.0
		for j := 0; j < len(all); j += stride {
			if _, d := nearest(all[j], n); d > top {
				far, top = all[j], d
			}
		}
		for c := range 3 {
			mean[n][c] = float64(rgb[3*far+c])
		}
	}
	for range 8 {
		var sum [5][4]float64
		for j := 0; j < len(all); j += stride {
			k, _ := nearest(all[j], len(mean))
			for c := range 3 {
				sum[k][c] += float64(rgb[3*all[j]+c])
			}
			sum[k][3]++
		}
		for k := range mean {
			for c := range 3 {
				if sum[k][3] > 0 {
					mean[k][c] = sum[k][c] / sum[k][3]
				}
			}
		}
	}
	onAll(min(16, len(all)), func(s int) {
		for j := s; j < len(all); j += 16 {
			k, _ := nearest(all[j], len(mean))
			part[all[j]] = uint8(k)
		}
	})
	return learn(rgb, in, side, part)
}
