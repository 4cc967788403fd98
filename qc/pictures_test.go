package qc

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"math"
	"sync"
	"testing"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// The tests' room: a computed scene with walls, a window on a bright garden, planks, shelves
// with books, a cabinet, a clock and a stain on the wall.

type room struct {
	w, h     int
	clock    bool // the small object that an edit removes
	stain    float64
	vase     bool       // the small object that an edit adds
	light    [3]float64 // colour of the light
	bent     float64    // pixels by which the cabinet's top edge bows
	tilt     float64    // degrees by which the cabinet leans
	cabinetX float64    // pixels by which the cabinet is moved
}

func plainRoom() room {
	return room{w: 640, h: 480, clock: true, stain: 0.16, light: [3]float64{1, 1, 1}}
}

func hash2(x, y, s int) float64 {
	h := uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca77 ^ uint32(s)*0xc2b2ae3d
	h ^= h >> 15
	h *= 0x2c1b3c6d
	h ^= h >> 12
	h *= 0x297a2d39
	h ^= h >> 15
	return float64(h) / (1 << 32)
}

func valueNoise(x, y float64, s int) float64 {
	i, j := int(math.Floor(x)), int(math.Floor(y))
	u, v := x-float64(i), y-float64(j)
	u, v = u*u*(3-2*u), v*v*(3-2*v)
	return (hash2(i, j, s)*(1-u)+hash2(i+1, j, s)*u)*(1-v) + (hash2(i, j+1, s)*(1-u)+hash2(i+1, j+1, s)*u)*v
}

func fractal(x, y float64, s int) float64 {
	t, a := 0.0, 0.5
	for k := range 5 {
		t += a * valueNoise(x, y, s+k)
		x, y, a = 2*x, 2*y, a/2
	}
	return t
}

// radiance is linear light at a position in a 640×480 frame.
func (r room) radiance(x, y float64) [3]float64 {
	// Light falls off from the window.
	fall := 0.35 + 0.65*math.Exp(-((x-150)*(x-150)+(y-150)*(y-150))/(2*260*260))
	c := [3]float64{0.46, 0.45, 0.43} // wall
	k := 1 + 0.05*(fractal(x/7, y/7, 1)-0.5)
	if r.stain > 0 {
		d := ((x-440)*(x-440) + (y-130)*(y-130)) / (2 * 34 * 34)
		s := r.stain * math.Exp(-d)
		c = [3]float64{c[0] * (1 - 0.7*s), c[1] * (1 - s), c[2] * (1 - 1.5*s)}
	}
	switch {
	case y > 360: // planks in perspective
		d := 120 / (y - 300)
		u := (x - 320) * d
		p := math.Floor(u / 50)
		c = [3]float64{0.32, 0.2, 0.11}
		k = 0.75 + 0.4*hash2(int(p), 3, 5) + 0.5*(fractal(u/4, 40*d, 9)-0.5)
		if f := u/50 - p; f < 0.04 {
			k *= 0.3
		}
	case y > 345:
		c, k = [3]float64{0.7, 0.7, 0.69}, 1 // skirting
	}
	if x > 60 && x < 240 && y > 60 && y < 260 { // window
		c, k = [3]float64{0.8, 0.8, 0.79}, 1
		in := x > 70 && x < 230 && y > 70 && y < 250
		bar := math.Abs(x-150) < 4 || math.Abs(y-150) < 3
		if in && !bar {
			fall = 1
			n := fractal(x/25, y/25, 20)
			switch {
			case y > 200+20*math.Sin(x/17):
				g := 0.6 + 0.8*fractal(x/3, y/3, 30)
				c = [3]float64{1.2 * g, 2.0 * g, 0.7 * g}
			case n > 0.55 && y > 100:
				g := 0.4 + fractal(x/2.5, y/2.5, 31)
				c = [3]float64{0.9 * g, 1.3 * g, 0.6 * g}
			default:
				c = [3]float64{3 + n, 4 + n, 5.5}
			}
		}
	}
	if r.clock {
		if d := math.Hypot(x-330, y-120); d < 22 {
			c, k = [3]float64{0.75, 0.75, 0.72}, 1
			if d > 18 {
				c = [3]float64{0.06, 0.06, 0.07}
			} else if math.Abs(x-330) < 1.5 && y < 120 || math.Abs(y-120) < 1.5 && x > 330 && x < 342 {
				c = [3]float64{0.05, 0.05, 0.05}
			}
		}
	}
	if r.vase {
		if d := math.Hypot((x-290)/14, (y-320)/26); d < 1 {
			c, k = [3]float64{0.1, 0.16, 0.3}, 0.7+0.6*valueNoise(x/5, y/5, 77)
		}
	}
	// Shelf with books.
	if x > 520 && x < 625 && y > 60 && y < 345 {
		row := math.Floor((y - 60) / 57)
		f := (y - 60) - 57*row
		c, k = [3]float64{0.2, 0.13, 0.08}, 0.8+0.4*fractal(x/3, y/30, 44)
		if f > 6 && x > 526 && x < 619 {
			b := math.Floor((x - 526) / 9)
			if f > 6+14*hash2(int(b), int(row), 50) {
				c = [3]float64{0.06 + 0.5*hash2(int(b), int(row), 51), 0.06 + 0.4*hash2(int(b), int(row), 52), 0.06 + 0.4*hash2(int(b), int(row), 53)}
				k = 1
				if g := (x - 526) - 9*b; g < 1.2 {
					k = 0.2
				}
				if math.Abs(f-35) < 2 {
					c = [3]float64{0.7, 0.6, 0.3}
				}
			} else {
				c = [3]float64{0.03, 0.02, 0.02}
			}
		}
	}
	// Cabinet.
	cx, cy := x-400-r.cabinetX, y-260
	sin, cos := math.Sincos(r.tilt * math.Pi / 180)
	cx, cy = cx*cos+cy*sin, -cx*sin+cy*cos
	cy += r.bent * (1 - cx*cx/90/90)
	if cx > -90 && cx < 90 && cy > 0 && cy < 120 {
		c, k = [3]float64{0.16, 0.11, 0.08}, 0.8+0.5*(fractal(cx/40, cy/2, 60)-0.2)
		if math.Abs(cx) < 1.5 || math.Abs(cx-45) < 1 || cy < 5 {
			k *= 0.35
		}
		if math.Hypot(cx-8, cy-60) < 4 || math.Hypot(cx+8, cy-60) < 4 {
			c, k = [3]float64{0.75, 0.7, 0.6}, 1
		}
	}
	for i := range c {
		c[i] *= k * fall * r.light[i]
	}
	return c
}

// rendered holds the radiance of rooms: many tests photograph the same ones.
var rendered sync.Map

// render is the scene's radiance, 3×3 samples a pixel. It is shared: not to be written.
func (r room) render() []float64 {
	if v, ok := rendered.Load(r); ok {
		return v.([]float64)
	}
	out := make([]float64, 3*r.w*r.h)
	s := 640 / float64(r.w)
	rows(r.h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			for x := range r.w {
				var t [3]float64
				for j := range 3 {
					for i := range 3 {
						c := r.radiance((float64(x)+(float64(i)+0.5)/3)*s, (float64(y)+(float64(j)+0.5)/3)*s)
						for k := range t {
							t[k] += c[k] / 9
						}
					}
				}
				copy(out[3*(y*r.w+x):], t[:])
			}
		}
	})
	rendered.Store(r, out)
	return out
}

func encoded(v float64) float64 {
	v = min(max(v, 0), 1)
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

// photo exposes radiance by ev stops with shot and read noise, to 8 bits.
func photo(t testing.TB, rad []float64, w, h int, ev float64, seed int) *kernels.Image {
	t.Helper()
	pix := make([]uint8, 3*w*h)
	g := math.Exp2(ev)
	rows(h, func(y0, y1 int) {
		for i := 3 * w * y0; i < 3*w*y1; i++ {
			v := rad[i] * g
			n := hash2(i, seed, 1) + hash2(i, seed, 2) + hash2(i, seed, 3) + hash2(i, seed, 4) - 2 // σ ≈ 0.58
			v += n / 0.58 * math.Sqrt(max(0, v)*0.00008+1e-8)
			pix[i] = uint8(encoded(v)*255 + 0.5)
		}
	})
	m, err := kernels.Wrap(pix, w, h, 3)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func bracket(t testing.TB, r room, evs ...float64) []realedit.Frame {
	t.Helper()
	rad := r.render()
	var f []realedit.Frame
	for i, ev := range evs {
		f = append(f, realedit.Frame{Image: photo(t, rad, r.w, r.h, ev, 11+i), EV: ev})
	}
	return f
}

// copyOf is an image of the same pixels that may be changed.
func copyOf(t testing.TB, m *kernels.Image) *kernels.Image {
	t.Helper()
	d, err := kernels.NewHostImage(nil, m.Width(), m.Height(), m.Channels(), m.Format())
	if err != nil {
		t.Fatal(err)
	}
	if err := kernels.CopyHost(context.Background(), d, m); err != nil {
		t.Fatal(err)
	}
	return d
}

// each8 changes a U8 copy sample by sample.
func each8(t testing.TB, m *kernels.Image, fn func(x, y, c int, v float64) float64) *kernels.Image {
	t.Helper()
	d := copyOf(t, m)
	for y := range d.Height() {
		row := d.RowU8(y)
		for i, v := range row {
			row[i] = uint8(min(max(math.Round(fn(i/3, y, i%3, float64(v))), 0), 255))
		}
	}
	return d
}

// moved draws the part r of m shifted by (dx, dy).
func moved(t testing.TB, m *kernels.Image, r image.Rectangle, dx, dy int) *kernels.Image {
	t.Helper()
	d := copyOf(t, m)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			sx, sy := min(max(x-dx, 0), m.Width()-1), min(max(y-dy, 0), m.Height()-1)
			copy(d.RowU8(y)[3*x:3*x+3], m.RowU8(sy)[3*sx:3*sx+3])
		}
	}
	return d
}

// blurred is a Gaussian blur of the part r.
func blurred(t testing.TB, m *kernels.Image, r image.Rectangle, sigma float64) *kernels.Image {
	t.Helper()
	n := int(math.Ceil(4 * sigma))
	k := make([]float64, 2*n+1)
	s := 0.0
	for i := range k {
		k[i] = math.Exp(-float64((i-n)*(i-n)) / (2 * sigma * sigma))
		s += k[i]
	}
	w, h := m.Width(), m.Height()
	tmp := make([]float64, 3*w*h)
	for y := range h {
		row := m.RowU8(y)
		for x := range w {
			for c := range 3 {
				v := 0.0
				for i, q := range k {
					v += q / s * float64(row[3*min(max(x+i-n, 0), w-1)+c])
				}
				tmp[3*(y*w+x)+c] = v
			}
		}
	}
	return each8(t, m, func(x, y, c int, v float64) float64 {
		if !image.Pt(x, y).In(r) {
			return v
		}
		o := 0.0
		for i, q := range k {
			o += q / s * tmp[3*(min(max(y+i-n, 0), h-1)*w+x)+c]
		}
		return o
	})
}

func throughJPEG(t testing.TB, m *kernels.Image, quality int) *kernels.Image {
	t.Helper()
	im := image.NewRGBA(m.Bounds())
	for y := range m.Height() {
		row := m.RowU8(y)
		for x := range m.Width() {
			copy(im.Pix[im.PixOffset(x, y):], row[3*x:3*x+3])
			im.Pix[im.PixOffset(x, y)+3] = 255
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, im, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	back, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return fromImage(t, back)
}

func fromImage(t testing.TB, im image.Image) *kernels.Image {
	t.Helper()
	r := im.Bounds()
	pix := make([]uint8, 0, 3*r.Dx()*r.Dy())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			a, b, c, _ := im.At(x, y).RGBA()
			pix = append(pix, uint8(a>>8), uint8(b>>8), uint8(c>>8))
		}
	}
	m, err := kernels.Wrap(pix, r.Dx(), r.Dy(), 3)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tone is a bounded classical edit through Ops.LocalTone.
type tone struct {
	ev      float64    // exposure, stops
	gains   [3]float64 // white balance; zero = 1, 1, 1
	open    float64    // stops by which deep shadows are opened
	hold    float64    // share by which light above a level is held back, as a window pull does
	detail  float64
	corners float64 // stops by which the corners are lifted
}

func toned(t testing.TB, env *realedit.Env, src *kernels.Image, p tone) *kernels.Image {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if p.gains == [3]float64{} {
		p.gains = [3]float64{1, 1, 1}
	}
	w, h := src.Width(), src.Height()
	lp := &kernels.LocalToneParams{Detail: float32(p.detail), MaxGain: 4, Shoulder: 0.8}
	for i, g := range p.gains {
		lp.Matrix[4*i] = float32(g * math.Exp2(p.ev))
	}
	// The guide: log2 luminance after the matrix, at half size, as the fast guided filter has it.
	lw, lh := max(1, w/2), max(1, h/2)
	lin, err := env.NewImage(lw, lh, 3, kernels.F32)
	must(err)
	must(env.Ops.Resize(lin, src))
	must(env.Ops.DecodeSRGB(lin, lin))
	l, err := env.NewImage(lw, lh, 1, kernels.F32)
	must(err)
	for y := range lh {
		a, o := lin.RowF32(y), l.RowF32(y)
		for x := range o {
			v := 0.2126*float64(a[3*x])*float64(lp.Matrix[0]) + 0.7152*float64(a[3*x+1])*float64(lp.Matrix[4]) + 0.0722*float64(a[3*x+2])*float64(lp.Matrix[8])
			o[x] = float32(math.Log2(max(v, math.Exp2(-16))))
		}
	}
	base, err := env.NewImage(lw, lh, 2, kernels.F32)
	must(err)
	must(env.Ops.GuidedCoefficients(base, l, l, max(2, lw/24), 0.15))
	lp.Base = base
	if p.open != 0 || p.hold != 0 {
		lp.Curve = make([]float32, 201)
		for i := range lp.Curve {
			b := -16 + 20*float64(i)/200
			lp.Curve[i] = float32(p.open/(1+math.Exp((b+3.5)*1.6)) - p.hold*math.Log1p(math.Exp((b+1.5)*2))/2)
		}
	}
	if p.corners != 0 {
		g, err := env.NewImage(33, 25, 1, kernels.F32)
		must(err)
		for y := range 25 {
			for x := range 33 {
				d := math.Hypot(float64(x-16)/16, float64(y-12)/12) / math.Sqrt2
				g.RowF32(y)[x] = float32(p.corners * d * d)
			}
		}
		lp.Gain = g
	}
	dst, err := env.NewImage(w, h, 3, kernels.U8)
	must(err)
	must(env.Ops.LocalTone(dst, src, lp))
	return dst
}

// merged is the bracket's radiance (hat-weighted mean in linear light), 16-bit, scaled so
// that the brightest unclipped light is 1: a minimal merge of the tests' own.
func merged(t testing.TB, frames []realedit.Frame) *kernels.Image {
	t.Helper()
	w, h := frames[0].Image.Width(), frames[0].Image.Height()
	lo := math.Inf(1)
	for _, f := range frames {
		lo = min(lo, f.EV)
	}
	pix := make([]uint16, 3*w*h)
	for y := range h {
		for x := range w {
			var s [3]float64
			sum := 0.0
			for _, f := range frames {
				p := f.Image.RowU8(y)[3*x : 3*x+3]
				top := float64(max(p[0], p[1], p[2]))
				wt := 1e-6
				if top < 250 {
					wt += math.Min(1, top/128) * math.Exp2(f.EV) * math.Min(1, (250-top)/40)
				} else if f.EV == lo {
					wt = 1e-5
				} else {
					wt = 1e-9
				}
				for c := range s {
					s[c] += wt * linear(float64(p[c])/255) * math.Exp2(lo-f.EV)
				}
				sum += wt
			}
			for c := range s {
				pix[3*(y*w+x)+c] = uint16(encoded(s[c]/sum)*65535 + 0.5)
			}
		}
	}
	m, err := kernels.Wrap(pix, w, h, 3)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func testEnv(t testing.TB) *realedit.Env {
	t.Helper()
	b := kerneltest.Host(t)
	return &realedit.Env{Backend: b, Ops: kernels.Complete(b, nil)}
}
