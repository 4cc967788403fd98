package lock

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

func testEnv(t testing.TB) *realedit.Env {
	t.Helper()
	b := kerneltest.Host(t)
	return &realedit.Env{Backend: b, Ops: kernels.Complete(b, nil)}
}

// full leaves out of short runs what takes minutes with the reference's operations.
func full(t testing.TB) {
	if testing.Short() {
		t.Skip("short")
	}
}

// pic is pixels that tests edit as numbers.
type pic struct {
	w, h int
	pix  []float64 // of 255, interleaved
}

func (p *pic) clone() *pic { return &pic{p.w, p.h, append([]float64(nil), p.pix...)} }

// each gives every pixel to fn.
func (p *pic) each(fn func(x, y int, v []float64)) *pic {
	q := p.clone()
	for y := range p.h {
		for x := range p.w {
			fn(x, y, q.pix[3*(y*p.w+x):][:3])
		}
	}
	return q
}

// u8 is the picture rounded.
func (p *pic) u8(t testing.TB) *kernels.Image {
	pix := make([]uint8, len(p.pix))
	for i, v := range p.pix {
		pix[i] = uint8(min(max(math.Round(v), 0), 255))
	}
	m, err := kernels.Wrap(pix, p.w, p.h, 3)
	require.NoError(t, err)
	return m
}

// u16 is the picture in 16 bits.
func (p *pic) u16(t testing.TB) *kernels.Image {
	pix := make([]uint16, len(p.pix))
	for i, v := range p.pix {
		pix[i] = uint16(min(max(math.Round(257*v), 0), 65535))
	}
	m, err := kernels.Wrap(pix, p.w, p.h, 3)
	require.NoError(t, err)
	return m
}

// levelAt is a sample in units of 8 bits.
func levelAt(m *kernels.Image, i, y int) float64 {
	if m.Format() == kernels.U8 {
		return float64(m.RowU8(y)[i])
	}
	return float64(m.RowU16(y)[i]) / 257
}

// model is what a model would return: float samples at about 1 megapixel at most.
func (p *pic) model(t testing.TB, env *realedit.Env) *kernels.Image {
	pix := make([]float32, len(p.pix))
	for i, v := range p.pix {
		pix[i] = float32(min(max(v/255, 0), 1))
	}
	m, err := kernels.Wrap(pix, p.w, p.h, 3)
	require.NoError(t, err)
	w, h := realedit.FitInto(p.w, p.h, 832)
	s, err := kernels.NewHostImage(nil, w, h, 3, kernels.F32)
	require.NoError(t, err)
	require.NoError(t, env.Ops.Resize(s, m))
	return s
}

func exposed(s *scene.Scene, ev float64) *pic {
	_, pix := scene.Camera{Bits: 16}.Expose(s.Radiance, s.W, s.H, ev, 1)
	p := &pic{s.W, s.H, make([]float64, len(pix))}
	for i, v := range pix {
		p.pix[i] = float64(v) / 257
	}
	return p
}

// The deterministic pictures of the tests, with camera noise.
var pictures = map[string]func() *pic{
	"living room": sync.OnceValue(func() *pic {
		s := scene.Interior(scene.InteriorOptions{W: 960, H: 640, Sun: true, Samples: 1})
		return exposed(s, 0.6)
	}),
	"red kitchen": sync.OnceValue(func() *pic {
		s := scene.Interior(scene.InteriorOptions{W: 960, H: 640, Room: scene.Kitchen, Wall: scene.Red, View: 1, Samples: 1})
		return exposed(s, 0.3)
	}),
	"house": sync.OnceValue(func() *pic {
		s := scene.Exterior(scene.ExteriorOptions{W: 960, H: 640, Sky: scene.SkyClouds, Samples: 1})
		return exposed(s, 0.5)
	}),
	"flat wall":     func() *pic { return wall(960, 640, func(x, y float64) float64 { return 186 }) },
	"gradient wall": func() *pic { return wall(960, 640, func(x, y float64) float64 { return 110 + 100*x - 40*y }) },
	"stained wall": func() *pic {
		return wall(960, 640, func(x, y float64) float64 { return 190 - 12*x }).each(stain(-14))
	},
}

// names are the pictures in order.
var names = []string{"living room", "red kitchen", "house", "flat wall", "gradient wall", "stained wall"}

// wall is a beige wall of the given level over the picture, 0..1 each way, without noise.
func wall(w, h int, level func(x, y float64) float64) *pic {
	p := &pic{w, h, make([]float64, 3*w*h)}
	return p.each(func(x, y int, v []float64) {
		l := level((float64(x)+0.5)/float64(w), (float64(y)+0.5)/float64(h))
		v[0], v[1], v[2] = math.Round(l+4), math.Round(l), math.Round(l-9)
	})
}

// stain is a soft brownish spot of about a tenth of the picture's width; depth in levels.
func stain(depth float64) func(x, y int, v []float64) {
	return func(x, y int, v []float64) {
		d := math.Exp(-(sq(float64(x)-560) + sq(float64(y)-240)) / (2 * 40 * 40))
		v[0] += 0.7 * depth * d
		v[1] += depth * d
		v[2] += 1.3 * depth * d
	}
}

func sq(v float64) float64 { return v * v }

// keepLook writes before, after and eight times the difference (on grey) where REALEDIT_LOOK says, for eyes.
func keepLook(t testing.TB, name string, d, m, o *kernels.Image) {
	dir := os.Getenv("REALEDIT_LOOK")
	if dir == "" {
		return
	}
	name = strings.ReplaceAll(name, " ", "-")
	write := func(suffix string, px func(x, y, c int) float64) {
		im := image.NewNRGBA(d.Bounds())
		for y := range d.Height() {
			for x := range d.Width() {
				var v [3]uint8
				for c := range v {
					v[c] = uint8(min(max(math.Round(px(x, y, c)), 0), 255))
				}
				im.SetNRGBA(x, y, color.NRGBA{v[0], v[1], v[2], 255})
			}
		}
		f, err := os.Create(filepath.Join(dir, name+"-"+suffix+".png"))
		require.NoError(t, err)
		defer f.Close()
		require.NoError(t, png.Encode(f, im))
	}
	at := func(m *kernels.Image, x, y, c int) float64 { return levelAt(m, 3*x+c, y) }
	write("1-before", func(x, y, c int) float64 { return at(d, x, y, c) })
	write("2-model", func(x, y, c int) float64 { return at(m, x, y, c) })
	write("3-lock", func(x, y, c int) float64 { return at(o, x, y, c) })
	write("4-lock-x8", func(x, y, c int) float64 { return 128 + 8*(at(o, x, y, c)-at(d, x, y, c)) })
	write("5-model-x8", func(x, y, c int) float64 { return 128 + 8*(at(m, x, y, c)-at(d, x, y, c)) })
}

// locked fits and applies.
func locked(t testing.TB, env *realedit.Env, d *kernels.Image, m *kernels.Image, o *Options) (*kernels.Image, *Grid, Stats) {
	t.Helper()
	g, st, err := Fit(context.Background(), env, d, m, o)
	require.NoError(t, err)
	out, err := kernels.NewHostImage(nil, d.Width(), d.Height(), 3, d.Format())
	require.NoError(t, err)
	require.NoError(t, Apply(context.Background(), out, d, image.Point{}, g))
	return out, g, st
}
