package hdr

import (
	"context"
	"image"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// view is one photo as registration sees it: its pixels and a small grey copy.
type view struct {
	full  *kernels.Image
	proxy *plane // luma, longer side at most proxySide
	track *plane // the same with NaN where a channel is blown
}

// proxySide is the longer side of the picture on which movement is first found.
const proxySide = 1024

// registration is how one photo lies to another.
type registration struct {
	h     homography // picture → photo, pixel centres
	model string     // "identity" or the rung that won
	rms   float64    // median distance of held-out matches under h, pixels
	n     int        // matches
	found []match    // the last that were tracked, in full-size pixels from picture to photo
	ok    bool
}

// register finds the map from a's pixels to b's: threshold bitmaps for the shift, then patches
// tracked on the proxies and, where there is more to see, on the photos themselves;
// at each size the ladder translation → affine → homography, a rung counting only
// when it beats the one before on matches it was not fitted to.
func register(ctx context.Context, env *realedit.Env, a, b view) (registration, error) {
	pa, pb := a.proxy, b.proxy
	dx, dy, ok := coarseShift(pa, pb)
	start := homography{1, 0, float64(dx), 0, 1, float64(dy), 0, 0, 1}
	if !ok || !start.sane(pa.w, pa.h) {
		start = identity
	}
	r := registration{h: start}
	tone := overlapTone(pb, pa, start)
	sa, sb := a.track.smooth(), b.track.smooth()
	// The small picture first: its patches reach farther.
	if max(pa.w, pa.h) > 400 {
		ha, hb := sa.half(), sb.half()
		half := start.rescale(0.5, 0.5)
		if m := trackAll(ha, hb, tone, half, 14, 10); len(m) > 0 {
			if h, _, ok := ladder(m, half, ha.w, ha.h, 0.02); ok {
				r.h = h.rescale(float64(pa.w)/float64(ha.w), float64(pa.h)/float64(ha.h))
			}
		}
	}
	for range 2 {
		m := trackAll(sa, sb, tone, r.h, 20, 10)
		h, rung, ok := ladder(m, identity, pa.w, pa.h, 0.004)
		if !ok {
			return registration{h: identity}, nil
		}
		r = registration{h: h, model: rung, n: len(m), ok: true}
	}
	sx, sy := float64(a.full.Width())/float64(pa.w), float64(a.full.Height())/float64(pa.h)
	r.h = r.h.rescale(sx, sy)
	if sx < 1.5 {
		m := trackAll(sa, sb, tone, r.h.rescale(1/sx, 1/sy), 16, 10)
		r.rms = heldOut(m, r.h.rescale(1/sx, 1/sy)) * sx
		r.found = enlarged(m, sx, sy)
		return r, nil
	}
	m, err := trackFull(ctx, env, a, b, tone, r.h)
	if err != nil {
		return r, err
	}
	if h, rung, ok := ladder(m, identity, a.full.Width(), a.full.Height(), 0.01); ok {
		r.h, r.model, r.n = h, rung, len(m)
	}
	r.rms, r.found = heldOut(m, r.h), m
	return r, nil
}

// enlarged are the matches in pictures (sx, sy) times as large.
func enlarged(m []match, sx, sy float64) []match {
	for i := range m {
		k := &m[i]
		k.x, k.u = (k.x+0.5)*sx-0.5, (k.u+0.5)*sx-0.5
		k.y, k.v = (k.y+0.5)*sy-0.5, (k.v+0.5)*sy-0.5
	}
	return m
}

// overlapTone is the tone map from b to a over what both show under the shift h.
func overlapTone(b, a *plane, h homography) *toneMap {
	moved := &plane{a.w, a.h, make([]float32, len(a.v))}
	in := make([]bool, len(a.v))
	for y := range a.h {
		for x := range a.w {
			moved.v[y*a.w+x], in[y*a.w+x] = nearest(b, &h, x, y)
		}
	}
	m := matchTone(moved, a, func(i int) bool { return in[i] })
	return &m
}

// trackAll tracks one patch per grid cell of two proxies under the prediction h.
func trackAll(a, b *plane, tone *toneMap, h homography, cols, radius int) []match {
	var out []match
	for _, c := range corners(a, b, h, cols, radius) {
		t := window(a, c.x-radius, c.y-radius, 2*radius+1)
		u, v, score, sigma := track(t, b, tone, func(x, y float64) (float64, float64) {
			return h.apply(x+float64(c.x-radius), y+float64(c.y-radius))
		})
		if score < 0.8 || math.Hypot(u, v) > float64(radius) {
			continue
		}
		px, py := h.apply(float64(c.x), float64(c.y))
		out = append(out, match{float64(c.x), float64(c.y), px + u, py + v, weigh(sigma, c.cell)})
	}
	return out
}

// weigh is a match's weight, the inverse of its variance beside a twentieth of a pixel
// that no patch is better than; held-out cells carry it negative, so that one list
// serves fitting and judging.
func weigh(sigma float64, cell int) float64 {
	w := 0.0025 / (0.0025 + sigma*sigma)
	if cell == 1 {
		return -w
	}
	return w
}

// window copies an n×n window of p.
func window(p *plane, x0, y0, n int) *plane {
	q := &plane{n, n, make([]float32, n*n)}
	for y := range n {
		copy(q.v[y*n:(y+1)*n], p.v[(y0+y)*p.w+x0:][:n])
	}
	return q
}

// trackFull tracks patches at full resolution at the proxies' corners.
func trackFull(ctx context.Context, env *realedit.Env, a, b view, tone *toneMap, h homography) ([]match, error) {
	const radius, reach = 28, 12
	w, ht := a.full.Width(), a.full.Height()
	sx, sy := float64(w)/float64(a.proxy.w), float64(ht)/float64(a.proxy.h)
	var out []match
	small := h.rescale(1/sx, 1/sy)
	for _, c := range corners(a.track, b.track, small, 14, 6) {
		x := int((float64(c.x)+0.5)*sx - 0.5)
		y := int((float64(c.y)+0.5)*sy - 0.5)
		x, y = min(max(x, radius), w-1-radius), min(max(y, radius), ht-1-radius)
		px, py := h.apply(float64(x), float64(y))
		qx, qy := int(math.Round(px)), int(math.Round(py))
		box := image.Rect(qx-radius-reach, qy-radius-reach, qx+radius+reach+1, qy+radius+reach+1)
		if x < radius || y < radius || !box.In(b.full.Bounds()) {
			continue
		}
		t, err := patch(ctx, env, a.full, image.Rect(x-radius, y-radius, x+radius+1, y+radius+1))
		if err != nil {
			return nil, err
		}
		s, err := patch(ctx, env, b.full, box)
		if err != nil {
			return nil, err
		}
		// Twice smoothed: at full resolution a pixel holds more noise than edge.
		t, s = t.smooth().smooth(), s.smooth().smooth()
		u, v, score, sigma := track(t, s, tone, func(tx, ty float64) (float64, float64) {
			ax, ay := h.apply(tx+float64(x-radius), ty+float64(y-radius))
			return ax - float64(box.Min.X), ay - float64(box.Min.Y)
		})
		if score < 0.8 || math.Hypot(u, v) > reach {
			continue
		}
		out = append(out, match{float64(x), float64(y), px + u, py + v, weigh(sigma, c.cell)})
	}
	return out, nil
}

// ladder climbs from start (a map it may fall back on) through the models. margin is
// how many pixels the held-out residual must fall to justify a rung.
func ladder(matches []match, start homography, w, h int, margin float64) (homography, string, bool) {
	var fitted, held []match
	for _, m := range matches {
		if m.weight < 0 {
			m.weight = -m.weight
			held = append(held, m)
		} else {
			fitted = append(fitted, m)
		}
	}
	if len(held) < 3 || len(fitted) < 3 {
		return start, "", false
	}
	best, rung, score := start, "identity", residual(&start, held)
	won := model(-1)
	for m := translation; m <= projective; m++ {
		c, ok := fit(m, fitted, w, h)
		if !ok || !c.sane(w, h) {
			continue
		}
		if r := residual(&c, held); r < score-margin && r < 0.97*score {
			best, rung, score, won = c, m.String(), r, m
		}
	}
	if won >= 0 { // the rung is chosen: now all matches may speak
		all := append(fitted, held...)
		if c, ok := fit(won, all, w, h); ok && c.sane(w, h) {
			best = c
		}
	}
	return best, rung, true
}

// heldOut is the residual over the matches that no fit saw; NaN without any.
func heldOut(matches []match, h homography) float64 {
	var held []match
	for _, m := range matches {
		if m.weight < 0 {
			held = append(held, m)
		}
	}
	if len(held) == 0 {
		return math.NaN()
	}
	return residual(&h, held)
}
