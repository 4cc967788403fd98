package segment

import (
	"context"
	"image"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// draw writes the matte into dst (U8, 1 channel, the picture's size), in which the cut stands.
func (m *matte) draw(ctx context.Context, env *realedit.Env, dst, of *kernels.Image, d decoder) error {
	cols, rows := between(m.cw, of.Width()), between(m.ch, of.Height())
	return m.strips(ctx, env, of, func(box image.Rectangle, pix *kernels.Image, at image.Point) error {
		r := m.pixels(box)
		part := dst.SubImage(r)
		host := part
		if !part.OnHost() {
			var err error
			if host, err = kernels.NewHostImage(nil, r.Dx(), r.Dy(), 1, kernels.U8); err != nil {
				return err
			}
			defer host.Free()
		}
		onAll(box.Dy(), func(k int) { m.drawCells(box, box.Min.Y+k, pix, at, host, r.Min, d, cols, rows, !part.OnHost()) })
		if host != part {
			return env.Backend.Copy(ctx, part, host)
		}
		return nil
	})
}

// drawCells draws one row of cells. all fills the cells that are not looked at too, with the cut.
func (m *matte) drawCells(box image.Rectangle, cy int, pix *kernels.Image, at image.Point, dst *kernels.Image, to image.Point, d decoder, cols, rows []place, all bool) {
	w := pix.Width()
	var lines [3][]float32 // the row above, the row, the row below
	var lums [3][]float32
	for i := range lines {
		lines[i], lums[i] = make([]float32, 3*w), make([]float32, w)
	}
	load := func(i, y int) {
		d.row(lines[i], pix, min(max(y-at.Y, 0), pix.Height()-1), 0, w)
		for x := range lums[i] {
			p := lines[i][3*x : 3*x+3 : 3*x+3]
			lums[i][x] = p[0] + p[1] + p[2]
		}
	}
	mixed := make([]cellColours, m.cw)
	for y := m.ys[cy]; y < m.ys[cy+1]; y++ {
		if y == m.ys[cy] {
			load(0, y-1)
			load(1, y)
		} else {
			lines[0], lines[1], lines[2] = lines[1], lines[2], lines[0]
			lums[0], lums[1], lums[2] = lums[1], lums[2], lums[0]
		}
		load(2, y+1)
		m.mixRows(mixed, rows[y], max(0, box.Min.X-1), min(m.cw, box.Max.X+1))
		out := dst.RowU8(y - to.Y)
		for cx := box.Min.X; cx < box.Max.X; cx++ {
			i := cy*m.cw + cx
			x0, x1 := m.xs[cx], m.xs[cx+1]
			if !m.visit[i] {
				if all {
					v := uint8(255 * m.cells[i].in)
					for x := x0; x < x1; x++ {
						out[x-to.X] = v
					}
				}
				continue
			}
			for x := x0; x < x1; x++ {
				q, k := x-at.X, cols[x]
				l := lums[1][q]
				activity := max(abs32(l-lums[0][q]), abs32(l-lums[2][q]))
				if q > 0 {
					activity = max(activity, abs32(l-lums[1][q-1]))
				}
				if q+1 < w {
					activity = max(activity, abs32(l-lums[1][q+1]))
				}
				p := lines[1][3*q : 3*q+3 : 3*q+3]
				out[x-to.X] = uint8(255*share(p, &mixed[k.at], &mixed[min(k.at+1, m.cw-1)], k.t, activity) + 0.5)
			}
		}
	}
}

// mixRows interpolates between two rows of cells.
func (m *matte) mixRows(dst []cellColours, p place, x0, x1 int) {
	a, b := m.cells[p.at*m.cw:], m.cells[min(p.at+1, m.ch-1)*m.cw:]
	for x := x0; x < x1; x++ {
		u, v, o := &a[x], &b[x], &dst[x]
		for c := range 3 {
			o.sky[c] = u.sky[c] + (v.sky[c]-u.sky[c])*p.t
			o.near[c] = u.near[c] + (v.near[c]-u.near[c])*p.t
			o.dark[c] = u.dark[c] + (v.dark[c]-u.dark[c])*p.t
		}
		o.in = u.in + (v.in-u.in)*p.t
	}
}

// share is how much of a pixel p is sky, between two cells. activity is the largest step of R+G+B to a neighbour.
func share(p []float32, a, b *cellColours, t, activity float32) float32 {
	in := a.in + (b.in-a.in)*t
	s0, s1, s2 := a.sky[0]+(b.sky[0]-a.sky[0])*t, a.sky[1]+(b.sky[1]-a.sky[1])*t, a.sky[2]+(b.sky[2]-a.sky[2])*t
	x0, x1, x2 := p[0]-s0, p[1]-s1, p[2]-s2
	off := x0*x0 + x1*x1 + x2*x2
	scale := s0*s0 + s1*s1 + s2*s2 + 1e-6
	side := ramp(in, 0.4, 0.6)
	if in < 0.97 {
		// On the way to what borders on the sky here.
		d0, d1, d2 := s0-(a.near[0]+(b.near[0]-a.near[0])*t), s1-(a.near[1]+(b.near[1]-a.near[1])*t), s2-(a.near[2]+(b.near[2]-a.near[2])*t)
		if v, sure, ok := along(x0, x1, x2, d0, d1, d2, off, activity); ok {
			sure *= ramp((d0*d0+d1*d1+d2*d2)/scale, 0.01, 0.04)
			return side + (v-side)*sure
		}
	}
	d0, d1, d2 := s0-(a.dark[0]+(b.dark[0]-a.dark[0])*t), s1-(a.dark[1]+(b.dark[1]-a.dark[1])*t), s2-(a.dark[2]+(b.dark[2]-a.dark[2])*t)
	if v, _, ok := along(x0, x1, x2, d0, d1, d2, off, activity); ok {
		return v
	}
	return side
}

// along is the share of sky of a pixel that differs by x from the sky, which differs by d from what stands before it. ok is false where the
// pixel's colour does not lie on that way: a third thing.
func along(x0, x1, x2, d0, d1, d2, off, activity float32) (v, sure float32, ok bool) {
	dd := d0*d0 + d1*d1 + d2*d2
	if dd < 1e-6 {
		return 0, 0, false
	}
	xd := x0*d0 + x1*d1 + x2*d2
	t := 1 + xd/dd
	aside := off - xd*xd/dd
	if t > 1.25 || t > 0.1 && aside > 0.03*dd {
		return 0, 0, false
	}
	// Only at an edge a pixel is a mixture; where its neighbours are alike it is one thing or the other.
	mix := ramp(activity/sqrt32(3*dd), 0.03, 0.12)
	pure := ramp(t, 0.75, 0.9)
	return pure + (ramp(t, 0.04, 0.93)-pure)*mix, 1, true
}
