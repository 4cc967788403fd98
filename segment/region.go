package segment

// run is the pixels x0 ≤ x < x1 of row y.
type run struct{ y, x0, x1 int32 }

// region is a 4-connected part of a mask as runs, from the top down and from the left in each row. A picture's regions so take a tenth of the
// memory that their pixels would, and fresh memory is what costs.
type region []run

// regions are those of a mask, in the order of their first pixels.
func (m *bitMask) regions() []region {
	var runs []run
	var up []int32 // of each run one in its region that is not later; the first of a region is its own
	first := func(i int32) int32 {
		for up[i] != i {
			up[i] = up[up[i]]
			i = up[i]
		}
		return i
	}
	above := 0 // the first run of the row above
	for y := range m.h {
		here, over := len(runs), above
		m.runs(y, func(x0, x1 int) {
			r := run{int32(y), int32(x0), int32(x1)}
			own := int32(len(runs))
			runs, up = append(runs, r), append(up, own)
			for over < here && runs[over].x1 <= r.x0 {
				over++
			}
			for i := over; i < here && runs[i].x0 < r.x1; i++ {
				if a, b := first(int32(i)), first(own); a < b {
					up[b] = a
				} else {
					up[a] = b
				}
			}
		})
		above = here
	}
	size := make([]int32, len(runs))
	n := 0
	for i := range up {
		up[i] = first(int32(i))
		if size[up[i]]++; up[i] == int32(i) {
			n++
		}
	}
	sorted := make([]run, 0, len(runs))
	out := make([]region, 0, n)
	number := make([]int32, len(runs)) // of a region, by its first run
	for i, s := range size {
		if s > 0 {
			number[i] = int32(len(out))
			out = append(out, region(sorted[len(sorted):len(sorted):len(sorted)+int(s)]))
			sorted = sorted[:len(sorted)+int(s)]
		}
	}
	for i, r := range runs {
		k := number[up[i]]
		out[k] = append(out[k], r)
	}
	return out
}

// area is the number of pixels.
func (r region) area() (n int) {
	for _, s := range r {
		n += int(s.x1 - s.x0)
	}
	return n
}

// box is the region's bounding box.
func (r region) box() (x0, y0, x1, y1 int) {
	if len(r) == 0 {
		return 0, 0, 0, 0
	}
	low, high := r[0].x0, r[0].x1
	for _, s := range r {
		low, high = min(low, s.x0), max(high, s.x1)
	}
	return int(low), int(r[0].y), int(high), int(r[len(r)-1].y) + 1
}

// outline is, for the rows and columns of the region's box from x0, y0 on, the region's first pixel and the one after its last.
type outline struct {
	x0, y0                   int
	left, right, top, bottom []int // absolute; every row has some, and every column
}

func (r region) outline() (o outline) {
	var x1, y1 int
	o.x0, o.y0, x1, y1 = r.box()
	w, h := x1-o.x0, y1-o.y0
	all := make([]int, 2*(w+h))
	o.left, o.right, o.top, o.bottom = all[:h], all[h:2*h], all[2*h:2*h+w], all[2*h+w:]
	for i := range o.left {
		o.left[i] = x1
	}
	for i := range o.top {
		o.top[i] = y1
	}
	for _, s := range r {
		y := int(s.y) - o.y0
		o.left[y], o.right[y] = min(o.left[y], int(s.x0)), max(o.right[y], int(s.x1))
		for x := int(s.x0) - o.x0; x < int(s.x1)-o.x0; x++ {
			o.top[x] = min(o.top[x], int(s.y))
			o.bottom[x] = int(s.y) + 1
		}
	}
	return o
}

// set puts v into a plane of w pixels a row.
func (r region) set(m []bool, w int, v bool) {
	for _, s := range r {
		row := m[int(s.y)*w:]
		for x := s.x0; x < s.x1; x++ {
			row[x] = v
		}
	}
}

// any tells whether f holds for a pixel.
func (r region) any(f func(x, y int) bool) bool {
	for _, s := range r {
		for x := s.x0; x < s.x1; x++ {
			if f(int(x), int(s.y)) {
				return true
			}
		}
	}
	return false
}
