package segment

import "math"

// air is the radiance of a cloudless sky: Preetham, Shirley, Smits, A Practical Analytic Model for Daylight (SIGGRAPH 1999), appendix A.2, whose
// distribution is that of Perez, Seals, Michalsky (1993). Directions are (right, up, forward).
type air struct {
	sun        [3]float64
	perez      [3][5]float64 // of Y, x, y
	zenith     [3]float64    // Y in kcd/m², x, y
	normalised [3]float64    // zenith over the distribution there
}

// lowestSun is the least elevation, in degrees, that the model is asked for: below it the fit leaves what was measured.
const lowestSun = 4.0

// newAir takes the sun's elevation and azimuth in degrees and the turbidity (2 very clear, 3 clear, 6 hazy).
func newAir(elevation, azimuth, turbidity float64) *air {
	t := turbidity
	zenithAngle := (90 - max(elevation, lowestSun)) * degree
	a := &air{perez: [3][5]float64{
		{0.1787*t - 1.4630, -0.3554*t + 0.4275, -0.0227*t + 5.3251, 0.1206*t - 2.5771, -0.0670*t + 0.3703},
		{-0.0193*t - 0.2592, -0.0665*t + 0.0008, -0.0004*t + 0.2125, -0.0641*t - 0.8989, -0.0033*t + 0.0452},
		{-0.0167*t - 0.2608, -0.0950*t + 0.0092, -0.0079*t + 0.2102, -0.0441*t - 1.6537, -0.0109*t + 0.0529},
	}}
	sin, cos := math.Sincos(zenithAngle)
	az := azimuth * degree
	a.sun = [3]float64{sin * math.Sin(az), cos, sin * math.Cos(az)}
	chi := (4.0/9 - t/120) * (math.Pi - 2*zenithAngle)
	s, s2, s3 := zenithAngle, zenithAngle*zenithAngle, zenithAngle*zenithAngle*zenithAngle
	a.zenith = [3]float64{
		(4.0453*t-4.9710)*math.Tan(chi) - 0.2155*t + 2.4192,
		t*t*(0.00166*s3-0.00375*s2+0.00209*s) + t*(-0.02903*s3+0.06377*s2-0.03202*s+0.00394) + 0.11693*s3 - 0.21196*s2 + 0.06052*s + 0.25886,
		t*t*(0.00275*s3-0.00610*s2+0.00317*s) + t*(-0.04214*s3+0.08970*s2-0.04153*s+0.00516) + 0.15346*s3 - 0.26756*s2 + 0.06670*s + 0.26688,
	}
	for k := range a.normalised {
		a.normalised[k] = a.zenith[k] / a.distribution(k, 1, zenithAngle, cos)
	}
	return a
}

// distribution is Perez' function for a direction whose elevation has the sine up and which lies the angle gamma from the sun.
func (a *air) distribution(k int, up, gamma, cosGamma float64) float64 {
	p := &a.perez[k]
	return (1 + p[0]*math.Exp(p[1]/max(up, 0.015))) * (1 + p[2]*math.Exp(p[3]*gamma) + p[4]*cosGamma*cosGamma)
}

// at is the radiance of the sky in a direction of length 1, in linear sRGB with luminance in kcd/m²; below the horizon it is the horizon's.
func (a *air) at(d [3]float64) [3]float64 {
	cos := max(-1, min(1, d[0]*a.sun[0]+d[1]*a.sun[1]+d[2]*a.sun[2]))
	gamma := math.Acos(cos)
	var v [3]float64
	for k := range v {
		v[k] = a.normalised[k] * a.distribution(k, d[1], gamma, cos)
	}
	return fromXYY(v[1], v[2], max(v[0], 0))
}

// fromXYY is linear sRGB (IEC 61966-2-1, white D65) of a chromaticity and a luminance; what lies outside the gamut is clipped.
func fromXYY(x, y, l float64) [3]float64 {
	X, Z := x/y*l, (1-x-y)/y*l
	return [3]float64{
		max(0, 3.2404542*X-1.5371385*l-0.4985314*Z),
		max(0, -0.9692660*X+1.8760108*l+0.0415560*Z),
		max(0, 0.0556434*X-0.2040259*l+1.0572252*Z),
	}
}

// sunColour is the colour of sunlight through the air at an elevation in degrees, luminance 1: daylight of noon, yellower and then orange as
// it passes more air. The path is that of Kasten and Young (1989); the optical depths of the three channels are Rayleigh's λ⁻⁴ at 610, 550 and 465 nm
// with an aerosol's λ⁻¹·³ of 0.06 at 550 nm. Relative to a path of one air mass, which white balance takes out.
func sunColour(elevation float64) [3]float64 {
	e := max(elevation, lowestSun)
	path := 1/(math.Sin(e*degree)+0.50572*math.Pow(e+6.07995, -1.6364)) - 1
	var c [3]float64
	for k, depth := range [3]float64{0.063 + 0.052, 0.097 + 0.060, 0.194 + 0.075} {
		c[k] = math.Exp(-depth * path)
	}
	l := luminanceOf(c)
	for k := range c {
		c[k] /= l
	}
	return c
}

// luminanceOf is the luminance of linear sRGB.
func luminanceOf(c [3]float64) float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }
