package qc

import (
	"image"
	"math"

	"github.com/realedit/realedit/internal/parallel"
)

// Borders are where tiles of a picture met: a border at x lies between the columns x−1 and x.
type Borders struct{ X, Y []int }

const (
	seamRun    = 256 // pixels along a border that are averaged
	seamHalf   = 8   // pixels to either side
	seamLeast  = 24  // lines across the border that make a run worth judging
	seamSmooth = 16  // levels a line may span where tone may differ
)

// seams compares, in runs along each border, the step across it with the steps beside it.
// Steps are those of the difference between picture and reference, averaged along the run: what is in the
// scene cancels, noise averages out. Up to tone, the reference is first brought to the picture's
// gain and offset by least squares over the strip. The number is |step| − the root mean square of the
// steps beside it, per channel, in 1/255.
func (b *bench) seams(got *view, refs []*view, at Borders, strict bool) error {
	g := got.geometry
	type job struct {
		r       image.Rectangle
		upright bool
	}
	var jobs []job
	for _, x := range at.X {
		if x < seamHalf || x > g.W-seamHalf {
			continue
		}
		for y := 0; y < g.H; y += seamRun {
			jobs = append(jobs, job{image.Rect(x-seamHalf, y, x+seamHalf, min(g.H, y+seamRun)), true})
		}
	}
	for _, y := range at.Y {
		if y < seamHalf || y > g.H-seamHalf {
			continue
		}
		for x := 0; x < g.W; x += seamRun {
			jobs = append(jobs, job{image.Rect(x, y-seamHalf, min(g.W, x+seamRun), y+seamHalf), false})
		}
	}
	val := make([]float64, len(jobs))
	errs := make([]error, len(jobs))
	parallel.Each(len(jobs), func(i int) { val[i], errs[i] = b.seam(got, refs, jobs[i].r, jobs[i].upright, strict) })
	var rs []Region
	for i, v := range val {
		if errs[i] != nil {
			return errs[i]
		}
		rs = append(rs, Region{jobs[i].r, v})
	}
	if rs = worst(rs, false); len(rs) > 0 {
		b.add(Seams, "step", rs[0].Value, false, rs)
	}
	return nil
}

func (b *bench) seam(got *view, refs []*view, r image.Rectangle, upright, strict bool) (float64, error) {
	g := got.geometry
	x0, y0 := min(g.w-1, int(float64(r.Min.X)/g.sx)), min(g.h-1, int(float64(r.Min.Y)/g.sy))
	k := best(refs, x0, y0, max(x0+1, int(float64(r.Max.X)/g.sx)), max(y0+1, int(float64(r.Max.Y)/g.sy)))
	if k < 0 {
		return 0, nil
	}
	p, freeP, err := b.window(got.src, r)
	if err != nil {
		return 0, err
	}
	defer freeP()
	q, freeQ, err := b.window(refs[k].src, r)
	if err != nil {
		return 0, err
	}
	defer freeQ()
	w, h := r.Dx(), r.Dy()
	row, ref := make([]uint16, 3*w), make([]uint16, 3*w)
	// Up to tone, an edge of the scene would leave a step of its own: only lines across the
	// border on which the reference is smooth are counted.
	smooth := func(int) bool { return true }
	if !strict {
		lines := h
		if !upright {
			lines = w
		}
		low, high := make([]uint16, lines), make([]uint16, lines)
		for y := range h {
			unitRow16(ref, q, y)
			for x := range w {
				i, v := y, lumaOf(ref[3*x], ref[3*x+1], ref[3*x+2])
				if !upright {
					i = x
				}
				if upright && x == 0 || !upright && y == 0 {
					low[i], high[i] = v, v
				}
				low[i], high[i] = min(low[i], v), max(high[i], v)
			}
		}
		smooth = func(i int) bool { return float64(high[i]-low[i]) <= seamSmooth*level }
	}
	var sp, sq, n [3][2 * seamHalf]float64
	var cov, vr, mp, mq, cnt [3]float64
	for y := range h {
		unitRow16(row, p, y)
		unitRow16(ref, q, y)
		for x := range w {
			i, line := x, y
			if !upright {
				i, line = y, x
			}
			if !smooth(line) {
				continue
			}
			for c := range 3 {
				a, d := float64(row[3*x+c])/level, float64(ref[3*x+c])/level
				if !strict && (d >= 250 || a >= 250) {
					continue
				}
				sp[c][i] += a
				sq[c][i] += d
				n[c][i]++
				mp[c] += a
				mq[c] += d
				cov[c] += a * d
				vr[c] += d * d
				cnt[c]++
			}
		}
	}
	most := 0.0
	for c := range 3 {
		gain := 1.0
		if !strict {
			if cnt[c] < 64 {
				continue
			}
			va := vr[c] - mq[c]*mq[c]/cnt[c]
			gain = (cov[c] - mp[c]*mq[c]/cnt[c]) / max(va, 1e-9)
			if va < cnt[c] {
				gain = mp[c] / max(mq[c], 1) // too flat to tell a slope
			}
		}
		var d [2 * seamHalf]float64
		good := true
		for i := range d {
			if n[c][i] < seamLeast {
				good = false
				break
			}
			d[i] = (sp[c][i] - gain*sq[c][i]) / n[c][i]
		}
		if !good {
			continue
		}
		beside, m := 0.0, 0.0
		for i := 1; i < len(d); i++ {
			if o := i - seamHalf; o >= 2 || o <= -2 {
				beside += (d[i] - d[i-1]) * (d[i] - d[i-1])
				m++
			}
		}
		most = max(most, math.Abs(d[seamHalf]-d[seamHalf-1])-math.Sqrt(beside/m))
	}
	return most, nil
}
