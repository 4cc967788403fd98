package segment

import (
	"context"
	"errors"
	"image"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// piece is a box of cells and its pixels on the host, with a pixel around them where there is one.
type piece struct {
	cells image.Rectangle
	pix   *kernels.Image
	at    image.Point // where pix begins in the picture
	free  func()
}

// draw writes the matte into dst (U8, 1 channel, the picture's size). On a device the cut already stands in dst.
func (m *matte) draw(ctx context.Context, env *realedit.Env, dst, of *kernels.Image) error {
	d := newDecoder(of.Format())
	own := make([]found, len(m.cells))
	cols, rows := between(m.cw, of.Width()), between(m.ch, of.Height())
	if of.OnHost() && dst.OnHost() {
		all := &piece{cells: image.Rect(0, 0, m.cw, m.ch), pix: of}
		m.findDark(own, all, d)
		m.spreadDark(own, 0, m.ch)
		m.drawPiece(all, dst, image.Point{}, d, cols, rows)
		return nil
	}
	return m.drawStrips(ctx, env, dst, of, own, d, cols, rows)
}

// drawStrips brings what is to be looked at to the host, a strip at a time and each pixel once, and the matte of it back: while one strip comes, what the one before
// it has darkest is looked for and the one before that is drawn, which has to know of its neighbours what things are made of.
func (m *matte) drawStrips(ctx context.Context, env *realedit.Env, dst, of *kernels.Image, own []found, d decoder, cols, rows []place) (err error) {
	n := (m.ch + strip - 1) / strip
	pieces := make([][]*piece, n)
	defer func() {
		for _, s := range pieces {
			freePieces(s)
		}
	}()
	for k := range n + 2 {
		var failed error
		var wg sync.WaitGroup
		if k < n {
			wg.Go(func() { pieces[k], failed = m.fetch(ctx, env, of, k) })
		}
		if at := k - 1; at >= 0 && at < n {
			for _, p := range pieces[at] {
				m.findDark(own, p, d)
			}
		}
		if at := k - 2; at >= 0 {
			// The next strip's first row of cells mixes with this one's last, and is final as well once the next strip has been looked through.
			from, to := at*strip+1, min(m.ch, (at+1)*strip+1)
			if at == 0 {
				from = 0
			}
			m.spreadDark(own, from, to)
			err = m.drawBack(ctx, env, dst, pieces[at], d, cols, rows)
			freePieces(pieces[at])
			pieces[at] = nil
		}
		wg.Wait()
		if err = errors.Join(err, failed); err != nil {
			return err
		}
	}
	return nil
}

// hostImage is memory on the host, page-locked where the backend has such.
func hostImage(b kernels.Backend, w, h, c int, f kernels.Format) (*kernels.Image, error) {
	if l, ok := b.(interface {
		NewHostImage(w, h, channels int, f kernels.Format) (*kernels.Image, error)
	}); ok {
		return l.NewHostImage(w, h, c, f)
	}
	return kernels.NewHostImage(nil, w, h, c, f)
}

func freePieces(s []*piece) {
	for _, p := range s {
		p.free()
	}
}

// apart is how many cells must lie between what is to be looked at in a strip for two pieces to be cheaper than one: a copy costs some time whatever it holds.
const apart = 12

// fetch brings a strip's pieces to the host.
func (m *matte) fetch(ctx context.Context, env *realedit.Env, of *kernels.Image, k int) (pieces []*piece, err error) {
	for _, box := range m.boxes(k*strip, min(m.ch, (k+1)*strip)) {
		r := m.pixels(box).Inset(-1).Intersect(of.Bounds())
		host, err := hostImage(env.Backend, r.Dx(), r.Dy(), of.Channels(), of.Format())
		if err == nil {
			pieces = append(pieces, &piece{box, host, r.Min, host.Free})
			err = env.Backend.Copy(ctx, host, of.SubImage(r))
		}
		if err != nil {
			freePieces(pieces)
			return nil, err
		}
	}
	return pieces, nil
}

// boxes hold what is to be looked at in some rows of cells.
func (m *matte) boxes(y0, y1 int) (out []image.Rectangle) {
	for x := range m.cw {
		for y := y0; y < y1; y++ {
			if !m.visit[y*m.cw+x] {
				continue
			}
			cell := image.Rect(x, y, x+1, y+1)
			if n := len(out); n > 0 && x < out[n-1].Max.X+apart {
				out[n-1] = out[n-1].Union(cell)
			} else {
				out = append(out, cell)
			}
		}
	}
	return out
}

// drawBack draws pieces and brings them to the device.
func (m *matte) drawBack(ctx context.Context, env *realedit.Env, dst *kernels.Image, pieces []*piece, d decoder, cols, rows []place) error {
	for _, p := range pieces {
		r := m.pixels(p.cells)
		host, err := hostImage(env.Backend, r.Dx(), r.Dy(), 1, kernels.U8)
		if err != nil {
			return err
		}
		m.drawPiece(p, host, r.Min, d, cols, rows)
		err = env.Backend.Copy(ctx, dst.SubImage(r), host)
		host.Free()
		if err != nil {
			return err
		}
	}
	return nil
}

// drawPiece draws a piece's cells, those that are not looked at as the cut; dst begins at to.
func (m *matte) drawPiece(p *piece, dst *kernels.Image, to image.Point, d decoder, cols, rows []place) {
	const side = 32 // cells at a time, so that a low piece gives work to all processors too
	across := (p.cells.Dx() + side - 1) / side
	white := make([]byte, m.pixels(p.cells).Dx())
	for i := range white {
		white[i] = 255
	}
	onAll(p.cells.Dy()*across, func(k int) {
		cy, x0 := p.cells.Min.Y+k/across, p.cells.Min.X+k%across*side
		x1 := min(p.cells.Max.X, x0+side)
		for x0 < x1 {
			visit := m.visit[cy*m.cw+x0]
			end := x0 + 1
			for end < x1 && m.visit[cy*m.cw+end] == visit && (visit || m.cells[cy*m.cw+end].in == m.cells[cy*m.cw+x0].in) {
				end++
			}
			switch {
			case !visit:
				a, b, in := m.xs[x0]-to.X, m.xs[end]-to.X, m.cells[cy*m.cw+x0].in > 0.5
				for y := m.ys[cy] - to.Y; y < m.ys[cy+1]-to.Y; y++ {
					if row := dst.RowU8(y)[a:b]; in {
						copy(row, white)
					} else {
						clear(row)
					}
				}
			case p.pix.Format() == kernels.U16:
				drawCells(m, cy, x0, end, p, p.pix.RowU16, dst, to, d.table, cols, rows)
			default:
				drawCells(m, cy, x0, end, p, p.pix.RowU8, dst, to, d.table, cols, rows)
			}
			x0 = end
		}
	})
}

// drawCells draws neighbouring cells of a row; rowOf gives the piece's rows.
func drawCells[T uint8 | uint16](m *matte, cy, cx0, cx1 int, p *piece, rowOf func(y int) []T, dst *kernels.Image, to image.Point,
	table []float32, cols, rows []place) {
	first := max(0, cx0-1)
	mixed := make([]cellColours, min(m.cw, cx1+1)-first)
	last := p.pix.Height() - 1
	n := around[T]{table: table, last: p.pix.Width() - 1}
	for y := m.ys[cy]; y < m.ys[cy+1]; y++ {
		for i := range n.rows {
			n.rows[i] = rowOf(min(max(y-p.at.Y+i-1, 0), last))
		}
		m.mixRows(mixed, rows[y], first)
		out := dst.RowU8(y - to.Y)
		var t way
		at := -1
		for x := m.xs[cx0]; x < m.xs[cx1]; x++ {
			if c := cols[x]; c.at != at {
				at = c.at
				t.between(&mixed[at-first], &mixed[min(at+1-first, len(mixed)-1)])
			}
			n.x = x - p.at.X
			out[x-to.X] = uint8(255*share(&n, &t, cols[x].t) + 0.5)
		}
	}
}

// around is a pixel and its neighbours.
type around[T uint8 | uint16] struct {
	rows    [3][]T // above, its own, below
	table   []float32
	x, last int
}

// colour is the scene's light of the pixel.
func (n *around[T]) colour() (r, g, b float32) {
	p := n.rows[1][3*n.x:][:3:3]
	return n.table[p[0]], n.table[p[1]], n.table[p[2]]
}

func (n *around[T]) sum(row, x int) float32 {
	p := n.rows[row][3*x:][:3:3]
	return n.table[p[0]] + n.table[p[1]] + n.table[p[2]]
}

// activity is the largest step of R+G+B to a neighbour, or one that is enough.
func (n *around[T]) activity(enough float32) float32 {
	l := n.sum(1, n.x)
	a := abs32(l - n.sum(0, n.x))
	if a < enough {
		a = max(a, abs32(l-n.sum(2, n.x)))
	}
	if a < enough && n.x > 0 {
		a = max(a, abs32(l-n.sum(1, n.x-1)))
	}
	if a < enough && n.x < n.last {
		a = max(a, abs32(l-n.sum(1, n.x+1)))
	}
	return a
}

// mixRows interpolates between two rows of cells, from the cell first on.
func (m *matte) mixRows(dst []cellColours, p place, first int) {
	a, b := m.cells[p.at*m.cw+first:], m.cells[min(p.at+1, m.ch-1)*m.cw+first:]
	for x := range dst {
		u, v, o := &a[x], &b[x], &dst[x]
		for c := range 3 {
			o.sky[c] = u.sky[c] + (v.sky[c]-u.sky[c])*p.t
			o.near[c] = u.near[c] + (v.near[c]-u.near[c])*p.t
			o.dark[c] = u.dark[c] + (v.dark[c]-u.dark[c])*p.t
		}
		o.in = u.in + (v.in-u.in)*p.t
	}
}

// way leads from one cell to the next: where it begins and how far it goes.
type way struct{ from, by cellColours }

func (w *way) between(a, b *cellColours) {
	w.from = *a
	for c := range 3 {
		w.by.sky[c], w.by.near[c], w.by.dark[c] = b.sky[c]-a.sky[c], b.near[c]-a.near[c], b.dark[c]-a.dark[c]
	}
	w.by.in = b.in - a.in
}

// share is how much of a pixel is sky, at t between two cells.
func share[T uint8 | uint16](n *around[T], w *way, t float32) float32 {
	a, b := &w.from, &w.by
	in := a.in + b.in*t
	s0, s1, s2 := a.sky[0]+b.sky[0]*t, a.sky[1]+b.sky[1]*t, a.sky[2]+b.sky[2]*t
	p0, p1, p2 := n.colour()
	x0, x1, x2 := p0-s0, p1-s1, p2-s2
	off := x0*x0 + x1*x1 + x2*x2
	side := ramp(in, 0.4, 0.6)
	if in < 0.97 {
		// On the way to what borders on the sky here.
		d0, d1, d2 := s0-(a.near[0]+b.near[0]*t), s1-(a.near[1]+b.near[1]*t), s2-(a.near[2]+b.near[2]*t)
		if v, ok := along(n, x0, x1, x2, d0, d1, d2, off); ok {
			scale := s0*s0 + s1*s1 + s2*s2 + 1e-6
			return side + (v-side)*ramp((d0*d0+d1*d1+d2*d2)/scale, 0.01, 0.04)
		}
	}
	d0, d1, d2 := s0-(a.dark[0]+b.dark[0]*t), s1-(a.dark[1]+b.dark[1]*t), s2-(a.dark[2]+b.dark[2]*t)
	if v, ok := along(n, x0, x1, x2, d0, d1, d2, off); ok {
		return v
	}
	return side
}

// along is the share of sky of a pixel that differs by x from the sky, which differs by d from what stands before it. ok is false where the
// pixel's colour does not lie on that way: a third thing.
func along[T uint8 | uint16](n *around[T], x0, x1, x2, d0, d1, d2, off float32) (v float32, ok bool) {
	dd := d0*d0 + d1*d1 + d2*d2
	if dd < 1e-6 {
		return 0, false
	}
	xd := x0*d0 + x1*d1 + x2*d2
	t := 1 + xd/dd
	if t > 1.25 || t > 0.1 && off-xd*xd/dd > 0.03*dd {
		return 0, false
	}
	// Most pixels are one thing or the other whatever is beside them.
	if t < 0.04 {
		return 0, true
	}
	if t > 0.94 {
		return 1, true
	}
	// Only at an edge a pixel is a mixture; where its neighbours are alike it is one thing or the other.
	whole := sqrt32(3 * dd)
	mix := ramp(n.activity(0.125*whole)/whole, 0.03, 0.12)
	pure := ramp(t, 0.75, 0.9)
	return pure + (ramp(t, 0.04, 0.93)-pure)*mix, true
}
