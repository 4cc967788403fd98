package qc

import (
	"math"

	"github.com/realedit/realedit/internal/parallel"
)

const (
	regionStride = blockSide / 2 // blocks overlap by half
	regionInner  = 2             // strides: the surround begins here
	regionOuter  = 4             // and ends here
	colourFloor  = 0.006         // linear light, 18/255: below it a step of 8 bits is a tenth of a stop
	regionAside  = 0.5           // of the outer radius: how far the surround's middle may lie off
)

// patch is what a block says of the change from one reference to the picture.
type patch struct {
	ok     bool
	tinted bool       // every channel is recorded well enough for colour
	level  float64    // the reference's mean log2 luma, stops
	tone   float64    // gain of luma, stops
	colour [2]float64 // gain of R/G and of B/G, stops
	paint  [2]float64 // the reference's log2 R/G and B/G
}

// regionsTone looks for shifts that no edge shows: a stain faded out, a patch painted over.
// The gain from a reference to the picture may follow the level and may change slowly over the
// picture; so each block's gain is compared with what the blocks around it on the same
// surface predict: a quadratic in position and a slope over level, fitted by weighted least squares. Values are stops.
func (b *bench) regionsTone(got *view, refs []*view, lamps bool) {
	g := got.geometry
	nx, ny := (g.w-blockSide)/regionStride+1, (g.h-blockSide)/regionStride+1
	if g.w < blockSide || g.h < blockSide || nx*ny < 12 {
		return
	}
	p := make([][]patch, len(refs))
	for k := range refs {
		p[k] = make([]patch, nx*ny)
	}
	parallel.Each(nx*ny*len(refs), func(i int) {
		k, i := i/(nx*ny), i%(nx*ny)
		x, y := i%nx*regionStride, i/nx*regionStride
		p[k][i] = patchOf(got, refs[k], x, y, x+blockSide, y+blockSide)
	})
	tone, colour, lamp := make([]float64, nx*ny), make([]float64, nx*ny), make([]float64, nx*ny)
	parallel.Each(nx*ny, func(i int) {
		cx, cy := i%nx, i/nx
		tone[i] = -1
		colour[i], lamp[i] = -1, -1
		k := best(refs, cx*regionStride, cy*regionStride, cx*regionStride+blockSide, cy*regionStride+blockSide)
		if k < 0 {
			return
		}
		t, c, l, ok := predicted(p[k], nx, ny, cx, cy, lamps)
		if !ok {
			return
		}
		// Agreeing with one photo that records the block is enough: the picture may come from any of them.
		for j := range refs {
			if j == k {
				continue
			}
			if tj, cj, lj, ok := predicted(p[j], nx, ny, cx, cy, lamps); ok {
				t = min(t, tj)
				if cj >= 0 && c >= 0 {
					c, l = min(c, cj), min(l, lj)
				}
			}
		}
		tone[i], colour[i], lamp[i] = t, c, l
	})
	var rt, rc, rl []Region
	for i, v := range tone {
		if v >= 0 {
			x, y := i%nx*regionStride, i/nx*regionStride
			r := g.full(x, y, x+blockSide, y+blockSide)
			rt = append(rt, Region{r, v})
			if colour[i] >= 0 {
				rc = append(rc, Region{r, colour[i]})
			}
			if lamp[i] >= 0 {
				rl = append(rl, Region{r, lamp[i]})
			}
		}
	}
	if rt = worst(rt, false); len(rt) > 0 {
		b.add(Regions, "tone", rt[0].Value, false, rt)
	}
	if rc = worst(rc, false); len(rc) > 0 {
		b.add(Regions, "colour", rc[0].Value, false, rc)
	}
	if rl = worst(rl, false); len(rl) > 0 {
		b.add(Regions, "lamps", rl[0].Value, false, rl)
	}
}

// The direction in which lights differ, log2 R/G and log2 B/G, length 1: from 2700 K to daylight on the locus R/G falls by 1.25
// stops and B/G rises by 2.06.
const lightsR, lightsB = -0.52, 0.854

// predicted is how far the gains of the block in column cx and row cy are from what the blocks
// around it predict, in stops of tone and of colour; ok is false where there are too few of its surface,
// colour and lamp negative where a channel is too dark to have one. Under lamps the change of colour is taken
// apart: lamp is the part along the line from daylight to lamplight, colour what lies off it.
func predicted(p []patch, nx, ny, cx, cy int, lamps bool) (tone, colour, lamp float64, ok bool) {
	c := p[cy*nx+cx]
	if !c.ok {
		return 0, 0, 0, false
	}
	var ft, f1, f2 fit
	for dy := -regionOuter; dy <= regionOuter; dy++ {
		for dx := -regionOuter; dx <= regionOuter; dx++ {
			x, y := cx+dx, cy+dy
			if max(dx, -dx, dy, -dy) < regionInner || x < 0 || y < 0 || x >= nx || y >= ny {
				continue
			}
			q := p[y*nx+x]
			if !q.ok {
				continue
			}
			dl := q.level - c.level
			p1, p2 := q.paint[0]-c.paint[0], q.paint[1]-c.paint[1]
			w := math.Exp(-dl*dl/(2*0.35*0.35) - (p1*p1+p2*p2)/(2*0.3*0.3))
			if w < 0.1 {
				continue
			}
			u, v := float64(dx)/regionOuter, float64(dy)/regionOuter
			row := [terms]float64{1, u, v, dl, u * u, v * v}
			ft.add(row, q.tone, w)
			if q.tinted {
				f1.add(row, q.colour[0], w)
				f2.add(row, q.colour[1], w)
			}
		}
	}
	// Where the surface lies to one side only, its trend cannot be told from a stain.
	if ft.n < 8 || ft.w < 5 || max(math.Abs(ft.a[0][1]), math.Abs(ft.a[0][2])) > regionAside*ft.w {
		return 0, 0, 0, false
	}
	if !c.tinted || f1.n < ft.n*3/4 {
		return math.Abs(c.tone - ft.constant()), -1, -1, true
	}
	dr, db := c.colour[0]-f1.constant(), c.colour[1]-f2.constant()
	if lamps {
		// What is off the line of lights is no light.
		return math.Abs(c.tone - ft.constant()), math.Abs(lightsB*dr-lightsR*db) / math.Sqrt2, math.Abs(lightsR*dr+lightsB*db) / math.Sqrt2, true
	}
	return math.Abs(c.tone - ft.constant()), max(math.Abs(dr), math.Abs(db)), -1, true
}

// patchOf averages over the block's main surface: samples within half a stop of its mean level.
func patchOf(got, ref *view, x0, y0, x1, y1 int) patch {
	sum, n := 0.0, 0
	w := ref.w
	// A sample is usable where the reference records it and neither is dark.
	for y := y0; y < y1; y += 2 {
		l, mark := ref.log.RowF32(y), ref.mark[y*w:][:w]
		a, c := ref.is[y*w:][:w], got.is[y*w:][:w]
		for x := x0; x < x1; x += 2 {
			if mark[x]&recorded != 0 && (a[x]|c[x])&dark == 0 {
				sum += float64(l[x])
				n++
			}
		}
	}
	all := (x1 - x0) * (y1 - y0) / 4
	if n < all*2/3 {
		return patch{}
	}
	mean := float32(sum / float64(n))
	var level, tone, c1, c2, p1, p2 float64
	var was, is [3]float64 // linear light, summed
	m := 0
	for y := y0; y < y1; y += 2 {
		l, t := ref.log.RowF32(y), got.log.RowF32(y)
		ra, rc := ref.rgb.RowU16(y), got.rgb.RowU16(y)
		mark, isA, isC := ref.mark[y*w:][:w], ref.is[y*w:][:w], got.is[y*w:][:w]
		for x := x0; x < x1; x += 2 {
			if d := l[x] - mean; d > 0.5 || d < -0.5 {
				continue
			}
			// A clipped channel of the picture has no colour: that is for clipping to say.
			if mark[x]&recorded == 0 || (isA[x]|isC[x])&dark != 0 || isC[x]&clipped != 0 {
				continue
			}
			a, c := (*[3]uint16)(ra[3*x:]), (*[3]uint16)(rc[3*x:])
			m++
			level += float64(l[x])
			tone += float64(t[x] - l[x])
			r0, g0, b0 := logTable[a[0]], logTable[a[1]], logTable[a[2]]
			p1 += float64(r0 - g0)
			p2 += float64(b0 - g0)
			dg := logTable[c[1]] - g0
			c1 += float64(logTable[c[0]] - r0 - dg)
			c2 += float64(logTable[c[2]] - b0 - dg)
			was[0] += float64(linearTable[a[0]])
			was[1] += float64(linearTable[a[1]])
			was[2] += float64(linearTable[a[2]])
			is[0] += float64(linearTable[c[0]])
			is[1] += float64(linearTable[c[1]])
			is[2] += float64(linearTable[c[2]])
		}
	}
	if m < all/2 {
		return patch{}
	}
	f := 1 / float64(m)
	tinted := min(was[0], was[1], was[2], is[0], is[1], is[2])*f >= colourFloor
	return patch{true, tinted, level * f, tone * f, [2]float64{c1 * f, c2 * f}, [2]float64{p1 * f, p2 * f}}
}

const terms = 6

// fit is weighted least squares for value = c·row with a weak pull of the slopes to 0.
type fit struct {
	a [terms][terms]float64
	v [terms]float64
	n int
	w float64
}

func (f *fit) add(row [terms]float64, value, w float64) {
	for i := range row {
		for j := range row {
			f.a[i][j] += w * row[i] * row[j]
		}
		f.v[i] += w * row[i] * value
	}
	f.n++
	f.w += w
}

// constant is the fitted value at the centre, by Gaussian elimination.
func (f *fit) constant() float64 {
	a, v := f.a, f.v
	for i := 1; i < terms; i++ {
		a[i][i] += 0.1
	}
	for i := terms - 1; i > 0; i-- {
		for r := range i {
			k := a[r][i] / a[i][i]
			for c := range i + 1 {
				a[r][c] -= k * a[i][c]
			}
			v[r] -= k * v[i]
		}
	}
	return v[0] / a[0][0]
}

// regionsShift is the largest mean difference of a channel over a block, in 1/255.
func (b *bench) regionsShift(got, want *view, skip []uint8) {
	rs := got.regions(blockSide, func(x0, y0, x1, y1 int) (float64, bool) {
		var s [3]float64
		n := 0
		for y := y0; y < y1; y++ {
			p, q := got.rgb.RowU16(y), want.rgb.RowU16(y)
			for x := x0; x < x1; x++ {
				if skip != nil && skip[y*got.w+x] != 0 {
					continue
				}
				n++
				for c := range s {
					s[c] += float64(int(p[3*x+c]) - int(q[3*x+c]))
				}
			}
		}
		return max(math.Abs(s[0]), math.Abs(s[1]), math.Abs(s[2])) / float64(n) / level, n >= 64
	})
	if rs = worst(rs, false); len(rs) > 0 {
		b.add(Regions, "shift", rs[0].Value, false, rs)
	}
}
