package container

import (
	"bytes"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/realedit/realedit/internal/icc"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/internal/xmp"
)

// rich writes a JPEG file and lets exiftool put metadata of every kind into it.
func rich(t *testing.T, args ...string) string {
	t.Helper()
	tool, err := exec.LookPath("exiftool")
	phototest.Need(t, "exiftool", err == nil)
	path := filepath.Join(t.TempDir(), "rich.jpg")
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(), nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-q", "-overwrite_original",
		"-Make=Maker", "-Model=M1", "-Orientation#=6", "-DateTimeOriginal=2024:01:02 03:04:05", "-ExposureTime=1/60", "-Copyright=© owner", "-UserComment=a comment",
		"-XPTitle=title", "-LensInfo=24 70 2.8 2.8", "-InteropIndex=R03", "-EXIF:ColorSpace#=2",
		"-GPSLatitude=51.25", "-GPSLatitudeRef=N", "-GPSLongitude=12.5", "-GPSLongitudeRef=W", "-GPSAltitude=77.25", "-GPSDateStamp=2024:01:02", "-GPSTimeStamp=03:04:05",
		"-IPTC:Caption-Abstract=A house", "-IPTC:Keywords=sea", "-IPTC:Keywords=garden", "-IPTC:CopyrightNotice=owner", "-Photoshop:URL=https://example.org/",
		"-XMP-dc:Description=A house by the sea", "-XMP-dc:Description-de=Ein Haus", "-XMP-dc:Rights=all reserved", "-XMP-dc:Subject=sea", "-XMP-xmp:Rating=4",
		"-XMP-iptcCore:Location=Coast", "-XMP-tiff:Orientation#=6", "-XMP-exif:GPSLatitude=51.25", "-XMP-exif:GPSLongitude=-12.5",
		"-XMP-iptcExt:DigitalSourceType=http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture", "-Comment=a JPEG comment"}, args...)
	if out, err := exec.Command(tool, append(args, path)...).CombinedOutput(); err != nil {
		t.Fatalf("exiftool: %v\n%s", err, out)
	}
	return path
}

func TestRichMetadata(t *testing.T) {
	src := rich(t, "-XMP-photoshop:History="+strings.Repeat("0123456789", 9000)) // more than one segment holds
	data, err := os.ReadFile(src)
	if err != nil {
		t.Fatal(err)
	}
	b, warnings := ReadBlocks(at(data))
	if len(warnings) > 0 || b.ExtendedXMP == nil || b.IPTC == nil || b.Photoshop == nil || b.EXIF == nil {
		t.Fatal(warnings, len(b.ExtendedXMP), len(b.IPTC), len(b.Photoshop))
	}
	before := tagsOf(t, src)[0]
	for _, strip := range []bool{false, true} {
		var files []string
		for _, f := range []Format{JPEG, PNG, TIFF} {
			o, warnings, err := b.Finish(Finish{Format: f, Width: testW, Height: testH, Thumbnail: thumb(t), StripGPS: strip, ICC: icc.SRGBProfile(),
				Facts: []xmp.Prop{xmp.Text(xmp.NSIptcExt, "Iptc4xmpExt", "DigitalSourceType", xmp.ComputationalCapture)}})
			if err != nil || len(warnings) > 0 {
				t.Fatal(err, warnings)
			}
			path := filepath.Join(t.TempDir(), "out."+f.String())
			var out []byte
			switch f {
			case JPEG:
				out = encodeJPEG(t, o)
			case PNG:
				out = encodePNG(t, o)
			default:
				var w bytes.Buffer
				if _, err := WriteTIFF(&w, raster16(picture()), o, nil); err != nil {
					t.Fatal(err)
				}
				out = w.Bytes()
			}
			if err := os.WriteFile(path, out, 0o600); err != nil {
				t.Fatal(err)
			}
			decodes(t, path)
			files = append(files, path)
			if f != TIFF && !bytes.Contains(out, thumb(t)) {
				t.Errorf("%v: no thumbnail", f)
			}
		}
		for i, after := range tagsOf(t, files...) {
			for tag, v := range before {
				gps := strings.Contains(tag, "GPS")
				switch {
				case strip && gps:
					if got, ok := after[tag]; ok {
						t.Errorf("%s: %s is still %q", files[i], tag, got)
					}
				case ours(tag) || strings.HasSuffix(tag, ":DigitalSourceType") || tag == "ExifIFD:InteropIndex" || tag == "XMP-xmpNote:HasExtendedXMP":
				case after[tag] == v:
				default:
					t.Errorf("%s: %s is %.60q, was %.60q", filepath.Base(files[i]), tag, after[tag], v)
				}
			}
			for tag, want := range map[string]string{"XMP-iptcExt:DigitalSourceType": xmp.ComputationalCapture, "XMP-tiff:Orientation": "1", "IFD0:Orientation": "1",
				"InteropIFD:InteropIndex": "R98", "ExifIFD:ColorSpace": "1"} {
				if after[tag] != want {
					t.Errorf("%s: %s is %q, want %q", files[i], tag, after[tag], want)
				}
			}
			if w := after["ExifTool:Warning"]; w != "" {
				t.Errorf("%s: %s", files[i], w)
			}
		}
	}
	// The comment has a place in each format.
	for f, tag := range map[Format]string{JPEG: "File:Comment", PNG: "PNG:Comment"} {
		o, _, err := b.Finish(Finish{Format: f, Width: testW, Height: testH})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "c."+f.String())
		out := encodeJPEG(t, o)
		if f == PNG {
			out = encodePNG(t, o)
		}
		if err := os.WriteFile(path, out, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := tagsOf(t, path)[0][tag]; got != "a JPEG comment" {
			t.Errorf("%s is %q", tag, got)
		}
	}
}

// The new thumbnail is what readers find, in cameras' files too.
func TestThumbnailReplaced(t *testing.T) {
	root := phototest.Dir(t)
	tool, err := exec.LookPath("exiftool")
	phototest.Need(t, "exiftool", err == nil)
	in, _ := filepath.Glob(filepath.Join(root, "exterior", "*.jpg"))
	if len(in) == 0 {
		t.Fatal("no photographs")
	}
	want := thumb(t)
	for _, name := range in {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := ReadBlocks(at(data))
		path := filepath.Join(t.TempDir(), "x.jpg")
		if err := os.WriteFile(path, encodeJPEG(t, finish(t, b, JPEG)), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := exec.Command(tool, "-b", "-IFD1:ThumbnailImage", path).Output()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: thumbnail of %d bytes, want %d, %v", name, len(got), len(want), err)
		}
	}
}
