package segment

import (
	"context"
	"image"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// The matte: the cut is brought to full resolution, to hairs. A cell is one place of the cut.
//
// Sky is smooth: its colour S behind a branch is known from the sky beside it. Where a pixel's colour lies on the way from S to the colour F of
// what stands before the sky, its place on that way, in linear light, is the share of sky in it. Only cells in which there can be such pixels are looked at: those near the
// cut's border, those of the sky that hold an edge (wires and antennas, which the cut is too coarse for), and those beside it that
// are full of edges (crowns of trees, through which sky shows). Everywhere else the cut is the matte.

// edgeStep is the least step of luma per pixel that counts as an edge of something in the sky: a line one pixel wide has it with a tenth of contrast;
// a sky's noise stays under it up to a deviation of 0.03, a cloud's edge under a third of it.
const edgeStep = 0.03

// strip is how many rows of cells are worked on at once.
const strip = 16

// cellColours are a cell's colours in linear light.
type cellColours struct {
	sky  [3]float32
	near [3]float32 // of what borders on the sky here
	dark [3]float32 // the farthest from the sky's in the neighbourhood: what thin things are made of
	in   float32    // the cut
}

// matte is what the full picture is worked through with.
type matte struct {
	cw, ch int
	cells  []cellColours
	visit  []bool
	xs, ys []int // where cells begin, in pixels
}

// newMatte takes the cut's colours and decides which cells to look at; density is the share of edge pixels in each cell.
func newMatte(v *skyView, density []float32, w, h int) *matte {
	cw, ch := v.cut.w, v.cut.h
	m := &matte{cw: cw, ch: ch, cells: make([]cellColours, cw*ch), visit: make([]bool, cw*ch), xs: begins(w, cw), ys: begins(h, ch)}
	in, edge := make([]bool, cw*ch), make([]bool, cw*ch)
	for i, c := range v.cut.v {
		in[i], edge[i] = c > 0.5, density[i] > 0
		m.cells[i].in = c
	}
	border := bitMaskOf(cw, ch, func(x, y int) bool { // cells beside the other side
		i := y*cw + x
		return x > 0 && in[i-1] != in[i] || x+1 < cw && in[i+1] != in[i] || y > 0 && in[i-cw] != in[i] || y+1 < ch && in[i+cw] != in[i]
	})
	near := border.grown(2)
	hairs := bitMaskOf(cw, ch, func(x, y int) bool { return in[y*cw+x] && edge[y*cw+x] }).grown(1)
	porous := m.porous(in, edge)
	sureSky, sureNot := make([]bool, cw*ch), make([]bool, cw*ch)
	onAll(ch, func(y int) {
		for x := range cw {
			i, beside, hair := y*cw+x, border.at(x, y), hairs.at(x, y)
			m.visit[i] = near.at(x, y) || hair && in[i] || porous[i]
			sureSky[i] = in[i] && !beside && !hair
			sureNot[i] = !in[i] && !beside
		}
	})
	linear := v.linearCells()
	var sky, not [3]*skyPlane
	onAll(6, func(k int) {
		if c := k / 2; k%2 == 0 {
			sky[c] = pullPush(linear[c], sureSky)
		} else {
			not[c] = pullPush(linear[c], sureNot)
		}
	})
	onAll(ch, func(y int) {
		for i := y * cw; i < (y+1)*cw; i++ {
			for c := range 3 {
				s := sky[c].v[i]
				m.cells[i].sky[c], m.cells[i].near[c], m.cells[i].dark[c] = s, not[c].v[i], 0.05*s
			}
		}
	})
	return m
}

// begins are the pixels at which n cells of a side of w pixels begin, and the side's end.
func begins(w, n int) []int {
	b := make([]int, n+1)
	for i := range b {
		b[i] = i * w / n
	}
	return b
}

// porousReach is how far into what is not sky cells full of edges are followed, as a share of the longer side.
const porousReach = 0.04

// porous follows cells that hold edges, most of their neighbours too, from the sky into what is not: crowns of trees.
func (m *matte) porous(in, edge []bool) []bool {
	dense, across := make([]bool, len(in)), make([]uint8, len(in)) // across: how many of a cell and its neighbours to the left and right
	onAll(m.ch, func(y int) {
		row, n := edge[y*m.cw:(y+1)*m.cw], across[y*m.cw:(y+1)*m.cw]
		for x, e := range row {
			if !e {
				continue
			}
			for k := max(0, x-1); k <= min(m.cw-1, x+1); k++ {
				n[k]++
			}
		}
	})
	onAll(m.ch, func(y int) {
		y0, y1 := max(0, y-1), min(m.ch, y+2)
		for x := range m.cw {
			n, all := 0, (min(m.cw, x+2)-max(0, x-1))*(y1-y0)
			for k := y0; k < y1; k++ {
				n += int(across[k*m.cw+x])
			}
			dense[y*m.cw+x] = edge[y*m.cw+x] && 9*n >= 7*all
		}
	})
	out := make([]bool, len(in))
	front := []int32{}
	for i, s := range in {
		if s {
			front = append(front, int32(i))
		}
	}
	for range int(porousReach * float64(max(m.cw, m.ch))) {
		var next []int32
		for _, k := range front {
			i := int(k)
			x := i % m.cw
			for _, q := range [4]struct {
				i  int
				in bool
			}{{i - 1, x > 0}, {i + 1, x < m.cw-1}, {i - m.cw, i >= m.cw}, {i + m.cw, i < m.cw*(m.ch-1)}} {
				if q.in && !in[q.i] && !out[q.i] && dense[q.i] {
					out[q.i] = true
					next = append(next, int32(q.i))
				}
			}
		}
		front = next
	}
	return out
}

// linearCells are the working picture's colours in linear light, averaged over the cut's cells.
func (v *skyView) linearCells() [3]*skyPlane {
	var out [3]*skyPlane
	onAll(len(out), func(c int) {
		p := newSkyPlane(v.w, v.h)
		onAll(v.h, func(y int) {
			for i := y * v.w; i < (y+1)*v.w; i++ {
				p.v[i] = sceneLight(v.rgb[3*i+c])
			}
		})
		out[c] = p.shrink(v.cut.w, v.cut.h)
	})
	return out
}

// pullPush keeps p where it is known and fills the rest from what is known around, at the finest scale that has something known: means of 2×2
// going down, interpolation coming back (Gortler et al. 1996). Where nothing is known it is 0.
func pullPush(p *skyPlane, known []bool) *skyPlane {
	weight := newSkyPlane(p.w, p.h)
	value := newSkyPlane(p.w, p.h)
	onRows(p.h, p.w, func(y int) {
		for i := y * p.w; i < (y+1)*p.w; i++ {
			if known[i] {
				weight.v[i], value.v[i] = 1, p.v[i]
			}
		}
	})
	return fill(value, weight)
}

// fill takes value as premultiplied by weight.
func fill(value, weight *skyPlane) *skyPlane {
	out := newSkyPlane(value.w, value.h)
	if value.w == 1 && value.h == 1 {
		if weight.v[0] > 0 {
			out.v[0] = value.v[0] / weight.v[0]
		}
		return out
	}
	w, h := (value.w+1)/2, (value.h+1)/2
	v2, w2 := newSkyPlane(w, h), newSkyPlane(w, h)
	onRows(h, w, func(y int) {
		sum, weights := v2.row(y), w2.row(y)
		for k := 2 * y; k < min(2*y+2, value.h); k++ {
			v, u := value.row(k), weight.row(k)
			for x := range v {
				sum[x/2] += v[x]
				weights[x/2] += u[x]
			}
		}
		for x, s := range weights {
			if s > 1 {
				sum[x], weights[x] = sum[x]/s, 1
			}
		}
	})
	coarse := fill(v2, w2).grow(2*w, 2*h)
	onRows(value.h, value.w, func(y int) {
		v, u, c, dst := value.row(y), weight.row(y), coarse.row(y), out.row(y)
		for x := range dst {
			dst[x] = v[x] + (1-u[x])*c[x]
		}
	})
	return out
}

// onRows is onAll for h rows of w values, where few are not worth the trouble.
func onRows(h, w int, f func(y int)) {
	if w*h < 4096 {
		for y := range h {
			f(y)
		}
		return
	}
	onAll(h, f)
}

// edgeRows are the rows of a picture of height h in which a matte can ask for edges: those of the sky and of what porous can reach from it.
func (v *skyView) edgeRows(h int) (y0, y1 int) {
	cw, ch := v.cut.w, v.cut.h
	first, last := ch, 0
	for i, c := range v.cut.v {
		if c > 0.5 {
			first, last = min(first, i/cw), i/cw
		}
	}
	reach := int(porousReach*float64(max(cw, ch))) + 1 // porous asks one cell farther
	return max(0, first-reach) * h / ch, min(h, (min(ch, last+reach+1)*h+ch-1)/ch)
}

// edgeDensity is the share of pixels on an edge in each of the cut's cells, found at full resolution by operations. On the host rows that nobody asks for
// are left out and count as without an edge; a device is done before it could be told.
func (v *skyView) edgeDensity(ctx context.Context, env *realedit.Env, of *kernels.Image) ([]float32, error) {
	cw, ch := v.cut.w, v.cut.h
	grey, err := env.NewImage(of.Width(), of.Height(), 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	defer grey.Free()
	edges, err := env.NewImage(of.Width(), of.Height(), 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	defer edges.Free()
	y0, y1 := 0, of.Height()
	if edges.OnHost() {
		y0, y1 = v.edgeRows(of.Height())
	}
	const around = 4 // rows beside a band that its edges depend on, and to spare
	band := image.Rect(0, max(0, y0-around), of.Width(), min(of.Height(), y1+around))
	if err := env.Ops.Luma(grey.SubImage(band), of.SubImage(band)); err != nil {
		return nil, err
	}
	if err := env.Ops.Edges(edges.SubImage(band), grey.SubImage(band), edgeStep); err != nil {
		return nil, err
	}
	if edges.OnHost() {
		onAll(of.Height(), func(y int) {
			if y < y0 || y >= y1 {
				clear(edges.RowU8(y))
			}
		})
	}
	small, err := env.NewImage(cw, ch, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer small.Free()
	if err := env.Ops.Resize(small, edges); err != nil {
		return nil, err
	}
	density := make([]float32, cw*ch)
	host, err := kernels.Wrap(density, cw, ch, 1)
	if err != nil {
		return nil, err
	}
	return density, env.Backend.Copy(ctx, host, small)
}

// sceneLight undoes the encoding and, roughly, the shoulder by which cameras roll highlights off: white stands for two thirds of a stop
// more than linear light says, middle grey for itself. Without it a twig before a bright sky looks thinner than it is.
func sceneLight(v float32) float32 {
	y := linearOf(v)
	return y + 0.6*y*y*y*y*y*y
}

// decoder turns samples into the scene's light.
type decoder struct{ table []float32 }

func newDecoder(f kernels.Format) decoder {
	if f == kernels.U16 {
		return decoder{lights16()}
	}
	return decoder{lights8()}
}

var lights8, lights16 = sync.OnceValue(func() []float32 { return lightsOf(256) }), sync.OnceValue(func() []float32 { return lightsOf(65536) })

// lightsOf is the scene's light of each of n sample values.
func lightsOf(n int) []float32 {
	t := make([]float32, n)
	for i := range t {
		t[i] = sceneLight(float32(i) / float32(n-1))
	}
	return t
}

// pixels are those of a box of cells.
func (m *matte) pixels(cells image.Rectangle) image.Rectangle {
	return image.Rect(m.xs[cells.Min.X], m.ys[cells.Min.Y], m.xs[cells.Max.X], m.ys[cells.Max.Y])
}

// darkReach is how many cells around what thin things are made of is looked for.
const darkReach = 3

// found is the colour in a cell that is farthest from the sky's.
type found struct {
	c    [3]float32
	dist float32
}

// findDark looks in each cell of a piece for the colour farthest from the sky's, every few pixels of large pictures.
func (m *matte) findDark(own []found, p *piece, d decoder) {
	step := max(1, (m.xs[m.cw]/m.cw)/10)
	onAll(p.cells.Dy(), func(k int) {
		cy := p.cells.Min.Y + k
		for cx := p.cells.Min.X; cx < p.cells.Max.X; cx++ {
			i := cy*m.cw + cx
			if !m.visit[i] {
				continue
			}
			x0, x1 := m.xs[cx]-p.at.X, m.xs[cx+1]-p.at.X
			for y := m.ys[cy] - p.at.Y; y < m.ys[cy+1]-p.at.Y; y += step {
				if p.pix.Format() == kernels.U16 {
					darkest(&own[i], &m.cells[i].sky, d.table, p.pix.RowU16(y)[3*x0:3*x1], step)
				} else {
					darkest(&own[i], &m.cells[i].sky, d.table, p.pix.RowU8(y)[3*x0:3*x1], step)
				}
			}
		}
	})
}

func darkest[T uint8 | uint16](own *found, sky *[3]float32, table []float32, row []T, step int) {
	for ; len(row) >= 3; row = row[min(3*step, len(row)):] {
		p := [3]float32{table[row[0]], table[row[1]], table[row[2]]}
		// What is brighter than the sky is a lamp, a cloud or white paint: not what twigs are made of.
		if d := sky[0] - p[0] + (sky[1] - p[1]) + (sky[2] - p[2]); d > own.dist {
			*own = found{p, d}
		}
	}
}

// spreadDark gives each cell of some rows the farthest of its neighbourhood.
func (m *matte) spreadDark(own []found, y0, y1 int) {
	onAll(y1-y0, func(k int) {
		y := y0 + k
		for x := range m.cw {
			c := &m.cells[y*m.cw+x]
			best := found{c.dark, 0}
			for yy := max(0, y-darkReach); yy <= min(m.ch-1, y+darkReach); yy++ {
				for xx := max(0, x-darkReach); xx <= min(m.cw-1, x+darkReach); xx++ {
					if o := &own[yy*m.cw+xx]; o.dist > best.dist {
						best = *o
					}
				}
			}
			// Where only things thinner than a pixel are, none shows its colour: half of the sky's light is the most that it is believed to have.
			if s := c.sky[0] + c.sky[1] + c.sky[2]; best.dist > 0.5*s {
				c.dark = best.c
			}
		}
	})
}
