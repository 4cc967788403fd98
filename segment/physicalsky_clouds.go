package segment

import (
	"context"
	"math"
	"sync"
)

// clouds are fair-weather cumulus: a layer with a flat base whose tops rise in domes where a large noise is high, frayed by a fine one in space. A ray is
// marched through the layer; light arrives from the sun through the cloud (Beer's law, with a second, weaker extinction for what is scattered more than
// once) and from the sky. Lengths are kilometres.
type clouds struct {
	shape       []float32 // dome height less 0, on a grid of the ground before the viewer, cloudGrid apart
	gw, gh      int
	fray        []uint8    // frayTexture
	shift       [3]float32 // of the cube
	sun         [3]float32 // towards it
	light       [3]float32 // of the sun on a cloud, kcd/m²
	sky         [3]float32 // of the sky on a cloud
	grid, left  float32
	frayPerUnit float32
}

const (
	cloudBase   = 1.2
	cloudHeight = 0.85
	cloudSize   = 1.9  // of the shape's largest features
	cloudFray   = 0.55 // of the fraying's
	cloudFar    = 32.0 // beyond, the haze has them
	cloudHaze   = 13.0 // over which the air takes a cloud's contrast to 1/e
	cloudGrid   = 0.085
	cloudStep   = 0.11 // along a ray, between leastSteps and mostSteps of them
	leastSteps  = 30
	mostSteps   = 90
	cloudDeep   = 30.0 // extinction of the densest cloud, 1/km
	frayCells   = 128
	frayLevels  = 210.0 // of the cube, per unit
	frayPeriod  = 4     // features of the first octave in the cube
	earth       = 6371.0
)

// newClouds makes the clouds that a view of the given half width (tangent) towards a heading (degrees) can see.
func newClouds(ctx context.Context, seed uint64, amount float64, a *air, elevation, halfWidth, heading float64) (*clouds, error) {
	c := &clouds{grid: cloudGrid, frayPerUnit: frayCells / (frayPeriod * cloudFray)}
	direct := sunColour(elevation)
	up := a.at([3]float64{0, 1, 0})
	// Sunlight on a surface that faces it: 133 klx above the air, of which a path of one air mass leaves four fifths.
	sin := math.Sin(max(elevation, lowestSun) * degree)
	lux := 133 * math.Exp(-0.21/sin)
	for k := range c.sun {
		c.sun[k] = float32(a.sun[k])
		c.light[k] = float32(direct[k] * lux / math.Pi)
		c.sky[k] = float32(0.3*up[k] + 0.85*luminanceOf(up) + 0.06*direct[k]*lux/math.Pi*max(sin, 0.15))
	}
	side := cloudFar * math.Sin(math.Atan(halfWidth))
	c.left = float32(-side - 1)
	c.gw, c.gh = int(2*(side+1)/cloudGrid)+2, int(math.Ceil((cloudFar+2)/cloudGrid))+1
	c.shape = make([]float32, c.gw*c.gh)
	sinH, cosH := math.Sincos(heading * degree)
	sin32, cos32 := float32(sinH), float32(cosH)
	shape, cover := noise(mix(uint32(seed))), float32(0.42-0.62*amount)
	if err := inRows(ctx, c.gh, func(j int) {
		z := (float32(j)*cloudGrid - 1) / cloudSize
		row := c.shape[j*c.gw : (j+1)*c.gw]
		for i := range row {
			x := (c.left + float32(i)*cloudGrid) / cloudSize
			v := 2.6 * (shape.sum(x*cos32+z*sin32, z*cos32-x*sin32, 4) - cover)
			if v > 0 {
				v = float32(math.Pow(float64(v), 0.8))
			}
			row[i] = v
		}
	}); err != nil {
		return nil, err
	}
	c.fray = frayTexture()
	for k := range c.shift {
		c.shift[k] = float32(mix(uint32(seed>>32)+uint32(k))>>8) / (1 << 24) * frayCells
	}
	return c, nil
}

// frayTexture is a cube of billows, |noise| in five octaves, that repeats in every direction.
var frayTexture = sync.OnceValue(func() []uint8 {
	cube := make([]uint8, frayCells*frayCells*frayCells)
	_ = inRows(context.Background(), frayCells, func(k int) {
		for j := range frayCells {
			for i := range frayCells {
				s, amp, f := float32(0), float32(1), float32(frayPeriod)/frayCells
				for o := range 5 {
					s += amp * float32(math.Abs(float64((noise(0x2f0e1eb9)+noise(o)*0x9e3779b9).in(float32(i)*f, float32(j)*f, float32(k)*f, frayPeriod<<o))))
					amp, f = amp*0.5, f*2
				}
				cube[(k*frayCells+j)*frayCells+i] = uint8(min(255, s*frayLevels+0.5))
			}
		}
	})
	return cube
})

// dome is the height to which cloud rises over a place, of cloudHeight; not above 0 where there is none.
func (c *clouds) dome(x, z float32) float32 {
	x, z = (x-c.left)/c.grid, (z+1)/c.grid
	if x < 0 || z < 0 || x >= float32(c.gw-1) || z >= float32(c.gh-1) {
		return -1
	}
	i, j := int(x), int(z)
	fx, fz := x-float32(i), z-float32(j)
	p, q := c.shape[j*c.gw+i:], c.shape[(j+1)*c.gw+i:]
	a, b := p[0]+(p[1]-p[0])*fx, q[0]+(q[1]-q[0])*fx
	return a + (b-a)*fz
}

// billow is the fraying at a place.
func (c *clouds) billow(x, y, z float32) float32 {
	const wrap = frayCells - 1
	ix, fx := floor32(x*c.frayPerUnit + c.shift[0])
	iy, fy := floor32(y*c.frayPerUnit + c.shift[1])
	iz, fz := floor32(z*c.frayPerUnit + c.shift[2])
	x0, x1 := int(ix)&wrap, int(ix+1)&wrap
	var plane [2]float32
	for k := range plane {
		layer := c.fray[((int(iz)+k)&wrap)*frayCells*frayCells:]
		p, q := layer[(int(iy)&wrap)*frayCells:], layer[(int(iy+1)&wrap)*frayCells:]
		p0, q0 := float32(p[x0]), float32(q[x0])
		a, b := p0+(float32(p[x1])-p0)*fx, q0+(float32(q[x1])-q0)*fx
		plane[k] = a + (b-a)*fy
	}
	return (plane[0] + (plane[1]-plane[0])*fz) / frayLevels
}

// density is the cloud at a place, 0 to 1.
func (c *clouds) density(x, y, z float32) float32 {
	rise := (y - cloudBase) / cloudHeight
	if rise <= 0 || rise >= 1 {
		return 0
	}
	d := c.dome(x, z)
	if d <= 0 {
		return 0
	}
	thin := min(1, 3*d) // small clouds are wisps
	d = min(d, 1.05) - rise
	if d <= -0.15 {
		return 0
	}
	d -= 0.95 * (c.billow(x, y, z) - 0.30) * (0.65 + 0.35*min(1, 4*rise))
	return max(0, min(1, 4.5*d)) * min(1, 12*rise) * thin * thin
}

// along is what the clouds add in a direction, the share of what lies behind that is seen through them, and how far they are. dither, 0 to 1, moves the
// samples along the ray, so that steps do not show.
func (c *clouds) along(d [3]float32, dither float32) (add [3]float32, through, far float32) {
	through = 1
	if d[1] < 0.012 {
		return add, 1, 0
	}
	reach := func(h float32) float32 { // of a shell h above the ground
		u := float64(d[1])
		return float32(math.Sqrt(earth*u*earth*u+2*earth*float64(h)+float64(h)*float64(h)) - earth*u)
	}
	from, to := reach(cloudBase), min(reach(cloudBase+cloudHeight), cloudFar)
	if from >= to {
		return add, 1, 0
	}
	steps := max(leastSteps, min(mostSteps, int((to-from)/cloudStep)))
	step := (to - from) / float32(steps)
	cos := d[0]*c.sun[0] + d[1]*c.sun[1] + d[2]*c.sun[2]
	// Forward scattering lights edges towards the sun, backward scattering faces away from it (two lobes of Henyey and Greenstein, 1941).
	phase := 0.50 + 0.14*lobe(cos, 0.72) + 0.45*lobe(cos, -0.25)
	var depth, weight float32
	for i := range steps {
		t := from + (float32(i)+dither)*step
		x, z := t*d[0], t*d[2]
		y := t*d[1] + t*t*(1-d[1]*d[1])/(2*earth)
		rho := c.density(x, y, z)
		if rho <= 0 {
			continue
		}
		var tau float32 // towards the sun
		s, at := float32(0.04), float32(0)
		for range 5 {
			at += s
			tau += s * c.density(x+at*c.sun[0], y+at*c.sun[1], z+at*c.sun[2])
			s *= 1.7
		}
		tau *= cloudDeep
		lit := phase * max(exp32(-tau), 0.45*exp32(-0.25*tau))
		rise := (y - cloudBase) / cloudHeight
		opaque := 1 - exp32(-rho*cloudDeep*step)
		for k := range add {
			add[k] += through * opaque * (c.light[k]*lit + c.sky[k]*(1.1+0.4*rise))
		}
		depth += through * opaque * t
		weight += through * opaque
		through *= 1 - opaque
		if through < 0.01 {
			break
		}
	}
	if weight > 0 {
		far = depth / weight
	}
	return add, through, far
}

// lobe is the phase function of Henyey and Greenstein, 1 on the average.
func lobe(cos, g float32) float32 {
	v := 1 + g*g - 2*g*cos
	return (1 - g*g) / (v * float32(math.Sqrt(float64(v))))
}

func exp32(x float32) float32 { return float32(math.Exp(float64(x))) }
