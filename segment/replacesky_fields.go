package segment

import (
	"context"
	"image"
	"math"
	"slices"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// skyFields are what a matte's edge is made of: the old sky's and the foreground's colours near every place, in linear light, on cells of the picture.
type skyFields struct {
	cell    int // pixels a side
	old, fg *raster
	oldLuma []float32 // encoded
	grain   float64   // deviation of the photo's noise, encoded
}

// cellSide is how many pixels a side a cell has: the picture is a thousand cells wide.
func cellSide(w, h int) int { return max(4, (max(w, h)+1023)/1024) }

// stripRows is the height of the strips in which a picture is worked on: about two million pixels, a multiple of the cell.
func stripRows(w, h, cell int) int { return max(1, (1<<21)/w/cell) * cell }

// strips calls fn for strips of the picture and the mask where the processor can read them, from the top; last says that the picture's was written to and
// belongs back. It is where a device's pixels come to the host and go back.
func strips(ctx context.Context, env *realedit.Env, pic, mask *kernels.Image, cell int, fn func(y0 int, pic, mask *kernels.Image) (wrote bool, err error)) error {
	step := stripRows(pic.Width(), pic.Height(), cell)
	for y := 0; y < pic.Height(); y += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := func() error {
			r := image.Rect(0, y, pic.Width(), min(pic.Height(), y+step))
			m, freeM, err := kernels.ToHost(ctx, env.Backend, mask.SubImage(r))
			if err != nil {
				return err
			}
			defer freeM()
			if empty(m) {
				return nil
			}
			sub := pic.SubImage(r)
			p, freeP, err := kernels.ToHost(ctx, env.Backend, sub)
			if err != nil {
				return err
			}
			defer freeP()
			wrote, err := fn(y, p, m)
			if err != nil || !wrote || sub.OnHost() {
				return err
			}
			return env.Backend.Copy(ctx, sub, p)
		}()
		if err != nil {
			return err
		}
	}
	return nil
}

// empty tells whether a mask is 0 throughout.
func empty(m *kernels.Image) bool {
	for y := range m.Height() {
		for _, v := range m.RowU8(y) {
			if v != 0 {
				return false
			}
		}
	}
	return true
}

// lightTables are linear light of encoded values, of 8 and 16 bits.
var lightTables = sync.OnceValues(func() (*[256]float32, *[65536]float32) {
	var a [256]float32
	var b [65536]float32
	for i := range a {
		a[i] = float32(decodeSRGB(float64(i) / 255))
	}
	for i := range b {
		b[i] = float32(decodeSRGB(float64(i) / 65535))
	}
	return &a, &b
})

// encodeTable is the encoded value over the root of linear light.
var encodeTable = sync.OnceValue(func() *[4098]float32 {
	var t [4098]float32
	for i := range t {
		v := float64(i) / 4096
		t[i] = float32(encodeSRGB(v * v))
	}
	return &t
})

func encoded(t *[4098]float32, v float32) float32 {
	x := float32(math.Sqrt(float64(max(0, min(1, v))))) * 4096
	i := int(x)
	return t[i] + (t[i+1]-t[i])*(x-float32(i))
}

// collect measures the fields.
func collect(ctx context.Context, env *realedit.Env, pic, mask *kernels.Image) (*skyFields, error) {
	k := cellSide(pic.Width(), pic.Height())
	cw, ch := (pic.Width()+k-1)/k, (pic.Height()+k-1)/k
	f := &skyFields{cell: k}
	sky, fg := newSums(cw, ch), newSums(cw, ch)
	mixed := newSums(cw, ch) // Σ w·C, and Σ w·α in share
	rough := make([]float32, cw*ch)
	err := strips(ctx, env, pic, mask, k, func(y0 int, p, m *kernels.Image) (bool, error) {
		return false, inRows(ctx, (p.Height()+k-1)/k, func(j int) {
			if p.Format() == kernels.U16 {
				_, t := lightTables()
				collectCells(p.RowU16, t[:], m, j, y0/k+j, k, cw, sky, fg, mixed, rough)
			} else {
				t, _ := lightTables()
				collectCells(p.RowU8, t[:], m, j, y0/k+j, k, cw, sky, fg, mixed, rough)
			}
		})
	})
	if err != nil {
		return nil, err
	}
	f.grain = grainOf(rough)
	f.old = sky.filled()
	// In mixed pixels C = (1−α)·F + α·B: with weights w, F = (Σ w·C − B·Σ w·α) / (Σ w − Σ w·α).
	onRows(ch, cw, func(y int) {
		for i := y * cw; i < (y+1)*cw; i++ {
			if w := mixed.n[i] - mixed.share[i]; w > 0 {
				for c := range 3 {
					fg.v[3*i+c] += max(0, mixed.v[3*i+c]-f.old.v[3*i+c]*mixed.share[i])
				}
				fg.n[i] += w
			}
		}
	})
	f.fg = fg.filled()
	t := encodeTable()
	f.oldLuma = make([]float32, cw*ch)
	onRows(ch, cw, func(y int) {
		for i := y * cw; i < (y+1)*cw; i++ {
			p := f.old.v[3*i:]
			f.oldLuma[i] = 0.299*encoded(t, p[0]) + 0.587*encoded(t, p[1]) + 0.114*encoded(t, p[2])
		}
	})
	return f, nil
}

// sums are weighted sums of colours by cell.
type sums struct {
	w, h        int
	v, n, share []float32
}

func newSums(w, h int) *sums {
	return &sums{w, h, make([]float32, 3*w*h), make([]float32, w*h), make([]float32, w*h)}
}

// collectCells adds one row of cells. Of pixels that are all sky every second one of every second row is enough.
func collectCells[T uint8 | uint16](row func(int) []T, light []float32, m *kernels.Image, j, cellRow, k, cw int, sky, fg, mixed *sums, rough []float32) {
	y1 := min(m.Height(), (j+1)*k)
	soft := make([]bool, cw) // cells with an edge
	for y := j * k; y < y1; y++ {
		p, a := row(y), m.RowU8(y)
		for x, v := range a {
			i := x / k
			switch v {
			case 0:
			case 255:
				if (x|y)&1 == 0 {
					q := p[3*x : 3*x+3]
					c := cellRow*cw + i
					for n := range q {
						sky.v[3*c+n] += light[q[n]]
					}
					sky.n[c]++
				}
			default:
				soft[i] = true
				q := p[3*x : 3*x+3]
				if min(light[q[0]], light[q[1]], light[q[2]]) > bloomed {
					continue
				}
				c := cellRow*cw + i
				s := float32(v) / 255
				// Dark pixels say most: over a blown sky bright ones are brighter than their mixture, for its glare is cut off at white.
				w := (1 - s) * (1 - light[q[1]])
				w *= w
				w *= w
				w *= w
				for n := range q {
					mixed.v[3*c+n] += w * light[q[n]]
				}
				mixed.n[c] += w
				mixed.share[c] += w * s
			}
		}
	}
	for i := range cw {
		// The foreground beside an edge: of the cell itself and its neighbours.
		if !(soft[i] || i > 0 && soft[i-1] || i+1 < cw && soft[i+1]) {
			continue
		}
		c := cellRow*cw + i
		for y := j * k; y < y1; y++ {
			p, a := row(y), m.RowU8(y)
			for x := i * k; x < min((i+1)*k, len(a)); x++ {
				if a[x] == 0 {
					q := p[3*x : 3*x+3]
					for n := range q {
						fg.v[3*c+n] += light[q[n]]
					}
					fg.n[c]++
				}
			}
		}
	}
	if y := j * k; cellRow%4 == 0 {
		p := row(y)
		for i := 0; i < cw; i += 2 {
			var s float32
			x0, x1 := max(1, i*k), min((i+1)*k, m.Width()-1)
			lo, hi := p[3*x0+1], p[3*x0+1]
			for x := x0; x < x1; x++ {
				g := p[3*x+1]
				d := 2*float32(g) - float32(p[3*x-2]) - float32(p[3*x+4])
				s += float32(math.Abs(float64(d)))
				lo, hi = min(lo, g), max(hi, g)
			}
			full := float32(^T(0))
			if x1 > x0 && float32(lo) > 0.15*full && float32(hi) < 0.93*full {
				rough[cellRow*cw+i] = s / float32(x1-x0) / full
			}
		}
	}
}

// grainOf is the deviation of a photo's noise: the least thirtieth of the cells' second differences, which in flat cells are noise alone; of white noise the mean of their
// size is 1.95 deviations. At least what keeps 8 bits from banding, at most what a photo of night has.
func grainOf(rough []float32) float64 {
	var known []float32
	for _, v := range rough {
		if v > 0 {
			known = append(known, v)
		}
	}
	if len(known) == 0 {
		return leastGrain
	}
	slices.Sort(known)
	return max(leastGrain, min(mostGrain, float64(known[len(known)/30])/1.95))
}

const (
	leastGrain = 0.45 / 255
	mostGrain  = 2.0 / 255
)

// filled is the cells' means; where there is none, those of the neighbours, from as far as need be: sums are halved until one cell is left, and every
// size fills what the finer one lacks (pull and push).
func (s *sums) filled() *raster {
	out := newRaster(s.w, s.h)
	var coarse *raster
	if s.w > 1 || s.h > 1 {
		half := newSums((s.w+1)/2, (s.h+1)/2)
		onRows(half.h, s.w, func(row int) {
			for y := 2 * row; y < min(2*row+2, s.h); y++ {
				for x := range s.w {
					i, j := y*s.w+x, row*half.w+x/2
					if s.n[i] <= 0 {
						continue
					}
					k := min(s.n[i], 64) / s.n[i] // a full cell does not outweigh an edge's
					for c := range 3 {
						half.v[3*j+c] += k * s.v[3*i+c]
					}
					half.n[j] += k * s.n[i]
				}
			}
		})
		coarse = half.filled()
	}
	onRows(s.h, s.w, func(y int) {
		for x := range s.w {
			i := y*s.w + x
			full := min(1, s.n[i]/4)
			for c := range 3 {
				v := float32(0)
				if full < 1 && coarse != nil {
					v = coarse.bilinear((float32(x)+0.5)/2-0.5, (float32(y)+0.5)/2-0.5, c)
				}
				if full > 0 {
					v += (s.v[3*i+c]/s.n[i] - v) * full
				}
				out.v[3*i+c] = v
			}
		}
	})
	return out
}

// bilinear is channel c at a place in pixel centres, edges replicated.
func (r *raster) bilinear(x, y float32, c int) float32 {
	x, y = max(0, min(x, float32(r.w-1))), max(0, min(y, float32(r.h-1)))
	i, j := min(int(x), max(r.w-2, 0)), min(int(y), max(r.h-2, 0))
	fx, fy := x-float32(i), y-float32(j)
	i1, j1 := min(i+1, r.w-1), min(j+1, r.h-1)
	p := func(i, j int) float32 { return r.v[3*(j*r.w+i)+c] }
	a, b := p(i, j)+(p(i1, j)-p(i, j))*fx, p(i, j1)+(p(i1, j1)-p(i, j1))*fx
	return a + (b-a)*fy
}
