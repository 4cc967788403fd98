package container

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/realedit/realedit/internal/icc"
	"github.com/realedit/realedit/internal/phototest"
	"golang.org/x/image/tiff"
)

// tagsOf runs exiftool over files and returns "Group:Tag" → value of each.
func tagsOf(t testing.TB, files ...string) []map[string]string {
	t.Helper()
	tool, err := exec.LookPath("exiftool")
	phototest.Need(t, "exiftool", err == nil)
	out, err := exec.Command(tool, append([]string{"-j", "-G1", "-a", "-U", "-n", "-struct"}, files...)...).Output()
	if len(out) == 0 {
		t.Fatalf("exiftool: %v", err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	dec.UseNumber()
	var raw []map[string]any
	if err := dec.Decode(&raw); err != nil {
		t.Fatal(err)
	}
	list := make([]map[string]string, len(raw))
	for i, m := range raw {
		list[i] = map[string]string{}
		for k, v := range m {
			list[i][k] = fmt.Sprint(v)
		}
	}
	return list
}

// ours are the tags that Update sets, and groups that describe the file and not the photograph.
func ours(tag string) bool {
	group, name, _ := strings.Cut(tag, ":")
	switch group {
	case "File", "System", "ExifTool", "Composite", "IFD1", "JFIF", "PNG", "PNG-pHYs", "MPF0", "MPImage1", "MPImage2", "SourceFile", "",
		"Adobe", "Ducky":
		return true
	}
	if strings.HasPrefix(group, "ICC") {
		return true
	}
	switch tag {
	case "IFD0:Orientation", "IFD0:ImageWidth", "IFD0:ImageHeight", "ExifIFD:ExifImageWidth", "ExifIFD:ExifImageHeight",
		"ExifIFD:ColorSpace", "InteropIFD:InteropIndex", "Photoshop:PhotoshopThumbnail",
		"IFD0:ExifOffset", "ExifIFD:InteropOffset", "IFD0:GPSInfo":
		return true
	case "XMP-tiff:Orientation", "XMP-tiff:ImageWidth", "XMP-tiff:ImageHeight", "XMP-exif:ExifImageWidth", "XMP-exif:ExifImageHeight",
		"XMP-exif:ColorSpace", "XMP-photoshop:ICCProfileName":
		return true
	// Storage of TIFF pixels.
	case "IFD0:BitsPerSample", "IFD0:Compression", "IFD0:PhotometricInterpretation", "IFD0:StripOffsets", "IFD0:SamplesPerPixel",
		"IFD0:RowsPerStrip", "IFD0:StripByteCounts", "IFD0:PlanarConfiguration", "IFD0:Predictor", "IFD0:YCbCrPositioning",
		"IFD0:YCbCrSubSampling", "IFD0:YCbCrCoefficients", "IFD0:ReferenceBlackWhite", "IFD0:WhitePoint", "IFD0:PrimaryChromaticities":
		return true
	}
	// Pictures behind the end of the JPEG file are previews of the old pixels.
	return name == "PreviewImage" || name == "Warning"
}

const testW, testH = 60, 40

func picture() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, testW, testH))
	for y := range testH {
		for x := range testW {
			m.SetNRGBA(x, y, color.NRGBA{uint8(4 * x), uint8(6 * y), uint8(x ^ y), 255})
		}
	}
	return m
}

func thumb(t testing.TB) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 30, 20)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// finish is what an export does to blocks.
func finish(t testing.TB, b Blocks, f Format) *Blocks {
	t.Helper()
	out, warnings, err := b.Finish(Finish{Format: f, Width: testW, Height: testH, Thumbnail: thumb(t), ICC: icc.SRGBProfile()})
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Log(warnings)
	}
	return out
}

// writeAll writes the picture with b's blocks in all formats and returns the files.
func writeAll(t testing.TB, dir, name string, b Blocks) (files []string) {
	t.Helper()
	m := picture()
	create := func(ext string, f func(w *os.File) error) {
		path := filepath.Join(dir, name+ext)
		w, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := f(w); err != nil {
			t.Fatalf("%s%s: %v", name, ext, err)
		}
		w.Close()
		files = append(files, path)
	}
	create(".jpg", func(w *os.File) error {
		jw, warnings := NewJPEGWriter(w, finish(t, b, JPEG))
		if len(warnings) > 0 {
			t.Log(name, warnings)
		}
		if err := jpeg.Encode(jw, m, nil); err != nil {
			return err
		}
		return jw.Close()
	})
	create(".png", func(w *os.File) error {
		pw, warnings := NewPNGWriter(w, finish(t, b, PNG))
		if len(warnings) > 0 {
			t.Log(name, warnings)
		}
		if err := png.Encode(pw, m); err != nil {
			return err
		}
		return pw.Close()
	})
	create(".tif", func(w *os.File) error {
		warnings, err := WriteTIFF(w, raster16(m), finish(t, b, TIFF), &TIFFOptions{Deflate: true})
		if len(warnings) > 0 {
			t.Log(name, warnings)
		}
		return err
	})
	return files
}

func raster16(m *image.NRGBA) Raster {
	return Raster{Width: m.Rect.Dx(), Height: m.Rect.Dy(), Channels: 3, Bits: 16, Row16: func(y int, dst []uint16) {
		for x := range m.Rect.Dx() {
			c := m.NRGBAAt(x, y)
			dst[3*x], dst[3*x+1], dst[3*x+2] = uint16(c.R)*257, uint16(c.G)*257, uint16(c.B)*257
		}
	}}
}

// decodes checks that a written file holds the picture and that no block warns.
func decodes(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(b)
	h, err := ReadHeader(r, int64(len(b)))
	if err != nil || h.Width != testW || h.Height != testH {
		t.Errorf("%s: header %+v, %v", path, h, err)
	}
	if _, w := ReadBlocks(r, int64(len(b))); len(w) > 0 {
		t.Errorf("%s: %v", path, w)
	}
	var m image.Image
	switch h.Format {
	case JPEG:
		m, err = jpeg.Decode(bytes.NewReader(b))
	case PNG:
		m, err = png.Decode(bytes.NewReader(b))
	case TIFF:
		m, err = tiff.Decode(bytes.NewReader(b))
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if h.Format == JPEG {
		return
	}
	want := picture()
	for y := range testH {
		for x := range testW {
			r, g, bl, _ := m.At(x, y).RGBA()
			wr, wg, wb, _ := want.At(x, y).RGBA()
			if r != wr || g != wg || bl != wb {
				t.Fatalf("%s: pixel %d,%d is %d %d %d", path, x, y, r, g, bl)
			}
		}
	}
}

// Every tag that exiftool reads from a camera's file is in the export, in all
// formats, and after a second trip through each of them.
func TestMetadataSurvives(t *testing.T) {
	root := phototest.Dir(t)
	var in []string
	for _, pat := range []string{"exterior/*.jpg", "interior/*.jpg", "metadata/icc/*", "metadata/exif_orientation/*_6.jpg", "brackets/lamp_stack/*_0.jpg",
		"brackets/matlab_office/office_1.jpg", "brackets/pingpong/Img1.JPG", "brackets/mpi_exposures/img01.jpg"} {
		m, _ := filepath.Glob(filepath.Join(root, pat))
		in = append(in, m...)
	}
	if len(in) < 20 {
		t.Fatalf("only %d photographs under %s", len(in), root)
	}
	dir := t.TempDir()
	var out []string
	var origin []int
	for i, f := range in {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b, warnings := ReadBlocks(bytes.NewReader(data), int64(len(data)))
		if len(warnings) > 0 {
			t.Log(f, warnings)
		}
		first := writeAll(t, dir, fmt.Sprintf("%02d", i), b)
		for k, g := range first {
			decodes(t, g)
			data, err := os.ReadFile(g)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := ReadBlocks(bytes.NewReader(data), int64(len(data)))
			again := writeAll(t, dir, fmt.Sprintf("%02d-%d", i, k), b)
			out = append(out, g)
			out = append(out, again...)
			for range 4 {
				origin = append(origin, i)
			}
		}
	}
	before, after := tagsOf(t, in...), tagsOf(t, out...)
	lost := map[string]int{}
	for k, a := range after {
		b := before[origin[k]]
		for tag, v := range b {
			if ours(tag) {
				continue
			}
			if tag == "" || a[tag] == v {
				continue
			}
			lost[tag]++
			if lost[tag] <= 2 {
				t.Errorf("%s of %s: %s is %.80q, was %.80q", filepath.Base(out[k]), filepath.Base(in[origin[k]]), tag, a[tag], v)
			}
		}
		for tag, want := range map[string]string{"ExifIFD:ExifImageWidth": fmt.Sprint(testW), "ExifIFD:ExifImageHeight": fmt.Sprint(testH), "ExifIFD:ColorSpace": "1"} {
			if a[tag] != want {
				t.Errorf("%s: %s is %q", out[k], tag, a[tag])
			}
		}
		if o, ok := a["IFD0:Orientation"]; ok && o != "1" {
			t.Errorf("%s: orientation %s", out[k], o)
		}
		if w, ok := a["ExifTool:Warning"]; ok && b["ExifTool:Warning"] == "" {
			t.Errorf("%s of %s: exiftool warns: %s", filepath.Base(out[k]), in[origin[k]], w)
		}
		if a["ICC_Profile:ProfileDescription"] != icc.SRGBName {
			t.Errorf("%s: profile %q", out[k], a["ICC_Profile:ProfileDescription"])
		}
	}
}
