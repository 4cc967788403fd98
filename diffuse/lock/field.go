package lock

import "github.com/realedit/realedit/internal/parallel"

// field is a grid's shifts as numbers, those of a node side by side: lo and hi of R, G and B, 1 = the whole range.
type field struct {
	columns, rows int
	at            []float32
}

func (g *Grid) field() *field {
	f := &field{g.Columns, g.Rows, make([]float32, len(g.Shifts))}
	for i, v := range g.Shifts {
		f.at[i] = float32(v) * unit
	}
	return f
}

// Positions. A pixel's centre x+½ of w lies at (2x+1)·cells/(2w) cells from the border: the cell is that number cut, its fraction the one
// division in binary32, so that all machines agree and a window of a picture has what the picture has.
func cellOf(x, w, cells int) (cell int, fraction float32) {
	n := (2*x + 1) * cells
	cell = n / (2 * w)
	return cell, float32(n-cell*2*w) / float32(2*w)
}

// run is a stretch of pixels of one row that lie in one cell, [from, to).
type run struct{ cell, from, to int }

// columnsOf are the fractions of the pixels [x0, x0+n) of w and the runs they make, counted from x0.
func columnsOf(x0, n, w, cells int) (fraction []float32, runs []run) {
	fraction = make([]float32, n)
	for i := range n {
		c, f := cellOf(x0+i, w, cells)
		fraction[i] = f
		if k := len(runs) - 1; k < 0 || runs[k].cell != c {
			runs = append(runs, run{c, i, i})
		}
		runs[len(runs)-1].to = i + 1
	}
	return fraction, runs
}

// row writes the shifts of the nodes' columns at row y of h to dst, interpolated between two rows of nodes.
func (f *field) row(dst []float32, y, h int) {
	c, t := cellOf(y, h, f.rows-1)
	a := f.at[c*f.columns*perNode:][:f.columns*perNode]
	b := f.at[(c+1)*f.columns*perNode:][:f.columns*perNode]
	for i, v := range a {
		dst[i] = v + float32((b[i]-v)*t)
	}
}

// pair is two neighbouring nodes of a row.
type pair [2 * perNode]float32

// at are the shifts of a channel between the two.
func (p *pair) at(c int, fraction float32) (lo, hi float32) {
	lo, hi = p[2*c], p[2*c+1]
	return lo + float32((p[perNode+2*c]-lo)*fraction), hi + float32((p[perNode+2*c+1]-hi)*fraction)
}

// taper is T of Grid.
func taper(v float32) float32 {
	d := float32(2*v) - 1
	u := float32(d * d)
	return 1 - float32(float32(u*u)*u)
}

// shifted is v' − v of Grid. Products are rounded before they are added (float32(…) keeps compilers from fusing), so that the
// result has the same bits everywhere.
func shifted(v, t, lo, hi float32) float32 {
	return float32((lo + float32((hi-lo)*v)) * t)
}

// apply writes the field to a picture of samples in [0,1], w·3 a row.
func (f *field) apply(dst, src []float32, w, h int) {
	fraction, runs := columnsOf(0, w, w, f.columns-1)
	bands(h, func(_, y0, y1 int) {
		nodes := make([]float32, f.columns*perNode)
		for y := y0; y < y1; y++ {
			f.row(nodes, y, h)
			s, d := src[3*w*y:][:3*w], dst[3*w*y:][:3*w]
			for _, r := range runs {
				n := (*pair)(nodes[r.cell*perNode:])
				for x := r.from; x < r.to; x++ {
					for c := range 3 {
						v := s[3*x+c]
						lo, hi := n.at(c, fraction[x])
						d[3*x+c] = v + shifted(v, taper(v), lo, hi)
					}
				}
			}
		}
	})
}

const bandRows = 32 // a constant, so that sums over bands do not depend on the number of processors

// bands calls fn for bands of rows that cover [0,h) on all processors, with the band's number.
func bands(h int, fn func(band, y0, y1 int)) {
	parallel.Bands(h, bandRows, func(y0, y1 int) { fn(y0/bandRows, y0, y1) })
}
