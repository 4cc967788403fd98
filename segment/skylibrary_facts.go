package segment

import (
	"image"
	"math"
	"slices"

	"github.com/realedit/realedit"
)

func rectOf(w, h int) image.Rectangle { return image.Rect(0, 0, w, h) }

// look fills in what a sky's photograph tells of it: its metadata, and its thumb.
func (k *sky) look(p *realedit.Photo) {
	t := p.Thumb
	k.elevation = math.NaN()
	if e, _, from := sunOf(p.Facts); from == SunFromGPS {
		k.elevation = e
	}
	luma := make([]float64, t.W*t.H)
	for i := range luma {
		luma[i] = (0.299*float64(t.Pix[3*i]) + 0.587*float64(t.Pix[3*i+1]) + 0.114*float64(t.Pix[3*i+2])) / 255
	}
	k.horizon = float64(min(horizonRow(luma, t.W, t.H), groundRow(t, luma))) / float64(t.H)
	if k.horizon < leastHorizon {
		return
	}
	rows := max(1, int(k.horizon*float64(t.H)))
	var sum, warm, sx, sxx, sxl, sl, n float64
	for y := range rows {
		for x := range t.W {
			i := y*t.W + x
			l := luma[i]
			u := 2*(float64(x)+0.5)/float64(t.W) - 1
			sum += l
			if float64(t.Pix[3*i]) > 1.1*float64(t.Pix[3*i+2]) {
				warm++
			}
			sx, sxx, sxl, sl, n = sx+u, sxx+u*u, sxl+u*l, sl+l, n+1
		}
	}
	k.level = sum / n
	k.warmth = warm / n
	slope := (sxl - sx*sl/n) / max(sxx-sx*sx/n, 1e-9) // of luma from the middle to a side
	if math.Abs(slope) > 0.03 {
		k.side = math.Copysign(1, slope)
	}
	pix := newRaster(t.W, rows)
	for i := range pix.v {
		pix.v[i] = float32(t.Pix[i]) / 255
	}
	good, _ := judgeSky(pix, nil)
	k.grey = !good
}

// warmSky is the share of red or yellow in a sky from which it is one of a low sun.
const warmSky = 0.1

// leastHorizon is the share of a photograph's height, from the top, that has to be sky.
const leastHorizon = 0.35

// groundRow is the row above which hardly any column (one in twenty) has met something that is no sky: green, or dark beside the picture's upper third.
func groundRow(t realedit.Thumb, luma []float64) int {
	top := slices.Clone(luma[:t.W*max(1, t.H/3)])
	slices.Sort(top)
	dark := 0.35 * top[len(top)/2]
	first := make([]int, t.W)
	for x := range first {
		first[x] = t.H
		for y := range t.H {
			i := y*t.W + x
			r, g, b := int(t.Pix[3*i]), int(t.Pix[3*i+1]), int(t.Pix[3*i+2])
			if luma[i] < dark || g > b+12 && g >= r {
				first[x] = y
				break
			}
		}
	}
	slices.Sort(first)
	return first[t.W/20]
}

// horizonRow is the row down to which a picture is sky: above the first row whose steps between neighbours, and those of all rows beneath it on the average, are
// many times those at the top. Photographs of nothing but sky have none: then it is the height.
func horizonRow(luma []float64, w, h int) int {
	rough := make([]float64, h)
	for y := range h {
		var s float64
		for x := 1; x < w; x++ {
			s += math.Abs(luma[y*w+x] - luma[y*w+x-1])
		}
		rough[y] = s / float64(max(w-1, 1))
	}
	// Split the rows in two so that the lower part is rougher by the largest ratio.
	below := make([]float64, h+1)
	for y := h - 1; y >= 0; y-- {
		below[y] = below[y+1] + rough[y]
	}
	best, at := 3.0, h
	for y := h / 3; y < h-1; y++ {
		up := (below[0]-below[y])/float64(y) + 0.004
		down := below[y] / float64(h-y)
		if r := down / up; r > best {
			best, at = r, y
		}
	}
	if at < h {
		at -= max(1, h/40)
	}
	return at
}

// cost is how badly a sky fits: 1 is 15° of the sun's elevation, or half of the wrong side.
func (k *sky) cost(elevation float64, warm bool, side float64, mirror bool) float64 {
	c := 0.0
	// Time of day: a low sun's sky over a noon's house is the worst of mistakes.
	if !math.IsNaN(k.elevation) && !math.IsNaN(elevation) {
		c += min(3, math.Abs(k.elevation-elevation)/15)
	}
	if low := k.warmth > warmSky; low != warm {
		c += 4
	}
	if k.side*side < 0 && !mirror {
		c += 2
	} else if k.side != side {
		c += 0.3
	}
	// A sky that is low and wide has to be enlarged.
	if r := float64(k.h) * k.horizon / float64(k.w); r < 0.35 {
		c += (0.35 - r) * 4
	}
	c += max(0, 2000-float64(k.w)) / 1000 // and so has a small one
	return c + max(0, 0.45-k.level)*2
}
