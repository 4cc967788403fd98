package scene

import "math"

// Identity is the homography of a photo that did not move.
var Identity = [9]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}

// apply maps a point through a row-major homography.
func apply(h [9]float64, x, y float64) (float64, float64) {
	w := h[6]*x + h[7]*y + h[8]
	return (h[0]*x + h[1]*y + h[2]) / w, (h[3]*x + h[4]*y + h[5]) / w
}

func multiply(a, b [9]float64) (c [9]float64) {
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				c[3*i+j] += a[3*i+k] * b[3*k+j]
			}
		}
	}
	return c
}

func invert(h [9]float64) [9]float64 {
	a := [9]float64{
		h[4]*h[8] - h[5]*h[7], h[2]*h[7] - h[1]*h[8], h[1]*h[5] - h[2]*h[4],
		h[5]*h[6] - h[3]*h[8], h[0]*h[8] - h[2]*h[6], h[2]*h[3] - h[0]*h[5],
		h[3]*h[7] - h[4]*h[6], h[1]*h[6] - h[0]*h[7], h[0]*h[4] - h[1]*h[3],
	}
	d := h[0]*a[0] + h[1]*a[3] + h[2]*a[6]
	for i := range a {
		a[i] /= d
	}
	return a
}

// Shake is the motion of a hand-held photo: the camera's shift in pixels, its roll in degrees, and a tilt that moves the corners by
// about Tilt pixels more than an affine map would.
type Shake struct{ DX, DY, Roll, Tilt float64 }

// Homography maps reference pixels to this photo's pixels, for a picture of w × h, turning about the middle.
// Row-major, pixel centres at whole numbers: (x', y', 1) ~ H·(x, y, 1).
func (s Shake) Homography(w, h int) [9]float64 {
	cx, cy := float64(w-1)/2, float64(h-1)/2
	sn, cs := math.Sincos(s.Roll * math.Pi / 180)
	r2 := cx*cx + cy*cy
	// At a corner the division by 1+p·x moves a point by p·x·r; solve for Tilt there.
	p := s.Tilt / r2 * 0.7
	q := -s.Tilt / r2 * 0.45
	to := [9]float64{1, 0, -cx, 0, 1, -cy, 0, 0, 1}
	mid := [9]float64{cs, -sn, s.DX, sn, cs, s.DY, p, q, 1}
	back := [9]float64{1, 0, cx, 0, 1, cy, 0, 0, 1}
	h9 := multiply(back, multiply(mid, to))
	k := h9[8]
	for i := range h9 {
		h9[i] /= k
	}
	return h9
}

// Apply maps a reference pixel through a row-major homography.
func Apply(h [9]float64, x, y float64) (float64, float64) { return apply(h, x, y) }

// Invert returns the inverse homography. The matrix must be regular.
func Invert(h [9]float64) [9]float64 { return invert(h) }
