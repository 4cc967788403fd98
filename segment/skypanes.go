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
	seen := make([]bool, len(in))
	var panes [][]int
	for k := range in {
		if in[k] && !seen[k] {
			if part := floodRegion(in, seen, k, w, h); isPane(part, in, w, h) {
				panes = append(panes, part)
			}
		}
	}
	for _, part := range panes {
		for _, i := range part {
			in[i] = false
		}
	}
}

func isPane(part []int, in []bool, w, h int) bool {
	if float64(len(part)) > paneMost*float64(w*h) {
		return false
	}
	x0, y0, x1, y1 := w, h, -1, -1
	for _, i := range part {
		x0, y0, x1, y1 = min(x0, i%w), min(y0, i/w), max(x1, i%w), max(y1, i/w)
	}
	if x0 == 0 || y0 == 0 || x1 == w-1 || y1 == h-1 || x1-x0+1 < paneLeast || y1-y0+1 < paneLeast {
		return false
	}
	left, right, top := make([]int, y1-y0+1), make([]int, y1-y0+1), make([]int, x1-x0+1)
	for i := range left {
		left[i], right[i] = w, -1
	}
	for i := range top {
		top[i] = h
	}
	for _, i := range part {
		x, y := i%w-x0, i/w-y0
		left[y], right[y], top[x] = min(left[y], x+x0), max(right[y], x+x0), min(top[x], y+y0)
	}
	apart := make([]int, len(top))
	for i, y := range top {
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
	for _, side := range [][]int{left, right, top} {
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
