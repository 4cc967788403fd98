package main

import (
	"image"
	_ "image/jpeg" // previews are JPEG
	"math"
	"os"
	"slices"

	"github.com/realedit/realedit"
)

// look is how bright and how neutral a finished picture is, measured on its preview.
type look struct {
	Luma float64 `json:"luma"` // mean of the encoded luma, 0 to 1
	A    float64 `json:"a"`    // CIELAB (D65) means of the nearly grey pixels: chroma below 15, L from 25 to 95
	B    float64 `json:"b"`
	Grey float64 `json:"grey"` // share of pixels those are
}

// lookAt measures a preview; nil when it cannot be read.
func lookAt(path string) *look {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	m, _, err := image.Decode(f)
	if err != nil {
		return nil
	}
	var l look
	var n, grey float64
	r := m.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y += 2 { // every fourth pixel tells enough
		for x := r.Min.X; x < r.Max.X; x += 2 {
			r16, g16, b16, _ := m.At(x, y).RGBA()
			R, G, B := float64(r16)/65535, float64(g16)/65535, float64(b16)/65535
			l.Luma += 0.299*R + 0.587*G + 0.114*B
			n++
			L, a, b := lab(R, G, B)
			if L >= 25 && L <= 95 && math.Hypot(a, b) < 15 {
				l.A, l.B = l.A+a, l.B+b
				grey++
			}
		}
	}
	if n == 0 {
		return nil
	}
	round := func(v float64) float64 { return math.Round(v*1e4) / 1e4 }
	return &look{round(l.Luma / n), round(l.A / max(grey, 1)), round(l.B / max(grey, 1)), round(grey / n)}
}

// lab takes encoded sRGB to CIELAB under D65.
func lab(r, g, b float64) (L, A, B float64) {
	lin := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	r, g, b = lin(r), lin(g), lin(b)
	x := f((0.4124564*r + 0.3575761*g + 0.1804375*b) / 0.95047)
	y := f(0.2126729*r + 0.7151522*g + 0.0721750*b)
	z := f((0.0193339*r + 0.1191920*g + 0.9503041*b) / 1.08883)
	return 116*y - 16, 500 * (x - y), 200 * (y - z)
}

// spread is how far the finished pictures of a listing lie apart.
type spread struct {
	Pictures int `json:"pictures"`
	// WhiteBalance is the largest distance of a picture's near-greys in (a, b) from the listing's median.
	WhiteBalance float64 `json:"white_balance"`
	// Exposure is the largest difference of mean luma between two pictures.
	Exposure   float64 `json:"exposure"`
	MedianA    float64 `json:"median_a"`
	MedianB    float64 `json:"median_b"`
	MedianLuma float64 `json:"median_luma"`
}

// minGrey is the share of nearly grey pixels from which a picture has a say on white balance.
const minGrey = 0.05

func spreadOf(outcomes []*outcome) *spread {
	var a, b, luma []float64
	for _, o := range outcomes {
		if o.Look == nil {
			continue
		}
		luma = append(luma, o.Look.Luma)
		if o.Look.Grey >= minGrey {
			a, b = append(a, o.Look.A), append(b, o.Look.B)
		}
	}
	if len(luma) == 0 {
		return nil
	}
	s := &spread{Pictures: len(luma), MedianA: median(a), MedianB: median(b), MedianLuma: median(luma)}
	for i := range a {
		s.WhiteBalance = max(s.WhiteBalance, math.Hypot(a[i]-s.MedianA, b[i]-s.MedianB))
	}
	s.WhiteBalance = math.Round(s.WhiteBalance*1e4) / 1e4
	s.Exposure = math.Round((slices.Max(luma)-slices.Min(luma))*1e4) / 1e4
	return s
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// stops are the exposures of a set's photos beside its reference, for people.
func stops(r *realedit.Report) []float64 {
	var ev []float64
	for _, in := range r.Inputs {
		ev = append(ev, math.Round(in.EV*10)/10)
	}
	return ev
}
