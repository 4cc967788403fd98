package lock

import (
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/kernels"
)

func lin(v float64) float64 {
	v = max(v, 0) / 255
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func enc(v float64) float64 {
	if v <= 0.0031308 {
		return 255 * 12.92 * max(v, 0)
	}
	return 255 * (1.055*math.Pow(min(v, 1), 1/2.4) - 0.055)
}

// honest are models whose change is one of tone and colour, within the caps on the tests' pictures.
var honest = []struct {
	name string
	edit func(p *pic) *pic
}{
	{"white balance", func(p *pic) *pic {
		return p.each(func(x, y int, v []float64) {
			for c, g := range [3]float64{1.012, 1, 0.97} {
				v[c] = enc(lin(v[c]) * g)
			}
		})
	}},
	{"exposure", func(p *pic) *pic {
		return p.each(func(x, y int, v []float64) {
			for c := range v {
				v[c] = enc(lin(v[c]) * math.Exp2(0.08))
			}
		})
	}},
	{"a dark corner brightened", func(p *pic) *pic {
		return p.each(func(x, y int, v []float64) {
			s := float64(p.w)
			d := math.Exp(-(sq(float64(x)/s) + sq(float64(y-p.h)/s)) / (2 * 0.25 * 0.25))
			for c := range v {
				v[c] = enc(lin(v[c]) * math.Exp2(0.1*d))
			}
		})
	}},
	{"contrast", func(p *pic) *pic {
		return p.each(func(x, y int, v []float64) {
			for c := range v {
				v[c] -= 4 * math.Sin(2*math.Pi*v[c]/255)
			}
		})
	}},
	{"light from the left", func(p *pic) *pic {
		return p.each(func(x, y int, v []float64) {
			f := 1 - 2*float64(x)/float64(p.w)
			for c, g := range [3]float64{0.09, 0.08, 0.05} {
				v[c] = enc(lin(v[c]) * math.Exp2(g*f))
			}
		})
	}},
}

// messy adds what a decoder adds: blur, a pixel of misregistration, noise, one painted thing.
func messy(p *pic) *pic {
	q := blurred(p, 1.2)
	s := uint32(1)
	return q.each(func(x, y int, v []float64) {
		at := 3 * (y*q.w + max(0, x-1))
		for c := range v {
			s = s*1664525 + 1013904223
			v[c] = q.pix[at+c] + 6*(float64(s>>8)/(1<<24)-0.5)
			if x > p.w/4 && x < p.w/4+50 && y > 100 && y < 150 {
				v[c] = 120
			}
		}
	})
}

// through is the share of a model's change that is in o: the change's projection. Samples where a curve has less than half of its say (T of
// Grid), within 15 levels of black and 28 of white's end, are left out: near the ends of the range the lock takes nothing over, by design.
func through(p, m *pic, o *kernels.Image) float64 {
	var a, b float64
	for i, v := range p.pix {
		if taper(float32(v/255)) < 0.5 {
			continue
		}
		e := m.pix[i] - v
		a += e * (levelAt(o, i%(3*p.w), i/(3*p.w)) - v)
		b += e * e
	}
	return a / b
}

func TestHonestModels(t *testing.T) {
	full(t)
	env := testEnv(t)
	names := []string{"living room", "gradient wall"}
	if os.Getenv("REALEDIT_FULL") != "" {
		names = append(names, "red kitchen", "house")
	}
	for _, n := range names {
		p := pictures[n]()
		d := p.u16(t)
		for _, a := range honest {
			t.Run(n+"/"+a.name, func(t *testing.T) {
				m := a.edit(p)
				out, _, st := locked(t, env, d, m.model(t, env), nil)
				clean := through(p, m, out)
				out, _, _ = locked(t, env, d, messy(m).model(t, env), nil)
				mess := through(p, m, out)
				t.Logf("through %.3f, of a messy model %.3f; limited %.2f pixel %.2f block %.2f", clean, mess, st.Limited, st.Pixel, st.Block)
				// An S is no affine curve: what it bends beyond one is not taken over.
				if a.name == "contrast" {
					require.Greater(t, clean, 0.85)
				} else {
					require.Greater(t, clean, 0.9)
				}
				require.Greater(t, mess, 0.8)
				require.Less(t, max(clean, mess), 1.1)
			})
		}
	}
}
