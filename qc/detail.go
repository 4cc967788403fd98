package qc

import (
	"image"

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
	top  []uint16 // largest channel
}

func (b *bench) tileOf(src *kernels.Image, r image.Rectangle) (*tile, error) {
	m, free, err := b.window(src, r)
	if err != nil {
		return nil, err
	}
	defer free()
	t := &tile{w: m.Width(), h: m.Height()}
	n := t.w * t.h
	t.log, t.luma, t.top = make([]float32, n), make([]uint16, n), make([]uint16, n)
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

// binomial is (1 4 6 4 1)/16 in both directions, edges replicated.
func binomial(p []float32, w, h int) []float32 {
	t, d := make([]float32, len(p)), make([]float32, len(p))
	for y := range h {
		r, o := p[y*w:(y+1)*w], t[y*w:(y+1)*w]
		for x := range w {
			a, c, e, f := max(0, x-2), max(0, x-1), min(w-1, x+1), min(w-1, x+2)
			o[x] = (r[a] + r[f] + 4*(r[c]+r[e]) + 6*r[x]) / 16
		}
	}
	for y := range h {
		a, c, e, f := t[max(0, y-2)*w:], t[max(0, y-1)*w:], t[min(h-1, y+1)*w:], t[min(h-1, y+2)*w:]
		m, o := t[y*w:], d[y*w:(y+1)*w]
		for x := range w {
			o[x] = (a[x] + f[x] + 4*(c[x]+e[x]) + 6*m[x]) / 16
		}
	}
	return d
}

// bands are a tile's fine and middle band of the log luma.
func (t *tile) bands() (fine, mid, smooth []float32) {
	b1 := binomial(t.log, t.w, t.h)
	b2 := binomial(binomial(b1, t.w, t.h), t.w, t.h)
	fine, mid = make([]float32, len(b1)), make([]float32, len(b1))
	for i := range b1 {
		fine[i], mid[i] = t.log[i]-b1[i], b1[i]-b2[i]
	}
	return fine, mid, b1
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
	each(nx*ny, func(i int) {
		cx0, cx1 := i%nx*g.W/nx, (i%nx+1)*g.W/nx
		cy0, cy1 := i/nx*g.H/ny, (i/nx+1)*g.H/ny
		px := func(v int, s float64, top int) int { return min(top, int(float64(v)/s)) }
		k := best(refs, px(cx0, g.sx, g.w), px(cy0, g.sy, g.h), px(cx1, g.sx, g.w), px(cy1, g.sy, g.h))
		if k < 0 {
			jobs[i].k = -1
			return
		}
		r, top := refs[k], -1
		step := max(side/4, 1)
		for y := cy0; y+side <= cy1; y += step {
		next:
			for x := cx0; x+side <= cx1; x += step {
				n := 0
				x0, y0, x1, y1 := px(x, g.sx, g.w-1), px(y, g.sy, g.h-1), px(x+side, g.sx, g.w-1), px(y+side, g.sy, g.h-1)
				for v := y0; v < y1; v++ {
					row, next := r.log.RowF32(v), r.log.RowF32(v+1)
					for u := x0; u < x1; u++ {
						if skip != nil && skip[v*g.w+u] != 0 {
							continue next
						}
						if d, e := row[u+1]-row[u], next[u]-row[u]; d*d+e*e > 0.15*0.15 && r.ok[v*g.w+u] != 0 {
							n++
						}
					}
				}
				if n > top {
					top = n
					jobs[i] = job{image.Rect(x, y, x+side, y+side), k}
				}
			}
		}
	})
	val := make([]float64, len(jobs))
	errs := make([]error, len(jobs))
	each(len(jobs), func(i int) {
		val[i] = -1
		j := jobs[i]
		if j.k < 0 || j.r.Empty() {
			return
		}
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
