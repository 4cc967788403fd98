package qc

import (
	"encoding/binary"
	"image"
	"math"
	"slices"
	"sync/atomic"

	"github.com/realedit/realedit/internal/parallel"
	"github.com/realedit/realedit/kernels"
)

// ProxyPixels is the most pixels a proxy has.
const ProxyPixels = 1_500_000

// geometry is the proxy's size and how many pixels of the picture one of its pixels is.
type geometry struct {
	w, h   int
	W, H   int
	sx, sy float64
}

func geometryOf(w, h int) geometry {
	s := math.Max(1, math.Sqrt(float64(w)*float64(h)/ProxyPixels))
	g := geometry{w: max(1, int(float64(w)/s)), h: max(1, int(float64(h)/s)), W: w, H: h}
	g.sx, g.sy = float64(w)/float64(g.w), float64(h)/float64(g.h)
	return g
}

// scale is the picture's pixels per proxy pixel, the mean of both directions.
func (g geometry) scale() float64 { return (g.sx + g.sy) / 2 }

// full takes a rectangle of the proxy to the picture.
func (g geometry) full(x0, y0, x1, y1 int) image.Rectangle {
	return image.Rect(int(float64(x0)*g.sx), int(float64(y0)*g.sy),
		int(math.Ceil(float64(x1)*g.sx)), int(math.Ceil(float64(y1)*g.sy))).Intersect(image.Rect(0, 0, g.W, g.H))
}

// view is one picture as the checks see it.
type view struct {
	geometry
	src  *kernels.Image // the picture itself
	rgb  *kernels.Image // proxy, U16, 3 channels, sRGB-encoded
	log  *kernels.Image // F32: log2 of linear luma, in stops (logOf)
	norm *kernels.Image // F32: log after local tone normalisation
	luma []uint16       // encoded
	is   []uint8        // what the pixel's levels say: clipped …
	mark []uint8        // what the pixel is good for: recorded … (references only)
	edge *kernels.Image // U8: edgeAny …
	all  bool           // every pixel is recorded (references only)
}

// Bits of view.is.
const (
	clipped = 1 << iota // a channel is at least recordTop
	tinted              // and another is not
	dark                // luma is below recordLow
	blown               // a channel is at least blownAt
	crushed             // all are at most crushedAt
	white               // all are at least blownAt
)

// Bits of view.mark. The shares are those of recorded pixels in the window of the structure check.
const (
	recorded = 1 << iota // this picture records the scene here
	full50               // share above 0.5
	full75               // above 0.75
	full90               // above 0.9
	full98               // above 0.98
	wide                 // the window spans more stops than one tone holds (wideRange)

	allFull = full50 | full75 | full90 | full98
)

// Levels of a 16-bit proxy. Clipped pixels of 8-bit pictures lie at 255; area averages a
// little below.
const (
	level     = 65535.0 / 255
	blownAt   = 253.5 * level // a channel at least this is blown
	crushedAt = 1.5 * level   // all channels at most this are crushed
	recordTop = 250 * level   // below this a frame records the highlight
	recordLow = 46 * level    // above this a frame records the shadow well
)

// logFloor keeps the logarithm finite: log2(linear + 2⁻¹⁰).
const logFloor = 1.0 / 1024

// lightTable is linear light of 16-bit levels, linearTable the same rounded, logTable its logarithm (logFloor).
var lightTable, linearTable, logTable = func() (*[65536]float64, *[65536]float32, *[65536]float32) {
	var v [65536]float64
	var r, l [65536]float32
	for i := range v {
		v[i] = linear(float64(i) / 65535)
		r[i], l[i] = float32(v[i]), float32(math.Log2(v[i]+logFloor))
	}
	return &v, &r, &l
}()

// linear is the sRGB transfer function, IEC 61966-2-1.
func linear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func lumaOf(r, g, b uint16) uint16 {
	return uint16((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 32768) >> 16)
}

func (b *bench) viewOf(src *kernels.Image, g geometry) (*view, error) {
	v := &view{geometry: g, src: src}
	var err error
	if v.rgb, err = b.resized(src, g.w, g.h, kernels.U16); err != nil {
		return nil, err
	}
	if v.log, err = b.image(g.w, g.h, 1, kernels.F32); err != nil {
		return nil, err
	}
	if v.luma, err = plane[uint16](b, g.w*g.h); err != nil {
		return nil, err
	}
	if v.is, err = plane[uint8](b, g.w*g.h); err != nil {
		return nil, err
	}
	rows(g.h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			p, l, o, is := v.rgb.RowU16(y), v.log.RowF32(y), v.luma[y*g.w:(y+1)*g.w], v.is[y*g.w:(y+1)*g.w]
			for x := range o {
				q := (*[3]uint16)(p[3*x:])
				k := lumaOf(q[0], q[1], q[2])
				o[x], l[x] = k, logTable[k]
				top, low := float64(max(q[0], q[1], q[2])), float64(min(q[0], q[1], q[2]))
				s := uint8(0)
				if top >= recordTop {
					s |= clipped
					if low < recordTop {
						s |= tinted
					}
					if top >= blownAt {
						s |= blown
						if low >= blownAt {
							s |= white
						}
					}
				}
				if float64(k) < recordLow {
					s |= dark
					if top <= crushedAt {
						s |= crushed
					}
				}
				is[x] = s
			}
		}
	})
	return v, nil
}

const (
	normRadius = 8    // window of the local tone normalisation: 17 px
	normFloor  = 0.15 // stops of deviation below which a surface counts as flat
	wideRange  = 0.9  // stops of deviation above which a bracket's tones are brought together, and what stood between them may vanish
	normScale  = 0.1  // one deviation in the units of SSIM, so that its C2 = 0.03² hushes what is under a third of one
)

// normalise computes the edge maps and norm = normScale·(log − mean)/√(var + floor²) + ½ of every view with box windows:
// what a smooth change of tone, whatever its gain and slope, leaves as it was. It completes mark.
func (b *bench) normalise(vs []*view) error {
	for _, v := range vs {
		var err error
		if v.norm, err = b.image(v.w, v.h, 1, kernels.F32); err != nil {
			return err
		}
	}
	var parts []func(*bench) error
	for _, v := range vs {
		parts = append(parts,
			func(b *bench) error { return b.normaliseOne(v) },
			func(*bench) (err error) { v.edge, err = b.gradedEdges(v); return err })
	}
	for some := range slices.Chunk(parts, 6) { // three views at a time: each takes 16 bytes a pixel meanwhile
		if err := b.together(some); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) normaliseOne(v *view) error {
	var share *kernels.Image // of recorded pixels
	var err error
	if v.mark != nil && !v.all {
		if share, err = b.image(v.w, v.h, 1, kernels.F32); err != nil {
			return err
		}
		rows(v.h, func(y0, y1 int) {
			for y := y0; y < y1; y++ {
				o := v.norm.RowF32(y)
				for x, m := range v.mark[y*v.w : (y+1)*v.w] {
					o[x] = float32(m)
				}
			}
		})
		if err := b.ops.BoxFilter(share, v.norm, normRadius); err != nil {
			return err
		}
	}
	mean, err := b.image(v.w, v.h, 1, kernels.F32)
	if err != nil {
		return err
	}
	meanSq, err := b.image(v.w, v.h, 1, kernels.F32)
	if err != nil {
		return err
	}
	rows(v.h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			l, s := v.log.RowF32(y), v.norm.RowF32(y)
			for x, t := range l {
				s[x] = t * t
			}
		}
	})
	if err := b.ops.BoxFilter(mean, v.log, normRadius); err != nil {
		return err
	}
	if err := b.ops.BoxFilter(meanSq, v.norm, normRadius); err != nil {
		return err
	}
	rows(v.h, func(y0, y1 int) {
		var spans []uint8
		if v.mark == nil {
			spans = make([]uint8, v.w)
		}
		for y := y0; y < y1; y++ {
			l, n, m, q := v.log.RowF32(y), v.norm.RowF32(y), mean.RowF32(y), meanSq.RowF32(y)
			n, m, q = n[:len(l)], m[:len(l)], q[:len(l)]
			mark := spans
			if v.mark != nil {
				mark = v.mark[y*v.w : (y+1)*v.w]
			}
			mark = mark[:len(l)]
			for x, t := range l {
				d := max(0, q[x]-m[x]*m[x]) + normFloor*normFloor
				if d > wideRange*wideRange {
					mark[x] |= wide
				}
				n[x] = normScale*(t-m[x])/float32(math.Sqrt(float64(d))) + 0.5
			}
			switch {
			case v.mark == nil:
			case share == nil:
				for x := range mark {
					mark[x] |= allFull
				}
			default:
				for x, f := range share.RowF32(y) {
					mark[x] |= shareBits(f)
				}
			}
		}
	})
	return nil
}

// shareBits are the bits of view.mark that a share of recorded pixels sets.
func shareBits(f float32) uint8 {
	s := uint8(0)
	if f > 0.5 {
		s |= full50
	}
	if f > 0.75 {
		s |= full75
	}
	if f > 0.9 {
		s |= full90
	}
	if f > 0.98 {
		s |= full98
	}
	return s
}

// record decides where each reference records the scene. A frame does where it is valid,
// not near clipping and not dark. Where no frame is good the brightest of the
// unclipped ones stands in, else the darkest of all, provided that it is white: where single channels are
// clipped, the scene's colours are unknown and white balance shows what it likes. skip marks pixels outside the comparison.
func (b *bench) record(refs []*view, valid []*kernels.Image, skip []uint8) error {
	g := refs[0].geometry
	vs := make([]*kernels.Image, len(refs))
	for i, r := range refs {
		var err error
		if r.mark, err = plane[uint8](b, g.w*g.h); err != nil {
			return err
		}
		if valid[i] != nil {
			if vs[i], err = b.resized(valid[i], g.w, g.h, kernels.U8); err != nil {
				return err
			}
		}
	}
	missing := make([]atomic.Bool, len(refs))
	rows(g.h, func(y0, y1 int) {
		some := make([]bool, len(refs)) // not recorded
		inside := make([][]uint8, len(refs))
		for y := y0; y < y1; y++ {
			for k, v := range vs {
				if v != nil {
					inside[k] = v.RowU8(y)
				}
			}
			for x := 0; x < g.w; x++ {
				i := y*g.w + x
				if x+8 <= g.w && recordEight(refs, inside, skip, some, x, i) {
					x += 7
					continue
				}
				if skip != nil && skip[i] != 0 {
					for k, v := range refs {
						v.mark[i], some[k] = 0, true
					}
					continue
				}
				good, mixed, brightest, darkest := false, false, -1, -1
				for k, v := range refs {
					s := uint8(0)
					switch is := v.is[i]; {
					case inside[k] != nil && inside[k][x] < 250:
					case is&clipped != 0:
						mixed = mixed || is&tinted != 0
						if darkest < 0 || v.luma[i] < refs[darkest].luma[i] {
							darkest = k
						}
					case is&dark != 0:
						if brightest < 0 || v.luma[i] > refs[brightest].luma[i] {
							brightest = k
						}
					default:
						s, good = recorded, true
					}
					v.mark[i] = s
				}
				if !good {
					if brightest < 0 && !mixed {
						brightest = darkest
					}
					if brightest >= 0 {
						refs[brightest].mark[i] = recorded
					}
				}
				for k, v := range refs {
					some[k] = some[k] || v.mark[i] == 0
				}
			}
		}
		for k, s := range some {
			if s {
				missing[k].Store(true)
			}
		}
	})
	for k, r := range refs {
		r.all = !missing[k].Load()
	}
	return nil
}

// recordEight does record's work for the eight pixels from column x, sample i, on: where each of them is compared, valid in every frame
// and good in one, as most are. It tells whether that is so. some marks the frames that do not record all of them.
func recordEight(refs []*view, inside [][]uint8, skip []uint8, some []bool, x, i int) bool {
	eight := binary.LittleEndian.Uint64
	ones := bytesOf(recorded)
	if skip != nil && eight(skip[i:]) != 0 {
		return false
	}
	good := uint64(0)
	for k, v := range refs {
		if inside[k] != nil && ^eight(inside[k][x:]) != 0 {
			return false
		}
		is := eight(v.is[i:])
		good |= ^(is/clipped | is/dark) & ones
	}
	if good != ones {
		return false
	}
	for k, v := range refs {
		is := eight(v.is[i:])
		s := ^(is/clipped | is/dark) & ones
		binary.LittleEndian.PutUint64(v.mark[i:], s)
		some[k] = some[k] || s != ones
	}
	return true
}

// hat is how well a frame records a pixel: 1 at mid-grey, 0 at both ends and where it does not.
func (v *view) hat(i int) float32 {
	if v.mark[i]&recorded == 0 {
		return 0
	}
	d := float32(v.luma[i])/65535 - 0.5
	return 1.01 - 2*max(d, -d)
}

// best is the reference that records the block best: the largest sum of hats, every
// third pixel counted; -1 where none records anything.
func best(refs []*view, x0, y0, x1, y1 int) int {
	if len(refs) == 1 {
		return 0
	}
	k, top := -1, float32(0)
	for i, v := range refs {
		s := float32(0)
		for y := y0; y < y1; y += 3 {
			for x := x0; x < x1; x += 3 {
				s += v.hat(y*v.w + x)
			}
		}
		if s > top {
			k, top = i, s
		}
	}
	return k
}

// blocks are those of n×n proxy pixels, row by row, the last ones of a row or column cut off
// (dropped when under half a block, unless they are all there is).
func (g geometry) blocks(n int) []image.Rectangle {
	cut := func(side int) []int {
		var p []int
		for at := 0; at < side; at += n {
			if at > 0 && side-at < n/2 {
				break
			}
			p = append(p, at)
		}
		return append(p, side)
	}
	ys, xs := cut(g.h), cut(g.w)
	var out []image.Rectangle
	for j := 0; j+1 < len(ys); j++ {
		for i := 0; i+1 < len(xs); i++ {
			out = append(out, image.Rect(xs[i], ys[j], xs[i+1], ys[j+1]))
		}
	}
	return out
}

// regions are the blocks of n×n proxy pixels that value has a number for, worked out on all processors.
func (g geometry) regions(n int, value func(x0, y0, x1, y1 int) (float64, bool)) []Region {
	r := g.blocks(n)
	v, ok := make([]float64, len(r)), make([]bool, len(r))
	parallel.Each(len(r), func(i int) { v[i], ok[i] = value(r[i].Min.X, r[i].Min.Y, r[i].Max.X, r[i].Max.Y) })
	var rs []Region
	for i, r := range r {
		if ok[i] {
			rs = append(rs, Region{g.full(r.Min.X, r.Min.Y, r.Max.X, r.Max.Y), v[i]})
		}
	}
	return rs
}
