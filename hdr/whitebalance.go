package hdr

import (
	"math"
	"slices"
)

// An illuminant estimate: the linear sRGB colour of a white surface, luminance 1.
type illuminant struct {
	rgb        [3]float64
	cct        float64 // kelvin of the nearest locus point
	outdoors   bool    // a good part of the picture is blue sky
	confidence float64 // 0..1: how much of it to take out; low where few pixels become neutral, and outdoors
}

// locus is the colour of a white surface under a black body (below 4000 K) or CIE
// daylight (from there on), linear sRGB of luminance 1, at kelvin t.
// Fits: Kim et al. 2002 and CIE 15:2004. 6504 K is (1,1,1).
func locus(t float64) [3]float64 {
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
	c := [3]float64{
		3.2404542*X - 1.5371385 - 0.4985314*Z,
		-0.9692660*X + 1.8760108 + 0.0415560*Z,
		max(0.02, 0.0556434*X-0.2040259+1.0572252*Z),
	}
	l := luminance(c[0], c[1], c[2])
	return [3]float64{c[0] / l, c[1] / l, c[2] / l}
}

func luminance(r, g, b float64) float64 { return 0.2126*r + 0.7152*g + 0.0722*b }

// A chromaticity histogram over (ln R/G, ln B/G), the plane in which a change of
// illuminant is a shift.
const (
	chromaBins  = 128
	chromaRange = 2.0 // ± this in ln units
)

type chromaHist struct {
	n     [chromaBins * chromaBins]float64
	total float64
}

func chromaBin(v float64) (int, bool) {
	i := int((v + chromaRange) / (2 * chromaRange) * chromaBins)
	return i, i >= 0 && i < chromaBins
}

func (h *chromaHist) add(r, g, b, weight float64) {
	i, ok1 := chromaBin(math.Log(r / g))
	j, ok2 := chromaBin(math.Log(b / g))
	if ok1 && ok2 {
		h.n[j*chromaBins+i] += weight
		h.total += weight
	}
}

// votes is the weight near the chromaticity of c, under a Gaussian of deviation sigma.
func (h *chromaHist) votes(c [3]float64, sigma float64) float64 {
	u, v := math.Log(c[0]/c[1]), math.Log(c[2]/c[1])
	step := 2 * chromaRange / chromaBins
	r := int(3*sigma/step) + 1
	ci, _ := chromaBin(u)
	cj, _ := chromaBin(v)
	var s float64
	for j := max(0, cj-r); j <= min(chromaBins-1, cj+r); j++ {
		for i := max(0, ci-r); i <= min(chromaBins-1, ci+r); i++ {
			n := h.n[j*chromaBins+i]
			if n == 0 {
				continue
			}
			du := (float64(i)+0.5)*step - chromaRange - u
			dv := (float64(j)+0.5)*step - chromaRange - v
			s += n * math.Exp(-(du*du+dv*dv)/(2*sigma*sigma))
		}
	}
	return s / max(h.total, 1e-9)
}

// cool is how far a colour lies towards blue, ln B/R; 0 is daylight's 6504 K, 2700 K is −2.3.
func cool(c [3]float64) float64 { return math.Log(c[2] / c[0]) }

// skyBlue is the coolness from which a colour is no white under any light a house has.
const skyBlue = 0.35

// estimateIlluminant finds the light that the room's white and grey things are lit by.
//
// Candidates lie where real lights do: black bodies, daylight, and mixtures of both. Pixels vote by
// chromaticity. A wall's paint can outvote the whites, so among the candidates with
// a fair share of the best one's votes the coolest wins: paint, wood and cloth are
// nearly always warmer than white, hardly ever bluer.
//
// pix is interleaved linear RGB; skip (may be nil) leaves pixels out (windows, clipped); seen are daylightSeen of the photos.
func estimateIlluminant(pix []float32, skip func(i int) bool, seen []float64) illuminant {
	const (
		sigma = 0.09 // of a vote, in ln units: about what shading and interreflection spread a white by
		fair  = 0.45 // share of the best candidate's votes
		climb = 0.05 // how far the winner may move to more votes, in ln units
		open  = 0.08 // share of sky blue from which the picture counts as taken outdoors
	)
	var hist chromaHist
	var blue, all float64
	for i := range len(pix) / 3 {
		r, g, b := float64(pix[3*i]), float64(pix[3*i+1]), float64(pix[3*i+2])
		y := luminance(r, g, b)
		if y < 0.02 || min(r, g, b) < 0.004 || max(r, g, b) > 0.97 || skip != nil && skip(i) {
			continue
		}
		all++
		if math.Log(b/r) > skyBlue {
			blue++
			continue
		}
		hist.add(r, g, b, min(y, 0.6))
	}
	if hist.total == 0 {
		return illuminant{rgb: [3]float64{1, 1, 1}, cct: 6504}
	}
	type candidate struct {
		rgb   [3]float64
		votes float64
	}
	var lights []candidate
	var best float64
	for mired := 125.0; mired <= 420; mired += 5 {
		t := 1e6 / mired
		c := locus(t)
		for _, day := range []float64{0, 0.15, 0.35, 0.55} {
			if day > 0 && t > 6000 {
				continue
			}
			m := [3]float64{c[0]*(1-day) + day, c[1]*(1-day) + day, c[2]*(1-day) + day}
			v := hist.votes(m, sigma) * math.Exp(-0.3*day) * likely(cool(m), seen)
			lights = append(lights, candidate{m, v})
			best = max(best, v)
		}
	}
	pick := -1
	for i, c := range lights {
		if c.votes >= fair*best && (pick < 0 || cool(c.rgb) > cool(lights[pick].rgb)) {
			pick = i
		}
	}
	// The threshold was met on a slope: climb towards its top.
	at := lights[pick].rgb
	for i, c := range lights {
		if chromaDistance(c.rgb, at) < climb && c.votes > lights[pick].votes {
			pick = i
		}
	}
	c := lights[pick]
	c.rgb = agreed(c.rgb, seen)
	l := illuminant{rgb: c.rgb, cct: nearestCCT(c.rgb), confidence: min(1, c.votes/0.05)}
	if blue > open*all {
		// Under the sky the light is what it is: an evening's warmth belongs to the picture.
		l.outdoors, l.confidence = true, 0.3*l.confidence
	}
	return l
}

// nearestCCT is the temperature on the locus nearest to a colour, in kelvin.
func nearestCCT(c [3]float64) float64 {
	best, at := math.Inf(1), 6504.0
	for mired := 80.0; mired <= 500; mired++ {
		l := locus(1e6 / mired)
		du := math.Log(l[0]/l[1]) - math.Log(c[0]/c[1])
		dv := math.Log(l[2]/l[1]) - math.Log(c[2]/c[1])
		if d := du*du + dv*dv; d < best {
			best, at = d, 1e6/mired
		}
	}
	return math.Round(at)
}

// chromaDistance is how far two lights' colours lie apart, in ln units.
func chromaDistance(a, b [3]float64) float64 {
	return math.Hypot(math.Log(a[0]/a[1])-math.Log(b[0]/b[1]), math.Log(a[2]/a[1])-math.Log(b[2]/b[1]))
}

// agreed moves a light half way to the daylight seen where the two are near enough to be one light: both are estimates of it.
func agreed(rgb [3]float64, seen []float64) [3]float64 {
	if len(seen) == 0 {
		return rgb
	}
	day := slices.Max(seen)
	share := 0.5 * (1 - smoothstep((math.Abs(day-cool(rgb))-0.15)/0.15))
	to := locus(1e6 / miredOf(day))
	for c := range rgb {
		rgb[c] = math.Pow(rgb[c], 1-share) * math.Pow(to[c], share)
	}
	y := luminance(rgb[0], rgb[1], rgb[2])
	return [3]float64{rgb[0] / y, rgb[1] / y, rgb[2] / y}
}

// likely raises the votes of lights near those that are seen directly: a room lit by its windows alone is as cool as they are.
func likely(c float64, seen []float64) float64 {
	const (
		weight = 0.5  // of being seen, against votes
		width  = 0.15 // ln units: how well daylightSeen tells the light
	)
	if len(seen) == 0 {
		return 1
	}
	var sum float64
	for _, s := range seen {
		d := (c - s) / width
		sum += math.Exp(-d * d / 2)
	}
	return 1 + weight*sum/float64(len(seen))
}

// miredOf is the reciprocal temperature of the locus at a coolness.
func miredOf(c float64) float64 {
	low, top := 60.0, 500.0
	for range 30 {
		if m := (low + top) / 2; cool(locus(1e6/m)) > c {
			low = m
		} else {
			top = m
		}
	}
	return low
}
