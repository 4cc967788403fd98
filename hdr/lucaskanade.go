package hdr

import "math"

// track finds where a template lies in a search picture, to a fraction of a pixel:
// inverse-compositional Lucas-Kanade on the translation (u,v) beyond a predicted map.
// The search picture is seen through the tone map that takes its photo to the
// template's (an edge between a dark and a compressed bright side would otherwise lie
// a fraction of a pixel off), and what is left of contrast and level is fitted on each step.
// Pixels that either photo clips take no part.
//
// t is the template; predict takes template coordinates to search coordinates.
// score is the normalised correlation at the end, 0 when there is nothing to hold on to;
// sigma is the position's standard error in pixels, from the residuals that are left and the gradients.
func track(t, s *plane, tone *toneMap, predict func(x, y float64) (float64, float64)) (u, v, score, sigma float64) {
	type point struct {
		x, y         float64 // predicted position in s
		t, gx, gy, m float64
	}
	points := make([]point, 0, t.w*t.h)
	for y := 1; y < t.h-1; y++ {
		for x := 1; x < t.w-1; x++ {
			c := t.at(x, y)
			if !trackable(c) {
				continue
			}
			px, py := predict(float64(x), float64(y))
			gx, gy := float64(t.at(x+1, y)-t.at(x-1, y))/2, float64(t.at(x, y+1)-t.at(x, y-1))/2
			if math.IsNaN(gx) || math.IsNaN(gy) {
				continue
			}
			points = append(points, point{px, py, float64(c), gx, gy, 0})
		}
	}
	if len(points) < t.w*t.h/2 {
		return 0, 0, 0, 0
	}
	values := make([]float64, len(points))
	for range 12 {
		var n, st, ss, stt, sss, sts float64
		for i := range points {
			p := &points[i]
			val, ok := bilinear(s, p.x+u, p.y+v)
			p.m = 0
			if !ok || !trackable(val) {
				continue
			}
			p.m = 1
			f := float64(tone.apply(val))
			values[i] = f
			n++
			st += p.t
			ss += f
			stt += p.t * p.t
			sss += f * f
			sts += p.t * f
		}
		if n < float64(t.w*t.h)/2 {
			return 0, 0, 0, 0
		}
		vt, vs := stt/n-st/n*st/n, sss/n-ss/n*ss/n
		if vt < 1e-6 || vs < 1e-7 {
			return 0, 0, 0, 0
		}
		cov := sts/n - st/n*ss/n
		score = cov / math.Sqrt(vt*vs)
		if score < 0.3 {
			return 0, 0, 0, 0
		}
		gain := math.Sqrt(vt / vs)
		var hxx, hxy, hyy, bx, by, ee float64
		for i := range points {
			p := &points[i]
			if p.m == 0 {
				continue
			}
			e := (values[i]-ss/n)*gain - (p.t - st/n)
			ee += e * e
			hxx += p.gx * p.gx
			hxy += p.gx * p.gy
			hyy += p.gy * p.gy
			bx += p.gx * e
			by += p.gy * e
		}
		det := hxx*hyy - hxy*hxy
		trace := hxx + hyy
		if det <= 1e-3*trace*trace { // an edge, not a corner: it slides along itself
			return 0, 0, 0, 0
		}
		sigma = math.Sqrt(ee / n * trace / det)
		dx, dy := (hyy*bx-hxy*by)/det, (hxx*by-hxy*bx)/det
		if l := math.Hypot(dx, dy); l > 1 {
			dx, dy = dx/l, dy/l
		}
		u, v = u-dx, v-dy
		if math.Abs(dx) < 0.003 && math.Abs(dy) < 0.003 {
			break
		}
	}
	return u, v, score, sigma
}

// trackable is usable with room to spare: smoothing bleeds clipped pixels into their neighbours.
func trackable(v float32) bool { return v > 0.04 && v < 0.92 }

func bilinear(p *plane, x, y float64) (float32, bool) {
	if !(x >= 0 && y >= 0 && x <= float64(p.w-1) && y <= float64(p.h-1)) {
		return 0, false
	}
	ix, iy := min(int(x), max(0, p.w-2)), min(int(y), max(0, p.h-2))
	fx, fy := float32(x-float64(ix)), float32(y-float64(iy))
	i := iy*p.w + ix
	r, d := 1, p.w
	if p.w < 2 {
		r = 0
	}
	if p.h < 2 {
		d = 0
	}
	top := p.v[i]*(1-fx) + p.v[i+r]*fx
	low := p.v[i+d]*(1-fx) + p.v[i+d+r]*fx
	return top*(1-fy) + low*fy, true
}

// smooth is p under the binomial kernel (1 2 1)/4 in both directions, edges replicated:
// enough to keep sensor noise out of the gradients.
func (p *plane) smooth() *plane {
	q := &plane{p.w, p.h, make([]float32, len(p.v))}
	tmp := make([]float32, len(p.v))
	for y := range p.h {
		for x := range p.w {
			l, r := max(0, x-1), min(p.w-1, x+1)
			tmp[y*p.w+x] = (p.at(l, y) + 2*p.at(x, y) + p.at(r, y)) / 4
		}
	}
	for y := range p.h {
		u, d := max(0, y-1), min(p.h-1, y+1)
		for x := range p.w {
			q.v[y*p.w+x] = (tmp[u*p.w+x] + 2*tmp[y*p.w+x] + tmp[d*p.w+x]) / 4
		}
	}
	return q
}

// nearest is o's value at h(x, y), without interpolation.
func nearest(o *plane, h *homography, x, y int) (float32, bool) {
	u, v := h.apply(float64(x), float64(y))
	i, j := int(math.Round(u)), int(math.Round(v))
	if i < 0 || j < 0 || i >= o.w || j >= o.h {
		return 0, false
	}
	return o.at(i, j), true
}

// corner is a place with texture in two directions.
type corner struct {
	x, y     int
	strength float32
	cell     int // grid cell, for the split into fitted and held-out matches
}

// corners picks the strongest corner of each cell of a grid of about cols columns:
// the smaller eigenvalue of the gradient's structure tensor over a window of radius r
// where the photo is trackable and so is the other one, o, under the prediction h.
func corners(p, o *plane, h homography, cols, r int) []corner {
	cell := max(2*r+1, (p.w+cols-1)/cols)
	// Integral images of the tensor make each window four look-ups.
	w1 := p.w + 1
	xx, xy, yy, bad := make([]float64, w1*(p.h+1)), make([]float64, w1*(p.h+1)), make([]float64, w1*(p.h+1)), make([]float64, w1*(p.h+1))
	for y := range p.h {
		var sxx, sxy, syy, sb float64
		for x := range p.w {
			var gx, gy float64
			if x > 0 && y > 0 && x < p.w-1 && y < p.h-1 {
				gx, gy = float64(p.at(x+1, y)-p.at(x-1, y)), float64(p.at(x, y+1)-p.at(x, y-1))
				if math.IsNaN(gx) || math.IsNaN(gy) {
					gx, gy = 0, 0
				}
			}
			sxx += gx * gx
			sxy += gx * gy
			syy += gy * gy
			if !trackable(p.at(x, y)) {
				sb++
			} else if v, ok := nearest(o, &h, x, y); !ok || !trackable(v) {
				sb++
			}
			i := (y+1)*w1 + x + 1
			xx[i], xy[i], yy[i], bad[i] = xx[i-w1]+sxx, xy[i-w1]+sxy, yy[i-w1]+syy, bad[i-w1]+sb
		}
	}
	sum := func(t []float64, x, y int) float64 {
		a, b, c, d := (y-r)*w1+x-r, (y-r)*w1+x+r+1, (y+r+1)*w1+x-r, (y+r+1)*w1+x+r+1
		return t[d] - t[b] - t[c] + t[a]
	}
	var found []corner
	area := float64((2*r + 1) * (2*r + 1))
	for cy := 0; cy*cell < p.h; cy++ {
		for cx := 0; cx*cell < p.w; cx++ {
			best := corner{strength: 2e-5, x: -1}
			for y := max(cy*cell, r); y < min((cy+1)*cell, p.h-r); y += 2 {
				for x := max(cx*cell, r); x < min((cx+1)*cell, p.w-r); x += 2 {
					if sum(bad, x, y) > 0.3*area {
						continue
					}
					a, b, c := sum(xx, x, y), sum(xy, x, y), sum(yy, x, y)
					e := float32(((a + c) - math.Sqrt((a-c)*(a-c)+4*b*b)) / 2 / area)
					if e > best.strength {
						best = corner{x, y, e, (cx + cy) % 2}
					}
				}
			}
			if best.x >= 0 {
				found = append(found, best)
			}
		}
	}
	return found
}
