package scene

import (
	"image"
	"math"

	"github.com/realedit/realedit/internal/parallel"
)

// Camera turns radiance into code values:
//
//	x = radiance · WB · 2^EV · Gain · vignette          (1 = the sensor's mid-scale white)
//	x += √(x/FullWell + (ReadNoise/FullWell)²) · N(0,1)   (independent per pixel and channel)
//	y = x for x ≤ Shoulder, else S + (1−S)·(1−exp(−(x−S)/(1−S)))
//	code = round(sRGB(y) · (2^Bits − 1))
//
// The zero value is usable: 8 bit, daylight white balance, a clean base-ISO sensor.
type Camera struct {
	WB        [3]float64 // gains of R, G, B; zero: 1, 1, 1 (daylight preset: warm rooms look warm)
	Gain      float64    // 0: 1
	FullWell  float64    // electrons at x = 1; 0: 30000; negative: no noise at all
	ReadNoise float64    // electrons; 0: 5
	Shoulder  float64    // S; 0: 0.6; 1 or more: a hard clip
	Vignette  float64    // stops lost in the corners
	Bits      int        // 8 (also 0) or 16
	Seed      uint32
}

// AsShot returns the gains of a camera that corrects the given illuminant by strength: 0 not at all, 1 fully (0.4..0.7 is what automatic white
// balance does to lamp light). Green stays 1.
func AsShot(illuminant [3]float64, strength float64) [3]float64 {
	var g [3]float64
	for c := range g {
		g[c] = math.Pow(illuminant[1]/illuminant[c], strength)
	}
	return g
}

func (c Camera) shoulder() float64 {
	if c.Shoulder == 0 {
		return 0.6
	}
	return min(c.Shoulder, 1)
}

// Tone is the camera's tone curve on linear light, before sRGB encoding.
func (c Camera) Tone(x float64) float64 {
	s := c.shoulder()
	if x <= s {
		return max(x, 0)
	}
	if s == 1 {
		return 1
	}
	return s + (1-s)*(1-math.Exp(-(x-s)/(1-s)))
}

// Untone inverts Tone on [0, 1); at 1 and above it returns +Inf (clipped).
func (c Camera) Untone(y float64) float64 {
	s := c.shoulder()
	if y >= 1 {
		return math.Inf(1)
	}
	if y <= s {
		return y
	}
	return s - (1-s)*math.Log(1-(y-s)/(1-s))
}

// Expose takes shot number shot of an interleaved linear RGB picture; the shot number only seeds the noise. It returns 8-bit or, when Bits
// is 16, 16-bit code values, interleaved; the other slice is nil.
func (c Camera) Expose(radiance []float32, w, h int, ev float64, shot int) (p8 []uint8, p16 []uint16) {
	wb := c.WB
	if wb == ([3]float64{}) {
		wb = [3]float64{1, 1, 1}
	}
	gain, full, read := c.Gain, c.FullWell, c.ReadNoise
	if gain == 0 {
		gain = 1
	}
	if full == 0 {
		full = 30000
	}
	if read == 0 {
		read = 5
	}
	gain *= math.Exp2(ev)
	if c.Bits == 16 {
		p16 = make([]uint16, 3*w*h)
	} else {
		p8 = make([]uint8, 3*w*h)
	}
	r2 := float64(w*w+h*h) / 4
	seed := hash(c.Seed, uint32(shot), 0x5eed)
	parallel.Each(h, func(y int) {
		for x := range w {
			v := gain
			if c.Vignette != 0 {
				dx, dy := float64(x)-float64(w-1)/2, float64(y)-float64(h-1)/2
				v *= math.Exp2(-c.Vignette * (dx*dx + dy*dy) / r2)
			}
			for k := range 3 {
				i := 3*(y*w+x) + k
				e := float64(radiance[i]) * wb[k] * v
				if full > 0 {
					e += math.Sqrt(max(e, 0)/full+read*read/(full*full)) * normal(seed, i)
				}
				z := encodeSRGB(c.Tone(e))
				if p16 != nil {
					p16[i] = uint16(clamp(z*65535+0.5, 0, 65535))
				} else {
					p8[i] = uint8(clamp(z*255+0.5, 0, 255))
				}
			}
		}
	})
	return p8, p16
}

// normal is the i-th standard normal deviate of a stream (Box–Muller).
func normal(seed uint32, i int) float64 {
	a := (float64(hash2(seed, i, 1)>>8) + 0.5) / (1 << 24)
	b := float64(hash2(seed, i, 2)>>8) / (1 << 24)
	return math.Sqrt(-2*math.Log(a)) * math.Cos(2*math.Pi*b)
}

// RGB8 wraps interleaved 8-bit RGB as an image.
func RGB8(pix []uint8, w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.Pix[4*i], m.Pix[4*i+1], m.Pix[4*i+2], m.Pix[4*i+3] = pix[3*i], pix[3*i+1], pix[3*i+2], 255
	}
	return m
}
