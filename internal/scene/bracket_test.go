package scene

import (
	"math"
	"testing"
)

// warpBack samples photo pixels (linear, bilinear) where the homography says each reference pixel went.
func warpBack(p *Photo, w, h int) (out []float64, ok []bool) {
	out, ok = make([]float64, w*h), make([]bool, w*h)
	at := func(x, y int) float64 { return decodeSRGB(float64(p.Pix16[3*(y*w+x)+1]) / 65535) }
	for y := range h {
		for x := range w {
			px, py := apply(p.Homography, float64(x), float64(y))
			i, j := int(math.Floor(px)), int(math.Floor(py))
			if i < 0 || j < 0 || i+1 >= w || j+1 >= h {
				continue
			}
			u, v := px-float64(i), py-float64(j)
			out[y*w+x] = (at(i, j)*(1-u)+at(i+1, j)*u)*(1-v) + (at(i, j+1)*(1-u)+at(i+1, j+1)*u)*v
			ok[y*w+x] = true
		}
	}
	return out, ok
}

func difference(a, b []float64, ok []bool) float64 {
	var s, n float64
	for i := range a {
		if ok[i] {
			s += math.Abs(a[i] - b[i])
			n++
		}
	}
	return s / n
}

func TestHomographyIsTrue(t *testing.T) {
	s := EvenWall(EvenWallOptions{W: 240, H: 160})
	b := s.Bracket(BracketOptions{EVs: []float64{-5, -5, -5, -5}, Hand: 9, Camera: Camera{Bits: 16, FullWell: -1}, Seed: 2})
	ref, _ := warpBack(&b.Photos[0], s.W, s.H)
	for i := 1; i < len(b.Photos); i++ {
		p := &b.Photos[i]
		right, ok := warpBack(p, s.W, s.H)
		good := difference(ref, right, ok)
		moved := *p
		moved.Homography = Identity
		wrong, okw := warpBack(&moved, s.W, s.H)
		if bad := difference(ref, wrong, okw); good > bad/2.5 {
			t.Errorf("photo %d: warped back it differs by %.5f, unwarped by %.5f", i, good, bad)
		}
		// a third of a pixel off must be worse than the truth
		for _, e := range [4][2]float64{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
			off := *p
			off.Homography = multiply([9]float64{1, 0, e[0] / 3, 0, 1, e[1] / 3, 0, 0, 1}, p.Homography)
			v, okv := warpBack(&off, s.W, s.H)
			if d := difference(ref, v, okv); d <= good {
				t.Errorf("photo %d: shifted by (%g, %g)/3 it fits better: %.6f, truth %.6f", i, e[0], e[1], d, good)
			}
		}
		cx, cy := float64(s.W-1)/2, float64(s.H-1)/2
		x, y := apply(p.Homography, cx, cy)
		if d := math.Hypot(x-cx, y-cy); d < 9*0.45-1e-9 || d > 9+1e-9 {
			t.Errorf("photo %d: its middle moved by %.2f px, asked for 4.05..9", i, d)
		}
		x, y = apply(Invert(p.Homography), x, y)
		if math.Hypot(x-cx, y-cy) > 1e-9 {
			t.Errorf("photo %d: inverse does not invert", i)
		}
	}
}

func TestGhostsMoveOnlyInsideTheMask(t *testing.T) {
	s := Interior(InteriorOptions{W: 180, H: 120})
	b := s.Bracket(BracketOptions{EVs: []float64{0, 0, 0}, Ghost: true, Camera: Camera{Bits: 16, FullWell: -1}})
	var inside, moving int
	for i := range b.Moving {
		lo, hi := uint16(math.MaxUint16), uint16(0)
		for k := range b.Photos {
			v := b.Photos[k].Pix16[3*i+1]
			lo, hi = min(lo, v), max(hi, v)
		}
		if b.Moving[i] == 0 && hi-lo > 65535/100 {
			t.Fatalf("pixel %d changes by %d outside the moving region", i, hi-lo)
		}
		if b.Moving[i] > 0 {
			moving++
			if hi-lo > 65535/50 {
				inside++
			}
		}
	}
	if moving < 300 || moving > s.W*s.H/3 || inside < moving/4 {
		t.Errorf("%d pixels in the moving region, %d of them change", moving, inside)
	}
}
