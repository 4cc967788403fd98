package hdr

import (
	"context"
	"image"
	"math"
	"runtime"
	"sync"

	"github.com/realedit/realedit"
)

// Patches: columns of the grid of which each cell gives one, and half their side in pixels. reach
// is how far from where it is expected a detail is looked for at full size.
const (
	proxyColumns, halfColumns, detailColumns = 20, 14, 14

	patchRadius, detailRadius, detailReach = 10, 20, 10
)

// registration is how one photo lies to another.
type registration struct {
	h     homography // picture → photo, pixel centres
	model string     // "identity" or the rung that won
	rms   float64    // median distance of matches from where a fit without them puts them, pixels
	found []match    // the last that were tracked, in full-size pixels from picture to photo
	ok    bool
}

// register finds the map from a's pixels to b's: threshold bitmaps for the shift, then patches
// tracked on the small pictures and, where there is more to see, on the photos themselves;
// at each size the ladder translation → affine → homography, a rung counting only
// when it beats the one before on matches it was not fitted to.
func register(ctx context.Context, env *realedit.Env, a, b *view) (registration, error) {
	pa := a.grey[0]
	start := identity
	if dx, dy, ok := coarseShift(a.grey, b.grey); ok {
		if s := (homography{1, 0, float64(dx), 0, 1, float64(dy), 0, 0, 1}); s.sane(pa.w, pa.h) {
			start = s
		}
	}
	level := min(1, len(a.grey)-1)
	tone := overlapTone(b.grey[level], a.grey[level], int(start[2])>>level, int(start[5])>>level)
	r := registration{h: start}
	sx, sy := a.scale[0], a.scale[1]
	detailed := sx >= 1.5 // there is more to see at full size
	near := false
	// The half picture first: its patches reach farther.
	if len(a.track) > 1 {
		ha, hb := a.track[1], b.track[1]
		half := start.rescale(0.5, 0.5)
		if m := trackAll(ha, hb, tone, half, &a.spots[1]); len(m) > 0 {
			if c := ladder(m, half, ha.w, ha.h, 0.02); c.ok {
				r.h = c.h.rescale(float64(pa.w)/float64(ha.w), float64(pa.h)/float64(ha.h))
				near = len(m) >= enough && 4*sx*c.rms < detailReach // good enough for details to be found
			}
		}
	}
	for range 2 {
		if detailed && near {
			break
		}
		m := trackAll(a.track[0], b.track[0], tone, r.h, &a.spots[0])
		if r = ladder(m, identity, pa.w, pa.h, 0.004); !r.ok {
			return r, nil
		}
	}
	r.h, r.rms, r.found = r.h.rescale(sx, sy), r.rms*sx, enlarged(r.found, sx, sy)
	if !detailed {
		return r, nil
	}
	m, err := trackDetails(ctx, env, a, b, tone, r.h)
	if err != nil {
		return r, err
	}
	if d := ladder(m, identity, a.full.Width(), a.full.Height(), 0.01); d.ok && (near || d.rms < r.rms) {
		r = d
	}
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

// overlapTone is the tone map from b to a over what both show when b is moved by (dx,dy).
func overlapTone(b, a *plane, dx, dy int) *toneMap {
	var ha, hb [256]float64
	for y := max(0, -dy); y < min(a.h, b.h-dy); y++ {
		ra, rb := a.row(y), b.row(y+dy)
		for x := max(0, -dx); x < min(a.w, b.w-dx); x++ {
			ha[bin(ra[x])]++
			hb[bin(rb[x+dx])]++
		}
	}
	m := matchHistograms(&hb, &ha)
	return &m
}

// onAll calls f(0)…f(n−1) on all processors.
func onAll(n int, f func(i int)) {
	var wg sync.WaitGroup
	step := min(runtime.GOMAXPROCS(0), n)
	for k := range step {
		wg.Go(func() {
			for i := k; i < n; i += step {
				f(i)
			}
		})
	}
	wg.Wait()
}

// inRuns calls f for runs of consecutive indices that cover [0,n), on all processors.
func inRuns(n int, f func(from, to int)) {
	const run = 4096
	onAll((n+run-1)/run, func(i int) { f(i*run, min(n, (i+1)*run)) })
}

// trackAll tracks one patch per grid cell of two proxies under the prediction h.
func trackAll(a, b *plane, tone *toneMap, h homography, g *spotGrid) []match {
	r := g.radius
	all := g.shared(b, &h)
	found := make([]match, len(all))
	onAll(len(all), func(i int) {
		c := all[i]
		t := window(a, c.x-r, c.y-r, 2*r+1)
		u, v, score, sigma := track(t, b, 1, tone, func(x, y float64) (float64, float64) {
			return h.apply(x+float64(c.x-r), y+float64(c.y-r))
		})
		if score >= 0.8 && math.Hypot(u, v) <= float64(r) {
			px, py := h.apply(float64(c.x), float64(c.y))
			found[i] = match{float64(c.x), float64(c.y), px + u, py + v, weigh(sigma), c.fold}
		}
	})
	return tracked(found)
}

// tracked are the matches that were found, in order.
func tracked(all []match) []match {
	out := all[:0]
	for _, m := range all {
		if m.weight != 0 {
			out = append(out, m)
		}
	}
	return out
}

// weigh is a match's weight, the inverse of its variance beside a twentieth of a pixel that no patch is better than.
func weigh(sigma float64) float64 { return 0.0025 / (0.0025 + sigma*sigma) }

// window copies an n×n window of p.
func window(p *plane, x0, y0, n int) *plane {
	q := newPlane(n, n)
	for y := range n {
		copy(q.row(y), p.v[(y0+y)*p.w+x0:][:n])
	}
	return q
}

// trackDetails tracks patches at full resolution where the proxies have texture.
func trackDetails(ctx context.Context, env *realedit.Env, a, b *view, tone *toneMap, h homography) ([]match, error) {
	const radius, reach = detailRadius, detailReach
	w, ht := a.full.Width(), a.full.Height()
	sx, sy := a.scale[0], a.scale[1]
	small := h.rescale(1/sx, 1/sy)
	type detail struct {
		x, y, px, py float64 // where it is in a, and in b under h
		fold         int
	}
	var all []detail
	var here, there []image.Rectangle
	for _, c := range a.details.shared(b.track[0], &small) {
		x := int((float64(c.x)+0.5)*sx - 0.5)
		y := int((float64(c.y)+0.5)*sy - 0.5)
		x, y = min(max(x, radius), w-1-radius), min(max(y, radius), ht-1-radius)
		px, py := h.apply(float64(x), float64(y))
		at, q := image.Pt(x, y), image.Pt(int(math.Round(px)), int(math.Round(py)))
		if box := around(q, radius+reach); x >= radius && y >= radius && box.In(b.full.Bounds()) {
			all = append(all, detail{float64(x), float64(y), px, py, c.fold})
			here, there = append(here, around(at, radius)), append(there, box)
		}
	}
	from, free, err := cutouts(ctx, env, a.full, here)
	if err != nil {
		return nil, err
	}
	defer free()
	to, free, err := cutouts(ctx, env, b.full, there)
	if err != nil {
		return nil, err
	}
	defer free()
	found := make([]match, len(all))
	onAll(len(all), func(i int) {
		d, corner, box := all[i], here[i].Min, there[i].Min
		// Twice smoothed: at full resolution a pixel holds more noise than edge. So every second pixel tells as much as all.
		u, v, score, sigma := track(patch(from[i]).smooth().smooth(), patch(to[i]).smooth().smooth(), 2, tone, func(tx, ty float64) (float64, float64) {
			ax, ay := h.apply(tx+float64(corner.X), ty+float64(corner.Y))
			return ax - float64(box.X), ay - float64(box.Y)
		})
		if score >= 0.8 && math.Hypot(u, v) <= reach {
			found[i] = match{d.x, d.y, d.px + u, d.py + v, weigh(sigma), d.fold}
		}
	})
	return tracked(found), nil
}

// around is the square of 2·radius+1 pixels a side about p.
func around(p image.Point, radius int) image.Rectangle {
	return image.Rect(p.X-radius, p.Y-radius, p.X+radius+1, p.Y+radius+1)
}

// ladder climbs from start (a map it may fall back on) through the models. A rung is judged by where
// it puts matches that it was not fitted to, fold by fold: few matches then fit a rung
// nearly as well as all. margin is how many pixels the median residual must fall to justify a rung. And the
// folds must agree about the picture's corners to half of what the rung moves them, for matches that lie close together leave the
// corners to chance.
func ladder(matches []match, start homography, w, h int, margin float64) registration {
	r := registration{h: start, model: "identity", found: matches}
	if len(matches) < 6 {
		return r
	}
	r.ok, r.rms = true, residual(&start, matches)
	for m := translation; m <= projective; m++ {
		c, ok := fit(m, matches, w, h)
		if !ok || !c.sane(w, h) {
			continue
		}
		score, spread, ok := crossValidated(m, matches, &c, w, h)
		if ok && score < r.rms-margin && score < 0.97*r.rms && 2*spread < cornerDistance(&c, &r.h, w, h) {
			r.h, r.model, r.rms = c, m.String(), score
		}
	}
	return r
}

// folds is the number of parts that matches fall into for judging a model.
const folds = 5

// crossValidated is the median distance of the matches of each fold from where a fit to the other folds puts them,
// and how far such a fit's corners are from those of whole, the fit to all.
func crossValidated(m model, matches []match, whole *homography, w, h int) (score, spread float64, ok bool) {
	d := make([]float64, 0, len(matches))
	others := make([]match, 0, len(matches))
	for f := range folds {
		others = others[:0]
		for _, k := range matches {
			if k.fold != f {
				others = append(others, k)
			}
		}
		if len(others) == len(matches) {
			continue
		}
		c, ok := fit(m, others, w, h)
		if !ok || !c.sane(w, h) {
			return 0, 0, false
		}
		spread = max(spread, cornerDistance(&c, whole, w, h))
		for _, k := range matches {
			if k.fold == f {
				d = append(d, distance(&c, k))
			}
		}
	}
	return median(d), spread, true
}
