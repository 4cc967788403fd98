package realedit

import (
	"math"
	"math/bits"
	"slices"
	"sync"
)

// printSide is the longer side of a thumbprint, in pixels: one row is one word.
const printSide = 64

// The limits of a thumbprint's levels, on encoded luma of 0..1: what lies outside may be clipped.
const (
	printLow  = 0.035
	printHigh = 0.965
)

// thumbprint is a small picture from which exposure is taken out: of the local
// contrast of log luminance only the sign is kept, and only where the pixel is neither
// clipped nor flat. Multiplying the light by a constant, or any rising tone curve, changes next to nothing.
type thumbprint struct {
	w, h         int
	across, down [2][printSide]uint64 // where it gets brighter, darker
	valid        [printSide]uint64
	log          []float32 // log2 of linear luminance, w×h
	votes        bool      // enough of it is exposed
	weight       int       // set bits of pos and neg
	mean         float64   // of encoded luma
}

// logLight is log2 of the linear light, at least 2⁻¹², at 1024 encoded levels.
var logLight = sync.OnceValue(func() []float32 {
	t := make([]float32, 1024)
	for i := range t {
		t[i] = float32(math.Log2(max(decodeSRGB(float64(i)/1023), 1.0/4096)))
	}
	return t
})

// newThumbprint makes the thumbprint of a photo's thumb.
func newThumbprint(p *Photo) *thumbprint {
	t := p.Thumb
	if t.W < 1 || t.H < 1 || len(t.Pix) < 3*t.W*t.H {
		return &thumbprint{}
	}
	s := float64(printSide) / float64(max(t.W, t.H))
	w, h := max(1, int(math.Round(float64(t.W)*s))), max(1, int(math.Round(float64(t.H)*s)))
	f := &thumbprint{w: w, h: h, log: make([]float32, w*h)}
	luma, low, high := averaged(t, w, h)
	okay := make([]float32, w*h)
	exposed, logs := 0, logLight()
	for i, y := range luma {
		f.mean += float64(y) / float64(w*h)
		f.log[i] = logs[int(y*1023+0.5)]
		if low[i] >= printLow && high[i] <= printHigh {
			okay[i] = 1
			f.valid[i/w] |= 1 << (i % w)
			exposed++
		}
	}
	f.votes = float64(exposed) >= 0.02*float64(w*h) && p.ClippedHigh+p.ClippedLow <= 0.98
	const step, contrast = 2, 0.12
	sign := func(i, j int, d *[2][printSide]uint64) {
		if okay[i] == 0 || okay[j] == 0 {
			return
		}
		switch v := f.log[j] - f.log[i]; {
		case v > contrast:
			d[0][i/w] |= 1 << (i % w)
			f.weight++
		case v < -contrast:
			d[1][i/w] |= 1 << (i % w)
			f.weight++
		}
	}
	for y := range h {
		for x := range w {
			if x+step < w {
				sign(y*w+x, y*w+x+step, &f.across)
			}
			if y+step < h {
				sign(y*w+x, (y+step)*w+x, &f.down)
			}
		}
	}
	return f
}

// averaged is the thumb's luma at w×h by area, with the least luma and the greatest
// channel that each pixel covers.
func averaged(t Thumb, w, h int) (luma, low, high []float32) {
	luma, low, high = make([]float32, w*h), make([]float32, w*h), make([]float32, w*h)
	for y := range h {
		for x := range w {
			x0, x1 := x*t.W/w, max((x+1)*t.W/w, x*t.W/w+1)
			y0, y1 := y*t.H/h, max((y+1)*t.H/h, y*t.H/h+1)
			var sum, top float32
			least := float32(255)
			for v := y0; v < y1; v++ {
				for u := x0; u < x1; u++ {
					c := t.Pix[3*(v*t.W+u):]
					l := 0.299*float32(c[0]) + 0.587*float32(c[1]) + 0.114*float32(c[2])
					sum += l
					least = min(least, l)
					top = max(top, float32(c[0]), float32(c[1]), float32(c[2]))
				}
			}
			i := y*w + x
			luma[i] = sum / float32((x1-x0)*(y1-y0)) / 255
			low[i], high[i] = least/255, top/255
		}
	}
	return luma, low, high
}

// likeness is how well two thumbprints agree.
type likeness struct {
	score  float64 // (agreeing − contradicting signs)/n: 1 for the same scene, about 0 for others
	n      int     // the signs that the poorer of the two has where both are exposed
	dx, dy int     // b's pixel (x+dx, y+dy) shows a's (x,y)
}

// bound is a lower bound of the true agreement: a few signs must agree better than many.
func (l likeness) bound() float64 { return l.score - 1.5/math.Sqrt(float64(l.n)+1) }

// reach is how far, in pixels of a thumbprint, a hand may have moved the camera.
const reach = 8

// compare finds the shift under which two thumbprints agree best; of equals the
// smaller shift. Every second shift is tried, then the neighbours of the best.
func compare(a, b *thumbprint) likeness {
	best := likeness{}
	if a.w != b.w || a.h != b.h || a.weight == 0 || b.weight == 0 {
		return best
	}
	value := math.Inf(-1)
	try := func(dx, dy int) {
		l := agree(a, b, dx, dy)
		if v := l.bound() - 0.002*math.Hypot(float64(dx), float64(dy)); v > value {
			best, value = l, v
		}
	}
	for dy := -reach; dy <= reach; dy += 2 {
		for dx := -reach; dx <= reach; dx += 2 {
			try(dx, dy)
		}
	}
	x, y := best.dx, best.dy
	for dy := y - 1; dy <= y+1; dy++ {
		for dx := x - 1; dx <= x+1; dx++ {
			if dx != x || dy != y {
				try(dx, dy)
			}
		}
	}
	return best
}

func agree(a, b *thumbprint, dx, dy int) likeness {
	same, other, na, nb := 0, 0, 0, 0
	y0, y1 := max(0, -dy), min(a.h, b.h-dy)
	shift := func(v uint64) uint64 { return v >> dx }
	if dx < 0 {
		shift = func(v uint64) uint64 { return v << -dx }
	}
	for y := y0; y < y1; y++ {
		va, vb := a.valid[y], shift(b.valid[y+dy])
		s, t, p, q := a.across[0][y], a.across[1][y], shift(b.across[0][y+dy]), shift(b.across[1][y+dy])
		same += bits.OnesCount64(s&p | t&q)
		other += bits.OnesCount64(s&q | t&p)
		na += bits.OnesCount64((s | t) & vb)
		nb += bits.OnesCount64((p | q) & va)
		s, t, p, q = a.down[0][y], a.down[1][y], shift(b.down[0][y+dy]), shift(b.down[1][y+dy])
		same += bits.OnesCount64(s&p | t&q)
		other += bits.OnesCount64(s&q | t&p)
		na += bits.OnesCount64((s | t) & vb)
		nb += bits.OnesCount64((p | q) & va)
	}
	l := likeness{n: min(na, nb), dx: dx, dy: dy}
	if l.n > 0 {
		l.score = float64(same-other) / float64(l.n)
	}
	return l
}

// stops estimates how many stops more light b got than a, from the pixels that are
// well exposed in both under the given shift; n is how many those are. A camera's contrast curve stretches it by a third or so.
func stops(a, b *thumbprint, dx, dy int) (ev float64, n int) {
	const mid = -4.3 // log2 of the light at an encoded level of 0.23: below it, black levels and haze flatten the picture
	var bright, moved, all []float64
	for y := max(0, -dy); y < min(a.h, b.h-dy); y++ {
		for x := max(0, -dx); x < min(a.w, b.w-dx); x++ {
			if a.valid[y]>>x&1 == 1 && b.valid[y+dy]>>(x+dx)&1 == 1 {
				p, q := a.log[y*a.w+x], b.log[(y+dy)*b.w+x+dx]
				d := float64(q - p)
				all = append(all, d)
				if math.Abs(d) > 0.02 {
					moved = append(moved, d)
					if max(p, q) > mid {
						bright = append(bright, d)
					}
				}
			}
		}
	}
	// A frame or a caption painted into every photo says nothing about the light.
	switch {
	case 10*len(moved) < len(all):
	case len(bright) >= 30:
		all = bright
	default:
		all = moved
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], len(all)
}
