package segment

import (
	"math"
)

// windowBars are a window's muntins and stiles in the window's own coordinates: across and down, each from 0 to 1 between opposite sides.
type windowBars struct {
	w, h       int
	in         *bitMask // cells on or near a bar
	upright    []bool   // columns that are bars, or the paint of a reveal or a stile
	horizontal []bool   // rows that are
}

// bars finds them: what dark tells from the view, thin and through most of the window.
func (q corners) bars(p *lightPlane, dark func(v float64, away [4]float64) bool) *windowBars {
	x0, y0, x1, y1 := q.box(0, 1<<30, 1<<30)
	b := &windowBars{w: max(1, x1-x0), h: max(1, y1-y0)}
	n := b.w * b.h
	mark, lights := make([]bool, n), make([]float32, n)
	top, right, bottom, left := q.line(0), q.line(1), q.line(2), q.line(3)
	sides := q.sides()
	inBands(b.h, func(from, to int) {
		for j := from; j < to; j++ {
			v := (float64(j) + 0.5) / float64(b.h)
			across := mixLines(top, bottom, v)
			for i := range b.w {
				u := (float64(i) + 0.5) / float64(b.w)
				x, y, ok := meetLines(across, mixLines(left, right, u))
				if !ok {
					continue
				}
				if l, ok := p.at(x, y); ok {
					mark[j*b.w+i], lights[j*b.w+i] = dark(l, sides.away(x, y)), float32(l)
				}
			}
		}
	})
	// A bar is as thin as a tenth of the window and runs through most of it: a column or row of cells is one where most of its cells are of such runs.
	b.in = newBitMask(b.w, b.h)
	rows, columns := runs(mark, b.w, b.h, 1, b.w), runs(mark, b.h, b.w, b.w, 1)
	const thin = 3
	upright, slim, level := make([]int, b.w), make([]int, b.w), make([]int, b.h)
	for k := range mark {
		if rows[k] > 0 && int(rows[k]) <= max(4, b.w/9) {
			upright[k%b.w]++
		}
		if rows[k] > 0 && rows[k] <= thin {
			slim[k%b.w]++
		}
		if columns[k] > 0 && int(columns[k]) <= max(4, b.h/12) {
			level[k/b.w]++
		}
	}
	// Paint is of one brightness along a bar; the trunk of a tree is not.
	even := func(from, n, step int) bool {
		var v []float64
		for i := range n {
			if k := from + i*step; mark[k] {
				v = append(v, float64(lights[k]))
			}
		}
		m := middle(v)
		for i := range v {
			v[i] = math.Abs(v[i] - m)
		}
		return middle(v) < 0.25
	}
	for i := range upright {
		if slim[i]*20 >= 11*b.h || upright[i]*10 >= 7*b.h && even(i, b.h, b.w) {
			for j := range b.h {
				if mark[j*b.w+i] {
					b.in.set(i, j)
				}
			}
		}
	}
	for j := range level {
		if level[j]*20 >= 11*b.w && even(j*b.w, b.w, 1) {
			for i := range b.w {
				if mark[j*b.w+i] {
					b.in.set(i, j)
				}
			}
		}
	}
	b.in = b.in.grown(2)
	// One that is lit, or thinner than a pixel, is still a line along which there is less light than on both sides of it.
	b.upright = dips(lights, b.w, b.h, 1, b.w)
	b.horizontal = dips(lights, b.h, b.w, b.w, 1)
	b.paint(lights)
	return b
}

// paint adds to the upright bars what is painted beside the window's sides and beside bars: reveals seen from the side, wide stiles, the lit faces of muntins. Along paint
// light changes slowly from top to bottom; a view has steps: roofs, leaves, the ground. A view without any (fog, a white sky) is left alone.
func (b *windowBars) paint(lights []float32) {
	const least = 24 // rows below which nothing is told
	if b.h < least || b.w < 8 {
		return
	}
	rim := b.h / 16
	painted := make([]bool, b.w)
	many := 0
	for i := range b.w {
		smooth, steps, n := 0, 0, 0
		for j := rim + 2; j+2 < b.h-rim; j++ {
			if b.horizontal[j] || b.horizontal[j-2] || b.horizontal[j+2] {
				continue
			}
			n++
			d := abs(lights[(j+2)*b.w+i] - lights[(j-2)*b.w+i])
			if d < 0.2 {
				smooth++
			}
			if d > 0.45 {
				steps++
			}
		}
		if painted[i] = n*3 >= b.h && smooth*100 >= 85*n && steps*100 <= 10*n; painted[i] {
			many++
		}
	}
	if many*2 > b.w {
		return
	}
	// edge tells whether light changes beside a column of paint from top to bottom; within is the least it is darker than what lies there.
	edge := func(at, step int, within float32) bool {
		to, n, steps := at+3*step, 0, 0
		if to < 0 || to >= b.w {
			return false
		}
		for j := rim; j < b.h-rim; j++ {
			if b.horizontal[j] {
				continue
			}
			n++
			if d := lights[j*b.w+to] - lights[j*b.w+at]; abs(d) > 0.25 && d > within {
				steps++
			}
		}
		return steps*3 >= 2*n
	}
	for _, from := range [2]int{0, b.w - 1} {
		step := 1
		if from > 0 {
			step = -1
		}
		miss := 0
		last := from - step
		for i := from; i >= 0 && i < b.w && miss <= 2; i += step { // a border between two faces is no one paint's
			if painted[i] {
				last, miss = i, 0
			} else {
				miss++
			}
		}
		// A reveal ends at an edge from top to bottom; the wall of a house opposite seldom does.
		if (last-from)*step < 0 || (last-from)*step >= b.w*2/5 || !edge(last, step, -99) {
			continue
		}
		for i := from; i != last+step; i += step {
			b.upright[i] = true
		}
	}
	for i := 0; i < b.w; i++ { // a wide stile is darker than what it stands between
		k := i
		for k+1 < b.w && painted[i] && painted[k+1] {
			k++
		}
		if painted[i] && k-i >= 2 && k-i <= b.w/7 && edge(i, -1, 0) && edge(k, 1, 0) {
			for j := i; j <= k; j++ {
				b.upright[j] = true
			}
		}
		i = k
	}
	known := make([]bool, b.w)
	for i := range known {
		known[i] = b.upright[i]
	}
	for i := range known {
		for _, step := range [2]int{-1, 1} {
			k := i
			for known[i] && k+step >= 0 && k+step < b.w && painted[k+step] {
				k += step
			}
			if (k-i)*step > max(3, b.w/30) { // no face of a muntin is so wide
				continue
			}
			for ; k != i; k -= step {
				b.upright[k] = true
			}
		}
	}
}

// dips marks the rows of cells that are darker than both sides over two thirds of their length; there are n rows step apart, of cells that are line apart.
func dips(lights []float32, n, cells, step, line int) []bool {
	out := make([]bool, n)
	for _, reach := range [2]int{3, n/24 + 2} {
		for i := reach; i+reach < n; i++ {
			lower := 0
			for c := range cells {
				k := c*line + i*step
				if lights[k] < min(lights[k-reach*step], lights[k+reach*step])-0.5 {
					lower++
				}
			}
			out[i] = out[i] || lower*3 >= 2*cells
		}
	}
	return out
}

// runs is, for each set cell, the length of the run of set cells it is in along rows of n cells that are step apart; lines of them are apart line.
func runs(m []bool, n, lines, step, line int) []int32 {
	out := make([]int32, len(m))
	for l := range lines {
		for i := 0; i < n; {
			k := l*line + i*step
			if !m[k] {
				i++
				continue
			}
			j := i
			for j < n && m[l*line+j*step] {
				j++
			}
			for t := i; t < j; t++ {
				out[l*line+t*step] = int32(j - i)
			}
			i = j
		}
	}
	return out
}

// near tells whether there is a bar at or beside a point, given how far it is within each side; on tells whether the point is on one for certain.
func (b *windowBars) near(away [4]float64) (near, on bool) {
	u, v := away[3]/(away[3]+away[1]), away[0]/(away[0]+away[2])
	i, j := int(u*float64(b.w)), int(v*float64(b.h))
	if i < 0 || j < 0 || i >= b.w || j >= b.h {
		return false, false
	}
	on = b.upright[i] || b.horizontal[j]
	return on || b.in.at(i, j), on
}

// line is side i as a·x + b·y + c, the distance inwards.
func (q corners) line(i int) [3]float64 {
	s := q.sides()
	d0 := s.away(0, 0)[i]
	return [3]float64{s.away(1, 0)[i] - d0, s.away(0, 1)[i] - d0, d0}
}

// mixLines is the line whose points lie t of the way from one side to the opposite one: it passes through the point where they meet, as
// everything parallel to both does in perspective.
func mixLines(a, b [3]float64, t float64) (m [3]float64) {
	for i := range m {
		m[i] = (1-t)*a[i] - t*b[i]
	}
	return m
}

// meetLines is the point two lines share.
func meetLines(a, b [3]float64) (x, y float64, ok bool) {
	d := a[0]*b[1] - a[1]*b[0]
	if d > -1e-12 && d < 1e-12 {
		return 0, 0, false
	}
	return (a[1]*b[2] - a[2]*b[1]) / d, (a[2]*b[0] - a[0]*b[2]) / d, true
}
