package lock

import "math"

// The fit is a moving least squares (Lancaster, Šalkauskas 1981) with robust weights: at each node, and for each channel, lo and hi minimise
//
//	Σ G·w·(T(v)(lo(1−v) + hi·v) − (m−v))² + Σ G·w·(steady²·(hi−lo)² + still²·(lo²+hi²))
//
// over the picture's samples v and the model's m, with G a Gaussian of the distance to the node and w = min(1, slack/ρ), ρ the sample's
// residual under the fit of the round before (Huber 1964): what a model draws is an outlier among the samples of its neighbourhood.
const (
	reach  = 1.5 // cells, the Gaussian's deviation: 1/16 of the picture's longer side
	perBin = 2   // bins of a cell, each way, that sums are gathered in
	rounds = 6
	slack  = 1.0 / 255
	steady = 0.03 // contrast of a neighbourhood, as a deviation, that halves what is believed of hi−lo
	still  = 0.01
)

// sums are one channel's normal equations over a bin.
type sums struct{ n, pp, pq, qq, pr, qr float64 }

func (s *sums) add(o *sums, w float64) {
	s.n += w * o.n
	s.pp += w * o.pp
	s.pq += w * o.pq
	s.qq += w * o.qq
	s.pr += w * o.pr
	s.qr += w * o.qr
}

// solve fits the field. like gives its size.
func (b *bench) solve(like *field) (*field, error) {
	f := &field{like.columns, like.rows, make([]float32, len(like.at))}
	now, free, err := scratch[float32](len(b.picture))
	defer free()
	if err != nil {
		return nil, err
	}
	copy(now, b.picture)
	for round := range rounds {
		if err := b.ctx.Err(); err != nil {
			return nil, failed(err)
		}
		if round > 0 {
			f.apply(now, b.picture, b.w, b.h)
		}
		f.from(b.gather(f, now, round == 0), perBin*(f.columns-1), perBin*(f.rows-1))
	}
	return f, nil
}

// gather sums the normal equations over bins, 3 channels each; now is the picture under the last fit.
func (b *bench) gather(f *field, now []float32, even bool) []sums {
	nx, ny := perBin*(f.columns-1), perBin*(f.rows-1)
	parts := make([][]sums, (b.h+bandRows-1)/bandRows)
	bands(b.h, func(k, y0, y1 int) {
		t := make([]sums, 3*nx*ny)
		for y := y0; y < y1; y++ {
			j, _ := cellOf(y, b.h, ny)
			for x := range b.w {
				i, _ := cellOf(x, b.w, nx)
				at := 3 * (y*b.w + x)
				v, m, u := b.picture[at:at+3], b.model[at:at+3], now[at:at+3]
				w := 1.0
				if !even {
					off := max(math.Abs(float64(m[0]-u[0])), math.Abs(float64(m[1]-u[1])), math.Abs(float64(m[2]-u[2])))
					w = slack / max(off, slack)
				}
				for c := range 3 {
					v, r := float64(v[c]), float64(m[c]-v[c])
					q := float64(taper(float32(v)))
					p := q * (1 - v)
					q *= v
					s := &t[3*(j*nx+i)+c]
					s.n += w
					s.pp += w * p * p
					s.pq += w * p * q
					s.qq += w * q * q
					s.pr += w * p * r
					s.qr += w * q * r
				}
			}
		}
		parts[k] = t
	})
	total := parts[0]
	bands(len(total), func(_, i0, i1 int) {
		for _, p := range parts[1:] {
			for i := i0; i < i1; i++ {
				total[i].add(&p[i], 1)
			}
		}
	})
	return total
}

// from solves the nodes from the sums of nx×ny bins.
func (f *field) from(bins []sums, nx, ny int) {
	wx, wy := windows(f.columns, nx), windows(f.rows, ny)
	across := make([]sums, 3*f.columns*ny) // blurred along rows
	for j := range ny {
		for i := range f.columns {
			for k, w := range wx[i*nx:][:nx] {
				for c := range 3 {
					across[3*(j*f.columns+i)+c].add(&bins[3*(j*nx+k)+c], w)
				}
			}
		}
	}
	for j := range f.rows {
		for i := range f.columns {
			for c := range 3 {
				var s sums
				for k, w := range wy[j*ny:][:ny] {
					s.add(&across[3*(k*f.columns+i)+c], w)
				}
				turn, rest := s.n*steady*steady, s.n*still*still
				a, d, e := s.pp+turn+rest, s.pq-turn, s.qq+turn+rest
				det := a*e - d*d
				if det <= 0 {
					continue // no samples
				}
				o := f.at[(j*f.columns+i)*perNode+2*c:]
				o[0] = float32((e*s.pr - d*s.qr) / det)
				o[1] = float32((a*s.qr - d*s.pr) / det)
			}
		}
	}
}

// windows are the Gaussian's values from each of n nodes to each of m bins.
func windows(n, m int) []float64 {
	w := make([]float64, n*m)
	for i := range n {
		for k := range m {
			d := ((float64(k)+0.5)/perBin - float64(i)) / reach
			w[i*m+k] = math.Exp(-d * d / 2)
		}
	}
	return w
}
