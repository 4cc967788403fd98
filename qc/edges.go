package qc

import "github.com/realedit/realedit/kernels"

const (
	edgeStrong = 0.30       // stops per pixel (Sobel/8): a step of 0.6 stops
	edgeWeak   = 0.08       // what counts as the same edge under a flatter tone
	edgeReach  = 2          // proxy pixels an edge may lie off
	edgeBlock  = 32         // proxy pixels
	edgeLeast  = 24         // edge pixels that make a block worth judging
	logUnits   = 1.0 / 16   // stops to the [0,1] units of Ops.Edges
	darkest    = 31 * level // below this the picture's own noise makes edges
)

// edgeMap marks edges of at least t stops per pixel in the log proxy.
func (b *bench) edgeMap(v *view, t float64) (*kernels.Image, error) {
	s, err := b.image(v.w, v.h, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer s.Free()
	for y := range v.h {
		l, o := v.log.RowF32(y), s.RowF32(y)
		for x, u := range l {
			o[x] = 1 + u*logUnits
		}
	}
	e, err := b.image(v.w, v.h, 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	return e, b.ops.Edges(e, s, t*logUnits)
}

// channelEdges is edgeMap of one channel, at edgeWeak.
func (b *bench) channelEdges(v *view, c int) (*kernels.Image, error) {
	l, err := b.image(v.w, v.h, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer l.Free()
	rows(v.h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			p, o := v.rgb.RowU16(y), l.RowF32(y)
			for x := range o {
				o[x] = logTable[p[3*x+c]]
			}
		}
	})
	return b.edgeMap(&view{geometry: v.geometry, log: l}, edgeWeak)
}

// dilated is 1 within edgeReach pixels of a mark.
func dilated(e *kernels.Image) []uint8 {
	w, h := e.Width(), e.Height()
	t, d := make([]uint8, w*h), make([]uint8, w*h)
	rows(h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			row, o := e.RowU8(y), t[y*w:(y+1)*w]
			for x, v := range row {
				if v != 0 {
					for k := max(0, x-edgeReach); k <= min(w-1, x+edgeReach); k++ {
						o[k] = 1
					}
				}
			}
		}
	})
	rows(h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			o := d[y*w : (y+1)*w]
			for k := max(0, y-edgeReach); k <= min(h-1, y+edgeReach); k++ {
				for x, v := range t[k*w : (k+1)*w] {
					o[x] |= v
				}
			}
		}
	})
	return d
}

// edges compares strong edges. Recall: the share of a reference's strong edges that
// the picture has too, block by block that of the reference it agrees with best (a person
// who stands in one photo only is not missed). Precision: the share of the picture's
// strong edges that at least one reference has. lost and invented are the worst blocks'
// shares of missing and of new edges.
func (b *bench) edges(got *view, refs []*view, skip []uint8) error {
	g := got.geometry
	strong, err := b.edgeMap(got, edgeStrong)
	if err != nil {
		return err
	}
	weak, err := b.edgeMap(got, edgeWeak)
	if err != nil {
		return err
	}
	here := dilated(weak)
	// A bracket's tones are brought together: pane and window frame may end equally bright. They still differ in colour.
	for _, c := range []int{0, 2} {
		e, err := b.channelEdges(got, c)
		if err != nil {
			return err
		}
		for i, v := range dilated(e) {
			here[i] |= v
		}
		e.Free()
	}
	there, seen := make([]uint8, g.w*g.h), make([]uint8, g.w*g.h)
	refStrong := make([]*kernels.Image, len(refs))
	for k, r := range refs {
		if refStrong[k], err = b.edgeMap(r, edgeStrong); err != nil {
			return err
		}
		e, err := b.edgeMap(r, edgeWeak)
		if err != nil {
			return err
		}
		for i, v := range r.full {
			if v > 0.5 && r.ok[i] != 0 {
				seen[i] = 1
			}
		}
		for i, v := range dilated(e) {
			there[i] |= v
		}
		e.Free()
	}
	var lost, invented []Region
	var want, found, drawn, known int
	g.blocks(edgeBlock, func(x0, y0, x1, y1 int) {
		n, hit := 0, 0
		for k, r := range refs {
			kn, kh := 0, 0
			for y := y0; y < y1; y++ {
				e := refStrong[k].RowU8(y)
				for x := x0; x < x1; x++ {
					// The whole neighbourhood must be recorded, or the end of the recorded area is an edge.
					if i := y*g.w + x; e[x] != 0 && r.ok[i] != 0 && near(r, x, y) {
						kn++
						kh += int(here[i])
					}
				}
			}
			if kn >= edgeLeast && (n == 0 || kh*n > hit*kn) {
				n, hit = kn, kh
			}
		}
		if n >= edgeLeast {
			want += n
			found += hit
			lost = append(lost, Region{g.full(x0, y0, x1, y1), 1 - float64(hit)/float64(n)})
		}
		n, hit = 0, 0
		for y := y0; y < y1; y++ {
			e := strong.RowU8(y)
			for x := x0; x < x1; x++ {
				i := y*g.w + x
				if e[x] != 0 && seen[i] != 0 && float64(got.luma[i]) >= darkest && (skip == nil || skip[i] == 0) {
					n++
					hit += int(there[i])
				}
			}
		}
		drawn += n
		known += hit
		if n >= edgeLeast {
			invented = append(invented, Region{g.full(x0, y0, x1, y1), 1 - float64(hit)/float64(n)})
		}
	})
	lost, invented = worst(lost, false), worst(invented, false)
	if want > 0 {
		b.add(Edges, "recall", float64(found)/float64(want), false, nil)
	}
	if drawn > 0 {
		b.add(Edges, "precision", float64(known)/float64(drawn), false, nil)
	}
	if len(lost) > 0 {
		b.add(Edges, "lost", lost[0].Value, false, lost)
	}
	if len(invented) > 0 {
		b.add(Edges, "invented", invented[0].Value, false, invented)
	}
	return nil
}

// near tells whether the view records the 4 neighbours two pixels off.
func near(v *view, x, y int) bool {
	x0, x1, y0, y1 := max(0, x-2), min(v.w-1, x+2), max(0, y-2), min(v.h-1, y+2)
	return v.ok[y*v.w+x0]&v.ok[y*v.w+x1]&v.ok[y0*v.w+x]&v.ok[y1*v.w+x] != 0
}
