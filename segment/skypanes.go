package segment

// What a pane is that mirrors the sky, on the cut: at least paneLeast pixels a side, at most paneMost of the picture, its sides upright lines to a pixel, and full.
const (
	paneLeast = 4
	paneMost  = 0.02
	paneFill  = 0.75
)

// dropPanes takes out of the sky what stands alone in it like a window pane: a part that reaches no border of the picture and is bounded by two straight
// upright lines. Gaps in trees are ragged; glass that mirrors the sky has the sky's colours and is no sky.
func dropPanes(in []bool, w, h int) {
	seen := make([]bool, len(in))
	for k := range in {
		if !in[k] || seen[k] {
			continue
		}
		part := floodRegion(in, seen, k, w, h)
		if isPane(part, w, h) {
			for _, i := range part {
				in[i] = false
			}
		}
	}
}

func isPane(part []int, w, h int) bool {
	if float64(len(part)) > paneMost*float64(w*h) {
		return false
	}
	top, bottom := h, -1
	for _, i := range part {
		top, bottom = min(top, i/w), max(bottom, i/w)
	}
	rows := bottom - top + 1
	if top == 0 || bottom == h-1 || rows < paneLeast {
		return false
	}
	left, right := make([]int, rows), make([]int, rows)
	for r := range left {
		left[r], right[r] = w, -1
	}
	for _, i := range part {
		x, r := i%w, i/w-top
		left[r], right[r] = min(left[r], x), max(right[r], x)
	}
	// The first and the last row may be cut by a slanting lintel.
	a0, a1, b0, b1 := w, -1, w, -1
	for r := 1; r < rows-1; r++ {
		a0, a1 = min(a0, left[r]), max(a1, left[r])
		b0, b1 = min(b0, right[r]), max(b1, right[r])
	}
	wide := b1 - a0 + 1
	return a0 > 0 && b1 < w-1 && wide >= paneLeast && a1-a0 <= 1 && b1-b0 <= 1 && float64(len(part)) >= paneFill*float64(wide*rows)
}
