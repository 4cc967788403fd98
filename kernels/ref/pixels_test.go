package ref

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/realedit/realedit/kernels"
)

// recorded is testdata/pixels.json: values of scikit-image, OpenCV and scipy.
type recorded struct {
	SSIM []struct {
		W, H, C, Max int
		Mean         float64
		Map          []float64
	}
	Match []struct {
		W, H, RW, RH, C, Max int
		Out                  []uint16
	}
	DeltaE struct {
		W, H           int
		Map            []float64
		Mean, P95, Max float64
	}
	Gradient struct {
		W, H   int
		DX, DY []float64
	}
	Guided2, Guided30 struct {
		W, H     int
		Box, Out []float64
	}
}

func readRecorded(t *testing.T) (r recorded) {
	t.Helper()
	b, err := os.ReadFile("testdata/pixels.json")
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func formatOf(top int) kernels.Format {
	return map[int]kernels.Format{255: kernels.U8, 65535: kernels.U16, 1: kernels.F32}[top]
}

func newImage(t *testing.T, w, h, c int, f kernels.Format) *kernels.Image {
	t.Helper()
	m, err := New().NewImage(w, h, c, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return m
}

// sample is the function of that name in pixels.py.
func sample(t *testing.T, w, h, c, seed, top int) *kernels.Image {
	m := newImage(t, w, h, c, formatOf(top))
	for y := range h {
		for x := range w {
			for k := range c {
				v := x*1021 + y*613 + k*9000 + ((x*73856093^y*19349663^(k+seed*7)*83492791)>>5)&4095
				if x > w/2 {
					v += 21000
				}
				v = min(v, 65535)
				i := x*c + k
				switch top {
				case 255:
					m.RowU8(y)[i] = uint8(v >> 8)
				case 65535:
					m.RowU16(y)[i] = uint16(v)
				default:
					m.RowF32(y)[i] = float32(float64(v) / 65535)
				}
			}
		}
	}
	return m
}

// other is the function of that name in pixels.py.
func other(t *testing.T, a *kernels.Image, seed int) *kernels.Image {
	w, h, c := a.Width(), a.Height(), a.Channels()
	noise := sample(t, w, h, c, seed, 65535)
	m := newImage(t, w, h, c, a.Format())
	for y := range h {
		for i, v := range noise.RowU16(y) {
			n := int(v) & 2047
			switch a.Format() {
			case kernels.U8:
				m.RowU8(y)[i] = uint8(min(255, int(a.RowU8(y)[i])*9/10+20+n>>7))
			case kernels.U16:
				m.RowU16(y)[i] = uint16(min(65535, int(a.RowU16(y)[i])*9/10+5000+n))
			default:
				m.RowF32(y)[i] = float32(a.RowF32(y)[i]*0.875) + float32(n)/16384
			}
		}
	}
	return m
}

// near fails unless channel c of m holds want within tol.
func near(t *testing.T, what string, m *kernels.Image, c int, want []float64, tol float64) {
	t.Helper()
	worst := 0.0
	for i, v := range want {
		worst = max(worst, math.Abs(pixelAt(m, i%m.Width(), i/m.Width(), c)-v))
	}
	if !(worst <= tol) || len(want) != m.Width()*m.Height() {
		t.Errorf("%s: differs by %g, tolerance %g", what, worst, tol)
	}
}

func TestSSIMRecorded(t *testing.T) {
	for _, r := range readRecorded(t).SSIM {
		a := sample(t, r.W, r.H, r.C, 1, r.Max)
		b := other(t, a, 2)
		m := newImage(t, r.W, r.H, r.C, kernels.F32)
		res, err := New().Ops().SSIM(a, b, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(res.Mean-r.Mean) > 1e-9 {
			t.Errorf("%v: mean %.12f, want %.12f", a, res.Mean, r.Mean)
		}
		for c := range r.C {
			one := make([]float64, 0, r.W*r.H)
			for i := c; i < len(r.Map); i += r.C {
				one = append(one, r.Map[i])
			}
			near(t, a.String(), m, c, one, 1e-7) // the map is float32
		}
	}
}

func TestMatchHistogramRecorded(t *testing.T) {
	for _, r := range readRecorded(t).Match {
		src := sample(t, r.W, r.H, r.C, 1, r.Max)
		ref := other(t, sample(t, r.RW, r.RH, r.C, 3, r.Max), 4)
		dst := newImage(t, r.W, r.H, r.C, formatOf(r.Max))
		if err := New().Ops().MatchHistogram(dst, src, ref, nil, nil); err != nil {
			t.Fatal(err)
		}
		for i, want := range r.Out {
			y, x := i/(r.W*r.C), i%(r.W*r.C)
			var got uint16
			if r.Max == 255 {
				got = uint16(dst.RowU8(y)[x])
			} else {
				got = dst.RowU16(y)[x]
			}
			if got != want {
				t.Fatalf("%v to %v: sample %d of row %d is %d, want %d", src, ref, x, y, got, want)
			}
		}
	}
}

func TestDeltaERecorded(t *testing.T) {
	r := readRecorded(t).DeltaE
	a := sample(t, r.W, r.H, 3, 1, 255)
	flipped := newImage(t, r.W, r.H, 3, kernels.U8)
	for y := range r.H {
		for x := range r.W {
			copy(flipped.RowU8(y)[3*x:], a.RowU8(y)[3*(r.W-1-x):][:3])
		}
	}
	m := newImage(t, r.W, r.H, 1, kernels.F32)
	res, err := New().Ops().DeltaE(a, other(t, flipped, 2), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "map", m, 0, r.Map, 1e-5) // the map is float32, up to 100
	for _, v := range [][2]float64{{res.Mean, r.Mean}, {res.P95, r.P95}, {res.Max, r.Max}} {
		if math.Abs(v[0]-v[1]) > 1e-9 {
			t.Errorf("mean, p95, max are %+v, want %v", res, []float64{r.Mean, r.P95, r.Max})
		}
	}
}

// The test data published with Sharma, Wu, Dalal 2005 (table 1): L a b, L a b, ΔE00.
var sharma = [34][7]float64{
	{50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425},
	{50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615},
	{50, 2.8361, -74.0200, 50, 0, -82.7485, 3.4412},
	{50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000},
	{50, -1.1848, -84.8006, 50, 0, -82.7485, 1.0000},
	{50, -0.9009, -85.5211, 50, 0, -82.7485, 1.0000},
	{50, 0, 0, 50, -1, 2, 2.3669},
	{50, -1, 2, 50, 0, 0, 2.3669},
	{50, 2.4900, -0.0010, 50, -2.4900, 0.0009, 7.1792},
	{50, 2.4900, -0.0010, 50, -2.4900, 0.0010, 7.1792},
	{50, 2.4900, -0.0010, 50, -2.4900, 0.0011, 7.2195},
	{50, 2.4900, -0.0010, 50, -2.4900, 0.0012, 7.2195},
	{50, -0.0010, 2.4900, 50, 0.0009, -2.4900, 4.8045},
	{50, -0.0010, 2.4900, 50, 0.0010, -2.4900, 4.8045},
	{50, -0.0010, 2.4900, 50, 0.0011, -2.4900, 4.7461},
	{50, 2.5, 0, 50, 0, -2.5, 4.3065},
	{50, 2.5, 0, 73, 25, -18, 27.1492},
	{50, 2.5, 0, 61, -5, 29, 22.8977},
	{50, 2.5, 0, 56, -27, -3, 31.9030},
	{50, 2.5, 0, 58, 24, 15, 19.4535},
	{50, 2.5, 0, 50, 3.1736, 0.5854, 1.0000},
	{50, 2.5, 0, 50, 3.2972, 0, 1.0000},
	{50, 2.5, 0, 50, 1.8634, 0.5757, 1.0000},
	{50, 2.5, 0, 50, 3.2592, 0.3350, 1.0000},
	{60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644},
	{63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630},
	{61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731},
	{35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645},
	{22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373},
	{36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146},
	{90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441},
	{90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381},
	{6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377},
	{2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082},
}

func TestCIEDE2000Published(t *testing.T) {
	for i, s := range sharma {
		p, q := [3]float64(s[0:3]), [3]float64(s[3:6])
		for _, d := range []float64{ciede2000(p, q), ciede2000(q, p)} {
			if math.Abs(d-s[6]) > 0.5e-4+1e-9 {
				t.Errorf("pair %d: %.6f, want %.4f", i+1, d, s[6])
			}
		}
	}
}

func TestGradientRecorded(t *testing.T) {
	r := readRecorded(t).Gradient
	m := newImage(t, r.W, r.H, 2, kernels.F32)
	if err := New().Ops().Gradient(m, sample(t, r.W, r.H, 1, 1, 1)); err != nil {
		t.Fatal(err)
	}
	near(t, "∂x", m, 0, r.DX, 3e-8)
	near(t, "∂y", m, 1, r.DY, 3e-8)
}

func TestGuidedRecorded(t *testing.T) {
	for radius, r := range map[int]struct {
		W, H     int
		Box, Out []float64
	}{2: readRecorded(t).Guided2, 30: readRecorded(t).Guided30} {
		guide := sample(t, r.W, r.H, 1, 1, 1)
		src := other(t, guide, 5)
		m := newImage(t, r.W, r.H, 1, kernels.F32)
		if err := New().Ops().BoxFilter(m, guide, radius); err != nil {
			t.Fatal(err)
		}
		near(t, "box", m, 0, r.Box, 6e-8)
		if err := New().Ops().GuidedFilter(m, guide, src, radius, 1e-3); err != nil {
			t.Fatal(err)
		}
		near(t, "guided", m, 0, r.Out, 2e-7)
	}
}

// A straight step of any direction gives an unbroken line, a flat image and a gentle slope nothing.
func TestEdgesOfSteps(t *testing.T) {
	const n = 24
	for _, dir := range [][2]int{{1, 0}, {0, 1}, {1, 1}, {1, -1}} {
		src, dst := newImage(t, n, n, 1, kernels.U8), newImage(t, n, n, 1, kernels.U8)
		at := func(x, y int) int { return dir[0]*(x-n/2) + dir[1]*(y-n/2) }
		for y := range n {
			for x := range n {
				if at(x, y) >= 0 {
					src.RowU8(y)[x] = 200
				}
			}
		}
		if err := New().Ops().Edges(dst, src, 0.1); err != nil {
			t.Fatal(err)
		}
		for y := 2; y < n-2; y++ {
			for x := 2; x < n-2; x++ {
				near := at(x, y) == 0 || at(x, y) == -1
				if got := dst.RowU8(y)[x] == 255; got != near {
					t.Fatalf("step along %v: edge %v at (%d,%d)", dir, got, x, y)
				}
			}
		}
		for y := range n {
			for x := range n {
				src.RowU8(y)[x] = uint8(80 + at(x, y))
			}
		}
		if err := New().Ops().Edges(dst, src, 0.1); err != nil {
			t.Fatal(err)
		}
		for y := range n {
			for x, v := range dst.RowU8(y) {
				if v != 0 {
					t.Fatalf("slope along %v: edge at (%d,%d)", dir, x, y)
				}
			}
		}
	}
}

// What should leave a picture as it is does so, bit for bit.
func TestNeutralSettings(t *testing.T) {
	o := New().Ops()
	for _, top := range []int{255, 65535} {
		src := sample(t, 31, 22, 3, 1, top)
		dst := newImage(t, 31, 22, 3, src.Format())
		run := map[string]func() error{
			"ColorMatrix": func() error { return o.ColorMatrix(dst, src, &[12]float32{0: 1, 5: 1, 10: 1}) },
			"Curve":       func() error { return o.Curve(dst, src, [][]float32{{0, 0.5, 1}}) },
			"MatchHistogram": func() error {
				return o.MatchHistogram(dst, src, src, nil, nil)
			},
			"LocalTone": func() error {
				return o.LocalTone(dst, src, &kernels.LocalToneParams{Matrix: [9]float32{0: 1, 4: 1, 8: 1}, MaxGain: 1, Shoulder: 1, Detail: 1})
			},
		}
		for name, f := range run {
			for y := range dst.Height() {
				clear(dst.Row(y))
			}
			if err := f(); err != nil {
				t.Fatal(err)
			}
			for y := range dst.Height() {
				if string(dst.Row(y)) != string(src.Row(y)) {
					t.Fatalf("%s of %v: row %d changed", name, src, y)
				}
			}
		}
	}
}
