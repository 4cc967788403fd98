package qc

import (
	"encoding/binary"
	"image"

	"github.com/realedit/realedit/internal/parallel"
	"github.com/realedit/realedit/kernels"
)

const (
	edgeStrong = 0.30       // stops per pixel (Sobel/8): a step of 0.6 stops
	edgeWeak   = 0.08       // what counts as the same edge under a flatter tone
	edgeReach  = 2          // proxy pixels an edge may lie off
	edgeBlock  = 32         // proxy pixels
	edgeLeast  = 24         // edge pixels that make a block worth judging
	logUnits   = 1.0 / 16   // stops to the [0,1] units of Ops.Edges
	darkest    = 31 * level // below this the picture's own noise makes edges
)

// Bits of a graded edge map: the gradient is at least edgeWeak, half of edgeStrong, edgeStrong.
const (
	edgeAny = 1 << iota
	edgeHalf
	edgeFull
)

// edgeMap marks edges of a log proxy whose rows fill writes, by edgeAny.
func (b *bench) edgeMap(g geometry, fill func(y int, to []float32)) (units, edges *kernels.Image, err error) {
	if units, err = b.image(g.w, g.h, 1, kernels.F32); err != nil {
		return nil, nil, err
	}
	rows(g.h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			o := units.RowF32(y)
			fill(y, o)
			for x, u := range o {
				o[x] = 1 + u*logUnits
			}
		}
	})
	if edges, err = b.image(g.w, g.h, 1, kernels.U8); err != nil {
		return nil, nil, err
	}
	return units, edges, b.ops.Edges(edges, units, edgeWeak*logUnits)
}

// gradedEdges is the edge map of a view with all its bits. A stronger threshold only takes away from an edge map: the
// squared gradient is worked out once more where there is an edge, in the order of Ops.Edges. The view has at least 2×2 pixels.
func (b *bench) gradedEdges(v *view) (*kernels.Image, error) {
	units, edges, err := b.edgeMap(v.geometry, func(y int, to []float32) { copy(to, v.log.RowF32(y)) })
	if err != nil {
		return nil, err
	}
	defer units.Free()
	half, full := 8*(edgeStrong/2*logUnits), 8*(edgeStrong*logUnits)
	half, full = half*half, full*full
	rows(v.h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			e := edges.RowU8(y)
			up, mid, low := units.RowF32(max(y-1, 1-y)), units.RowF32(y), units.RowF32(min(y+1, 2*v.h-3-y))
			for x := nextEdge(e, 0, edgeAny); x < len(e); x = nextEdge(e, x+1, edgeAny) {
				l, r := max(x-1, 1-x), min(x+1, 2*v.w-3-x)
				ul, ur, ll, lr := float64(up[l]), float64(up[r]), float64(low[l]), float64(low[r])
				gx := ((ur - ul) + (lr - ll)) + 2*(float64(mid[r])-float64(mid[l]))
				gy := ((ll - ul) + (lr - ur)) + 2*(float64(low[x])-float64(up[x]))
				s := float64(gx*gx) + float64(gy*gy)
				e[x] = edgeAny
				if s >= half {
					e[x] |= edgeHalf
				}
				if s >= full {
					e[x] |= edgeFull
				}
			}
		}
	})
	return edges, nil
}

// nextEdge is the first place from x on with any of the bits, len(e) where there is none.
func nextEdge(e []uint8, x int, mark uint8) int {
	for ; x < len(e); x++ {
		for x+8 <= len(e) && binary.LittleEndian.Uint64(e[x:])&bytesOf(mark) == 0 {
			x += 8
		}
		if x < len(e) && e[x]&mark != 0 {
			return x
		}
	}
	return len(e)
}

// dilated is 1 within edgeReach pixels of an edge of any of the maps.
func (b *bench) dilated(maps ...*kernels.Image) ([]uint8, error) {
	const pad = 8
	w, h := maps[0].Width(), maps[0].Height()
	d, err := plane[uint8](b, w*h)
	if err != nil {
		return nil, err
	}
	rows(h, func(y0, y1 int) {
		t := make([]uint8, pad+w+2*pad) // the rows within reach
		for y := y0; y < y1; y++ {
			clear(t)
			for _, e := range maps {
				for k := max(0, y-edgeReach); k <= min(h-1, y+edgeReach); k++ {
					r, o := e.RowU8(k), t[pad:pad+w]
					for ; len(r) >= 8; r, o = r[8:], o[8:] {
						binary.LittleEndian.PutUint64(o, binary.LittleEndian.Uint64(o)|binary.LittleEndian.Uint64(r))
					}
					for x, v := range r {
						o[x] |= v
					}
				}
			}
			o := d[y*w : (y+1)*w]
			for x := 0; x < w; x += 8 {
				s := uint64(0)
				for k := -edgeReach; k <= edgeReach; k++ {
					s |= binary.LittleEndian.Uint64(t[pad+x+k:])
				}
				s &= bytesOf(edgeAny)
				if x+8 <= w {
					binary.LittleEndian.PutUint64(o[x:], s)
					continue
				}
				for ; x < w; x++ {
					o[x] = uint8(s)
					s >>= 8
				}
			}
		}
	})
	return d, nil
}

// edges compares strong edges. Recall: the share of a reference's strong edges that
// the picture has too, block by block that of the reference it agrees with best (a person
// who stands in one photo only is not missed). Precision: the share of the picture's
// strong edges that at least one reference has. lost and invented are the worst blocks'
// shares of missing and of new edges.
func (b *bench) edges(got *view, refs []*view, skip []uint8) error {
	g := got.geometry
	// A bracket's tones are brought together: pane and window frame may end equally bright. They still differ in colour.
	own := []*kernels.Image{got.edge}
	for _, c := range []int{0, 2} {
		units, e, err := b.edgeMap(g, func(y int, to []float32) {
			p := got.rgb.RowU16(y)
			for x := range to {
				to[x] = logTable[p[3*x+c]]
			}
		})
		if err != nil {
			return err
		}
		units.Free()
		own = append(own, e)
	}
	var theirs []*kernels.Image
	for _, r := range refs {
		theirs = append(theirs, r.edge)
	}
	here, err := b.dilated(own...)
	if err != nil {
		return err
	}
	there, err := b.dilated(theirs...)
	if err != nil {
		return err
	}
	type tally struct{ want, found, drawn, known int }
	blocks := g.blocks(edgeBlock)
	tallies := make([]tally, len(blocks))
	parallel.Each(len(blocks), func(i int) {
		tallies[i].want, tallies[i].found = agreed(refs, here, blocks[i])
		tallies[i].drawn, tallies[i].known = explained(got, refs, there, skip, blocks[i])
	})
	var lost, invented []Region
	var all tally
	for i, r := range blocks {
		t := tallies[i]
		full := g.full(r.Min.X, r.Min.Y, r.Max.X, r.Max.Y)
		if t.want >= edgeLeast {
			all.want += t.want
			all.found += t.found
			lost = append(lost, Region{full, 1 - float64(t.found)/float64(t.want)})
		}
		all.drawn += t.drawn
		all.known += t.known
		if t.drawn >= edgeLeast {
			invented = append(invented, Region{full, 1 - float64(t.known)/float64(t.drawn)})
		}
	}
	lost, invented = worst(lost, false), worst(invented, false)
	if all.want > 0 {
		b.add(Edges, "recall", float64(all.found)/float64(all.want), false, nil)
	}
	if all.drawn > 0 {
		b.add(Edges, "precision", float64(all.known)/float64(all.drawn), false, nil)
	}
	if len(lost) > 0 {
		b.add(Edges, "lost", lost[0].Value, false, lost)
	}
	if len(invented) > 0 {
		b.add(Edges, "invented", invented[0].Value, false, invented)
	}
	return nil
}

// agreed counts a block's strong edges of the reference that the picture agrees with best, and those of them that the
// picture has (here); 0 where no reference has edgeLeast of them.
func agreed(refs []*view, here []uint8, r image.Rectangle) (n, hit int) {
	for _, v := range refs {
		kn, kh := 0, 0
		for y := r.Min.Y; y < r.Max.Y; y++ {
			e := v.edge.RowU8(y)[:r.Max.X]
			for x := nextEdge(e, r.Min.X, edgeFull); x < len(e); x = nextEdge(e, x+1, edgeFull) {
				// The whole neighbourhood must be recorded, or the end of the recorded area is an edge.
				if i := y*v.w + x; v.mark[i]&recorded != 0 && near(v, x, y) {
					kn++
					kh += int(here[i])
				}
			}
		}
		if kn >= edgeLeast && (n == 0 || kh*n > hit*kn) {
			n, hit = kn, kh
		}
	}
	return n, hit
}

// explained counts a block's strong edges of the picture where some reference records the place, and those of them that a
// reference has (there).
func explained(got *view, refs []*view, there, skip []uint8, r image.Rectangle) (n, hit int) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		e := got.edge.RowU8(y)[:r.Max.X]
		for x := nextEdge(e, r.Min.X, edgeFull); x < len(e); x = nextEdge(e, x+1, edgeFull) {
			i := y*got.w + x
			// What is left out ends in an edge, too, which lies on this side of the end.
			if float64(got.luma[i]) < darkest || skip != nil && beside(skip, got.w, got.h, x, y) {
				continue
			}
			for _, v := range refs {
				if v.mark[i]&(recorded|full50) == recorded|full50 {
					n++
					hit += int(there[i])
					break
				}
			}
		}
	}
	return n, hit
}

// beside tells whether a pixel or one of those two pixels off in the 4 directions is left out.
func beside(skip []uint8, w, h, x, y int) bool {
	x0, x1, y0, y1 := max(0, x-2), min(w-1, x+2), max(0, y-2), min(h-1, y+2)
	return skip[y*w+x]|skip[y*w+x0]|skip[y*w+x1]|skip[y0*w+x]|skip[y1*w+x] != 0
}

// near tells whether the view records the 4 neighbours two pixels off.
func near(v *view, x, y int) bool {
	x0, x1, y0, y1 := max(0, x-2), min(v.w-1, x+2), max(0, y-2), min(v.h-1, y+2)
	return v.mark[y*v.w+x0]&v.mark[y*v.w+x1]&v.mark[y0*v.w+x]&v.mark[y1*v.w+x]&recorded != 0
}
