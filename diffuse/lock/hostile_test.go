package lock

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/qc"
)

// hostile are models that do what the lock is against.
var hostile = []struct {
	name string
	edit func(p *pic) *pic
}{
	{"draws objects", func(p *pic) *pic {
		return p.each(func(x, y int, v []float64) {
			add := 0.0
			for _, o := range [][4]float64{{200, 200, 40, -12}, {500, 500, 80, 12}, {850, 350, 130, -12}, {1050, 650, 60, 12}, {350, 650, 25, -12}} {
				if math.Abs(float64(x)-o[0]) < o[2] && math.Abs(float64(y)-o[1]) < o[2]*0.8 {
					add = o[3]
				}
			}
			for c := range v {
				v[c] += add
			}
		})
	}},
	{"draws stripes", func(p *pic) *pic {
		return p.each(func(x, y int, v []float64) {
			if x/30%2 == 0 {
				for c := range v {
					v[c] -= 10
				}
			}
		})
	}},
	{"turns a hue by 10°", func(p *pic) *pic {
		return p.each(func(x, y int, v []float64) {
			if x > 300 && x < 800 && y > 150 && y < 550 {
				turnHue(v, 10)
			}
		})
	}},
	{"turns all hues by 10°", func(p *pic) *pic { return p.each(func(x, y int, v []float64) { turnHue(v, 10) }) }},
	{"hides the stain", func(p *pic) *pic { return p.each(stain(14)) }},
	{"darkens a stain", func(p *pic) *pic { return p.each(stain(-14)) }},
	{"makes a large stain", func(p *pic) *pic {
		return p.each(func(x, y int, v []float64) {
			d := math.Exp(-(sq(float64(x)-600) + sq(float64(y)-400)) / (2 * 200 * 200))
			v[0] -= 15 * d
			v[1] -= 25 * d
			v[2] -= 35 * d
		})
	}},
	{"shifts to green", func(p *pic) *pic { return p.each(func(x, y int, v []float64) { v[1] += 20 }) }},
	{"blurs", func(p *pic) *pic { return blurred(p, 6) }},
	{"flattens", func(p *pic) *pic {
		return p.each(func(x, y int, v []float64) {
			for c := range v {
				v[c] = 128 + 0.5*(v[c]-128)
			}
		})
	}},
}

// turnHue rotates colour about the grey axis.
func turnHue(v []float64, degrees float64) {
	s, c := math.Sincos(degrees * math.Pi / 180)
	k := math.Sqrt(1.0/3) * s
	r, g, b := v[0], v[1], v[2]
	m := (1 - c) / 3 * (r + g + b)
	v[0], v[1], v[2] = r*c+m+k*(b-g), g*c+m+k*(r-b), b*c+m+k*(g-r)
}

func blurred(p *pic, sigma float64) *pic {
	n := int(3 * sigma)
	k := make([]float64, 2*n+1)
	sum := 0.0
	for i := range k {
		k[i] = math.Exp(-sq(float64(i-n)) / (2 * sigma * sigma))
		sum += k[i]
	}
	pass := func(p *pic, dx, dy int) *pic {
		return p.each(func(x, y int, v []float64) {
			clear(v)
			for i, w := range k {
				sx, sy := min(max(x+(i-n)*dx, 0), p.w-1), min(max(y+(i-n)*dy, 0), p.h-1)
				for c := range v {
					v[c] += w / sum * p.pix[3*(sy*p.w+sx)+c]
				}
			}
		})
	}
	return pass(pass(p, 1, 0), 0, 1)
}

// bounds are what the caps are held to, measured at full size.
type bounds struct {
	p99, max     float64 // of all pixels' ΔE00
	block, shift float64 // of all blocks of 64²: largest mean ΔE00, largest ΔE00 of the mean colours
}

// measure looks at blocks of 64² that begin at every fourth pixel.
func measure(t testing.TB, env *realedit.Env, o, d *kernels.Image) bounds {
	t.Helper()
	w, h := d.Width(), d.Height()
	m, err := kernels.NewHostImage(nil, w, h, 1, kernels.F32)
	require.NoError(t, err)
	defer m.Free()
	_, err = env.Ops.DeltaE(o, d, m, nil)
	require.NoError(t, err)
	all := make([]float32, 0, w*h)
	for y := range h {
		all = append(all, m.RowF32(y)...)
	}
	const step, side = 4, 64
	cw, ch := w/step, h/step
	cells := make([][7]float64, cw*ch)
	for y := range ch * step {
		for x := range cw * step {
			c := &cells[y/step*cw+x/step]
			c[0] += float64(all[y*w+x])
			for k := range 3 {
				c[1+k] += float64(o.RowU8(y)[3*x+k])
				c[4+k] += float64(d.RowU8(y)[3*x+k])
			}
		}
	}
	var b bounds
	var means [2][]float32
	for y := 0; y+side/step <= ch; y++ {
		for x := 0; x+side/step <= cw; x++ {
			var s [7]float64
			for j := range side / step {
				for i := range side / step {
					for k, v := range cells[(y+j)*cw+x+i] {
						s[k] += v
					}
				}
			}
			for k := range s {
				s[k] /= side * side
			}
			b.block = max(b.block, s[0])
			for k := range 3 {
				means[0] = append(means[0], float32(s[1+k]/255))
				means[1] = append(means[1], float32(s[4+k]/255))
			}
		}
	}
	mo, err := kernels.Wrap(means[0], len(means[0])/3, 1, 3)
	require.NoError(t, err)
	md, err := kernels.Wrap(means[1], len(means[1])/3, 1, 3)
	require.NoError(t, err)
	r, err := env.Ops.DeltaE(mo, md, nil, nil)
	require.NoError(t, err)
	b.shift = r.Max
	slices.Sort(all)
	b.p99, b.max = float64(all[len(all)*99/100]), float64(all[len(all)-1])
	return b
}

func value(v *qc.Verdict, c qc.Check, name string) float64 {
	for _, m := range v.Measures {
		if m.Check == c && m.Name == name {
			return m.Value
		}
	}
	return math.NaN()
}

func TestHostileModels(t *testing.T) {
	env := testEnv(t)
	for _, n := range names {
		p := pictures[n]()
		d := p.u8(t)
		for _, a := range hostile {
			t.Run(n+"/"+a.name, func(t *testing.T) {
				m := a.edit(p)
				o, _, st := locked(t, env, d, m.model(t, env), nil)
				keepLook(t, n+" "+a.name, d, m.u8(t), o)
				b := measure(t, env, o, d)
				v, err := qc.Compare(context.Background(), env, o, d, &qc.Options{Tone: true})
				require.NoError(t, err)
				fails := ""
				for _, x := range v.Measures {
					if x.Failed {
						fails += fmt.Sprintf(" %s.%s=%.3f", x.Check, x.Name, x.Value)
					}
				}
				t.Logf("asked %.2f kept %.2f refused %.2f limited %.2f pixel %.2f block %.2f | p99 %.2f max %.2f block %.2f shift %.2f | structure %.4f %.3f edges %.4f %.4f regions %.3f %.3f |%s",
					st.Asked, st.Kept, st.Refused, st.Limited, st.Pixel, st.Block, b.p99, b.max, b.block, b.shift,
					value(v, qc.Structure, "mean"), value(v, qc.Structure, "worst"), value(v, qc.Edges, "recall"), value(v, qc.Edges, "precision"), value(v, qc.Regions, "tone"), value(v, qc.Regions, "colour"), fails)
			})
		}
	}
}
