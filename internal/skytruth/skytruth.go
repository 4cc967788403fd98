// Package skytruth measures a mask against its truth. Masks are 8-bit coverage, row by row.
package skytruth

// IoU is the intersection over the union of what is covered by half and more; 1 where both are empty.
func IoU(mask, truth []uint8) float64 {
	var both, either int
	for i, m := range mask {
		a, b := m > 127, truth[i] > 127
		if a && b {
			both++
		}
		if a || b {
			either++
		}
	}
	if either == 0 {
		return 1
	}
	return float64(both) / float64(either)
}

// Share is how much of the picture a mask covers by half and more.
func Share(mask []uint8) float64 {
	n := 0
	for _, m := range mask {
		if m > 127 {
			n++
		}
	}
	return float64(n) / float64(max(len(mask), 1))
}

// Edges tells how well the outlines agree. An outline at a level is every pixel covered by more than it that has a 4-neighbour that is not. recall is the share
// of the truth's outline at one half with a pixel of the mask's outline within radius pixels (Euclidean), precision the same the other way round; both are 1
// where there is no outline to find. With slack, the outlines that are looked for are those at one half and at slack under and over it: where
// hairs cover about half of their pixels, an error of one hundredth moves the outline by a whole hair, and slack tells that from edges that are not there.
func Edges(mask, truth []uint8, w, h int, radius int, slack float64) (recall, precision float64) {
	return within(outline(truth, w, h, 0), outline(mask, w, h, slack), w, h, radius), within(outline(mask, w, h, 0), outline(truth, w, h, slack), w, h, radius)
}

// outline is that at one half, with those at slack under and over it where there is slack.
func outline(m []uint8, w, h int, slack float64) []bool {
	levels := []uint8{127}
	if slack > 0 {
		levels = append(levels, uint8(255*(0.5-slack)), uint8(255*(0.5+slack)))
	}
	o := make([]bool, len(m))
	for _, l := range levels {
		for y := range h {
			for x := range w {
				i := y*w + x
				if m[i] > l && (x > 0 && m[i-1] <= l || x+1 < w && m[i+1] <= l || y > 0 && m[i-w] <= l || y+1 < h && m[i+w] <= l) {
					o[i] = true
				}
			}
		}
	}
	return o
}

// within is the share of the pixels of a that have one of b within radius.
func within(a, b []bool, w, h, radius int) float64 {
	near := make([]bool, len(b))
	for i, set := range b {
		if !set {
			continue
		}
		for dy := -radius; dy <= radius; dy++ {
			for dx := -radius; dx <= radius; dx++ {
				if x, y := i%w+dx, i/w+dy; dx*dx+dy*dy <= radius*radius && x >= 0 && x < w && y >= 0 && y < h {
					near[y*w+x] = true
				}
			}
		}
	}
	n, hit := 0, 0
	for i, set := range a {
		if set {
			n++
			if near[i] {
				hit++
			}
		}
	}
	if n == 0 {
		return 1
	}
	return float64(hit) / float64(n)
}
