package hdr

import "math"

// placed is where a photo lies and where its pixels are taken from, both from the reference's pixels.
type placed struct {
	lies  homography // as measured
	taken homography // identity, a whole-pixel shift or lies
}

// worthwhile is the detail (see loss) that moving a photo must save.
const worthwhile = 0.15

// wholeEnough is how far a whole-pixel shift may be off the measured map at the corners, in pixels.
const wholeEnough = 0.5

// settle decides whether the movement measured between last and the photo beside it is corrected, and by what:
// the nearest whole-pixel shift, which is a copy, where that is wholeEnough, else the map as measured.
//
// Moving costs as well as mends: between pixels a photo is interpolated, which blurs. Both
// are counted in the same money, the detail lost where two photos are averaged (see loss), at every match. Beside a
// photo that kept its own pixels a photo keeps them too, unless moving it saves more than worthwhile by more
// than chance: two standard errors over the matches. So brackets from a tripod stay as they are, though lens, wind and
// resizing move them by fractions of a pixel, and a map that was bent to few matches has to earn its place.
//
// Matches are from last to the photo, the picture w×h.
func settle(matches []match, last placed, lies homography, w, h int) homography {
	move := lies
	if s := lies.wholeShift(w, h); cornerDistance(&s, &lies, w, h) <= wholeEnough {
		move = s
	}
	if last.taken == identity && len(matches) > 0 {
		all := newSites(matches, last)
		if mean, se := saving(all.cost(identity), all.cost(move)); mean-2*se <= worthwhile {
			return identity
		}
	}
	return move
}

// saving is the mean by which b is lower than a, and its standard error.
func saving(a, b []float64) (mean, se float64) {
	var sum, squares float64
	for i := range a {
		d := a[i] - b[i]
		sum += d
		squares += d * d
	}
	n := float64(len(a))
	mean = sum / n
	return mean, math.Sqrt(max(0, squares/n-mean*mean) / max(1, n-1))
}

// site is one match seen from the picture's pixels: the thing shows at (px,py) in last as it is
// taken, would show at (qx,qy) in the reference, and is at (u,v) in the photo.
type site struct{ px, py, qx, qy, u, v float64 }

type sites []site

func newSites(matches []match, last placed) sites {
	lies, taken := last.lies.inverse(), last.taken.inverse()
	all := make(sites, len(matches))
	for i, m := range matches {
		all[i].px, all[i].py = taken.apply(m.x, m.y)
		all[i].qx, all[i].qy = lies.apply(m.x, m.y)
		all[i].u, all[i].v = m.u, m.v
	}
	return all
}

// cost is the detail lost at each site when the photo is taken under h: the mean of both axes, against last and against the reference.
func (all sites) cost(h homography) []float64 {
	c := make([]float64, len(all))
	for i, s := range all {
		tx, ty := h.apply(math.Round(s.qx), math.Round(s.qy)) // the picture's pixels lie at whole places
		tx, ty = tx-math.Floor(tx), ty-math.Floor(ty)
		px, py := h.apply(s.px, s.py)
		qx, qy := h.apply(s.qx, s.qy)
		c[i] = (loss(tx, px-s.u) + loss(ty, py-s.v) + loss(tx, qx-s.u) + loss(ty, qy-s.v)) / 4
	}
	return c
}

// loss is the detail that an average of two photos loses along one axis when one of them is sampled by Keys' kernel
// a fraction t of a pixel past a sample, and r pixels off the place it should be: with w the
// kernel's weights, the lost energy of frequencies up to β/2 cycles per pixel is
//
//	1 − 1/β ∫ |1 + Σ w_k e^(−2πif(k−t+r))|²/4 df = (3 − 2 Σ w_k sinc(β(k−t+r)) − ΣΣ w_k w_l sinc(β(k−l)))/4,
//
// |f| ≤ β/2, summed over the octaves β = 1, ½, … 1/128. Half a pixel off loses 0.25, half a
// pixel's interpolation 0.24, one pixel off 0.75, far off 4.
func loss(t, r float64) float64 {
	w := keys(t)
	total := 0.0
	for beta := 1.0; beta >= 1.0/128; beta /= 2 {
		cross, own := 0.0, 0.0
		for k, a := range w {
			if a == 0 {
				continue
			}
			cross += a * sinc(beta*(float64(k-1)-t+r))
			for l, b := range w {
				own += a * b * sinc(beta*float64(k-l))
			}
		}
		total += (3 - 2*cross - own) / 4
	}
	return total
}

// keys are the weights of Keys' kernel (a = −½) for samples −1, 0, 1, 2 at a position t past sample 0, as Ops.Warp has them.
func keys(t float64) [4]float64 {
	return [4]float64{t * (-0.5 + t*(1-0.5*t)), 1 + t*t*(-2.5+1.5*t), t * (0.5 + t*(2-1.5*t)), t * t * (-0.5 + 0.5*t)}
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}
