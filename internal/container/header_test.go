package container

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/realedit/realedit/internal/exif"
	"github.com/realedit/realedit/internal/phototest"
)

func at(b []byte) (io.ReaderAt, int64) { return bytes.NewReader(b), int64(len(b)) }

func header(b []byte) (Header, error) { return ReadHeader(at(b)) }

func TestSniff(t *testing.T) {
	for want, heads := range map[Format][]string{
		JPEG:     {"\xff\xd8\xff\xe0\x00\x10JFIF", "\xff\xd8\xff\xdb"},
		PNG:      {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "\x09PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "\x89PNG\n\x1a\n\x00\x00\x00\rIHDR\x00\x00"},
		TIFF:     {"II*\x00\x08\x00\x00\x00", "MM\x00*\x00\x00\x00\x08"},
		CR2:      {"II*\x00\x10\x00\x00\x00CR\x02\x00"},
		CR3:      {"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom"},
		CRW:      {"II\x1a\x00\x00\x00HEAPCCDR"},
		RAF:      {"FUJIFILMCCD-RAW 0201"},
		ORF:      {"IIRO\x08\x00\x00\x00", "MMOR\x00\x00\x00\x08"},
		RW2:      {"IIU\x00\x18\x00\x00\x00"},
		HEIC:     {"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic"},
		AVIF:     {"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif"},
		HDR:      {"#?RADIANCE\n", "VIEW= -vtv\r\n#?RADIANCE\r\n"},
		EXR:      {"\x76\x2f\x31\x01\x02\x00"},
		WebP:     {"RIFF\x00\x00\x00\x00WEBPVP8 "},
		GIF:      {"GIF89a\x01\x00"},
		BMP:      {"BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00"},
		PSD:      {"8BPS\x00\x01"},
		BigTIFF:  {"II+\x00\x08\x00\x00\x00"},
		JPEGXL:   {"\xff\x0a\x00"},
		JPEG2000: {"\x00\x00\x00\x0cjP  \r\n\x87\n"},
		PNM:      {"P6\n640 480\n255\n"},
		Unknown: {"", "\x00", "hello, world", "%PDF-1.7", "PK\x03\x04", "\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42", "<?xml version", "BMW is a car maker, not a bitmap",
			"\xff\xfb\x90", "Photo notes", strings.Repeat("\x00", 64)},
	} {
		for _, s := range heads {
			if got, err := Sniff(at([]byte(s))); got != want || err != nil {
				t.Errorf("%q: %v, %v, want %v", s, got, err, want)
			}
		}
	}
}

func TestFormatNames(t *testing.T) {
	if len(formatNames) != int(PNM)+1 || PNM.String() != "pnm" || RAW.String() != "raw" || HEIC.String() != "heic" || Format(200).String() != "unknown" {
		t.Errorf("%v", formatNames)
	}
}

// A raw file is a TIFF structure with sensor data in a directory of its own.
func TestSniffRawInTIFF(t *testing.T) {
	o := binary.LittleEndian
	file := func(maker string, photometric uint32, dng bool) []byte {
		tags := []exif.Tag{exif.Text(271, maker), exif.Number(o, 256, exif.TypeLong, 160), exif.Number(o, 257, exif.TypeLong, 120), exif.Number(o, 330, exif.TypeLong, 0)}
		if dng {
			tags = append(tags, exif.Data(0xc612, exif.TypeByte, []byte{1, 4, 0, 0}))
		}
		at := uint32(8 + exif.DirSize(tags))
		tags[3] = exif.Number(o, 330, exif.TypeLong, at)
		b := append([]byte("II*\x00\x08\x00\x00\x00"), exif.EncodeDir(o, tags, 8, 0)...)
		return append(b, exif.EncodeDir(o, []exif.Tag{exif.Number(o, 262, exif.TypeShort, photometric)}, at, 0)...)
	}
	for _, c := range []struct {
		maker string
		p     uint32
		dng   bool
		want  Format
	}{{"NIKON CORPORATION", 32803, false, NEF}, {"SONY", 32803, false, ARW}, {"PENTAX", 32803, false, PEF}, {"Phase One", 34892, false, RAW},
		{"Canon", 2, true, DNG}, {"NIKON CORPORATION", 2, false, TIFF}} {
		b := file(c.maker, c.p, c.dng)
		if got, _ := Sniff(at(b)); got != c.want {
			t.Errorf("%s %d: %v, want %v", c.maker, c.p, got, c.want)
		}
		if _, err := header(b); c.want != TIFF && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", c.maker, err)
		}
	}
}

func pngHeaderOf(w, h uint32, depth, colour byte) []byte {
	d := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	d = append(binary.BigEndian.AppendUint32(d, h), depth, colour, 0, 0, 0)
	b := append([]byte(pngSignature), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(b, d...), crc32.ChecksumIEEE(d))
}

func jpegHeaderOf(w, h uint16, marker, bits, comps byte) []byte {
	b := []byte{0xff, mSOI, 0xff, marker, 0, 8 + 3*comps, bits, byte(h >> 8), byte(h), byte(w >> 8), byte(w), comps}
	return append(b, make([]byte, 3*int(comps))...)
}

func tiffHeaderOf(tags ...exif.Tag) []byte {
	return append([]byte("II*\x00\x08\x00\x00\x00"), exif.EncodeDir(binary.LittleEndian, tags, 8, 0)...)
}

func TestHugeHeaders(t *testing.T) {
	o := binary.LittleEndian
	long := func(id uint16, v uint32) exif.Tag { return exif.Number(o, id, exif.TypeLong, v) }
	for name, b := range map[string][]byte{
		"png":  pngHeaderOf(100000, 100000, 8, 2),
		"jpeg": jpegHeaderOf(65535, 65535, 0xc0, 8, 3),
		"tiff": tiffHeaderOf(long(256, 100000), long(257, 100000), exif.Tag{ID: 258, Type: exif.TypeShort, Count: 3, Value: []byte{8, 0, 8, 0, 8, 0}}, long(262, 2), long(277, 3)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h, err := header(b)
		runtime.ReadMemStats(&after)
		if err != nil || h.Pixels() < 4e9 || h.Channels != 3 || h.Bits != 8 {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
	}
}

func TestHeaderErrors(t *testing.T) {
	o := binary.LittleEndian
	short := func(id uint16, v uint32) exif.Tag { return exif.Number(o, id, exif.TypeShort, v) }
	badSum := pngHeaderOf(10, 10, 8, 2)
	badSum[32] ^= 1
	badSig := pngHeaderOf(10, 10, 8, 2)
	badSig[0] = 9
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":            {nil, ErrUnknown},
		"text":             {[]byte("some text about a photograph"), ErrUnknown},
		"png sum":          {badSum, ErrMalformed},
		"png signature":    {badSig, ErrMalformed},
		"png short":        {badSum[:20], ErrTruncated},
		"png zero":         {pngHeaderOf(0, 10, 8, 2), ErrMalformed},
		"png depth":        {pngHeaderOf(10, 10, 4, 2), ErrMalformed},
		"png colour":       {pngHeaderOf(10, 10, 8, 5), ErrMalformed},
		"jpeg arithmetic":  {jpegHeaderOf(10, 10, 0xc9, 8, 3), ErrUnsupported},
		"jpeg lossless":    {jpegHeaderOf(10, 10, 0xc3, 8, 3), ErrUnsupported},
		"jpeg 12 bit":      {jpegHeaderOf(10, 10, 0xc1, 12, 3), ErrUnsupported},
		"jpeg zero":        {jpegHeaderOf(0, 10, 0xc0, 8, 3), ErrMalformed},
		"jpeg 2 channels":  {jpegHeaderOf(10, 10, 0xc0, 8, 2), ErrMalformed},
		"jpeg short":       {jpegHeaderOf(10, 10, 0xc0, 8, 3)[:9], ErrTruncated},
		"jpeg no frame":    {[]byte("\xff\xd8\xff\xda\x00\x02"), ErrMalformed},
		"jpeg bad length":  {[]byte("\xff\xd8\xff\xe0\x00\x01xxxx"), ErrMalformed},
		"jpeg fill":        {append([]byte("\xff\xd8\xff"), make([]byte, 3<<20)...), ErrMalformed},
		"tiff short":       {[]byte("II*\x00\x08\x00"), ErrTruncated},
		"tiff empty":       {tiffHeaderOf(), ErrMalformed},
		"tiff behind":      {[]byte("II*\x00\x00\x01\x00\x00"), ErrTruncated},
		"tiff float":       {tiffHeaderOf(short(256, 4), short(257, 4), short(258, 16), short(262, 1), short(339, 3)), ErrUnsupported},
		"tiff jpeg":        {tiffHeaderOf(short(256, 4), short(257, 4), short(258, 8), short(259, 7), short(262, 1)), ErrUnsupported},
		"tiff cmyk":        {tiffHeaderOf(short(256, 4), short(257, 4), short(258, 8), short(262, 5), short(277, 4)), ErrUnsupported},
		"tiff channels":    {tiffHeaderOf(short(256, 4), short(257, 4), short(258, 8), short(262, 2), short(277, 1)), ErrMalformed},
		"jpeg many":        {append([]byte("\xff\xd8"), bytes.Repeat([]byte("\xff\xe5\x00\x02"), maxSegments+1)...), ErrMalformed},
		"heic":             {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), ErrUnsupported},
		"tiff odd entries": {append([]byte("II*\x00\x08\x00\x00\x00"), 0xff, 0xff), ErrMalformed},
	} {
		if h, err := header(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v; want %v", name, h, err, c.want)
		}
	}
}

// failing answers its own error to every read behind the first bytes.
type failing struct {
	b   []byte
	err error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(f.b)) {
		return 0, f.err
	}
	n := copy(p, f.b[off:])
	if n < len(p) {
		return n, f.err
	}
	return n, nil
}

// An error of the disk is not taken for a broken file.
func TestSourceErrors(t *testing.T) {
	boom := errors.New("boom")
	for _, b := range [][]byte{pngHeaderOf(1, 1, 8, 2)[:12], []byte("\xff\xd8\xff\xe0\x00\x10"), []byte("II*\x00\x08\x00\x00\x00")} {
		if _, err := ReadHeader(failing{b, boom}, 1000); !errors.Is(err, boom) {
			t.Errorf("%q: %v", b, err)
		}
		ReadBlocks(failing{b, boom}, 1000)
	}
}

// typed reports whether err is one that this package promises.
func typed(err error) bool {
	for _, e := range []error{ErrUnknown, ErrUnsupported, ErrMalformed, ErrTruncated} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func TestHeaderMatchesDecoders(t *testing.T) {
	root := phototest.Dir(t)
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		h, err := header(b)
		if err != nil && !typed(err) {
			t.Errorf("%s: %v", path, err)
		}
		ReadBlocks(at(b))
		var cfg image.Config
		var derr error
		switch h.Format {
		case JPEG:
			cfg, derr = jpeg.DecodeConfig(bytes.NewReader(b))
		case PNG:
			cfg, derr = png.DecodeConfig(bytes.NewReader(b))
		default:
			return nil
		}
		if err == nil && derr == nil {
			n++
			if cfg.Width != h.Width || cfg.Height != h.Height {
				t.Errorf("%s: %d×%d, decoder says %d×%d", path, h.Width, h.Height, cfg.Width, cfg.Height)
			}
		} else if derr == nil {
			t.Errorf("%s: refused (%v), the decoder accepts it", path, err)
		}
		return nil
	})
	if err != nil || n < 200 {
		t.Errorf("%d files compared, %v", n, err)
	}
}

// Files cut at every kilobyte never panic, never give a wrong size and never read blocks beyond them.
func TestTruncations(t *testing.T) {
	root := phototest.Dir(t)
	var in []string
	for _, pat := range []string{"exterior/Canon*.jpg", "metadata/icc/*", "raw/*", "malformed/pngsuite/PngSuite.png"} {
		m, _ := filepath.Glob(filepath.Join(root, pat))
		in = append(in, m...)
	}
	var big bytes.Buffer
	if _, err := WriteTIFF(&big, raster16(picture()), finish(t, Blocks{}, TIFF), nil); err != nil {
		t.Fatal(err)
	}
	check := func(name string, b []byte) {
		whole, werr := header(b)
		for n := 0; n < len(b); n += 1024 {
			h, err := header(b[:n])
			if err != nil && !typed(err) {
				t.Errorf("%s at %d: %v", name, n, err)
			}
			if err == nil && werr == nil && h != whole {
				t.Errorf("%s at %d: %+v, whole file %+v", name, n, h, whole)
			}
			bl, _ := ReadBlocks(at(b[:n]))
			if len(bl.EXIF) > 0 {
				exif.Parse(bl.EXIF)
				if _, _, err := exif.Update(bl.EXIF, exif.Edit{Width: 1, Height: 1}); err != nil {
					t.Errorf("%s at %d: %v", name, n, err)
				}
			}
		}
	}
	check("own tiff", big.Bytes())
	for _, f := range in {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		check(f, b[:min(len(b), 600<<10)])
	}
}

func FuzzReadHeader(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := header(b)
		if err != nil {
			if !typed(err) {
				t.Fatal(err)
			}
			return
		}
		if h.Width < 1 || h.Height < 1 || h.Channels < 1 || h.Channels > 4 || h.Bits < 1 || h.Bits > 16 || h.Format != JPEG && h.Format != PNG && h.Format != TIFF {
			t.Fatalf("%+v", h)
		}
	})
}

func FuzzBlocks(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		bl, _ := ReadBlocks(at(b))
		if len(bl.EXIF) > 0 {
			exif.Parse(bl.EXIF)
		}
		out, _, err := exif.Update(bl.EXIF, exif.Edit{Width: 7, Height: 5, Thumbnail: []byte{0xff, 0xd8, 0xff, 0xd9}, StripGPS: true})
		if err != nil {
			t.Fatal(err)
		}
		if bl.EXIF = out; len(out) > 0 {
			facts, _, err := exif.Parse(out)
			if err != nil || facts.Orientation > 1 || facts.GPS != nil {
				t.Fatalf("%+v, %v", facts, err)
			}
		}
		_ = through(NewJPEGWriter, io.Discard, bytes.NewReader([]byte("\xff\xd8\xff\xd9\xff\xd9")), &bl)
		_ = through(NewPNGWriter, io.Discard, bytes.NewReader(pngHeaderOf(1, 1, 8, 2)), &bl)
		WriteTIFF(io.Discard, Raster{Width: 1, Height: 1, Channels: 1, Bits: 8, Row8: func(int, []uint8) {}}, &bl, nil)
	})
}

// seeds are small files of each format with every kind of block.
func seeds(t testing.TB) (list [][]byte) {
	b := sampleBlocks(t)
	var j, p, ti bytes.Buffer
	jw, _ := NewJPEGWriter(&j, &b)
	if err := jpeg.Encode(jw, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	pw, _ := NewPNGWriter(&p, &b)
	if err := png.Encode(pw, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteTIFF(&ti, Raster{Width: 2, Height: 2, Channels: 1, Bits: 8, Row8: func(int, []uint8) {}}, &b, nil); err != nil {
		t.Fatal(err)
	}
	return append(list, j.Bytes(), p.Bytes(), ti.Bytes(), pngHeaderOf(9, 9, 16, 6), jpegHeaderOf(9, 9, 0xc2, 8, 1))
}
