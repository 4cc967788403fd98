package segment

import (
	"context"
	"math"
)

// horizonView is how a picture's pixels look at the sky: a level camera whose principal point may be shifted, so that verticals are vertical.
type horizonView struct {
	focal   float64 // pixels
	centre  float64 // column of the optical axis
	horizon float64 // row
}

// towards is the direction of length 1 (right, up, forward) of a pixel.
func (v horizonView) towards(x, y float64) [3]float64 {
	d := [3]float64{(x - v.centre) / v.focal, (v.horizon - y) / v.focal, 1}
	n := 1 / math.Sqrt(d[0]*d[0]+d[1]*d[1]+1)
	return [3]float64{d[0] * n, d[1] * n, n}
}

// physicalSky is a sky that is computed: air, clouds, and the haze between.
type physicalSky struct {
	Elevation, Azimuth float64 // of the sun, degrees; azimuth from the optical axis to the right
	Heading            float64 // of the optical axis, degrees from north over east; 0 where unknown
	Turbidity          float64
	Clouds             float64 // how much of the sky they cover, about
	Seed               uint64
}

// render fills dst, linear light in kcd/m², with what the view sees at dst's size; scale is pixels of the view per pixel of dst; where needed (of dst's size; nil = everywhere) is false
// dst stays as it is. Rows are worked on by all processors, each by one.
func (s physicalSky) render(ctx context.Context, dst *raster, v horizonView, scale float64, needed []bool) error {
	a := newAir(s.Elevation, s.Azimuth, s.Turbidity)
	var c *clouds
	if s.Clouds > 0 {
		var err error
		half := max(v.centre, float64(dst.w)*scale-v.centre) / v.focal
		if c, err = newClouds(ctx, s.Seed, s.Clouds, a, s.Elevation, half, s.Heading); err != nil {
			return err
		}
	}
	if err := inRows(ctx, dst.h, func(y int) {
		row := dst.row(y)
		for x := range dst.w {
			if needed != nil && !needed[y*dst.w+x] {
				continue
			}
			d := v.towards((float64(x)+0.5)*scale-0.5, (float64(y)+0.5)*scale-0.5)
			d[1] = max(d[1], 0)
			sky := hazy(a.at(d), d[1])
			out := row[3*x : 3*x+3]
			for k := range out {
				out[k] = float32(sky[k])
			}
			if c == nil {
				continue
			}
			dither := float32(mix(uint32(x)*0x8da6b343+uint32(y)*0xd8163841)>>8) / (1 << 24)
			add, through, far := c.along([3]float32{float32(d[0]), float32(d[1]), float32(d[2])}, dither)
			if through == 1 {
				continue
			}
			clear := exp32(-far / cloudHaze)
			for k := range out {
				// The air before a cloud takes of its light and puts in the sky's.
				out[k] = out[k]*through + add[k]*clear + out[k]*(1-through)*(1-clear)
			}
		}
	}); err != nil || c == nil {
		return err
	}
	return dst.smooth121(ctx) // the dither
}

// hazy takes the colour off a sky near the horizon, which the model makes purple where the sun is behind: what is scattered on long paths through
// haze is white. Luminance stays.
func hazy(c [3]float64, up float64) [3]float64 {
	l := luminanceOf(c)
	k := math.Exp(-up / 0.115)
	white := [3]float64{0.90 * l, 1.012 * l, 1.17 * l}
	for i := range c {
		c[i] += (white[i] - c[i]) * k
	}
	return c
}
