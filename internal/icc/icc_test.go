package icc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/realedit/realedit/internal/phototest"
)

// The written-out numbers of the embedded profile are those of the formula.
func TestSRGBNumbers(t *testing.T) {
	for c, col := range srgbColorants {
		for row, v := range col {
			if d := math.Abs(float64(v) - 65536*srgbD50[3*row+c]); d > 1 {
				t.Errorf("colorant %d, row %d: %d, derived %g", c, row, v, 65536*srgbD50[3*row+c])
			}
		}
	}
	for row := range 3 {
		if s := srgbColorants[0][row] + srgbColorants[1][row] + srgbColorants[2][row]; s != d50[row] {
			t.Errorf("row %d sums to %d, white is %d", row, s, d50[row])
		}
	}
	w := [3]float64{0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290}
	var chad [9]float64
	for i, v := range chadD65 {
		chad[i] = float64(v) / 65536
	}
	for i, v := range apply(chad, w) {
		if math.Abs(v-whiteD50[i]) > 2e-5 {
			t.Errorf("chad leads D65 to %g in row %d, D50 is %g", v, i, whiteD50[i])
		}
	}
}

func TestSRGBProfileIsIdentity(t *testing.T) {
	p, err := Parse(SRGBProfile())
	if err != nil {
		t.Fatal(err)
	}
	if p.Known != SRGB || p.Description != SRGBName || p.Class != "mntr" || p.Version != 0x0210 {
		t.Errorf("parsed as %+v", p)
	}
	tr, err := p.Transform(256)
	if err != nil {
		t.Fatal(err)
	}
	if !tr.Identity {
		t.Error("not the identity")
	}
	for _, x := range []float64{0, 0.02, 0.25, 0.5, 0.75, 1} {
		r, g, b := linear(tr, x, x, x)
		want := srgbCurve(x)
		for _, v := range []float64{r, g, b} {
			if math.Abs(v-want) > 2e-4 { // 256 entries, linear between them
				t.Errorf("code %g gives %g, want %g", x, v, want)
			}
		}
	}
}

// profile builds a version-4 profile for tests.
func profile(space, pcs string, tags map[string][]byte, order ...string) []byte {
	be := binary.BigEndian
	h := make([]byte, 128)
	be.PutUint32(h[8:], 0x04300000)
	copy(h[12:], "mntr"+space+pcs)
	copy(h[36:], "acsp")
	table := be.AppendUint32(nil, uint32(len(order)))
	var body []byte
	start := 132 + 12*len(order)
	for _, n := range order {
		table = append(table, n...)
		table = be.AppendUint32(be.AppendUint32(table, uint32(start+len(body))), uint32(len(tags[n])))
		body = append(body, tags[n]...)
	}
	return append(append(h, table...), body...)
}

func xyzTag(v ...float64) []byte {
	b := []byte("XYZ \x00\x00\x00\x00")
	for _, x := range v {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(x*65536))))
	}
	return b
}

func paraTag(kind uint16, v ...float64) []byte {
	b := binary.BigEndian.AppendUint16([]byte("para\x00\x00\x00\x00"), kind)
	b = append(b, 0, 0)
	for _, x := range v {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(x*65536))))
	}
	return b
}

func curvTag(v ...uint16) []byte {
	b := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), uint32(len(v)))
	for _, x := range v {
		b = binary.BigEndian.AppendUint16(b, x)
	}
	return b
}

func rgbProfile(m [9]float64, trc []byte) []byte {
	return profile("RGB ", "XYZ ", map[string][]byte{
		"rXYZ": xyzTag(m[0], m[3], m[6]), "gXYZ": xyzTag(m[1], m[4], m[7]), "bXYZ": xyzTag(m[2], m[5], m[8]),
		"rTRC": trc, "gTRC": trc, "bTRC": trc}, "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC")
}

var srgbPara = paraTag(3, 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)

func TestKnownSpaces(t *testing.T) {
	trc := map[Known][]byte{SRGB: srgbPara, DisplayP3: srgbPara, AdobeRGB: curvTag(563), ProPhoto: paraTag(0, 1.8)}
	for _, s := range spaces {
		p, err := Parse(rgbProfile(s.matrix, trc[s.known]))
		if err != nil {
			t.Fatal(err)
		}
		if p.Known != s.known {
			t.Errorf("%v taken for %v", s.known, p.Known)
		}
		tr, err := p.Transform(1024)
		if err != nil {
			t.Fatal(err)
		}
		if tr.Identity != (s.known == SRGB) {
			t.Errorf("%v: identity %v", s.known, tr.Identity)
		}
		// White and black stay, greys stay grey in every space.
		for _, x := range []float64{0, 0.3, 1} {
			r, g, b := linear(tr, x, x, x)
			if math.Abs(r-g) > 5e-4 || math.Abs(g-b) > 5e-4 || math.Abs(g-s.curve(x)) > 5e-4 {
				t.Errorf("%v: grey %g gives %g %g %g", s.known, x, r, g, b)
			}
		}
		// A wider space's green lies outside sRGB.
		if r, _, _ := linear(tr, 0, 1, 0); s.known != SRGB && r > -0.1 {
			t.Errorf("%v: red of pure green is %g", s.known, r)
		}
	}
}

// Display P3's red in linear sRGB, as computed from SMPTE EG 432-1's primaries
// without adaptation (both whites are D65).
func TestDisplayP3Red(t *testing.T) {
	p, _ := Parse(rgbProfile(spaces[2].matrix, srgbPara))
	tr, err := p.Transform(2)
	if err != nil {
		t.Fatal(err)
	}
	r, g, b := linear(tr, 1, 0, 0)
	for i, want := range []float64{1.2249, -0.0420, -0.0196} {
		if got := []float64{r, g, b}[i]; math.Abs(got-want) > 5e-4 {
			t.Errorf("channel %d: %g, want %g", i, got, want)
		}
	}
}

func TestGray(t *testing.T) {
	p, err := Parse(profile("GRAY", "XYZ ", map[string][]byte{"kTRC": curvTag(0x0233)}, "kTRC"))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := p.Transform(256)
	if err != nil {
		t.Fatal(err)
	}
	if !tr.Gray || math.Abs(float64(tr.TRC[0][128])-math.Pow(128.0/255, 563.0/256)) > 1e-6 {
		t.Errorf("gray %v, middle %g", tr.Gray, tr.TRC[0][128])
	}
	// Lab connection space: an identity curve is L*, whose 50 is Y = 0.184.
	p, _ = Parse(profile("GRAY", "Lab ", map[string][]byte{"kTRC": curvTag()}, "kTRC"))
	if tr, err = p.Transform(3); err != nil || math.Abs(float64(tr.TRC[0][1])-0.18418) > 1e-4 {
		t.Errorf("L* 50 gives %v, %v", tr, err)
	}
}

func TestParametric(t *testing.T) {
	for _, c := range []struct {
		tag     []byte
		x, want float64
	}{
		{paraTag(0, 2), 0.5, 0.25},
		{paraTag(1, 2, 1, -0.5), 0.25, 0},
		{paraTag(1, 2, 1, -0.5), 1, 0.25},
		{paraTag(2, 2, 1, -0.5, 0.125), 0.25, 0.125},
		{paraTag(3, 2, 1, 0, 0.5, 0.25), 0.125, 0.0625},
		{paraTag(4, 2, 1, 0, 0.5, 0.25, 0.125, 0.0625), 0.125, 0.125},
		{paraTag(4, 2, 1, 0, 0.5, 0.25, 0.125, 0.0625), 0.5, 0.375},
		{curvTag(), 0.3, 0.3},
		{curvTag(512), 0.5, 0.25},
		{curvTag(0, 65535, 65535), 0.25, 0.5},
	} {
		f, err := parseCurve(c.tag)
		if err != nil {
			t.Errorf("%q: %v", c.tag, err)
		} else if got := f(c.x); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("%q at %g: %g, want %g", c.tag, c.x, got, c.want)
		}
	}
}

func TestBadProfiles(t *testing.T) {
	good := SRGBProfile()
	for n := 0; n < len(good); n += 97 {
		if p, err := Parse(good[:n]); err == nil {
			if _, err := p.Transform(16); err == nil && n < 1000 {
				t.Errorf("%d of %d bytes give a transform", n, len(good))
			}
		} else if !errors.Is(err, ErrMalformed) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for name, b := range map[string][]byte{
		"singular": rgbProfile([9]float64{1, 1, 1, 1, 1, 1, 1, 1, 1}, srgbPara),
		"flat":     rgbProfile(srgbD50, curvTag(0, 0)),
		"falling":  rgbProfile(srgbD50, curvTag(65535, 0)),
		"gamma 0":  rgbProfile(srgbD50, curvTag(0)[:14]),
		"para 9":   rgbProfile(srgbD50, paraTag(9, 1)),
		"huge":     rgbProfile(srgbD50, []byte("curv\x00\x00\x00\x00\x7f\xff\xff\xff")),
		"no trc":   profile("GRAY", "XYZ ", nil),
	} {
		p, err := Parse(b)
		if err == nil {
			_, err = p.Transform(16)
		}
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, b := range map[string][]byte{
		"cmyk": profile("CMYK", "Lab ", nil),
		"lut":  profile("RGB ", "Lab ", map[string][]byte{"A2B0": make([]byte, 64)}, "A2B0"),
	} {
		p, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err = p.Transform(16); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFromGamma(t *testing.T) {
	tr, err := FromGamma(0.45455, []float64{0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06}, 256)
	if err != nil {
		t.Fatal(err)
	}
	if r, g, b := linear(tr, 1, 0, 0); math.Abs(r-1) > 1e-3 || math.Abs(g) > 1e-3 || math.Abs(b) > 1e-3 {
		t.Errorf("sRGB's red gives %g %g %g", r, g, b)
	}
	for _, xy := range [][]float64{{1}, make([]float64, 8), {0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3}} {
		if _, err := FromGamma(0.5, xy, 16); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v: %v", xy, err)
		}
	}
	if _, err := FromGamma(0, nil, 16); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func FuzzICC(f *testing.F) {
	f.Add(SRGBProfile())
	f.Add(rgbProfile(srgbD50, srgbPara))
	f.Add(rgbProfile(srgbD50, curvTag(563)))
	f.Add(profile("GRAY", "Lab ", map[string][]byte{"kTRC": curvTag()}, "kTRC"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		tr, err := p.Transform(33)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
				t.Fatal(err)
			}
			return
		}
		for c := range tr.TRC {
			for _, v := range tr.TRC[c] {
				if !(v >= 0 && v <= 1) {
					t.Fatalf("curve %d holds %g", c, v)
				}
			}
		}
		for _, v := range tr.Matrix {
			if v != v || math.IsInf(float64(v), 0) {
				t.Fatalf("matrix %v", tr.Matrix)
			}
		}
	})
}

// TestPhotoProfiles reads what the photographs of metadata/icc carry (after a plain search for
// the segment, so that the test needs no other package).
func TestPhotoProfiles(t *testing.T) {
	root := phototest.Dir(t)
	want := map[string]Known{"jpg-24bit-icc-adobe-rgb.jpg": AdobeRGB, "jpg-24bit-icc-iec.jpg": SRGB}
	for name, known := range want {
		b, err := os.ReadFile(filepath.Join(root, "metadata", "icc", name))
		if err != nil {
			t.Fatal(err)
		}
		i := bytes.Index(b, []byte("ICC_PROFILE\x00"))
		if i < 0 {
			t.Fatalf("%s: no profile", name)
		}
		n := int(binary.BigEndian.Uint16(b[i-2:])) - 2
		p, err := Parse(b[i+14 : i+n])
		if err != nil || p.Known != known {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// linear applies a transform to one colour of codes 0…1, between table
// entries linearly; grey passes the same code three times.
func linear(t *Transform, r, g, b float64) (lr, lg, lb float64) {
	at := func(c int, x float64) float64 {
		v := t.TRC[c]
		f := min(max(x, 0), 1) * float64(len(v)-1)
		i := min(int(f), len(v)-2)
		f -= float64(i)
		return float64(v[i])*(1-f) + float64(v[i+1])*f
	}
	x, y, z := at(0, r), at(1, g), at(2, b)
	m := t.Matrix
	return float64(m[0])*x + float64(m[1])*y + float64(m[2])*z,
		float64(m[3])*x + float64(m[4])*y + float64(m[5])*z,
		float64(m[6])*x + float64(m[7])*y + float64(m[8])*z
}
