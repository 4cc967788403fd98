package container

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/tiff"

	"github.com/realedit/realedit/internal/exif"
	"github.com/realedit/realedit/internal/icc"
	"github.com/realedit/realedit/internal/xmp"
)

// sampleBlocks has one of every kind that all formats can hold.
func sampleBlocks(t testing.TB) Blocks {
	ex, _, err := exif.Update(nil, exif.Edit{Width: 8, Height: 8})
	if err != nil {
		t.Fatal(err)
	}
	packet, err := xmp.Merge(nil, xmp.Edit{Set: []xmp.Prop{xmp.Text(xmp.NSDC, "dc", "source", "a test")}})
	if err != nil {
		t.Fatal(err)
	}
	return Blocks{
		EXIF: ex, XMP: packet, ICC: icc.SRGBProfile(),
		IPTC:      []byte("\x1c\x02\x78\x00\x03abc"),
		Photoshop: []byte("8BIM\x04\x25\x00\x00\x00\x00\x00\x04wxyz"),
		Density:   &Density{1, 300, 300},
	}
}

func encodeJPEG(t testing.TB, b *Blocks) []byte {
	var out bytes.Buffer
	jw, _ := NewJPEGWriter(&out, b)
	if err := jpeg.Encode(jw, picture(), nil); err != nil {
		t.Fatal(err)
	}
	if err := jw.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func encodePNG(t testing.TB, b *Blocks) []byte {
	var out bytes.Buffer
	pw, _ := NewPNGWriter(&out, b)
	if err := png.Encode(pw, picture()); err != nil {
		t.Fatal(err)
	}
	if err := pw.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestBlocksRoundTrip(t *testing.T) {
	want := sampleBlocks(t)
	want.Comments = [][]byte{[]byte("first"), []byte("second")}
	want.App = []Segment{{0xe5, []byte("RMETA\x00rest")}, {0xef, []byte("Q 95")}}
	got, warnings := ReadBlocks(at(encodeJPEG(t, &want)))
	if len(warnings) > 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("jpeg: %v\n%+v\n%+v", warnings, got, want)
	}

	want = sampleBlocks(t)
	want.Texts = []Text{{"Title", "Haus am Fluß"}, {"Author", "作者"}}
	want.Density = &Density{2, 118.11, 118.11}
	got, warnings = ReadBlocks(at(encodePNG(t, &want)))
	if len(warnings) > 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("png: %v\n%+v\n%+v", warnings, got, want)
	}
	if b, _ := ReadBlocks(at(encodePNG(t, &Blocks{Gamma: 0.45455, Chromaticities: []float64{.3127, .329, .64, .33, .3, .6, .15, .06}}))); b.Gamma != 0.45455 || len(b.Chromaticities) != 8 || b.Chromaticities[2] != .64 {
		t.Errorf("png colour: %+v", b)
	}
	if b, _ := ReadBlocks(at(encodePNG(t, &Blocks{SRGB: true}))); !b.SRGB {
		t.Error("png: no sRGB chunk")
	}

	want = sampleBlocks(t)
	var out bytes.Buffer
	if _, err := WriteTIFF(&out, raster16(picture()), &want, nil); err != nil {
		t.Fatal(err)
	}
	got, warnings = ReadBlocks(at(out.Bytes()))
	if len(warnings) > 0 || !bytes.Equal(got.XMP, want.XMP) || !bytes.Equal(got.ICC, want.ICC) || !bytes.Equal(got.IPTC, want.IPTC) || !bytes.Equal(got.Photoshop, want.Photoshop) {
		t.Errorf("tiff: %v\n%+v\n%+v", warnings, got, want)
	}
	f, _, err := exif.Parse(got.EXIF)
	if err != nil || f.Width != 8 || f.ColorSpace != 1 {
		t.Errorf("tiff: facts %+v, %v", f, err)
	}
}

// The pixels' part of the stream passes unchanged, whatever pieces it comes in.
func TestWritersPassTheStream(t *testing.T) {
	b := sampleBlocks(t)
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, picture(), nil); err != nil {
		t.Fatal(err)
	}
	whole := encodeJPEG(t, &b)
	if !bytes.HasSuffix(whole, plain.Bytes()[2:]) {
		t.Error("the stream's end is not the encoder's")
	}
	for _, step := range []int{1, 7, 100} {
		var out bytes.Buffer
		jw, _ := NewJPEGWriter(&out, &b)
		for p := range slices.Chunk(plain.Bytes(), step) {
			if n, err := jw.Write(p); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
		}
		if !bytes.Equal(out.Bytes(), whole) {
			t.Errorf("pieces of %d bytes give another file", step)
		}
	}
	// An encoder's own JFIF segment is replaced, an Adobe segment stays.
	var withJFIF bytes.Buffer
	withJFIF.WriteString("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00")
	withJFIF.Write(plain.Bytes()[2:])
	var out bytes.Buffer
	if err := through(NewJPEGWriter, &out, &withJFIF, &b); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out.Bytes(), []byte("JFIF\x00")); n != 1 || !bytes.Contains(out.Bytes(), []byte("Adobe\x00\x64")) {
		t.Errorf("%d JFIF segments", n)
	}
	if got, _ := ReadBlocks(at(out.Bytes())); got.Density == nil || got.Density.X != 300 {
		t.Errorf("density %+v", got.Density)
	}
	if err := through(NewJPEGWriter, io.Discard, strings.NewReader("\xff\xd8"), &b); !errors.Is(err, ErrTruncated) {
		t.Error(err)
	}
	if err := through(NewPNGWriter, io.Discard, strings.NewReader("\x89PNG"), &b); !errors.Is(err, ErrTruncated) {
		t.Error(err)
	}
	if err := through(NewJPEGWriter, io.Discard, strings.NewReader("GIF89a"), &b); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestLargeBlocks(t *testing.T) {
	b := sampleBlocks(t)
	profile := append(slices.Clone(icc.SRGBProfile()), bytes.Repeat([]byte{7}, 300000)...)
	log := strings.Repeat("a long history, ", 20000)
	packet, err := xmp.Merge(b.XMP, xmp.Edit{Set: []xmp.Prop{xmp.Text("urn:big", "big", "Log", log)}})
	if err != nil {
		t.Fatal(err)
	}
	b.ICC, b.XMP = profile, packet
	got, warnings := ReadBlocks(at(encodeJPEG(t, &b)))
	if len(warnings) > 0 || !bytes.Equal(got.ICC, profile) || got.ExtendedXMP == nil {
		t.Fatalf("%v, profile %d, extension %d", warnings, len(got.ICC), len(got.ExtendedXMP))
	}
	// A second trip keeps the parts; PNG holds one packet.
	again, warnings := ReadBlocks(at(encodeJPEG(t, &got)))
	if len(warnings) > 0 || !bytes.Equal(again.ExtendedXMP, got.ExtendedXMP) || !bytes.Equal(again.XMP, got.XMP) {
		t.Errorf("second trip: %v", warnings)
	}
	one, _ := ReadBlocks(at(encodePNG(t, &got)))
	for name, want := range map[xmp.Name]string{{Space: "urn:big", Local: "Log"}: log, {Space: xmp.NSDC, Local: "source"}: "a test"} {
		if v, _ := xmp.Get(one.XMP, name); len(v) != 1 || v[0] != want {
			t.Errorf("%v: %.40q", name, v)
		}
	}
	// EXIF of more than a segment is cut and joined again.
	b.EXIF = append(slices.Clone(b.EXIF), bytes.Repeat([]byte{9}, 100000)...)
	if got, w := ReadBlocks(at(encodeJPEG(t, &b))); !bytes.Equal(got.EXIF, b.EXIF) {
		t.Errorf("EXIF of %d bytes comes back with %d: %v", len(b.EXIF), len(got.EXIF), w)
	}
}

func jpegWith(segments ...Segment) []byte {
	b := []byte{0xff, mSOI}
	for _, s := range segments {
		b = segment(b, s.Marker, s.Payload)
	}
	return append(b, 0xff, mSOS, 0, 2, 0xff, mEOI)
}

// Broken blocks are dropped one by one, with a warning; the others stay.
func TestBrokenBlocks(t *testing.T) {
	comment := Segment{mCOM, []byte("here")}
	for name, s := range map[string][]Segment{
		"exif":            {{mAPP1, []byte(idExif + "garbage")}},
		"second exif":     {{mAPP1, []byte(idExif + "II*\x00\x08\x00\x00\x00")}, {mAPP1, []byte(idExif + "II*\x00\x08\x00\x00\x00")}},
		"icc hole":        {{mAPP2, []byte(idICC + "\x01\x03aaa")}, {mAPP2, []byte(idICC + "\x03\x03ccc")}},
		"icc twice":       {{mAPP2, []byte(idICC + "\x01\x01aaa")}, {mAPP2, []byte(idICC + "\x01\x01aaa")}},
		"icc zero":        {{mAPP2, []byte(idICC + "\x00\x00")}},
		"icc short":       {{mAPP2, []byte(idICC)}},
		"irb":             {{mAPP13, []byte(idIRB + "8BIM\x04\x04\x00\x00\xff\xff\xff\xffabc")}},
		"extension alone": {{mAPP1, []byte(idXMPX + strings.Repeat("A", 32) + "\x00\x00\x00\x03\x00\x00\x00\x00abc")}},
		"extension short": {{mAPP1, []byte(idXMPX + "AAA")}},
		"c2pa":            {{0xeb, []byte("JP\x00\x01\x00\x00\x00\x01")}},
		"gain map":        {{mAPP2, []byte("urn:iso:std:iso:ts:21496:-1\x00")}},
	} {
		b, warnings := ReadBlocks(at(jpegWith(append(s, comment)...)))
		if len(warnings) == 0 {
			t.Errorf("%s: no warning", name)
		}
		if len(b.Comments) != 1 || string(b.Comments[0]) != "here" {
			t.Errorf("%s: the comment is lost: %+v", name, b)
		}
		if name != "icc twice" && b.ICC != nil || b.ExtendedXMP != nil || b.IPTC != nil {
			t.Errorf("%s: %+v", name, b)
		}
	}
	// Old thumbnails and previews leave without a word.
	irb := "8BIM\x04\x0c\x00\x00\x00\x00\x00\x02xx8BIM\x04\x22\x00\x00\x00\x00\x00\x02xx8BIM\x03\xed\x00\x00\x00\x00\x00\x03abc\x00"
	b, warnings := ReadBlocks(at(jpegWith(Segment{mAPP0, []byte("JFXX\x00\x10")}, Segment{mAPP2, []byte("MPF\x00II*\x00")}, Segment{mAPP13, []byte(idIRB + irb)},
		Segment{0xec, []byte("Ducky\x00\x01\x00\x04\x00\x00\x00\x50\x00\x02\x00\x02hi\x00\x00")})))
	if len(warnings) > 0 || len(b.App) != 1 || string(b.App[0].Payload) != "Ducky\x00\x02\x00\x02hi\x00\x00" || string(b.Photoshop) != "8BIM\x03\xed\x00\x00\x00\x00\x00\x03abc\x00" {
		t.Errorf("%v, %+v", warnings, b)
	}
}

// A chunk of a few kilobytes that inflates to gigabytes is dropped at the limit.
func TestInflationBomb(t *testing.T) {
	bomb := deflate(make([]byte, MaxBlock+1000))
	good := encodePNG(t, &Blocks{SRGB: true})
	b := slices.Clone(good[:33])
	b = chunk(b, "iCCP", []byte("x\x00\x00"), bomb)
	b = chunk(b, "zTXt", []byte("x\x00\x00"), bomb)
	b = chunk(b, "iTXt", []byte("x\x00\x01\x00\x00\x00"), bomb)
	got, warnings := ReadBlocks(at(append(b, good[33:]...)))
	if got.ICC != nil || len(got.Texts) > 0 || len(warnings) != 3 || !got.SRGB {
		t.Errorf("%d bytes of profile, %d texts, %v", len(got.ICC), len(got.Texts), warnings)
	}
}

// Raw profiles, as ImageMagick writes them, are blocks in disguise.
func TestRawProfiles(t *testing.T) {
	ex := sampleBlocks(t).EXIF
	raw := func(name string, p []byte) []byte {
		s := "\n" + name + "\n" + "       " + itoa(len(p)) + "\n"
		const hexa = "0123456789abcdef"
		for i, c := range p {
			s += string(hexa[c>>4]) + string(hexa[c&15])
			if i%36 == 35 {
				s += "\n"
			}
		}
		return []byte("Raw profile type " + name + "\x00" + s + "\n")
	}
	good := encodePNG(t, nil)
	b := slices.Clone(good[:33])
	b = chunk(b, "tEXt", raw("exif", append([]byte(idExif), ex...)))
	b = chunk(b, "tEXt", raw("APP1", append([]byte(idXMP), "<x/>"...)))
	b = chunk(b, "tEXt", raw("iptc", []byte("8BIM\x04\x04\x00\x00\x00\x00\x00\x08\x1c\x02\x78\x00\x03abc")))
	b = chunk(b, "tEXt", raw("icc", icc.SRGBProfile()))
	b = chunk(b, "tEXt", []byte("Raw profile type exif\x00\nexif\n99\nzz"))
	got, warnings := ReadBlocks(at(append(b, good[33:]...)))
	if !bytes.Equal(got.EXIF, ex) || string(got.XMP) != "<x/>" || string(got.IPTC) != "\x1c\x02\x78\x00\x03abc" || !bytes.Equal(got.ICC, icc.SRGBProfile()) || len(warnings) != 1 {
		t.Errorf("%v\n%+v", warnings, got)
	}
}

func itoa(n int) string {
	var b []byte
	for ; n > 0; n /= 10 {
		b = append([]byte{byte('0' + n%10)}, b...)
	}
	return string(b)
}

// All ways to write a TIFF hold the same picture: 8 and 16 bits, grey and RGB,
// compressed or not, to a stream or a file, with any number of workers, in either byte order.
func TestTIFFVariants(t *testing.T) {
	const w, h = 301, 1201 // several strips
	big := exif.EncodeDir(binary.BigEndian, []exif.Tag{exif.Text(0x010f, "A maker of cameras")}, 8, 0)
	for _, order := range []string{"", "MM"} {
		blocks := &Blocks{}
		if order == "MM" {
			blocks.EXIF = append([]byte("MM\x00*\x00\x00\x00\x08"), big...)
		}
		for _, bits := range []int{8, 16} {
			for _, ch := range []int{1, 3} {
				var first []byte
				for _, o := range []TIFFOptions{{}, {Workers: 3}, {Deflate: true}, {Deflate: true, Workers: 1}} {
					v := func(x, y, c int) uint16 { return uint16(x*251 + y*17 + c*9999) }
					ra := Raster{Width: w, Height: h, Channels: ch, Bits: bits,
						Row8: func(y int, dst []uint8) {
							for i := range dst {
								dst[i] = uint8(v(i/ch, y, i%ch))
							}
						},
						Row16: func(y int, dst []uint16) {
							for i := range dst {
								dst[i] = v(i/ch, y, i%ch)
							}
						}}
					var out bytes.Buffer
					if _, err := WriteTIFF(&out, ra, blocks, &o); err != nil {
						t.Fatal(err)
					}
					if o.Workers == 0 {
						first = out.Bytes()
					} else if !bytes.Equal(first, out.Bytes()) {
						t.Errorf("%d workers give other bytes", o.Workers)
					}
					f, err := os.CreateTemp(t.TempDir(), "")
					if err != nil {
						t.Fatal(err)
					}
					f.WriteString("lead") // the file may start anywhere
					if _, err := WriteTIFF(f, ra, blocks, &o); err != nil {
						t.Fatal(err)
					}
					seeked, _ := os.ReadFile(f.Name())
					f.Close()
					for _, b := range [][]byte{out.Bytes(), seeked[4:]} {
						hd, err := header(b)
						if err != nil || hd.Width != w || hd.Height != h || hd.Bits != bits || hd.Channels != ch {
							t.Fatalf("%+v, %v", hd, err)
						}
						m, err := tiff.Decode(bytes.NewReader(b))
						if err != nil {
							t.Fatal(err)
						}
						for y := 0; y < h; y += 31 {
							for x := range w {
								r, g, bl, _ := m.At(x, y).RGBA()
								for c, got := range []uint32{r, g, bl}[:ch] {
									want := uint32(v(x, y, c))
									if bits == 8 {
										want = want & 255 * 257
									}
									if got != want {
										t.Fatalf("%s%d bits, %d channels, %+v: pixel %d,%d,%d is %d, want %d", order, bits, ch, o, x, y, c, got, want)
									}
								}
							}
						}
						if order == "MM" {
							bl, _ := ReadBlocks(at(b))
							if f, _, err := exif.Parse(bl.EXIF); err != nil || f.Make != "A maker of cameras" {
								t.Errorf("maker %q, %v", f.Make, err)
							}
						}
					}
				}
			}
		}
	}
	if _, err := WriteTIFF(io.Discard, Raster{Width: 1 << 16, Height: 1 << 16, Channels: 3, Bits: 16, Row16: func(int, []uint16) {}}, nil, nil); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	if _, err := WriteTIFF(io.Discard, Raster{}, nil, nil); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}

// A full disk is reported, not swallowed.
func TestWriteErrors(t *testing.T) {
	b := sampleBlocks(t)
	for n := 0; n < 4000; n += 501 {
		if _, err := WriteTIFF(&full{n}, raster16(picture()), &b, nil); !errors.Is(err, errFull) {
			t.Errorf("tiff, %d bytes: %v", n, err)
		}
		jw, _ := NewJPEGWriter(&full{n}, &b)
		if err := jpeg.Encode(jw, image.NewGray(image.Rect(0, 0, 300, 300)), nil); !errors.Is(err, errFull) {
			t.Errorf("jpeg, %d bytes: %v", n, err)
		}
	}
}

var errFull = errors.New("disk full")

type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// through copies an encoded picture through a writer.
func through(writer func(io.Writer, *Blocks) (io.WriteCloser, []string), to io.Writer, encoded io.Reader, b *Blocks) error {
	w, _ := writer(to, b)
	if _, err := io.Copy(w, encoded); err != nil {
		return err
	}
	return w.Close()
}
