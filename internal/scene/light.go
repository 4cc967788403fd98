package scene

import "math"

// IlluminantRGB is the linear sRGB colour, scaled to luminance 1, of a perfect white under light of the given colour temperature:
// the Planckian locus below 4000 K and the CIE daylight locus from there on (the fits of Kim et al. 2002 and CIE 15:2004),
// so that 6504 K is (1, 1, 1) to three digits. Range 1700..25000 K; values outside are clamped.
func IlluminantRGB(cct float64) [3]float64 {
	t := clamp(cct, 1700, 25000)
	var x, y float64
	if t < 4000 {
		x = -0.2661239e9/(t*t*t) - 0.2343589e6/(t*t) + 0.8776956e3/t + 0.179910
		if t < 2222 {
			y = -1.1063814*x*x*x - 1.34811020*x*x + 2.18555832*x - 0.20219683
		} else {
			y = -0.9549476*x*x*x - 1.37418593*x*x + 2.09137015*x - 0.16748867
		}
	} else {
		if t <= 7000 {
			x = -4.6070e9/(t*t*t) + 2.9678e6/(t*t) + 0.09911e3/t + 0.244063
		} else {
			x = -2.0064e9/(t*t*t) + 1.9018e6/(t*t) + 0.24748e3/t + 0.237040
		}
		y = -3*x*x + 2.87*x - 0.275
	}
	X, Z := x/y, (1-x-y)/y
	r := 3.2404542*X - 1.5371385 - 0.4985314*Z
	g := -0.9692660*X + 1.8760108 + 0.0415560*Z
	b := 0.0556434*X - 0.2040259 + 1.0572252*Z
	b = max(b, 0.02) // candle light lies outside sRGB
	l := 0.2126*r + 0.7152*g + 0.0722*b
	return [3]float64{r / l, g / l, b / l}
}

func toVec(c [3]float64) vec { return vec{c[0], c[1], c[2]} }

func decodeSRGB(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func encodeSRGB(v float64) float64 {
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}
