package robust

import "math"

// transfer is how a photo shows the scene: its luma at the levels, which never falls, and how steeply that rises.
type transfer struct{ luma, slope [Levels]float64 }

// transfers are the photos' mean lumas at the scene levels: a local line through the reduced
// pixels, Gaussian weights of σ 4 levels, made monotone.
func transfers(s *Summary) []transfer {
	var window [25]float64
	for i := range window {
		window[i] = math.Exp(-0.5 * sqr(float64(i-12)/4))
	}
	// The sums of v and of v times the level around each level, and with squares of v times its square.
	moments := func(v *[Levels]float64, squares bool) (m [3][Levels]float64) {
		for i, g := range window {
			first, end := max(0, 12-i), min(Levels, Levels+12-i)
			v, x := v[first+i-12:end+i-12], levels[first+i-12:]
			zero, one, two := m[0][first:], m[1][first:], m[2][first:]
			x, zero, one, two = x[:len(v)], zero[:len(v)], one[:len(v)], two[:len(v)]
			for k, v := range v {
				a := g * v
				zero[k] += a
				one[k] += a * x[k]
			}
			for k := 0; squares && k < len(v); k++ {
				two[k] += g * v[k] * (x[k] * x[k])
			}
		}
		return m
	}
	var count, mean, f [Levels]float64
	for k, n := range s.Shared {
		count[k] = float64(n)
	}
	a := moments(&count, true)
	all := make([]transfer, len(s.Sums))
	for n := range all {
		for k, sum := range s.Sums[n] {
			mean[k] = float64(sum) / 65535
		}
		b := moments(&mean, false)
		known := line{xs: make([]float64, 0, Levels), ys: make([]float64, 0, Levels)}
		for k := range Levels {
			if a[0][k] < 1 {
				continue
			}
			var s float64
			if d := a[0][k]*a[2][k] - sqr(a[1][k]); d > 1e-9*sqr(a[0][k]) {
				s = (a[0][k]*b[1][k] - a[1][k]*b[0][k]) / d
			}
			known.xs = append(known.xs, level(k))
			known.ys = append(known.ys, (b[0][k]-s*a[1][k])/a[0][k]+s*level(k))
		}
		t := &all[n]
		for k := range f {
			f[k] = min(1, max(0, known.at(level(k))))
			if k > 0 {
				f[k] = max(f[k], f[k-1])
			}
		}
		t.luma = f
		even := smooth(&f, 2.5)
		t.slope = gradient(&even)
		for k := range t.slope {
			t.slope[k] = max(0, t.slope[k]*Levels)
		}
	}
	return all
}

// Scene is a scene level and its weight.
type Scene struct{ Level, Trust float64 }

// Back are the inverse transfers, for pixels that some photos lack: per photo the scene level of a luma j/Inverse, and how
// much that is to be trusted, which is where the photo shows contrast.
func (t *Tables) Back() [][Inverse + 1]Scene {
	back := make([][Inverse + 1]Scene, len(t.photos))
	var rising [Levels]float64
	for i := range back {
		p := &t.photos[i]
		for k := range rising {
			rising[k] = p.luma[k] + 1e-6*levels[k] // so that it has an inverse
		}
		inverse, slope := line{xs: rising[:], ys: levels[:]}, line{xs: levels[:], ys: p.slope[:]}
		for j := range back[i] {
			g := inverse.at(float64(j) / Inverse)
			back[i][j] = Scene{g, slope.at(g) + 1e-4}
		}
	}
	return back
}
