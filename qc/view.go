package qc

import (
	"image"
	"math"

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
	ok   []uint8        // 1: this picture records the scene here (references only)
	full []float32      // share of ok pixels in the window of the structure check
	wide []uint8        // 1: the window spans more stops than one tone holds (wideRange)
}

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

var logTable = func() *[65536]float32 {
	var t [65536]float32
	for i := range t {
		t[i] = float32(math.Log2(linear(float64(i)/65535) + logFloor))
	}
	return &t
}()

var linearTable = func() *[65536]float32 {
	var t [65536]float32
	for i := range t {
		t[i] = float32(linear(float64(i) / 65535))
	}
	return &t
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
	v.luma = make([]uint16, g.w*g.h)
	rows(g.h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			p, l, o := v.rgb.RowU16(y), v.log.RowF32(y), v.luma[y*g.w:(y+1)*g.w]
			for x := range o {
				k := lumaOf(p[3*x], p[3*x+1], p[3*x+2])
				o[x], l[x] = k, logTable[k]
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

// normalise computes v.norm = normScale·(log − mean)/√(var + floor²) + ½ with box windows:
// what a smooth change of tone, whatever its gain and slope, leaves as it was.
func (b *bench) normalise(v *view) error {
	sq, err := b.image(v.w, v.h, 1, kernels.F32)
	if err != nil {
		return err
	}
	mean, err := b.image(v.w, v.h, 1, kernels.F32)
	if err != nil {
		return err
	}
	meanSq, err := b.image(v.w, v.h, 1, kernels.F32)
	if err != nil {
		return err
	}
	defer mean.Free()
	defer meanSq.Free()
	rows(v.h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			l, s := v.log.RowF32(y), sq.RowF32(y)
			for x, t := range l {
				s[x] = t * t
			}
		}
	})
	if err := b.ops.BoxFilter(mean, v.log, normRadius); err != nil {
		return err
	}
	if err := b.ops.BoxFilter(meanSq, sq, normRadius); err != nil {
		return err
	}
	v.norm = sq
	v.wide = make([]uint8, v.w*v.h)
	rows(v.h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			l, n, m, q := v.log.RowF32(y), v.norm.RowF32(y), mean.RowF32(y), meanSq.RowF32(y)
			for x, t := range l {
				d := max(0, q[x]-m[x]*m[x]) + normFloor*normFloor
				if d > wideRange*wideRange {
					v.wide[y*v.w+x] = 1
				}
				n[x] = normScale*(t-m[x])/float32(math.Sqrt(float64(d))) + 0.5
			}
		}
	})
	return nil
}

// record decides where each reference records the scene. A frame does where it is valid,
// not near clipping and not dark. Where no frame is good the brightest of the
// unclipped ones stands in, else the darkest of all, provided that it is white: where single channels are
// clipped, the scene's colours are unknown and white balance shows what it likes. skip marks pixels outside the comparison.
func (b *bench) record(refs []*view, valid []*kernels.Image, skip []uint8) error {
	g := refs[0].geometry
	const dark, clipped, out = 2, 3, 4
	vs := make([]*kernels.Image, len(refs))
	for i := range refs {
		refs[i].ok = make([]uint8, g.w*g.h)
		if valid[i] != nil {
			v, err := b.resized(valid[i], g.w, g.h, kernels.U8)
			if err != nil {
				return err
			}
			vs[i] = v
		}
	}
	rows(g.h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			for x := range g.w {
				i := y*g.w + x
				good, tinted, brightest, darkest := false, false, -1, -1
				for k, v := range refs {
					p := v.rgb.RowU16(y)[3*x : 3*x+3]
					s := uint8(1)
					switch {
					case skip != nil && skip[i] != 0 || vs[k] != nil && vs[k].RowU8(y)[x] < 250:
						s = out
					case float64(max(p[0], p[1], p[2])) >= recordTop:
						s = clipped
						if float64(min(p[0], p[1], p[2])) < recordTop {
							tinted = true
						}
						if darkest < 0 || v.luma[i] < refs[darkest].luma[i] {
							darkest = k
						}
					case float64(v.luma[i]) < recordLow:
						s = dark
						if brightest < 0 || v.luma[i] > refs[brightest].luma[i] {
							brightest = k
						}
					default:
						good = true
					}
					v.ok[i] = s
				}
				for k, v := range refs {
					s := v.ok[i]
					v.ok[i] = 0
					if s == 1 || !good && (k == brightest || brightest < 0 && !tinted && k == darkest) {
						v.ok[i] = 1
					}
				}
			}
		}
	})
	for _, v := range refs {
		m, err := b.image(g.w, g.h, 1, kernels.F32)
		if err != nil {
			return err
		}
		all := true
		for y := range g.h {
			row := m.RowF32(y)
			for x, o := range v.ok[y*g.w : (y+1)*g.w] {
				row[x] = float32(o)
				all = all && o == 1
			}
		}
		v.full = make([]float32, g.w*g.h)
		if all {
			for i := range v.full {
				v.full[i] = 1
			}
			m.Free()
			continue
		}
		f, err := b.image(g.w, g.h, 1, kernels.F32)
		if err != nil {
			return err
		}
		if err := b.ops.BoxFilter(f, m, normRadius); err != nil {
			return err
		}
		for y := range g.h {
			copy(v.full[y*g.w:(y+1)*g.w], f.RowF32(y))
		}
		m.Free()
		f.Free()
	}
	return nil
}

// hat is how well a frame records a pixel: 1 at mid-grey, 0 at both ends and where it does not.
func (v *view) hat(i int) float32 {
	if v.ok[i] == 0 {
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

// blocks calls fn for blocks of n×n proxy pixels, the last ones of a row or column cut off
// (dropped when under half a block, unless they are all there is).
func (g geometry) blocks(n int, fn func(x0, y0, x1, y1 int)) {
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
	for j := 0; j+1 < len(ys); j++ {
		for i := 0; i+1 < len(xs); i++ {
			fn(xs[i], ys[j], xs[i+1], ys[j+1])
		}
	}
}
