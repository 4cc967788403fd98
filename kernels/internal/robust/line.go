package robust

import "math"

// line is the function through points whose x rises, straight between them and level beyond. It remembers where it was
// asked last, so that what lies near is found at once.
type line struct {
	xs, ys []float64
	near   int
}

func (l *line) at(x float64) float64 {
	last := len(l.xs) - 1
	if x <= l.xs[0] {
		return l.ys[0]
	}
	if x >= l.xs[last] {
		return l.ys[last]
	}
	k := l.near // the last point that is not beyond x
	for l.xs[k] > x {
		k--
	}
	for l.xs[k+1] <= x {
		k++
	}
	l.near = k
	return l.ys[k] + (l.ys[k+1]-l.ys[k])*(x-l.xs[k])/(l.xs[k+1]-l.xs[k])
}

// gradient is the central difference per entry, one-sided at the ends.
func gradient(t *[Levels]float64) (d [Levels]float64) {
	for k := range t {
		a, b := max(k-1, 0), min(k+1, Levels-1)
		d[k] = (t[b] - t[a]) / float64(b-a)
	}
	return d
}

// smooth is a Gaussian of σ entries, 4 at most, the end entries repeated.
func smooth(t *[Levels]float64, sigma float64) (out [Levels]float64) {
	const most = 16
	r := int(4*sigma + 0.5)
	var wide [Levels + 2*most]float64
	for k := range Levels + 2*r {
		wide[k] = t[min(max(k-r, 0), Levels-1)]
	}
	var total float64
	for i := range 2*r + 1 {
		w := math.Exp(-0.5 * sqr(float64(i-r)/sigma))
		total += w
		for k, v := range wide[i:][:Levels] {
			out[k] += w * v
		}
	}
	for k := range out {
		out[k] /= total
	}
	return out
}

func sqr(v float64) float64 { return v * v }
