package scene

import "math"

// vec is a point, a direction or a linear RGB triple.
type vec struct{ X, Y, Z float64 }

func (a vec) add(b vec) vec       { return vec{a.X + b.X, a.Y + b.Y, a.Z + b.Z} }
func (a vec) sub(b vec) vec       { return vec{a.X - b.X, a.Y - b.Y, a.Z - b.Z} }
func (a vec) mul(b vec) vec       { return vec{a.X * b.X, a.Y * b.Y, a.Z * b.Z} }
func (a vec) scale(s float64) vec { return vec{a.X * s, a.Y * s, a.Z * s} }
func (a vec) dot(b vec) float64   { return a.X*b.X + a.Y*b.Y + a.Z*b.Z }
func (a vec) length() float64     { return math.Sqrt(a.dot(a)) }
func (a vec) unit() vec           { return a.scale(1 / a.length()) }
func (a vec) lerp(b vec, t float64) vec {
	return vec{a.X + (b.X-a.X)*t, a.Y + (b.Y-a.Y)*t, a.Z + (b.Z-a.Z)*t}
}
func (a vec) cross(b vec) vec {
	return vec{a.Y*b.Z - a.Z*b.Y, a.Z*b.X - a.X*b.Z, a.X*b.Y - a.Y*b.X}
}
func (a vec) lum() float64 { return 0.2126*a.X + 0.7152*a.Y + 0.0722*a.Z }

func grey(v float64) vec { return vec{v, v, v} }

// srgb turns 8-bit sRGB code values into linear light; whole numbers come from a table.
func srgb(r, g, b float64) vec { return vec{code(r), code(g), code(b)} }

var codes = func() (t [256]float64) {
	for i := range t {
		t[i] = decodeSRGB(float64(i) / 255)
	}
	return t
}()

func code(v float64) float64 {
	if i := int(v); i >= 0 && i < 256 && float64(i) == v {
		return codes[i]
	}
	return decodeSRGB(v / 255)
}

func clamp(x, lo, hi float64) float64 { return min(max(x, lo), hi) }

func smooth(lo, hi, x float64) float64 {
	t := clamp((x-lo)/(hi-lo), 0, 1)
	return t * t * (3 - 2*t)
}

// basis returns two unit vectors that complete n to an orthonormal frame.
func basis(n vec) (vec, vec) {
	a := vec{1, 0, 0}
	if math.Abs(n.X) > 0.8 {
		a = vec{0, 1, 0}
	}
	u := n.cross(a).unit()
	return u, n.cross(u)
}

func sincos(a float64) (float64, float64) { return math.Sincos(a) }

func exp2(x float64) float64 { return math.Exp2(x) }
func log2(x float64) float64 { return math.Log2(x) }
