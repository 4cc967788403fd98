package ref

import (
	"encoding/json"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"testing"

	"github.com/realedit/realedit/kernels"
)

// testdata/geometry.json holds what OpenCV, scikit-image and numpy make of formula's
// pictures; testdata/geometry.py writes it.
type recordedCase struct {
	What   string
	Src    [3]int
	Dst    [2]int
	H      [9]float64
	Values []float64
}

type recordedGeometry struct {
	Resize, PyrDown, PyrUp, Warp []recordedCase
	Feather                      struct {
		Size          [2]int
		Side, Overlap int
		Tiles         [][2]int
		Values        []float64
	}
	SRGB struct{ Encoded, Linear []float64 }
}

func readGeometry(t *testing.T) (g recordedGeometry) {
	t.Helper()
	b, err := os.ReadFile("testdata/geometry.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Resize) == 0 || len(g.PyrDown) == 0 || len(g.PyrUp) == 0 || len(g.Warp) == 0 || len(g.Feather.Values) == 0 || len(g.SRGB.Linear) == 0 {
		t.Fatal("testdata/geometry.json lacks cases")
	}
	return g
}

func formulaValue(x, y, k int) uint8 {
	return uint8((x*37 + y*91 + k*53 + x*y*7 + x/5*(y/3)*40) % 256)
}

// formula is geometry.py's input picture, v/255 in float32.
func formula(t *testing.T, w, h, c int) *kernels.Image {
	pix := make([]float32, 0, w*h*c)
	for y := range h {
		for x := range w {
			for k := range c {
				pix = append(pix, float32(formulaValue(x, y, k))/255)
			}
		}
	}
	return wrapF32(t, pix, w, h, c)
}

func wrapF32(t *testing.T, pix []float32, w, h, c int) *kernels.Image {
	t.Helper()
	m, err := kernels.Wrap(pix, w, h, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func zeroF32(t *testing.T, w, h, c int) *kernels.Image {
	return wrapF32(t, make([]float32, w*h*c), w, h, c)
}

// asRecorded compares an F32 image with values in row order.
func asRecorded(t *testing.T, what string, got *kernels.Image, want []float64, tol float64) {
	t.Helper()
	n := got.Width() * got.Channels()
	if n*got.Height() != len(want) {
		t.Fatalf("%s: %v against %d recorded values", what, got, len(want))
	}
	var worst float64
	for y := range got.Height() {
		for i, v := range got.RowF32(y) {
			worst = max(worst, math.Abs(float64(v)-want[y*n+i]))
		}
	}
	if !(worst <= tol) {
		t.Errorf("%s: differs by %.3g, tolerance %.3g", what, worst, tol)
	}
}

func TestResizeAsOpenCV(t *testing.T) {
	for _, r := range readGeometry(t).Resize {
		dst := zeroF32(t, r.Dst[0], r.Dst[1], r.Src[2])
		if err := ops.Resize(dst, formula(t, r.Src[0], r.Src[1], r.Src[2])); err != nil {
			t.Fatal(err)
		}
		asRecorded(t, r.What, dst, r.Values, 1e-6)
	}
}

func TestPyramidAsOpenCV(t *testing.T) {
	g := readGeometry(t)
	for _, r := range g.PyrDown {
		dst := zeroF32(t, (r.Src[0]+1)/2, (r.Src[1]+1)/2, r.Src[2])
		if err := ops.PyrDown(dst, formula(t, r.Src[0], r.Src[1], r.Src[2])); err != nil {
			t.Fatal(err)
		}
		asRecorded(t, "pyrDown", dst, r.Values, 1e-6)
	}
	for _, r := range g.PyrUp {
		dst := zeroF32(t, r.Dst[0], r.Dst[1], r.Src[2])
		if err := ops.PyrUp(dst, formula(t, r.Src[0], r.Src[1], r.Src[2])); err != nil {
			t.Fatal(err)
		}
		asRecorded(t, "pyrUp", dst, r.Values, 1e-6)
	}
}

func TestWarpAsScikitImage(t *testing.T) {
	for _, r := range readGeometry(t).Warp {
		dst := zeroF32(t, r.Src[0], r.Src[1], 1)
		if err := ops.Warp(dst, nil, formula(t, r.Src[0], r.Src[1], 1), &r.H); err != nil {
			t.Fatal(err)
		}
		asRecorded(t, r.What, dst, r.Values, 1e-6)
	}
}

func TestFeatherAsNumpy(t *testing.T) {
	g := readGeometry(t).Feather
	var tiles []kernels.Tile
	for n, at := range g.Tiles {
		pix := make([]float32, 0, g.Side*g.Side*3)
		for y := range g.Side {
			for x := range g.Side {
				for k := range 3 {
					pix = append(pix, float32(math.Mod(float64(formulaValue(at[0]+x, at[1]+y, k))/255+0.01*float64(n), 1)))
				}
			}
		}
		tiles = append(tiles, kernels.Tile{Image: wrapF32(t, pix, g.Side, g.Side, 3), At: image.Pt(at[0], at[1])})
	}
	dst := zeroF32(t, g.Size[0], g.Size[1], 3)
	if err := ops.Feather(dst, tiles, g.Overlap); err != nil {
		t.Fatal(err)
	}
	var every3 []float32
	for y := 0; y < g.Size[1]; y += 3 {
		for x := 0; x < g.Size[0]; x += 3 {
			every3 = append(every3, dst.RowF32(y)[3*x:3*x+3]...)
		}
	}
	asRecorded(t, "feather", wrapF32(t, every3, (g.Size[0]+2)/3, (g.Size[1]+2)/3, 3), g.Values, 1e-6)
}

func TestSRGBAsScikitImage(t *testing.T) {
	g := readGeometry(t).SRGB
	for i, v := range g.Encoded {
		if d := math.Abs(decodeSRGB1(v) - g.Linear[i]); d > 1e-6 {
			t.Errorf("decode(%g) differs by %g", v, d)
		}
		if d := math.Abs(encodeSRGB1(g.Linear[i]) - v); d > 2e-6 {
			t.Errorf("encode(%g) differs by %g", g.Linear[i], d)
		}
	}
}

// Go's decoder gives the planes (its inverse DCT may differ from libjpeg-turbo's by a
// level), the picture beside it is libjpeg-turbo's with its fancy upsampling.
func TestYCbCrAsLibjpeg(t *testing.T) {
	open := func(name string, decode func(f *os.File) (image.Image, error)) image.Image {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		m, err := decode(f)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := open("testdata/fancy.jpg", func(f *os.File) (image.Image, error) { return jpeg.Decode(f) }).(*image.YCbCr)
	want := open("testdata/fancy.png", func(f *os.File) (image.Image, error) { return png.Decode(f) })
	w, h := m.Rect.Dx(), m.Rect.Dy()
	plane := func(pix []uint8, stride, w, h int) *kernels.Image {
		var tight []uint8
		for y := range h {
			tight = append(tight, pix[y*stride:y*stride+w]...)
		}
		p, err := kernels.Wrap(tight, w, h, 1)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if m.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		t.Fatalf("subsampling %v", m.SubsampleRatio)
	}
	dst, err := kernels.Wrap(make([]uint8, w*h*3), w, h, 3)
	if err != nil {
		t.Fatal(err)
	}
	cw, ch := (w+1)/2, (h+1)/2
	if err := ops.YCbCrToRGB(dst, plane(m.Y, m.YStride, w, h), plane(m.Cb, m.CStride, cw, ch), plane(m.Cr, m.CStride, cw, ch)); err != nil {
		t.Fatal(err)
	}
	var worst int
	var sum float64
	for y := range h {
		for x := range w {
			r, g, b, _ := want.At(x, y).RGBA()
			for k, v := range []uint32{r, g, b} {
				d := int(dst.RowU8(y)[3*x+k]) - int(v>>8)
				worst = max(worst, d, -d)
				sum += math.Abs(float64(d))
			}
		}
	}
	t.Logf("largest difference %d levels, mean %.3f", worst, sum/float64(w*h*3))
	if worst > 2 || sum/float64(w*h*3) > 0.5 {
		t.Errorf("differs by up to %d levels, %.3f in the mean", worst, sum/float64(w*h*3))
	}
}
