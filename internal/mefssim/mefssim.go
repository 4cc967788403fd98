// Package mefssim measures how well a merged exposure keeps what its source photos
// show: MEF-SSIM of Ma, Zeng, Wang, "Perceptual Quality Assessment for Multi-Exposure Image
// Fusion", IEEE TIP 24(11), 2015, with the constants of the authors' program. It is a
// measuring tool for tests, written for reading and not for speed.
package mefssim

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/realedit/realedit/kernels"
)

// Result is a score in [−1, 1], 1 being best, and the mean quality of each scale, finest first.
type Result struct {
	Score  float64
	Scales [3]float64
}

const (
	side    = 11 // of a window
	samples = side * side
	epsilon = 0x1p-52
)

// exponents of the scales: the finest three of multi-scale SSIM, divided by their sum.
var exponents = [3]float64{0.0448 / 0.6305, 0.2856 / 0.6305, 0.3001 / 0.6305}

// gaussian is the window of the final comparison: σ 1.5, sum 1.
var gaussian = func() (w [samples]float64) {
	var sum float64
	for i := range w {
		x, y := float64(i%side-side/2), float64(i/side-side/2)
		w[i] = math.Exp(-(x*x + y*y) / (2 * 1.5 * 1.5))
		sum += w[i]
	}
	for i := range w {
		w[i] /= sum
	}
	return w
}()

// Score compares fused with the photos it was made of: U8, 3 channels, one size of at least
// 44×44 pixels, so that the coarsest scale holds a window.
//
// At each of three scales (each the 2×2 mean of the one before) and for every 11×11 window
// that lies within the picture, on grey levels 0 to 255, with x̂ₖ = xₖ − mean(xₖ) and eₖ = ‖x̂ₖ‖ + 0.001:
//
//	R = ‖Σ x̂ₖ‖ / Σ ‖x̂ₖ‖,  p = min(tan(πR/2), 10)
//	s = Σ wₖ x̂ₖ/eₖ with wₖ ∝ (eₖ/11)^p
//	r = s/‖s‖ · max eₖ                                      what the window should look like
//	q = (2 cov(r,f) + C) / (var(r) + var(f) + C)             Gaussian-weighted, C = (0.03·255)²
//
// The score is Π mean(q)^exponent over the scales.
func Score(photos []*kernels.Image, fused *kernels.Image) (Result, error) {
	all := append(append([]*kernels.Image(nil), photos...), fused)
	if len(photos) == 0 {
		return Result{}, fmt.Errorf("mefssim: no photos: %w", kernels.ErrInvalid)
	}
	for i, m := range all {
		if m == nil || m.Format() != kernels.U8 || m.Channels() != 3 || m.Bounds() != all[0].Bounds() || min(m.Width(), m.Height()) < 4*side {
			return Result{}, fmt.Errorf("mefssim: image %d is %v, want one size of at least %d×%d×3 u8: %w", i, m, 4*side, 4*side, kernels.ErrInvalid)
		}
	}
	planes := make([]plane, len(all))
	for i, m := range all {
		planes[i] = grey(m)
	}
	r := Result{Score: 1}
	for l := range r.Scales {
		if l > 0 {
			for i := range planes {
				planes[i] = planes[i].half()
			}
		}
		r.Scales[l] = quality(planes[:len(photos)], planes[len(photos)])
		r.Score *= math.Pow(max(0, r.Scales[l]), exponents[l])
	}
	return r, nil
}

type plane struct {
	w, h int
	v    []float64
}

// grey is 0.2989 R + 0.5870 G + 0.1140 B, rounded to a level.
func grey(m *kernels.Image) plane {
	p := plane{m.Width(), m.Height(), make([]float64, 0, m.Width()*m.Height())}
	for y := range p.h {
		row := m.RowU8(y)
		for ; len(row) > 0; row = row[3:] {
			p.v = append(p.v, math.Floor(0.2989*float64(row[0])+0.5870*float64(row[1])+0.1140*float64(row[2])+0.5))
		}
	}
	return p
}

// half is the 2×2 mean; the last column or row of an odd size counts twice.
func (p plane) half() plane {
	q := plane{(p.w + 1) / 2, (p.h + 1) / 2, nil}
	for y := range q.h {
		a, b := p.v[2*y*p.w:], p.v[min(2*y+1, p.h-1)*p.w:]
		for x := range q.w {
			x0, x1 := 2*x, min(2*x+1, p.w-1)
			q.v = append(q.v, (a[x0]+b[x0]+a[x1]+b[x1])/4)
		}
	}
	return q
}

// window copies the window at (x,y).
func (p plane) window(x, y int, dst *[samples]float64) {
	for j := range side {
		for i, v := range p.v[(y+j)*p.w+x:][:side] {
			dst[j*side+i] = v
		}
	}
}

// quality is the mean of q over the windows. Rows are summed apart and then in order, so that the number of threads does not show.
func quality(photos []plane, fused plane) float64 {
	rows := make([]float64, fused.h-side+1)
	cols := fused.w - side + 1
	var wg sync.WaitGroup
	next := make(chan int, len(rows))
	for y := range rows {
		next <- y
	}
	close(next)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			s := scratch{x: make([][samples]float64, len(photos)), e: make([]float64, len(photos)), w: make([]float64, len(photos))}
			for y := range next {
				for x := range cols {
					rows[y] += s.compare(photos, fused, x, y)
				}
			}
		})
	}
	wg.Wait()
	var sum float64
	for _, v := range rows {
		sum += v
	}
	return sum / float64(len(rows)*cols)
}

type scratch struct {
	x       [][samples]float64
	e, w    []float64
	sum     [samples]float64
	desired [samples]float64
	fused   [samples]float64
}

// compare is q of one window.
func (s *scratch) compare(photos []plane, fused plane, x, y int) float64 {
	var norms, largest float64
	clear(s.sum[:])
	for k, p := range photos {
		v := &s.x[k]
		p.window(x, y, v)
		var mean, square float64
		for _, a := range v {
			mean += a
		}
		mean /= samples
		for i := range v {
			v[i] -= mean
			square += v[i] * v[i]
			s.sum[i] += v[i]
		}
		norm := math.Sqrt(square)
		norms += norm
		s.e[k] = norm + 0.001
		largest = max(largest, s.e[k])
	}
	var square float64
	for _, a := range s.sum {
		square += a * a
	}
	agreement := min((math.Sqrt(square)+epsilon)/(norms+epsilon), 1-epsilon)
	p := min(math.Tan(math.Pi/2*agreement), 10)
	var total float64
	for k, e := range s.e {
		s.w[k] = math.Pow(e/side, p) + epsilon
		total += s.w[k]
	}
	clear(s.desired[:])
	for k := range s.x {
		c := s.w[k] / total / s.e[k]
		for i, a := range s.x[k] {
			s.desired[i] += c * a
		}
	}
	square = 0
	for _, a := range s.desired {
		square += a * a
	}
	scale := 0.0
	if square > 0 {
		scale = largest / math.Sqrt(square)
	}
	fused.window(x, y, &s.fused)
	var m1, m2 float64
	for i, g := range gaussian {
		s.desired[i] *= scale
		m1 += g * s.desired[i]
		m2 += g * s.fused[i]
	}
	var v1, v2, v12 float64
	for i, g := range gaussian {
		a, b := s.desired[i]-m1, s.fused[i]-m2
		v1 += g * a * a
		v2 += g * b * b
		v12 += g * a * b
	}
	const c = (0.03 * 255) * (0.03 * 255)
	return (2*v12 + c) / (v1 + v2 + c)
}
