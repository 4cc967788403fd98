package segment

import (
	"math"
	"slices"
)

// What a pane is that mirrors the sky, on the cut (lengths in its pixels).
const (
	paneLeast = 4    // a side, the least
	paneMost  = 0.02 // of the picture, the most
	paneApart = 4    // what lies between it and the sky above is thicker: a wall or a roof, no rail, wire or twig
	paneOff   = 0.75 // how far a straight side's points may lie off its line
	paneLean  = 0.25 // the steepest of such lines, off its axis
)

// dropPanes takes out of the sky what stands alone in it like a window pane: a part that reaches no border of the picture, with a wall between it and
// the sky above, and two or three of its left, right and upper sides straight. Gaps in trees are ragged; glass that mirrors the sky has the sky's colours and is none.
func dropPanes(in []bool, w, h int) {
	var panes []region
	for _, part := range bitMaskFrom(in, w, h).regions() {
		if isPane(part, in, w, h) {
			panes = append(panes, part)
		}
	}
	for _, part := range panes {
		part.set(in, w, false)
	}
}

func isPane(part region, in []bool, w, h int) bool {
	if float64(part.area()) > paneMost*float64(w*h) {
		return false
	}
	x0, y0, x1, y1 := part.box()
	if x0 == 0 || y0 == 0 || x1 == w || y1 == h || x1-x0 < paneLeast || y1-y0 < paneLeast {
		return false
	}
	o := part.outline()
	apart := make([]int, len(o.top))
	for i, y := range o.top {
		d := 1
		for y-d >= 0 && !in[(y-d)*w+i+x0] {
			d++
		}
		apart[i] = d - 1
	}
	slices.Sort(apart)
	if apart[len(apart)/2] <= paneApart {
		return false
	}
	straight := 0
	for _, side := range [][]int{o.left, o.right, o.top} {
		if isStraight(side) {
			straight++
		}
	}
	return straight >= 2
}

// isStraight tells whether most of a side's points lie on one line near its axis: the line through the medians of its first and last thirds.
func isStraight(side []int) bool {
	n := len(side)
	third := max(1, n/3)
	mid := func(s []int) float64 {
		s = slices.Clone(s)
		slices.Sort(s)
		return float64(s[len(s)/2])
	}
	a, b := mid(side[:third]), mid(side[n-third:])
	lean := (b - a) / float64(n-third)
	if math.Abs(lean) > paneLean {
		return false
	}
	on := 0
	for i, v := range side {
		if math.Abs(float64(v)-a-lean*(float64(i)-float64(third-1)/2)) <= paneOff {
			on++
		}
	}
	return on*4 >= n*3
}
