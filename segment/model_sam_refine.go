package segment

import (
	"context"
	"image"
	"math"
	"slices"
)

const (
	samParts  = 8     // the largest regions of a mask that are asked about, one by one
	samLeast  = 0.001 // of the picture: smaller regions are left as they are
	samAgree  = 0.5   // the least intersection over union of what was asked for and what came back
	samPoints = 3     // points inside, and outside
	samMargin = 0.15  // of a region's box: how far around it points outside are looked for
)

// refine redraws a rough mask of w×h samples (0 to 1) along the edges that SAM 2 sees: each of its larger regions becomes a prompt (a box, points deep inside,
// points beside it) and what comes back, thresholded at 0, takes the region's place. A region that the answer disagrees with (intersection over union under ½)
// or that is small stays as it was. Returns the new mask and how many regions were redrawn.
func (p *samPicture) refine(ctx context.Context, rough []float32, w, h int) ([]float32, int, error) {
	parts := regionsOf(rough, w, h)
	out := slices.Clone(rough)
	redrawn := 0
	for i, part := range parts {
		if i >= samParts || float64(part.area) < samLeast*float64(w*h) {
			break
		}
		logits, _, err := p.mask(ctx, part.prompt(rough, w, h))
		if err != nil {
			return nil, 0, err
		}
		// A part's answer may not take in another part: that has its own.
		both, either := 0, 0
		for k, l := range logits {
			in, is := part.of[k] == part.label, l > 0 && (part.of[k] == 0 || part.of[k] == part.label)
			if in && is {
				both++
			}
			if in || is {
				either++
			}
		}
		if float64(both) < samAgree*float64(either) {
			continue
		}
		redrawn++
		around := part.around(w, h)
		for k, l := range logits {
			switch {
			case l > 0 && (part.of[k] == 0 || part.of[k] == part.label):
				out[k] = 1
			case part.of[k] == part.label:
				out[k] = 0
			case part.of[k] == 0 && rough[k] > 0 && image.Pt(k%w, k/w).In(around) && rough[k] == out[k]:
				out[k] = 0 // the rough mask's soft border, which the new one replaces
			}
		}
	}
	return out, redrawn, nil
}

// maskRegion is a 4-connected region of samples of at least ½.
type maskRegion struct {
	label int32
	of    []int32 // shared by all: each sample's label, 0 = none
	area  int
	box   image.Rectangle
}

// regionsOf are a mask's regions, the largest first; of equals the one that comes first in reading order.
func regionsOf(mask []float32, w, h int) []maskRegion {
	of := make([]int32, w*h)
	var all []maskRegion
	var queue []int
	for start := range mask {
		if mask[start] < 0.5 || of[start] != 0 {
			continue
		}
		r := maskRegion{label: int32(len(all) + 1), of: of, box: image.Rect(start%w, start/w, start%w+1, start/w+1)}
		of[start] = r.label
		for queue = append(queue[:0], start); len(queue) > 0; r.area++ {
			k := queue[len(queue)-1]
			queue = queue[:len(queue)-1]
			x, y := k%w, k/w
			r.box = image.Rect(min(r.box.Min.X, x), min(r.box.Min.Y, y), max(r.box.Max.X, x+1), max(r.box.Max.Y, y+1))
			visit := func(n int) {
				if mask[n] >= 0.5 && of[n] == 0 {
					of[n] = r.label
					queue = append(queue, n)
				}
			}
			if x > 0 {
				visit(k - 1)
			}
			if x+1 < w {
				visit(k + 1)
			}
			if y > 0 {
				visit(k - w)
			}
			if y+1 < h {
				visit(k + w)
			}
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b maskRegion) int { return b.area - a.area })
	return all
}

// around is a region's box with a margin, within the picture.
func (r maskRegion) around(w, h int) image.Rectangle {
	margin := max(4, int(samMargin*float64(max(r.box.Dx(), r.box.Dy()))))
	return r.box.Inset(-margin).Intersect(image.Rect(0, 0, w, h))
}

// prompt asks for a region: its box, the points deepest inside it, and the points around it that are farthest from the mask.
func (r maskRegion) prompt(rough []float32, w, h int) samPrompt {
	p := samPrompt{w: w, h: h, box: [4]int{r.box.Min.X, r.box.Min.Y, r.box.Max.X - 1, r.box.Max.Y - 1}}
	p.inside = samSpread(r.box, samPoints, true, func(x, y int) bool { return r.of[y*w+x] == r.label })
	p.outside = samSpread(r.around(w, h), samPoints, false, func(x, y int) bool { return rough[y*w+x] == 0 })
	return p
}

// samSpread picks up to n points of area where in holds: first the one farthest from where it does not (and, with edges, from the area's own edges), of several
// the one nearest the area's centre; then, of all that are at least half as far, the one farthest from the points before. Nearer than one pixel is none. Of equals the
// first in reading order.
func samSpread(area image.Rectangle, n int, edges bool, in func(x, y int) bool) [][2]int {
	w, h := area.Dx(), area.Dy()
	depth := samChamfer(w, h, edges, func(x, y int) bool { return in(area.Min.X+x, area.Min.Y+y) })
	if len(depth) == 0 || slices.Max(depth) <= 3 {
		return nil
	}
	deepest := slices.Max(depth)
	square := func(k, x, y int) int { return (k%w-x)*(k%w-x) + (k/w-y)*(k/w-y) }
	at := -1
	for k, d := range depth {
		if d == deepest && (at < 0 || square(k, w/2, h/2) < square(at, w/2, h/2)) {
			at = k
		}
	}
	var points [][2]int
	away := make([]int, len(depth)) // squared distance to the nearest point
	for k := range away {
		away[k] = math.MaxInt
	}
	for at >= 0 && len(points) < n {
		px, py := at%w, at/w
		points = append(points, [2]int{area.Min.X + px, area.Min.Y + py})
		at = -1
		best := 0
		for k, d := range depth {
			if away[k] = min(away[k], square(k, px, py)); d > 3 && 2*d >= deepest && away[k] > best {
				at, best = k, away[k]
			}
		}
	}
	return points
}

// samChamfer is each sample's chamfer distance 3-4 (Borgefors 1986), in thirds of a pixel, to the nearest where in does not hold; with edges all beyond the area counts as such.
func samChamfer(w, h int, edges bool, in func(x, y int) bool) []int32 {
	const far = 1 << 28
	d := make([]int32, w*h)
	beyond := int32(far)
	if edges {
		beyond = 0
	}
	at := func(x, y int) int32 {
		if x < 0 || y < 0 || x >= w || y >= h {
			return beyond
		}
		return d[y*w+x]
	}
	for y := range h {
		for x := range w {
			if in(x, y) {
				d[y*w+x] = min(far, at(x-1, y)+3, at(x, y-1)+3, at(x-1, y-1)+4, at(x+1, y-1)+4)
			}
		}
	}
	for y := h - 1; y >= 0; y-- {
		for x := w - 1; x >= 0; x-- {
			if k := y*w + x; d[k] > 0 {
				d[k] = min(d[k], at(x+1, y)+3, at(x, y+1)+3, at(x+1, y+1)+4, at(x-1, y+1)+4)
			}
		}
	}
	return d
}
