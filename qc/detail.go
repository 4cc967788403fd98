package qc

import (
	"image"

	"github.com/realedit/realedit/internal/parallel"
	"github.com/realedit/realedit/kernels"
)

const (
	detailTile  = 160  // pixels of the picture
	detailCells = 48   // tiles at most
	detailEdge  = 0.10 // stops per pixel of the smoothed log: structure, not noise
	detailFlat  = 0.03 // under this only noise
	detailLeast = 150  // structure pixels that make a tile worth judging
)

// unitRow16 writes row y of m as 16-bit samples.
func unitRow16(dst []uint16, m *kernels.Image, y int) {
	switch m.Format() {
	case kernels.U8:
		for i, v := range m.RowU8(y) {
			dst[i] = uint16(v) * 257
		}
	case kernels.U16:
		copy(dst, m.RowU16(y))
	case kernels.F16:
		for i, v := range m.RowHalf(y) {
			dst[i] = quantise(v.Float32())
		}
	default:
		for i, v := range m.RowF32(y) {
			dst[i] = quantise(v)
		}
	}
}

func quantise(v float32) uint16 {
	if !(v > 0) {
		return 0
	}
	return uint16(min(v, 1)*65535 + 0.5)
}

// tile is a piece of a picture at full resolution.
type tile struct {
	w, h int
	log  []float32
	luma []uint16
	top  []uint16  // largest channel
	room []float32 // for four bands
}

func (b *bench) tileOf(src *kernels.Image, r image.Rectangle) (*tile, error) {
	m, free, err := b.window(src, r)
	if err != nil {
		return nil, err
	}
	defer free()
	t := &tile{w: m.Width(), h: m.Height()}
	n := t.w * t.h
	if t.log, err = plane[float32](b, 5*n); err != nil {
		return nil, err
	}
	t.log, t.room = t.log[:n:n], t.log[n:]
	if t.luma, err = plane[uint16](b, 2*n); err != nil {
		return nil, err
	}
	t.luma, t.top = t.luma[:n:n], t.luma[n:]
	row := make([]uint16, 3*t.w)
	for y := range t.h {
		unitRow16(row, m, y)
		for x := range t.w {
			i := y*t.w + x
			k := lumaOf(row[3*x], row[3*x+1], row[3*x+2])
			t.luma[i], t.log[i], t.top[i] = k, logTable[k], max(row[3*x], row[3*x+1], row[3*x+2])
		}
	}
	return t, nil
}

// binomial writes (1 4 6 4 1)/16 of p in both directions, edges replicated, to d; t is for its use.
func binomial(d, t, p []float32, w, h int) {
	for y := range h {
		r, o := p[y*w:(y+1)*w], t[y*w:(y+1)*w]
		one := func(x int) {
			a, c, e, f := max(0, x-2), max(0, x-1), min(w-1, x+1), min(w-1, x+2)
			o[x] = (r[a] + r[f] + 4*(r[c]+r[e]) + 6*r[x]) / 16
		}
		for x := range min(2, w) {
			one(x)
		}
		for x := 2; x < w-2; x++ {
			q := (*[5]float32)(r[x-2:])
			o[x] = (q[0] + q[4] + 4*(q[1]+q[3]) + 6*q[2]) / 16
		}
		for x := max(2, w-2); x < w; x++ {
			one(x)
		}
	}
	for y := range h {
		a, c, e, f := t[max(0, y-2)*w:], t[max(0, y-1)*w:], t[min(h-1, y+1)*w:], t[min(h-1, y+2)*w:]
		m, o := t[y*w:], d[y*w:(y+1)*w]
		a, c, e, f, m = a[:len(o)], c[:len(o)], e[:len(o)], f[:len(o)], m[:len(o)]
		for x := range o {
			o[x] = (a[x] + f[x] + 4*(c[x]+e[x]) + 6*m[x]) / 16
		}
	}
}

// bands are a tile's fine and middle band of the log luma, and the log luma without the fine one.
func (t *tile) bands() (fine, mid, smooth []float32) {
	n := len(t.log)
	room := t.room
	fine, mid, smooth, use := room[:n:n], room[n:2*n:2*n], room[2*n:3*n:3*n], room[3*n:]
	binomial(smooth, use, t.log, t.w, t.h)
	binomial(fine, use, smooth, t.w, t.h)
	binomial(mid, use, fine, t.w, t.h)
	for i, v := range smooth {
		fine[i], mid[i] = t.log[i]-v, v-mid[i]
	}
	return fine, mid, smooth
}

// detail compares sharpness at full resolution. Over the pixels where the reference has
// structure, the energy of the fine band (log − its binomial blur) is divided by that of the next
// octave, so that contrast cancels; kept is the picture's ratio over the reference's. The noise that
// flat pixels of the same tile show is taken out first: a merge has less of it and is not less sharp.
// Tiles are spread evenly, in each cell of a grid where the reference has most structure.
func (b *bench) detail(got *view, refs []*view, skip []uint8) error {
	g := got.geometry
	side := min(detailTile, g.W, g.H)
	nx, ny := min(8, g.W/side), min(6, g.H/side)
	type job struct {
		r image.Rectangle
		k int
	}
	jobs := make([]job, nx*ny)
	parallel.Each(nx*ny, func(i int) {
		cx0, cx1 := i%nx*g.W/nx, (i%nx+1)*g.W/nx
		cy0, cy1 := i/nx*g.H/ny, (i/nx+1)*g.H/ny
		px := func(v int, s float64, top int) int { return min(top, int(float64(v)/s)) }
		k := best(refs, px(cx0, g.sx, g.w), px(cy0, g.sy, g.h), px(cx1, g.sx, g.w), px(cy1, g.sy, g.h))
		if k < 0 {
			jobs[i].k = -1
			return
		}
		// What the tiles may reach of the proxy, as sums from its corner.
		box := image.Rect(px(cx0, g.sx, g.w-1), px(cy0, g.sy, g.h-1), px(cx1, g.sx, g.w-1), px(cy1, g.sy, g.h-1))
		sums := structureSums(refs[k], skip, box)
		top := int32(-1)
		step := max(side/4, 1)
		for y := cy0; y+side <= cy1; y += step {
			for x := cx0; x+side <= cx1; x += step {
				n, out := sums.in(px(x, g.sx, g.w-1), px(y, g.sy, g.h-1), px(x+side, g.sx, g.w-1), px(y+side, g.sy, g.h-1))
				if out == 0 && n > top {
					top = n
					jobs[i] = job{image.Rect(x, y, x+side, y+side), k}
				}
			}
		}
	})
	val := make([]float64, len(jobs))
	errs := make([]error, len(jobs))
	parallel.Each(len(jobs), func(i int) {
		val[i] = -1
		j := jobs[i]
		if j.k < 0 || j.r.Empty() {
			return
		}
		b := b.apart()
		defer b.close()
		p, err := b.tileOf(got.src, j.r)
		if err != nil {
			errs[i] = err
			return
		}
		q, err := b.tileOf(refs[j.k].src, j.r)
		if err != nil {
			errs[i] = err
			return
		}
		val[i] = sharpness(p, q)
	})
	var rs []Region
	for i, v := range val {
		if errs[i] != nil {
			return errs[i]
		}
		if v >= 0 {
			rs = append(rs, Region{jobs[i].r, v})
		}
	}
	if rs = worst(rs, true); len(rs) > 0 {
		b.add(Detail, "kept", rs[0].Value, false, rs)
	}
	return nil
}

// areaSums are numbers of pixels of a box with structure and to be skipped, above and left of each.
type areaSums struct {
	box image.Rectangle
	n   [][2]int32 // one row and one column more than the box
}

func structureSums(r *view, skip []uint8, box image.Rectangle) areaSums {
	w := box.Dx() + 1
	s := areaSums{box, make([][2]int32, w*(box.Dy()+1))}
	for v := box.Min.Y; v < box.Max.Y; v++ {
		row, next := r.log.RowF32(v), r.log.RowF32(v+1)
		above, o := s.n[(v-box.Min.Y)*w:][:w], s.n[(v-box.Min.Y+1)*w:][:w]
		n, out := int32(0), int32(0)
		for u := box.Min.X; u < box.Max.X; u++ {
			if d, e := row[u+1]-row[u], next[u]-row[u]; d*d+e*e > 0.15*0.15 && r.mark[v*r.w+u]&recorded != 0 {
				n++
			}
			if skip != nil {
				out += int32(skip[v*r.w+u])
			}
			k := u - box.Min.X + 1
			o[k] = [2]int32{above[k][0] + n, above[k][1] + out}
		}
	}
	return s
}

// in counts the pixels of a rectangle.
func (s *areaSums) in(x0, y0, x1, y1 int) (n, out int32) {
	w := s.box.Dx() + 1
	at := func(x, y int) [2]int32 { return s.n[(y-s.box.Min.Y)*w+x-s.box.Min.X] }
	a, b, c, d := at(x0, y0), at(x1, y0), at(x0, y1), at(x1, y1)
	return d[0] - b[0] - c[0] + a[0], d[1] - b[1] - c[1] + a[1]
}

// sharpness is how much of q's fine structure p has; −1 when q has too little to say.
func sharpness(p, q *tile) float64 {
	pf, pm, _ := p.bands()
	qf, qm, qs := q.bands()
	var ph, pl, qh, ql, pn, qn float64
	n, flat := 0, 0
	sq := func(v float32) float64 { return float64(v) * float64(v) }
	for y := 4; y < q.h-4; y++ {
		for x := 4; x < q.w-4; x++ {
			i := y*q.w + x
			if q.luma[i] < recordLow || q.top[i] >= recordTop || p.luma[i] < recordLow || p.top[i] >= recordTop {
				continue
			}
			dx, dy := (qs[i+1]-qs[i-1])/2, (qs[i+q.w]-qs[i-q.w])/2
			switch m := dx*dx + dy*dy; {
			case m > detailEdge*detailEdge:
				ph += sq(pf[i])
				pl += sq(pm[i])
				qh += sq(qf[i])
				ql += sq(qm[i])
				n++
			case m < detailFlat*detailFlat:
				pn += sq(pf[i])
				qn += sq(qf[i])
				flat++
			}
		}
	}
	if n < detailLeast || pl <= 0 || ql <= 0 {
		return -1
	}
	noiseP, noiseQ := 0.0, 0.0
	if flat >= 400 {
		noiseP, noiseQ = pn*float64(n)/float64(flat), qn*float64(n)/float64(flat)
	}
	if qh-noiseQ < 0.7*qh {
		return -1 // noise, not structure
	}
	return max(0, ph-noiseP) / pl / ((qh - noiseQ) / ql)
}
