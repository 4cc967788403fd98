package hdr

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// homography is a row-major 3×3 projective map with h[8] = 1.
type homography [9]float64

var identity = homography{1, 0, 0, 0, 1, 0, 0, 0, 1}

func (h *homography) apply(x, y float64) (float64, float64) {
	d := h[6]*x + h[7]*y + h[8]
	return (h[0]*x + h[1]*y + h[2]) / d, (h[3]*x + h[4]*y + h[5]) / d
}

// mul is the map that applies g first, then h.
func (h homography) mul(g homography) homography {
	var r homography
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				r[3*i+j] += h[3*i+k] * g[3*k+j]
			}
		}
	}
	for i := range r {
		r[i] /= r[8]
	}
	return r
}

// inverse is the map back; h must be regular.
func (h homography) inverse() homography {
	r := homography{
		h[4]*h[8] - h[5]*h[7], h[2]*h[7] - h[1]*h[8], h[1]*h[5] - h[2]*h[4],
		h[5]*h[6] - h[3]*h[8], h[0]*h[8] - h[2]*h[6], h[2]*h[3] - h[0]*h[5],
		h[3]*h[7] - h[4]*h[6], h[1]*h[6] - h[0]*h[7], h[0]*h[4] - h[1]*h[3],
	}
	for i := range r[:8] {
		r[i] /= r[8]
	}
	r[8] = 1
	return r
}

// wholeShift is the shift by whole pixels that is nearest to h at the middle of a w×h picture.
func (h homography) wholeShift(w, height int) homography {
	cx, cy := float64(w-1)/2, float64(height-1)/2
	u, v := h.apply(cx, cy)
	return homography{1, 0, math.Round(u - cx), 0, 1, math.Round(v - cy), 0, 0, 1}
}

// rescale moves h from pictures of one size to pictures (sx, sy) times as large;
// pixel centres lie at integers, so the corner is at −½.
func (h homography) rescale(sx, sy float64) homography {
	up := homography{sx, 0, (sx - 1) / 2, 0, sy, (sy - 1) / 2, 0, 0, 1}
	down := homography{1 / sx, 0, (1/sx - 1) / 2, 0, 1 / sy, (1/sy - 1) / 2, 0, 0, 1}
	return up.mul(h).mul(down)
}

// match is one measured correspondence: (x,y) in the picture lies at (u,v) in the photo.
type match struct {
	x, y, u, v float64
	weight     float64
	fold       int // which part it belongs to when models are judged, 0 … folds−1
}

// model is a rung of the alignment ladder.
type model int

const (
	translation model = iota
	affine
	projective
)

func (m model) String() string { return [...]string{"translation", "affine", "homography"}[m] }

// minimum is the number of matches below which a model is not fitted: three times what determines it.
func (m model) minimum() int { return [...]int{3, 9, 12}[m] }

// fit solves a model over the matches by iteratively reweighted least squares (Tukey's
// biweight on the residual in pixels), so that moving things do not pull it.
// ok is false when the equations are singular.
func fit(m model, matches []match, w, h int) (homography, bool) {
	if len(matches) < m.minimum() {
		return identity, false
	}
	// Work in coordinates of about unit size: the normal equations stay well conditioned.
	s := 2 / float64(max(w, h))
	cx, cy := float64(w-1)/2, float64(h-1)/2
	norm := homography{s, 0, -cx * s, 0, s, -cy * s, 0, 0, 1}
	denorm := homography{1 / s, 0, cx, 0, 1 / s, cy, 0, 0, 1}
	weights := make([]float64, len(matches))
	for i := range matches {
		weights[i] = matches[i].weight
	}
	cols := [...]int{2, 6, 8}[m]
	result := identity
	for range 8 {
		before := result
		a := mat.NewDense(2*len(matches), cols, nil)
		b := mat.NewVecDense(2*len(matches), nil)
		for i, k := range matches {
			x, y := (k.x-cx)*s, (k.y-cy)*s
			u, v := (k.u-cx)*s, (k.v-cy)*s
			g := math.Sqrt(weights[i])
			switch m {
			case translation:
				a.SetRow(2*i, []float64{g, 0})
				a.SetRow(2*i+1, []float64{0, g})
				b.SetVec(2*i, g*(u-x))
				b.SetVec(2*i+1, g*(v-y))
				continue
			case affine:
				a.SetRow(2*i, []float64{g * x, g * y, g, 0, 0, 0})
				a.SetRow(2*i+1, []float64{0, 0, 0, g * x, g * y, g})
			case projective:
				a.SetRow(2*i, []float64{g * x, g * y, g, 0, 0, 0, -g * u * x, -g * u * y})
				a.SetRow(2*i+1, []float64{0, 0, 0, g * x, g * y, g, -g * v * x, -g * v * y})
			}
			b.SetVec(2*i, g*u)
			b.SetVec(2*i+1, g*v)
		}
		var p mat.VecDense
		if err := p.SolveVec(a, b); err != nil {
			return identity, false
		}
		n := identity
		switch m {
		case translation:
			n[2], n[5] = p.AtVec(0), p.AtVec(1)
		case affine:
			copy(n[:6], p.RawVector().Data)
		case projective:
			copy(n[:8], p.RawVector().Data)
		}
		result = denorm.mul(n).mul(norm)
		if cornerDistance(&result, &before, w, h) < 1e-4 {
			break
		}
		c := max(0.3, 4*residual(&result, matches)) // 4 × median residual: beyond it a match has no say
		for i, k := range matches {
			r := distance(&result, k) / c
			weights[i] = 0
			if r < 1 {
				weights[i] = k.weight * (1 - r*r) * (1 - r*r)
			}
		}
	}
	for _, v := range result {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return identity, false
		}
	}
	return result, true
}

func distance(h *homography, k match) float64 {
	u, v := h.apply(k.x, k.y)
	return math.Hypot(u-k.u, v-k.v)
}

// residual is the median distance between where h says the matches lie and where they do, in pixels.
func residual(h *homography, matches []match) float64 {
	d := make([]float64, len(matches))
	for i, k := range matches {
		d[i] = distance(h, k)
	}
	return median(d)
}

// shift is the largest distance any corner of a w×h picture moves under h.
func (h *homography) shift(w, height int) float64 { return cornerDistance(h, &identity, w, height) }

// cornerDistance is the largest distance of a corner of a w×h picture under two maps.
func cornerDistance(a, b *homography, w, height int) float64 {
	var top float64
	for _, c := range [][2]float64{{0, 0}, {float64(w - 1), 0}, {0, float64(height - 1)}, {float64(w - 1), float64(height - 1)}} {
		ax, ay := a.apply(c[0], c[1])
		bx, by := b.apply(c[0], c[1])
		top = max(top, math.Hypot(ax-bx, ay-by))
	}
	return top
}

// sane tells whether h is a movement that a hand or tripod makes between two photos:
// the centre moves less than 30 % of the diagonal, areas keep a scale of 0.5 to 2, nothing folds over.
func (h *homography) sane(w, height int) bool {
	cx, cy := float64(w-1)/2, float64(height-1)/2
	u, v := h.apply(cx, cy)
	if !(math.Hypot(u-cx, v-cy) < 0.3*math.Hypot(float64(w), float64(height))) {
		return false
	}
	for _, c := range [][2]float64{{0, 0}, {float64(w - 1), 0}, {0, float64(height - 1)}, {float64(w - 1), float64(height - 1)}, {cx, cy}} {
		u, v := h.apply(c[0], c[1])
		ux, vx := h.apply(c[0]+1, c[1])
		uy, vy := h.apply(c[0], c[1]+1)
		area := (ux-u)*(vy-v) - (uy-u)*(vx-v)
		if !(area > 0.25 && area < 4) {
			return false
		}
	}
	return true
}
