package segment

import (
	"cmp"
	"image"
	"math"
	"slices"
	"sync"
)

// windowFound is a window on the grid that windows are found on.
type windowFound struct {
	quad       corners
	confidence float64
	score      float64
	evidence   string                               // "bracket", "shape", "model"
	light      float64                              // median, stops
	blown      float64                              // share of the bright part that is blown in the reference
	inside     []int32                              // the pixels within the quad
	within     func(box image.Rectangle, in []bool) // cuts the glass further, may be nil
}

// windowSearch looks for windows in a plane of light.
type windowSearch struct {
	light   *lightPlane
	blown   []bool // in the reference photo
	clipped []bool // in the brightest photo
	lost    []bool // in the darkest photo: nothing to see there
	room    float64
	minArea float64
	single  bool // there is one photo: light tells nothing beyond its white
}

// What a window is, in numbers. Light is in stops, lengths in pixels of a grid whose longer side is windowSide.
const (
	windowSide     = 512
	windowStep     = 0.5   // between the levels at which regions are cut
	windowJump     = 0.8   // least light lost across most of its border
	windowFill     = 0.8   // least agreement of region and quadrilateral
	windowGrain    = 0.06  // least step between neighbours inside, of the coarser quarter: something to see
	windowLean     = 0.2   // most dx/dy of its upright sides
	windowConverge = 0.5   // most difference of dy/dx of its upper and lower sides
	windowSmall    = 0.006 // share of the picture below which it has to be plain
	windowRange    = 3.0   // what a view is darker than its bright quarter, and brighter than a curtain beside it
	windowDim      = 3.5   // most light that one window has less than another
	windowOver     = 1.5   // least light over the room's median
)

// find cuts the light at levels half a stop apart. Regions of every level compete: the best quadrilaterals that do not overlap are windows.
func (s *windowSearch) find() []windowFound {
	p := s.light
	var levels []float64
	for t := float64(slices.Max(p.v)) - windowStep; t > s.room+0.5; t -= windowStep {
		levels = append(levels, t)
	}
	byLevel := make([][]windowFound, len(levels)) // so that their order does not depend on which processor is done first
	onAll(len(levels), func(i int) {
		i = len(levels) - 1 - i // the lowest take longest
		// Gaps are bridged: muntins are part of the window they divide.
		const gap = windowSide / 128
		var large []region
		for _, r := range p.over(levels[i]).grown(gap).shrunk(gap).regions() {
			if s.fits(r.area()) {
				large = append(large, r)
			}
		}
		found, ok := make([]windowFound, len(large)), make([]bool, len(large))
		onAll(len(large), func(k int) { found[k], ok[k] = s.judge(large[k]) })
		for k, f := range found {
			if ok[k] {
				byLevel[i] = append(byLevel[i], f)
			}
		}
	})
	all := slices.Concat(byLevel...)
	slices.SortStableFunc(all, func(a, b windowFound) int { return cmp.Compare(b.score, a.score) })
	taken := make([]bool, len(p.v))
	brightest := math.Inf(-1)
	for _, f := range all {
		brightest = max(brightest, f.light)
	}
	var out []windowFound
	for _, f := range all {
		if f.light < brightest-windowDim && f.blown < 0.1 {
			continue // the reflection of a window in a screen
		}
		if alreadyTaken(f.inside, taken)*5 > len(f.inside) {
			continue
		}
		for _, k := range f.inside {
			taken[k] = true
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b windowFound) int {
		return cmp.Or(cmp.Compare(a.quad[0][0], b.quad[0][0]), cmp.Compare(a.quad[0][1], b.quad[0][1]))
	})
	return out
}

// alreadyTaken is how many of the pixels are taken.
func alreadyTaken(pixels []int32, taken []bool) (n int) {
	for _, k := range pixels {
		if taken[k] {
			n++
		}
	}
	return n
}

// judgeBuffer is what a judgement writes down; the next one writes over it.
type judgeBuffer struct {
	inside               []int32
	light, sorted, frame []float32
	steps                []float32
}

var judgeBuffers = sync.Pool{New: func() any { return new(judgeBuffer) }}

// fits tells whether a region of so many pixels may be a window.
func (s *windowSearch) fits(area int) bool {
	n, all := float64(area), float64(len(s.light.v))
	return n >= max(64, s.minArea*all) && n <= 0.7*all
}

// judge tells whether a region of a level, of a size that fits, is a window.
func (s *windowSearch) judge(r region) (f windowFound, ok bool) {
	p := s.light
	q, lean, ok := fitQuad(r)
	if !ok || lean > windowLean {
		return f, false
	}
	square, round := q.agreement(r, p.w, p.h), roundness(r)
	if square < 0.5 || round > 0.9 && round > square+0.03 {
		return f, false // a lamp
	}
	q = p.settle(q, 2)
	left, right := q[3][1]-q[0][1], q[2][1]-q[1][1]
	converge := math.Abs((q[1][1]-q[0][1])/(q[1][0]-q[0][0]) - (q[2][1]-q[3][1])/(q[2][0]-q[3][0]))
	if !q.convex() || q.area() < s.minArea*float64(len(p.v)) || max(left, right) > 1.8*min(left, right) || converge > windowConverge {
		return f, false
	}
	var jump, least float64
	least = 9
	sides := 0.0
	var points [sidePoints]float64
	for i := range q {
		if p.atBorder(q[i], q[(i+1)%4]) && !s.single {
			continue // the picture ends there, not the window
		}
		d := p.drops(&points, q, i)
		v := drop(d)
		jump += v
		sides++
		if len(d) > 12 {
			least = min(least, v)
		}
	}
	if sides < 2 {
		return f, false
	}
	jump /= sides
	if jump < windowJump || least < 0.3 {
		return f, false // before every pixel is asked
	}
	x0, y0, x1, y1 := q.box(3, p.w, p.h)
	buf := judgeBuffers.Get().(*judgeBuffer)
	defer judgeBuffers.Put(buf)
	inside, frame, light := buf.inside[:0], buf.frame[:0], buf.light[:0]
	borders := q.sides()
	for y := y0; y < y1; y++ {
		from, to := borders.span(y, x0, x1, 0.5)
		row := p.v[y*p.w : (y+1)*p.w]
		for x := from; x < to; x++ {
			inside, light = append(inside, int32(y*p.w+x)), append(light, row[x])
		}
		ring := func(x int) {
			if d := borders.inside(float64(x)+0.5, float64(y)+0.5); d < -0.5 && d > -3 {
				frame = append(frame, row[x])
			}
		}
		for x := x0; x < from; x++ {
			ring(x)
		}
		for x := to; x < x1; x++ {
			ring(x)
		}
	}
	sorted := append(buf.sorted[:0], light...)
	buf.inside, buf.frame, buf.light, buf.sorted = inside, frame, light, sorted
	if len(inside) == 0 || len(frame) == 0 {
		return f, false
	}
	n := float64(len(inside))
	ring := float64(middle(frame))
	var fill, rich, blown, clipped, lost float64
	quarter := float64(nth(sorted, len(sorted)*3/4))
	third := float64(nth(sorted[:len(sorted)*3/4+1], len(sorted)*2/3)) // not the median: somebody may stand before it
	half := float64(nth(sorted[:len(sorted)*2/3+1], len(sorted)/2))
	dim := max(ring+0.7, quarter-windowRange)
	for i, k := range inside {
		if float64(light[i]) > ring+0.7 {
			fill++
		}
		if float64(light[i]) > dim {
			rich++
			blown += count(s.blown[k])
			clipped += count(s.clipped[k])
			lost += count(s.lost[k])
		}
	}
	if rich == 0 {
		return f, false
	}
	cornersFilled := 0
	for i := range q {
		// the tenth of the quad at each corner
		in, all := 0, 0
		a, b, c := q[i], q[(i+1)%4], q[(i+3)%4]
		for j := range 6 {
			for k := range 6 {
				u, v := 0.02+0.14*float64(j)/5, 0.02+0.14*float64(k)/5
				l, ok := p.at(a[0]+u*(b[0]-a[0])+v*(c[0]-a[0]), a[1]+u*(b[1]-a[1])+v*(c[1]-a[1]))
				if ok {
					all++
					if l > ring+0.7 {
						in++
					}
				}
			}
		}
		if in*2 >= all {
			cornersFilled++
		}
	}
	fill, rich, blown, clipped, lost = fill/n, rich/n, blown/rich, clipped/rich, lost/rich
	over := third - s.room
	grain := s.grain(inside, buf)
	if fill < windowFill || over < windowOver || clipped < 0.5 {
		return f, false
	}
	if cornersFilled < 3 {
		return f, false
	}
	if s.single {
		// Clipping and shape are all there is, so both have to be plain, and the whole of it in the picture.
		whole := x0 > 3 && y0 > 3 && x1 < p.w-3 && y1 < p.h-3
		if blown*rich < 0.55 || fill < 0.85 || lean > 0.1 || least < 0.7 || jump < 1 || over < 2 || cornersFilled < 4 || !whole {
			return f, false
		}
		f.quad, f.inside, f.light = q, slices.Clone(inside), half
		f.confidence = 0.6 * fill * min(1, jump/2)
		f.score = fill * fill * min(1, jump/2) * math.Pow(n/float64(len(p.v)), 0.45)
		return f, true
	}
	if grain < windowGrain && (lost < 0.5 || fill < 0.9 || lean > 0.08) {
		return f, false // a lamp, a patch of sun, or glare without a window's shape
	}
	if n < windowSmall*float64(len(p.v)) && (jump < 2 || least < 1 || lean > 0.12) {
		return f, false
	}
	if blown < 0.3 && (fill < 0.85 || lean > 0.12 || over < 3) {
		return f, false
	}
	f.quad, f.inside, f.blown = q, slices.Clone(inside), blown
	f.confidence = min(1, fill*min(1, jump/2)*(0.6+0.4*max(blown, 0.5)))
	f.score = (fill + rich) * (fill + rich) / 4 * min(1, jump/2) * math.Pow(n/float64(len(p.v)), 0.45) * float64(cornersFilled) / 4
	f.score *= sides / 4 // a side that the picture cuts off says nothing for it: a lit wall beside a window ends there as well
	f.light = half
	return f, true
}

// atBorder tells whether a side lies along the picture's border.
func (p *lightPlane) atBorder(a, b [2]float64) bool {
	const near = 4
	along := func(i int, n float64) bool {
		return max(a[i], b[i]) < near || min(a[i], b[i]) > n-near
	}
	return along(0, float64(p.w)) || along(1, float64(p.h))
}

func count(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// grain is the step of light between horizontal neighbours within a region that three in four of them do not exceed; what is blown even in the darkest
// photo is not asked, and where that is nearly all there is none.
func (s *windowSearch) grain(pixels []int32, buf *judgeBuffer) float64 {
	steps := buf.steps[:0]
	for i, k := range pixels {
		if i > 0 && pixels[i-1] == k-1 && !s.lost[k] && !s.lost[k-1] {
			steps = append(steps, abs(s.light.v[k]-s.light.v[k-1]))
		}
	}
	buf.steps = steps
	if len(steps)*8 < len(pixels) {
		return 0
	}
	return float64(nth(steps, len(steps)*3/4))
}

// roundness is the share of a region and the ellipse of its moments together that both cover.
func roundness(r region) float64 {
	var mx, my, xx, xy, yy float64
	n := float64(r.area())
	for _, s := range r {
		l := float64(s.x1 - s.x0)
		mx += l * float64(s.x0+s.x1-1) / 2
		my += l * float64(s.y)
	}
	mx, my = mx/n, my/n
	for _, s := range r {
		// of whole numbers about their middle: the sum of squares is l·(l²−1)/12
		l, x, y := float64(s.x1-s.x0), float64(s.x0+s.x1-1)/2-mx, float64(s.y)-my
		xx += l*x*x + l*(l*l-1)/12
		xy += l * x * y
		yy += l * y * y
	}
	xx, xy, yy = xx/n, xy/n, yy/n
	det := xx*yy - xy*xy
	if det <= 0 {
		return 0
	}
	in := 0.0
	for _, s := range r {
		y := float64(s.y) - my
		for k := s.x0; k < s.x1; k++ { // in whole numbers: steps of 1 in floats may come to one too many
			x := float64(k) - mx
			if (yy*x*x-2*xy*x*y+xx*y*y)/det <= 4 { // a filled ellipse has a quarter of its semi-axis squared as variance
				in++
			}
		}
	}
	return in / (n + 4*math.Pi*math.Sqrt(det) - in)
}
