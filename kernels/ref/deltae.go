package ref

import (
	"math"
	"slices"

	"github.com/realedit/realedit/kernels"
)

func deltaE(a, b, m, mask *kernels.Image) (kernels.DeltaEResult, error) {
	var counted []float64
	for y := range a.Height() {
		for x := range a.Width() {
			d := ciede2000(labAt(a, x, y), labAt(b, x, y))
			if m != nil {
				setPixel(m, x, y, 0, d)
			}
			if picked(mask, x, y) {
				counted = append(counted, d)
			}
		}
	}
	if len(counted) == 0 {
		return kernels.DeltaEResult{}, nil
	}
	slices.Sort(counted)
	res := kernels.DeltaEResult{N: int64(len(counted)), Max: counted[len(counted)-1]}
	for _, d := range counted {
		res.Mean += d
	}
	res.Mean /= float64(len(counted))
	p := 0.95 * float64(len(counted)-1)
	i := int(p)
	j := min(i+1, len(counted)-1)
	res.P95 = counted[i] + (p-float64(i))*(counted[j]-counted[i])
	return res, nil
}

// labAt is the CIELAB colour of an sRGB-encoded pixel: the matrix and white that
// scikit-image uses (ITU-R BT.709 primaries, D65, 2°), CIE 15's rounded constants.
func labAt(m *kernels.Image, x, y int) [3]float64 {
	var v [3]float64
	for c := range v {
		v[c] = decodeSRGB1(pixelAt(m, x, y, c))
	}
	f := func(t float64) float64 {
		if t > 0.008856 {
			return math.Cbrt(t)
		}
		return 7.787*t + 16.0/116
	}
	fx := f((0.412453*v[0] + 0.357580*v[1] + 0.180423*v[2]) / 0.95047)
	fy := f(0.212671*v[0] + 0.715160*v[1] + 0.072169*v[2])
	fz := f((0.019334*v[0] + 0.119193*v[1] + 0.950227*v[2]) / 1.08883)
	return [3]float64{116*fy - 16, 500 * (fx - fy), 200 * (fy - fz)}
}

// ciede2000 is Sharma, Wu, Dalal 2005, equations 2 to 22, with kL = kC = kH = 1.
func ciede2000(p, q [3]float64) float64 {
	const rad = math.Pi / 180
	pow7 := func(c float64) float64 { return math.Pow(c, 7) }
	mean := (math.Hypot(p[1], p[2]) + math.Hypot(q[1], q[2])) / 2
	g := 0.5 * (1 - math.Sqrt(pow7(mean)/(pow7(mean)+pow7(25))))
	a1, a2 := (1+g)*p[1], (1+g)*q[1]
	c1, c2 := math.Hypot(a1, p[2]), math.Hypot(a2, q[2])
	hue := func(a, b float64) float64 {
		if a == 0 && b == 0 {
			return 0
		}
		h := math.Atan2(b, a) / rad
		if h < 0 {
			h += 360
		}
		return h
	}
	h1, h2 := hue(a1, p[2]), hue(a2, q[2])

	dl, dc, dh := q[0]-p[0], c2-c1, h2-h1
	h := h1 + h2
	switch {
	case c1*c2 == 0:
		dh = 0
	case math.Abs(dh) <= 180*(1+1e-12): // hues exactly opposite count as 180° whatever the rounding
		h /= 2
	default:
		dh -= math.Copysign(360, dh)
		if h < 360 {
			h += 360
		} else {
			h -= 360
		}
		h /= 2
	}
	dH := 2 * math.Sqrt(c1*c2) * math.Sin(dh/2*rad)

	l, c := (p[0]+q[0])/2, (c1+c2)/2
	t := 1 - 0.17*math.Cos((h-30)*rad) + 0.24*math.Cos(2*h*rad) + 0.32*math.Cos((3*h+6)*rad) - 0.20*math.Cos((4*h-63)*rad)
	theta := 30 * math.Exp(-((h-275)/25)*((h-275)/25))
	rc := 2 * math.Sqrt(pow7(c)/(pow7(c)+pow7(25)))
	sl := 1 + 0.015*(l-50)*(l-50)/math.Sqrt(20+(l-50)*(l-50))
	sc, sh := 1+0.045*c, 1+0.015*c*t
	rt := -math.Sin(2*theta*rad) * rc
	x, y, z := dl/sl, dc/sc, dH/sh
	return math.Sqrt(max(0, x*x+y*y+z*z+rt*y*z))
}
