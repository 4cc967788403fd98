package hdr

import "math"

// track finds where a template lies in a search picture, to a fraction of a pixel:
// inverse-compositional Lucas-Kanade on the translation (u,v) beyond a predicted map.
// The search picture is seen through the tone map that takes its photo to the
// template's (an edge between a dark and a compressed bright side would otherwise lie
// a fraction of a pixel off), and what is left of contrast and level is fitted on each step.
// Pixels that either photo clips take no part.
//
// t is the template, of which every step-th pixel either way is used; predict takes template coordinates to search coordinates.
// score is the normalised correlation at the end, 0 when there is nothing to hold on to;
// sigma is the position's standard error in pixels, from the residuals that are left and the gradients.
func track(t, s *plane, step int, tone *toneMap, predict func(x, y float64) (float64, float64)) (u, v, score, sigma float64) {
	type point struct {
		x, y         float64 // predicted position in s
		t, gx, gy, m float64
	}
	whole := (t.w - 2 + step - 1) / step * ((t.h - 2 + step - 1) / step)
	points := make([]point, 0, whole)
	for y := 1; y < t.h-1; y += step {
		for x := 1; x < t.w-1; x += step {
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
	if 2*len(points) < whole {
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
		if 2*n < float64(whole) {
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
	tmp, q := newPlane(p.w, p.h), newPlane(p.w, p.h)
	last := p.w - 1
	for y := range p.h {
		in, out := p.row(y), tmp.row(y)
		out[0] = (3*in[0] + in[min(1, last)]) / 4
		for x := 1; x < last; x++ {
			out[x] = (in[x-1] + 2*in[x] + in[x+1]) / 4
		}
		if last > 0 {
			out[last] = (in[last-1] + 3*in[last]) / 4
		}
	}
	for y := range p.h {
		up, mid, down, out := tmp.row(max(0, y-1)), tmp.row(y), tmp.row(min(p.h-1, y+1)), q.row(y)
		for x := range out {
			out[x] = (up[x] + 2*mid[x] + down[x]) / 4
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
