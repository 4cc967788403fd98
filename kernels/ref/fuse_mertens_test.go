package ref

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/realedit/realedit/kernels"
)

// recordedFusion is one entry of testdata/fuse_mertens.json.
type recordedFusion struct {
	W, H, N        int
	Exponents      [3]float64
	Sum            []int // of each photo's samples: the formula is the same in both languages
	Weights, Fused []float64
}

// testPhoto is photo of testdata/fuse_mertens.py.
func testPhoto(i, w, h int) []uint8 {
	pix := make([]uint8, 0, w*h*3)
	for y := range h {
		for x := range w {
			for c := range 3 {
				noise := ((x * 73856093) ^ (y * 19349663) ^ (c * 83492791) ^ (i * 2654435)) % 13
				light := (x*5+y*3+c*17)%61 + 4*((x/6+y/5)%3)*9 + noise
				if x*3 > w && x*3 < 2*w && y*2 < h {
					light = light*6 + 90
				}
				pix = append(pix, uint8(min(255, light<<(2*i)>>2)))
			}
		}
	}
	return pix
}

// scaled is the photo in a format: U16 is v·257, so that all formats hold the same numbers.
func scaled(t *testing.T, pix []uint8, w, h int, f kernels.Format) *kernels.Image {
	t.Helper()
	var m *kernels.Image
	var err error
	switch f {
	case kernels.U8:
		m, err = kernels.Wrap(pix, w, h, 3)
	case kernels.U16:
		p := make([]uint16, len(pix))
		for i, v := range pix {
			p[i] = uint16(v) * 257
		}
		m, err = kernels.Wrap(p, w, h, 3)
	case kernels.F32:
		p := make([]float32, len(pix))
		for i, v := range pix {
			p[i] = float32(v) / 255
		}
		m, err = kernels.Wrap(p, w, h, 3)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// OpenCV's recorded weights and fusions, from 8-bit photos and from the same numbers in the other formats.
func TestFuseMertensAgainstOpenCV(t *testing.T) {
	data, err := os.ReadFile("testdata/fuse_mertens.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []recordedFusion
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		p := kernels.MertensParams{Contrast: c.Exponents[0], Saturation: c.Exponents[1], Exposedness: c.Exponents[2]}
		for _, f := range []kernels.Format{kernels.U8, kernels.U16, kernels.F32} {
			var photos []*kernels.Image
			for i := range c.N {
				pix, sum := testPhoto(i, c.W, c.H), 0
				for _, v := range pix {
					sum += int(v)
				}
				if sum != c.Sum[i] {
					t.Fatalf("photo %d sums to %d, recorded %d: the formulas differ", i, sum, c.Sum[i])
				}
				photos = append(photos, scaled(t, pix, c.W, c.H, f))
			}
			got, _ := kernels.Wrap(make([]float32, c.W*c.H), c.W, c.H, 1)
			if err := ops.FusionWeights(got, photos[c.N-1], &p); err != nil {
				t.Fatal(err)
			}
			for y := range c.H {
				for x, v := range got.RowF32(y) {
					want := c.Weights[y*c.W+x]
					if d := math.Abs(float64(v) - want); !(d <= 1e-5*want+3e-8) { // OpenCV's Laplacian rounds in binary32
						t.Errorf("%d×%d %v: weight at (%d,%d) is %g, OpenCV has %g", c.W, c.H, f, x, y, v, want)
					}
				}
			}
			out, _ := kernels.Wrap(make([]float32, c.W*c.H*3), c.W, c.H, 3)
			if err := ops.Fuse(out, photos, &kernels.FuseOptions{Method: kernels.FuseMertens, Mertens: p}); err != nil {
				t.Fatal(err)
			}
			var worst float64
			for y := range c.H {
				for i, v := range out.RowF32(y) {
					worst = max(worst, math.Abs(float64(v)-unit01(c.Fused[y*c.W*3+i])))
				}
			}
			if worst > 1.3e-6 { // binary32 in OpenCV
				t.Errorf("%d×%d %v, %d photos: differs from OpenCV by %.3g", c.W, c.H, f, c.N, worst)
			}
			t.Logf("%d×%d %v, %d photos: differs from OpenCV by %.3g", c.W, c.H, f, c.N, worst)
		}
	}
}

// One photo fuses to itself, and the same photo several times too.
func TestFuseMertensOfOnePhoto(t *testing.T) {
	const w, h = 19, 14
	m := scaled(t, testPhoto(1, w, h), w, h, kernels.U8)
	for n := 1; n <= 3; n++ {
		out, _ := kernels.Wrap(make([]uint8, w*h*3), w, h, 3)
		photos := make([]*kernels.Image, n)
		for i := range photos {
			photos[i] = m
		}
		if err := ops.Fuse(out, photos, &kernels.FuseOptions{Method: kernels.FuseMertens}); err != nil {
			t.Fatal(err)
		}
		for y := range h {
			for i, v := range out.RowU8(y) {
				if want := m.RowU8(y)[i]; v != want {
					t.Fatalf("%d photos: sample %d of row %d is %d, want %d", n, i, y, v, want)
				}
			}
		}
	}
}

func TestFusionRefusesBadArguments(t *testing.T) {
	image := func(w, h, c int, f kernels.Format) *kernels.Image {
		m, err := kernels.NewHostImage(nil, w, h, c, f)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	dst, good := image(4, 3, 3, kernels.U8), image(4, 3, 3, kernels.U8)
	type list = []*kernels.Image
	mertens := &kernels.FuseOptions{Method: kernels.FuseMertens}
	for name, err := range map[string]error{
		"nil dst":       ops.Fuse(nil, list{good}, mertens),
		"no photos":     ops.Fuse(dst, nil, mertens),
		"nil photo":     ops.Fuse(dst, list{good, nil}, mertens),
		"size":          ops.Fuse(dst, list{good, image(3, 3, 3, kernels.U8)}, mertens),
		"mixed formats": ops.Fuse(dst, list{good, image(4, 3, 3, kernels.U16)}, mertens),
		"half":          ops.Fuse(dst, list{image(4, 3, 3, kernels.F16)}, mertens),
		"channels":      ops.Fuse(dst, list{image(4, 3, 1, kernels.U8)}, mertens),
		"in place":      ops.Fuse(dst, list{dst}, mertens),
		"method":        ops.Fuse(dst, list{good}, &kernels.FuseOptions{Method: 9}),
		"exponent":      ops.Fuse(dst, list{good}, &kernels.FuseOptions{Mertens: kernels.MertensParams{Contrast: -1}}),
		"NaN":           ops.Fuse(dst, list{good}, &kernels.FuseOptions{Mertens: kernels.MertensParams{Contrast: math.NaN()}}),
		"mertens valid": ops.Fuse(dst, list{good}, &kernels.FuseOptions{Method: kernels.FuseMertens, Valid: list{nil}}),
		"valid count":   ops.Fuse(dst, list{good}, &kernels.FuseOptions{Valid: list{nil, nil}}),
		"valid format":  ops.Fuse(dst, list{good}, &kernels.FuseOptions{Valid: list{image(4, 3, 1, kernels.F32)}}),
		"weights dst":   ops.FusionWeights(dst, good, nil),
		"weights nil":   ops.FusionWeights(nil, good, nil),
	} {
		if !errors.Is(err, kernels.ErrInvalid) {
			t.Errorf("%s: %v, want an error that is ErrInvalid", name, err)
		}
	}
}
