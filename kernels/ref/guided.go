package ref

import "github.com/realedit/realedit/kernels"

func guidedFilter(dst, guide, src *kernels.Image, radius int, eps float64) error {
	a, b := guidedPlanes(guide, src, radius, eps)
	for y := range a.h {
		for x := range a.w {
			i := y*a.w + x
			setPixel(dst, x, y, 0, a.v[i]*pixelAt(guide, x, y, 0)+b.v[i])
		}
	}
	return nil
}

func guidedCoefficients(dst, guide, src *kernels.Image, radius int, eps float64) error {
	a, b := guidedPlanes(guide, src, radius, eps)
	for y := range a.h {
		for x := range a.w {
			setPixel(dst, x, y, 0, a.v[y*a.w+x])
			setPixel(dst, x, y, 1, b.v[y*a.w+x])
		}
	}
	return nil
}

// guidedPlanes are mean(a) and mean(b) of He, Sun, Tang 2013, equations 5, 6 and 8.
func guidedPlanes(guide, src *kernels.Image, r int, eps float64) (a, b gray) {
	product := func(v []float64) float64 { return v[0] * v[1] }
	i, p := channel(guide, 0), channel(src, 0)
	mi, mp := boxMean(i, r), boxMean(p, r)
	mii, mip := boxMean(each(product, i, i), r), boxMean(each(product, i, p), r)
	a = each(func(v []float64) float64 {
		cov, variance := v[1]-v[2]*v[3], max(0, v[0]-v[2]*v[2])
		return cov / (variance + eps)
	}, mii, mip, mi, mp)
	b = each(func(v []float64) float64 { return v[0] - v[1]*v[2] }, mp, a, mi)
	return boxMean(a, r), boxMean(b, r)
}
