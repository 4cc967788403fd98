package ref

import (
	"math"

	"github.com/realedit/realedit/kernels/internal/robust"
)

// fitted is one step of local contrast: at every reduced pixel the merged luma Y becomes
// offset + own·Y + Σ photo[i]·yᵢ, held within the range about mean + self·Y.
type fitted struct {
	self, mean, own, offset gray
	photo                   []gray
}

// fit compares the merged luma of the reduced pixels with the photos' in all windows. photos[i] is
// whole where whole[i] is 1.
func fit(s robust.Contrast, merged gray, photos, whole []gray) fitted {
	w, h, n := merged.w, merged.h, len(photos)
	m, c := moments(merged, s.Radius)
	means, sds := make([]gray, n), make([]gray, n)
	for i := range photos {
		means[i], sds[i] = moments(photos[i], s.Radius)
		for j, v := range boxMean(whole[i], s.Radius).v {
			if v < 1-1e-9 {
				sds[i].v[j] = 0
			}
		}
	}
	weight, mean, own, offset := newGray(w, h), newGray(w, h), newGray(w, h), newGray(w, h)
	part := make([]gray, n)
	for i := range part {
		part[i] = newGray(w, h)
	}
	near := make([]float64, n)
	for j := range merged.v {
		best := 0.0
		for i := range sds {
			best = max(best, sds[i].v[j])
		}
		total := 0.0
		for i := range near {
			near[i] = math.Pow((sds[i].v[j]+robust.Faint)/(best+robust.Faint), 8)
			total += near[i]
		}
		trust := best * best / (best*best + s.Noise*s.Noise)
		want := min(best, robust.Gain*(c.v[j]+robust.Least))
		t := 1 / (1 + math.Pow(c.v[j]/s.Edge, 5))
		weight.v[j] = t
		mean.v[j] = t * m.v[j]
		own.v[j] = t * (1 - trust)
		offset.v[j] = t * trust * m.v[j]
		for i := range near {
			a := trust * want * near[i] / total / (sds[i].v[j] + robust.Floor)
			part[i].v[j] = t * a
			offset.v[j] -= t * a * means[i].v[j]
		}
	}
	f := fitted{boxMean(weight, s.Radius), boxMean(mean, s.Radius), boxMean(own, s.Radius), boxMean(offset, s.Radius), make([]gray, n)}
	for i := range part {
		f.photo[i] = boxMean(part[i], s.Radius)
	}
	for j := range merged.v {
		inv := 1 / (f.self.v[j] + robust.Self)
		f.self.v[j] = robust.Self * inv
		f.mean.v[j] *= inv
		f.own.v[j] = inv * (f.own.v[j] + robust.Self)
		f.offset.v[j] *= inv
		for i := range f.photo {
			f.photo[i].v[j] *= inv
		}
	}
	return f
}

// apply is the step on one luma, with the coefficients between the reduced pixels around; luma is what each photo has there.
func (f fitted) apply(xs, ys []tap, y float64, luma []float64) float64 {
	at := func(p gray) (v float64) {
		for _, j := range ys {
			for _, i := range xs {
				v += j.weight * i.weight * p.v[j.i*p.w+i.i]
			}
		}
		return v
	}
	mean := min(robust.White, max(0, at(f.mean)+at(f.self)*y))
	d := at(f.offset) + at(f.own)*y - mean
	for i, l := range luma {
		if l > 0 {
			d += at(f.photo[i]) * l
		}
	}
	room := robust.Deepest * mean
	if d > 0 {
		room = robust.White - mean
	}
	room = max(room, 1e-4)
	return min(robust.White, max(0, mean+d/math.Pow(1+math.Pow(d/room, 4), 0.25)))
}

// moments are the mean and the standard deviation in the windows.
func moments(p gray, r int) (mean, sd gray) {
	square := newGray(p.w, p.h)
	for j, v := range p.v {
		square.v[j] = v * v
	}
	mean, sd = boxMean(p, r), boxMean(square, r)
	for j := range sd.v {
		sd.v[j] = math.Sqrt(max(0, sd.v[j]-mean.v[j]*mean.v[j]))
	}
	return mean, sd
}
