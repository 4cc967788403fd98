package hdr

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// view is one photo as registration sees it: its pixels and small grey copies, each made once.
type view struct {
	full    *kernels.Image
	scale   [2]float64 // full size over proxy size
	grey    []*plane   // luma of the proxy (Frame.Small's size) and its halves, down to about 24 pixels
	track   []*plane   // the proxy's luma, smoothed, NaN around pixels with a blown channel; and its half
	spots   []spotGrid // where to track, for each of track
	details spotGrid   // where to track at full size
}

// newView prepares a photo from small, its area average (F32, 3 channels).
func newView(ctx context.Context, env *realedit.Env, full, small *kernels.Image) (*view, error) {
	w, h := small.Width(), small.Height()
	small, free, err := kernels.ToHost(ctx, env.Backend, small)
	if err != nil {
		return nil, err
	}
	defer free()
	v := &view{full: full, scale: [2]float64{float64(full.Width()) / float64(w), float64(full.Height()) / float64(h)}}
	grey, track := newPlane(w, h), newPlane(w, h)
	for y := range h {
		row, g, t := small.RowF32(y), grey.row(y), track.row(y)
		for x := range g {
			p := row[3*x : 3*x+3 : 3*x+3]
			l := 0.299*p[0] + 0.587*p[1] + 0.114*p[2]
			g[x], t[x] = l, l
			if p[0] >= clipped || p[1] >= clipped || p[2] >= clipped {
				t[x] = nan
			}
		}
	}
	v.grey = []*plane{grey}
	for p := grey; max(p.w, p.h) > 48 && min(p.w, p.h) > 8; {
		p = p.half()
		v.grey = append(v.grey, p)
	}
	v.track = []*plane{track.smooth()}
	base, times := v.track[0], 1 // corners are looked for on the half: a quarter of the work
	if max(w, h) > 400 {
		v.track = append(v.track, v.track[0].half())
		base, times = v.track[1], 2
	}
	v.spots = append(v.spots, findSpots(base, times, proxyColumns, patchRadius))
	if times == 2 {
		v.spots = append(v.spots, findSpots(base, 1, halfColumns, patchRadius))
	}
	v.details = findSpots(base, times, detailColumns, max(4, min(14, int(detailRadius/v.scale[0]))+2))
	return v, nil
}

// spotGrid tells where a plane has texture in two directions: the smaller eigenvalue of the structure tensor, for
// patches around every second pixel of a plane times smaller.
type spotGrid struct {
	p              *plane // the plane that was looked at
	times          int    // how many times as large the plane to track on is
	radius, inside int    // half the side of a patch, there and here
	cell           int    // one patch is wanted per cell×cell pixels
	w, h           int    // size of strength, whose first place is (inside, inside)
	strength       []float32
}

// spotStep is the distance of the places looked at.
const spotStep = 2

// findSpots looks on p for the spots of a plane times as large, for patches of (2·radius+1)² there.
func findSpots(p *plane, times, columns, radius int) spotGrid {
	r := max(2, radius/times)
	g := spotGrid{p: p, times: times, radius: radius, inside: r, cell: max(2*r+1, (p.w+columns-1)/columns)}
	if p.w < 2*r+1 || p.h < 2*r+1 {
		return g
	}
	g.w, g.h = (p.w-2*r-1)/spotStep+1, (p.h-2*r-1)/spotStep+1
	g.strength = make([]float32, g.w*g.h)
	// Sums down the columns of a band of 2r+1 rows; a row enters and another leaves as the band moves.
	type tensor struct{ xx, xy, yy float64 }
	sums := make([]tensor, p.w)
	add := func(y int, sign float64) {
		if y == 0 || y == p.h-1 {
			return
		}
		up, row, down := p.row(y-1), p.row(y), p.row(y+1)
		for x := 1; x < p.w-1; x++ {
			gx, gy := float64(row[x+1]-row[x-1]), float64(down[x]-up[x])
			if q := gx + gy; q != q { // beside a clipped pixel
				continue
			}
			s := &sums[x]
			s.xx += sign * gx * gx
			s.xy += sign * gx * gy
			s.yy += sign * gy * gy
		}
	}
	area := float64((2*r + 1) * (2*r + 1))
	for y := range 2*r + 1 {
		add(y, 1)
	}
	for j := range g.h {
		if j > 0 {
			for k := range spotStep {
				add(spotStep*(j-1)+k, -1)
				add(spotStep*(j-1)+k+2*r+1, 1)
			}
		}
		var t tensor
		for x, s := range sums {
			t.xx, t.xy, t.yy = t.xx+s.xx, t.xy+s.xy, t.yy+s.yy
			if x < 2*r {
				continue
			}
			if i := x - 2*r; i%spotStep == 0 {
				d := t.xx - t.yy
				g.strength[j*g.w+i/spotStep] = float32((t.xx + t.yy - math.Sqrt(d*d+4*t.xy*t.xy)) / 2 / area)
			}
			s = sums[x-2*r]
			t.xx, t.xy, t.yy = t.xx-s.xx, t.xy-s.xy, t.yy-s.yy
		}
	}
	return g
}

// corner is a spot that two photos show, on the plane to track on.
type corner struct{ x, y, fold int }

// A registration wants enough corners; with fewer, cells give up to spotsPerCell each.
const enough, spotsPerCell = 60, 4

// shared picks from each cell the strongest spots whose patches are at least 70 % trackable, in the other photo, o, under the prediction h, too.
func (g *spotGrid) shared(o *plane, h *homography) []corner {
	p, r, t := g.p, g.inside, g.times
	// Summed areas of what cannot be tracked, at every second pixel.
	mw, mh := (p.w+spotStep-1)/spotStep, (p.h+spotStep-1)/spotStep
	bad := make([]int32, (mw+1)*(mh+1))
	for j := range mh {
		row, n := p.row(spotStep*j), int32(0)
		for i := range mw {
			if !trackable(row[spotStep*i]) {
				n++
			} else if v, ok := nearest(o, h, t*spotStep*i, t*spotStep*j); !ok || !trackable(v) {
				n++
			}
			bad[(j+1)*(mw+1)+i+1] = bad[j*(mw+1)+i+1] + n
		}
	}
	clear := func(i, j int) bool { // of place (i,j) of strength
		x0, y0 := (spotStep*i+1)/spotStep, (spotStep*j+1)/spotStep
		x1, y1 := (spotStep*i+2*r)/spotStep+1, (spotStep*j+2*r)/spotStep+1
		n := bad[y1*(mw+1)+x1] - bad[y0*(mw+1)+x1] - bad[y1*(mw+1)+x0] + bad[y0*(mw+1)+x0]
		return 10*int(n) <= 3*(x1-x0)*(y1-y0)
	}
	var found []corner
	columns := (p.w + g.cell - 1) / g.cell
	cells := make([][]corner, columns*((p.h+g.cell-1)/g.cell))
	pick := func(c int) {
		first := func(k int) int { return max(0, (k*g.cell-r+spotStep-1)/spotStep) }
		cx, cy := c%columns, c/columns
		best, at := float32(2e-5), corner{fold: -1}
		for j := first(cy); j < min(first(cy+1), g.h); j++ {
		places:
			for i := first(cx); i < min(first(cx+1), g.w); i++ {
				s := g.strength[j*g.w+i]
				if s <= best || !clear(i, j) {
					continue
				}
				x, y := t*(r+spotStep*i), t*(r+spotStep*j)
				for _, c := range cells[c] {
					if max(x-c.x, c.x-x, y-c.y, c.y-y) < g.radius {
						continue places
					}
				}
				best, at = s, corner{x, y, (cx + 2*cy) % folds} // a cell's neighbours are in other folds
			}
		}
		if at.fold >= 0 {
			cells[c], found = append(cells[c], at), append(found, at)
		}
	}
	for k := range spotsPerCell {
		if k > 0 && len(found) >= enough {
			break
		}
		for c := range cells {
			if len(cells[c]) == k {
				pick(c)
			}
		}
	}
	return found
}
