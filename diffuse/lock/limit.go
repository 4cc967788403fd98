package lock

import (
	"slices"
	"sync"

	"github.com/realedit/realedit/kernels"
)

const (
	sparePixel = 0.92 // of the cap of a pixel: what is left for colours and nodes between
	spareBlock = 0.95 // of the cap of a block: for the pixels that are not looked at, for rounding, for blocks between
	tries      = 12
)

// lattice are the colours that the cap of a pixel is held on: all over the cube, closer in the dark, and around greys, where a shift
// that turns a hue round counts most.
var lattice = func() (l [][3]float32) {
	each := func(levels []float32, add func(r, g, b float32)) {
		for _, r := range levels {
			for _, g := range levels {
				for _, b := range levels {
					add(r, g, b)
				}
			}
		}
	}
	each([]float32{0, 0.05, 0.12, 0.25, 0.45, 0.7, 0.9, 1}, func(r, g, b float32) { l = append(l, [3]float32{r, g, b}) })
	for _, grey := range []float32{0.05, 0.08, 0.11, 0.14, 0.17, 0.2, 0.25, 0.3, 0.36, 0.43, 0.5, 0.58, 0.66, 0.75, 0.83, 0.9, 0.95} {
		each([]float32{-0.02, 0, 0.02}, func(r, g, b float32) { l = append(l, [3]float32{grey + r, grey + g, grey + b}) })
	}
	return l
}()

// limit scales a fitted field's nodes towards identity until the caps hold, and returns the grid. First every node on its own, so that no
// colour at all moves beyond the cap of a pixel; a blend of two such nodes then does not either. Then the nodes around the blocks whose mean is beyond its
// cap, by factors that are smoothed over nodes so that the limit draws nothing.
func (b *bench) limit(g *Grid, f *field) (*Grid, Stats, error) {
	var st Stats
	scale := make([]float32, f.columns*f.rows) // of each node, in all
	before := append([]float32(nil), f.at...)
	for i := range scale {
		scale[i] = 1
		for _, v := range before[i*perNode:][:perNode] {
			if a := max(v, -v); a*scale[i] > maxShift*unit {
				scale[i] = maxShift * unit / a
			}
		}
	}
	apply := func() {
		for i, v := range before {
			f.at[i] = v * scale[i/perNode]
		}
		g.quantise(f)
		*f = *g.field()
	}
	apply()
	var err error
	for try := 0; ; try++ {
		if st.Pixel, err = b.hold(f, scale, try == tries); err != nil {
			return nil, st, err
		}
		if st.Pixel <= b.caps.Pixel*sparePixel {
			break
		}
		apply()
	}
	for try := 0; ; try++ {
		over, err := b.blocks(f, &st)
		if err != nil {
			return nil, st, err
		}
		if st.Block <= b.caps.Block*spareBlock {
			break
		}
		if try == tries { // not seen; the caps hold whatever happens
			for i := range scale {
				scale[i] = 0
			}
		} else {
			for i, s := range smoothed(over, f.columns, f.rows) {
				scale[i] *= s
			}
		}
		apply()
	}
	if st.Pixel, err = b.hold(f, scale, false); err != nil {
		return nil, st, err
	}
	for _, v := range scale {
		if v < 0.999 {
			st.Limited++
		}
	}
	st.Limited /= float64(len(scale))
	if st.Asked, err = b.apart(b.picture, b.model); err != nil {
		return nil, st, err
	}
	now, free, err := scratch[float32](len(b.picture))
	defer free()
	if err != nil {
		return nil, st, err
	}
	f.apply(now, b.picture, b.w, b.h)
	if st.Refused, err = b.apart(now, b.model); err != nil {
		return nil, st, err
	}
	return g, st, nil
}

// hold scales the nodes that move a colour beyond the cap of a pixel (to nothing, where asked) and returns how far any of them moved one.
func (b *bench) hold(f *field, scale []float32, nothing bool) (worst float64, err error) {
	if err := b.ctx.Err(); err != nil {
		return 0, failed(err)
	}
	far, err := b.colours(f, lattice)
	if err != nil {
		return 0, err
	}
	for i, v := range far {
		worst = max(worst, v)
		if goal := b.caps.Pixel * sparePixel; nothing && v > goal {
			scale[i] = 0
		} else if v > goal {
			scale[i] *= float32(goal / v * 0.999)
		}
	}
	return worst, nil
}

// nodesAtOnce bounds the memory of colours: 27 MB for the lattice. A grid that somebody has written may have 66,049 nodes.
const nodesAtOnce = 1024

// colours is how far each node moves the colour that it moves most, of those given.
func (b *bench) colours(f *field, colours [][3]float32) ([]float64, error) {
	nodes := f.columns * f.rows
	far := make([]float64, nodes)
	for i := 0; i < nodes; i += nodesAtOnce {
		if err := b.coloursOf(far[i:min(nodes, i+nodesAtOnce)], f.at[i*perNode:], colours); err != nil {
			return nil, err
		}
	}
	return far, nil
}

// coloursOf does some nodes, whose shifts are at.
func (b *bench) coloursOf(far []float64, at []float32, colours [][3]float32) error {
	n := len(colours)
	from, was, freeWas, err := b.image(n, len(far), 3)
	defer freeWas()
	if err != nil {
		return err
	}
	to, is, freeIs, err := b.image(n, len(far), 3)
	defer freeIs()
	if err != nil {
		return err
	}
	m, d, freeD, err := b.image(n, len(far), 1)
	defer freeD()
	if err != nil {
		return err
	}
	bands(len(far), func(_, i0, i1 int) {
		for i := i0; i < i1; i++ {
			s := at[i*perNode:][:perNode]
			for j, colour := range colours {
				for c, v := range colour {
					was[3*(i*n+j)+c] = v
					is[3*(i*n+j)+c] = v + shifted(v, taper(v), s[2*c], s[2*c+1])
				}
			}
		}
	})
	if _, err := b.env.Ops.DeltaE(from, to, m, nil); err != nil {
		return failed(err)
	}
	bands(len(far), func(_, i0, i1 int) {
		for i := i0; i < i1; i++ {
			far[i] = float64(slices.Max(d[i*n:][:n]))
		}
	})
	return nil
}

// apart is the mean CIEDE2000 between two reduced pictures.
func (b *bench) apart(p, q []float32) (float64, error) {
	pm, err := kernels.Wrap(p, b.w, b.h, 3)
	if err != nil {
		return 0, failed(err)
	}
	qm, err := kernels.Wrap(q, b.w, b.h, 3)
	if err != nil {
		return 0, failed(err)
	}
	r, err := b.env.Ops.DeltaE(pm, qm, nil, nil)
	if err != nil {
		return 0, failed(err)
	}
	return r.Mean, nil
}

// blocks is by how much each node has to be scaled so that every block that it has a part in keeps its cap, 1 where none is beyond
// it. A block's number is the larger of the mean over its pixels, one out of each area, and of the colour difference of its mean colours: CIEDE2000 is no metric, either can
// be the larger. Blocks begin at every pixel of the reduced picture. Kept and Block of st are set.
func (b *bench) blocks(f *field, st *Stats) ([]float32, error) {
	if err := b.ctx.Err(); err != nil {
		return nil, failed(err)
	}
	now, is, freeIs, err := b.image(b.w, b.h, 3)
	defer freeIs()
	if err != nil {
		return nil, err
	}
	f.apply(is, b.sample, b.w, b.h)
	far, mean, freeFar, err := b.differences(b.sample, now, b.w, b.h)
	defer freeFar()
	if err != nil {
		return nil, err
	}
	st.Kept = mean
	bw, bh := min(b.side, b.w), min(b.side, b.h)
	nx, ny := b.w-bw+1, b.h-bh+1
	pixels, freePixels, err := windowMeans(far, b.w, b.h, 1, bw, bh)
	defer freePixels()
	if err != nil {
		return nil, err
	}
	f.apply(is, b.picture, b.w, b.h)
	colours, freeColours, err := windowMeans(is, b.w, b.h, 3, bw, bh)
	defer freeColours()
	if err != nil {
		return nil, err
	}
	after, err := kernels.Wrap(colours, nx, ny, 3)
	if err != nil {
		return nil, failed(err)
	}
	if b.means == nil {
		var free func()
		if b.means, free, err = windowMeans(b.picture, b.w, b.h, 3, bw, bh); err != nil {
			return nil, err
		}
		b.frees = append(b.frees, free)
	}
	means, _, freeMeans, err := b.differences(b.means, after, nx, ny)
	defer freeMeans()
	if err != nil {
		return nil, err
	}
	scale := make([]float32, f.columns*f.rows)
	for i := range scale {
		scale[i] = 1
	}
	st.Block = 0
	goal := b.caps.Block * spareBlock
	var merge sync.Mutex // of minima and maxima, whose order does not matter
	bands(ny, func(_, y0, y1 int) {
		worst, least := 0.0, slices.Repeat([]float32{1}, len(scale))
		for y := y0; y < y1; y++ {
			j0, _ := cellOf(y, b.h, f.rows-1)
			j1, _ := cellOf(y+bh-1, b.h, f.rows-1)
			for x := range nx {
				v := float64(max(pixels[y*nx+x], means[y*nx+x]))
				worst = max(worst, v)
				if v <= goal {
					continue
				}
				s := float32(goal / v * 0.999)
				i0, _ := cellOf(x, b.w, f.columns-1)
				i1, _ := cellOf(x+bw-1, b.w, f.columns-1)
				for j := j0; j <= j1+1; j++ {
					for i := i0; i <= i1+1; i++ {
						least[j*f.columns+i] = min(least[j*f.columns+i], s)
					}
				}
			}
		}
		merge.Lock()
		defer merge.Unlock()
		st.Block = max(st.Block, worst)
		for i, v := range least {
			scale[i] = min(scale[i], v)
		}
	})
	return scale, nil
}

// differences is CIEDE2000 from w×h colours to an image of them, pixel by pixel, and the mean.
func (b *bench) differences(from []float32, to *kernels.Image, w, h int) (far []float32, mean float64, free func(), err error) {
	was, err := kernels.Wrap(from, w, h, 3)
	if err != nil {
		return nil, 0, func() {}, failed(err)
	}
	m, far, free, err := b.image(w, h, 1)
	if err != nil {
		return nil, 0, free, err
	}
	r, err := b.env.Ops.DeltaE(was, to, m, nil)
	if err != nil {
		return nil, 0, free, failed(err)
	}
	return far, r.Mean, free, nil
}

// windowMeans are the means over all windows of bw×bh pixels, row by row, of w×h pixels of n channels: running sums along rows, and of those down columns.
func windowMeans(pix []float32, w, h, n, bw, bh int) (out []float32, free func(), err error) {
	nx, ny := w-bw+1, h-bh+1
	across, freeAcross, err := scratch[float64](n * nx * h)
	defer freeAcross()
	if err != nil {
		return nil, func() {}, err
	}
	if out, free, err = scratch[float32](n * nx * ny); err != nil {
		return nil, free, err
	}
	bands(h, func(_, y0, y1 int) {
		for y := y0; y < y1; y++ {
			row, out := pix[n*y*w:][:n*w], across[n*y*nx:][:n*nx]
			for c := range n {
				sum := 0.0
				for x := range w {
					sum += float64(row[n*x+c])
					if x >= bw {
						sum -= float64(row[n*(x-bw)+c])
					}
					if x >= bw-1 {
						out[n*(x-bw+1)+c] = sum
					}
				}
			}
		}
	})
	scale := 1 / float64(bw*bh)
	bands(n*nx, func(_, x0, x1 int) { // columns
		sum := make([]float64, x1-x0)
		for y := range h {
			for i, v := range across[n*y*nx+x0 : n*y*nx+x1] {
				sum[i] += v
			}
			if y >= bh {
				for i, v := range across[n*(y-bh)*nx+x0 : n*(y-bh)*nx+x1] {
					sum[i] -= v
				}
			}
			if y >= bh-1 {
				dst := out[n*(y-bh+1)*nx+x0 : n*(y-bh+1)*nx+x1]
				for i, v := range sum {
					dst[i] = float32(float64(v * scale))
				}
			}
		}
	})
	return out, free, nil
}

// smoothed is a smooth map that is nowhere above s: the least of the 3×3 nodes around each, then a binomial mean of 3×3. Each of the values
// that a node's mean is over has that node among its 3×3.
func smoothed(s []float32, columns, rows int) []float32 {
	at := func(m []float32, i, j int) float32 {
		return m[min(max(j, 0), rows-1)*columns+min(max(i, 0), columns-1)]
	}
	least, out := make([]float32, len(s)), make([]float32, len(s))
	for j := range rows {
		for i := range columns {
			m := float32(1)
			for y := j - 1; y <= j+1; y++ {
				for x := i - 1; x <= i+1; x++ {
					m = min(m, at(s, x, y))
				}
			}
			least[j*columns+i] = m
		}
	}
	weight := [3]float32{0.25, 0.5, 0.25}
	for j := range rows {
		for i := range columns {
			m := float32(0)
			for y := range 3 {
				for x := range 3 {
					m += float32(weight[y] * weight[x] * at(least, i+x-1, j+y-1))
				}
			}
			out[j*columns+i] = m
		}
	}
	return out
}
