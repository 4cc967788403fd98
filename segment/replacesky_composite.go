package segment

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// column says of which four columns of the new sky a column of the picture is made (Keys' cubic, a = −½).
type column struct {
	at int32 // of the first of them, times 3
	w  [4]float32
}

// columns maps n pixels to m of the new sky, which spans them.
func columns(n int, scale float64, m int) []column {
	out := make([]column, n)
	for x := range out {
		i, w := cubic((float64(x)+0.5)/scale-0.5, m)
		out[x] = column{int32(3 * i), w}
	}
	return out
}

// cubic is the first of four samples around u and their weights; at the ends the samples move in and weigh linearly.
func cubic(u float64, m int) (int, [4]float32) {
	i := int(math.Floor(u))
	t := u - float64(i)
	if m < 4 {
		return 0, [4]float32{1}
	}
	if i < 1 || i > m-3 {
		u = max(0, min(u, float64(m-1)))
		first := min(max(int(u)-1, 0), m-4)
		var w [4]float32
		k := min(int(u)-first, 2)
		w[k], w[k+1] = float32(1-(u-float64(first+k))), float32(u-float64(first+k))
		return first, w
	}
	return i - 1, [4]float32{
		float32(t * (-0.5 + t*(1-0.5*t))),
		float32(1 + t*t*(-2.5+1.5*t)),
		float32(t * (0.5 + t*(2-1.5*t))),
		float32(t * t * (-0.5 + 0.5*t)),
	}
}

// compositor puts a new sky in.
type compositor struct {
	*skyFields
	sky    *raster // sRGB-encoded
	scale  float64 // pixels of the picture per pixel of it
	column []column
	grain  float32
	seed   uint32
	encode *[4098]float32
}

// composite replaces the sky where the mask is above 0 and touches no other pixel.
func (f *skyFields) composite(ctx context.Context, env *realedit.Env, pic, mask *kernels.Image, sky *raster, seed uint64) error {
	scale := float64(pic.Width()) / float64(sky.w)
	c := &compositor{f, sky, scale, columns(pic.Width(), scale, sky.w), float32(f.grain), mix(uint32(seed) ^ 0x6a09e667), encodeTable()}
	return strips(ctx, env, pic, mask, f.cell, func(y0 int, p, m *kernels.Image) (bool, error) {
		return true, inRows(ctx, p.Height(), func(y int) {
			if p.Format() == kernels.U16 {
				_, t := lightTables()
				compositeRow(c, p.RowU16(y), m.RowU8(y), t[:], y0+y)
			} else {
				t, _ := lightTables()
				compositeRow(c, p.RowU8(y), m.RowU8(y), t[:], y0+y)
			}
		})
	})
}

// compositeRow works on one row of the picture.
func compositeRow[T uint8 | uint16](c *compositor, pic []T, mask []uint8, light []float32, y int) {
	any := false
	for _, v := range mask {
		if v != 0 {
			any = true
			break
		}
	}
	if !any {
		return
	}
	full := float32(^T(0))
	// The row of the new sky, and of the old one's luma.
	line := make([]float32, 3*max(c.sky.w, 4))
	j, wy := cubic((float64(y)+0.5)/c.scale-0.5, c.sky.h)
	for k, w := range wy {
		if w == 0 {
			continue
		}
		for i, v := range c.sky.row(min(j+k, c.sky.h-1)) {
			line[i] += w * v
		}
	}
	cw := c.old.w
	v := max(0, min((float32(y)+0.5)/float32(c.cell)-0.5, float32(c.old.h-1)))
	j0 := int(v)
	j1 := min(j0+1, c.old.h-1)
	fy := v - float32(j0)
	old := make([]float32, cw+1)
	for i := range cw {
		a, b := c.oldLuma[j0*cw+i], c.oldLuma[j1*cw+i]
		old[i] = a + (b-a)*fy
	}
	old[cw] = old[cw-1]
	per := 1 / float32(c.cell)
	rowSeed := mix(c.seed + uint32(y)*0x9e3779b9)
	for x, a := range mask {
		if a == 0 {
			continue
		}
		q := &c.column[x]
		s := line[q.at : q.at+12]
		var n [3]float32
		for k := range n {
			n[k] = q.w[0]*s[k] + q.w[1]*s[3+k] + q.w[2]*s[6+k] + q.w[3]*s[9+k]
		}
		p := pic[3*x : 3*x+3]
		u := max(0, min((float32(x)+0.5)*per-0.5, float32(cw-1)))
		i := int(u)
		was := old[i] + (old[i+1]-old[i])*(u-float32(i))
		share := float32(1)
		if luma := (0.299*float32(p[0]) + 0.587*float32(p[1]) + 0.114*float32(p[2])) / full; a < 255 || luma < was-wireDrop {
			n, share = c.edge([3]float32{light[p[0]], light[p[1]], light[p[2]]}, n, float32(a)/255, float32(x), float32(y))
		}
		h := mix(rowSeed + uint32(x)*0x85ebca6b)
		g := (float32(h&255) + float32(h>>8&255) + float32(h>>16&255) + float32(h>>24) - 510) / 147.8
		h = mix(h + 0x51ed270b)
		for k := range n {
			e := (float32(h>>(10*k)&1023) - 511.5) / 295.3
			t := (n[k]+share*c.grain*(0.85*g+0.53*e))*full + 0.5
			p[k] = T(max(0, min(t, full)))
		}
	}
}

// wireDrop is how much darker than the old sky around it a pixel of the sky may be, encoded, before it counts as a wire or a twig that the mask missed.
const wireDrop = 0.03

// bloomed is the linear light from which, in all channels, a pixel of an edge is the old sky's glare: it says nothing of the foreground's colour.
const bloomed = 0.92

// edge is a pixel of the matte's edge before the new sky n (encoded): what the foreground's share of it is stays, and the old sky's goes. alpha is the mask's.
// It returns the encoded pixel and the share of new sky in it.
func (c *compositor) edge(pix, n [3]float32, alpha, x, y float32) (out [3]float32, share float32) {
	u, v := (x+0.5)/float32(c.cell)-0.5, (y+0.5)/float32(c.cell)-0.5
	var old, fg [3]float32
	var dot, length, level float32
	for k := range old {
		old[k], fg[k] = c.old.bilinear(u, v, k), c.fg.bilinear(u, v, k)
		if alpha == 1 {
			fg[k] = min(fg[k], 0.08*old[k]) // what the mask missed is thin and dark
		}
		d := old[k] - fg[k]
		dot += (pix[k] - fg[k]) * d
		length += d * d
		level += old[k] * old[k]
	}
	// Where old sky and foreground differ much, the pixel itself tells its mixture better than the mask; where they do not, the mask is all there is.
	apart := float32(smoothstep(0.18, 0.45, math.Sqrt(float64(length/max(level, 1e-6)))))
	share = alpha
	blown := min(pix[0], pix[1], pix[2]) > bloomed
	reach, slack := float32(2.5), 0.8*(1-alpha)*(1-alpha)
	if min(old[0], old[1], old[2]) > bloomed {
		// A blown sky is brighter than white: a little of it hides much of the foreground.
		reach, slack = 12, 0.25*slack
	}
	if blown {
		share, slack = float32(smoothstep(0.05, 0.75, float64(alpha))), 0.03
	}
	if apart > 0 && !blown {
		seen := max(0, min(1, dot/max(length, 1e-6)))
		seen = min(1, seen*1.04) // noise of the sky is sky
		seen = min(seen, reach*alpha)
		share += (seen - alpha) * apart
	}
	rest := 1 - share
	for k := range out {
		was := max(0, pix[k]-share*old[k])
		// No brighter than the foreground around, except where the mask says foreground.
		top := rest * (1.5*fg[k] + 0.02 + slack)
		if apart > 0 && was > top {
			was += (top - was) * apart
		}
		out[k] = encoded(c.encode, was+share*decoded(n[k]))
	}
	return out, share
}

func decoded(v float32) float32 {
	_, t := lightTables()
	return t[uint16(max(0, min(v, 1))*65535+0.5)]
}
