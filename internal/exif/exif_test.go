package exif

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/realedit/realedit/internal/phototest"
)

var orders = []ByteOrder{binary.LittleEndian, binary.BigEndian}

func mark(o ByteOrder) string {
	if o == binary.ByteOrder(binary.BigEndian) {
		return "MM\x00*"
	}
	return "II*\x00"
}

func rationals(o ByteOrder, v ...int32) []byte {
	var b []byte
	for _, x := range v {
		b = o.AppendUint32(b, uint32(x))
	}
	return b
}

// build lays out a block as cameras do: directories in front, thumbnail at the end.
func build(o ByteOrder, top, sub, gps []Tag, thumb []byte) []byte {
	top = slices.Clone(top)
	top = append(top, Number(o, tagExifIFD, TypeLong, 0))
	if gps != nil {
		top = append(top, Number(o, tagGPSIFD, TypeLong, 0))
	}
	at := uint32(8 + DirSize(top))
	for i := range top {
		switch top[i].ID {
		case tagExifIFD:
			top[i] = Number(o, tagExifIFD, TypeLong, at)
			at += uint32(DirSize(sub))
		}
	}
	gpsAt := at
	if gps != nil {
		top[len(top)-1] = Number(o, tagGPSIFD, TypeLong, gpsAt)
		at += uint32(DirSize(gps))
	}
	next := uint32(0)
	if thumb != nil {
		next = at
	}
	b := o.AppendUint32([]byte(mark(o)), 8)
	b = append(b, EncodeDir(o, top, 8, next)...)
	b = append(b, EncodeDir(o, sub, uint32(len(b)), 0)...)
	if gps != nil {
		b = append(b, EncodeDir(o, gps, uint32(len(b)), 0)...)
	}
	if thumb != nil {
		tags := []Tag{Number(o, tagCompression, TypeShort, 6), Number(o, tagOrientation, TypeShort, 6), Number(o, tagJPEGOffset, TypeLong, 0), Number(o, tagJPEGLength, TypeLong, uint32(len(thumb)))}
		tags[2] = Number(o, tagJPEGOffset, TypeLong, at+uint32(DirSize(tags)))
		b = append(append(b, EncodeDir(o, tags, at, 0)...), thumb...)
	}
	return b
}

func camera(o ByteOrder) []byte {
	top := []Tag{Text(tagMake, "Maker Inc."), Text(tagModel, "Model 1"), Number(o, tagOrientation, TypeShort, 6), Text(tagSoftware, "v1 "),
		Number(o, tagImageWidth, TypeShort, 6000)}
	sub := []Tag{
		Rational(o, tagExposureTime, 1, 250), Rational(o, tagFNumber, 56, 10), Number(o, tagISO, TypeShort, 400),
		Text(tagDateOriginal, "2024:03:01 12:00:01"), Text(tagSubSecOriginal, "25"), Text(tagOffsetOriginal, "+02:00"),
		{ID: tagExposureBias, Type: TypeSRational, Count: 1, Value: rationals(o, -2, 3)},
		Number(o, tagFlash, TypeShort, 1), Rational(o, tagFocalLength, 24, 1),
		Data(tagMakerNote, TypeUndefined, bytes.Repeat([]byte("note"), 50)),
		Number(o, tagColorSpace, TypeShort, 65535), Number(o, tagPixelX, TypeShort, 6000), Number(o, tagPixelY, TypeShort, 4000),
		Text(tagBodySerial, "SN42"), Number(o, tagExposureMode, TypeShort, 2),
	}
	gps := []Tag{Text(1, "S"), {ID: 2, Type: TypeRational, Count: 3, Value: rationals(o, 33, 1, 52, 1, 1234, 100)}, Text(3, "E"),
		{ID: 4, Type: TypeRational, Count: 3, Value: rationals(o, 151, 1, 12, 1, 0, 1)}, Number(o, 5, TypeByte, 1), Rational(o, 6, 15, 10),
		{ID: 7, Type: TypeRational, Count: 3, Value: rationals(o, 10, 1, 0, 1, 5, 10)}, Text(0x1d, "2024:03:01")}
	return build(o, top, sub, gps, []byte("\xff\xd8 the old thumbnail \xff\xd9"))
}

func TestFacts(t *testing.T) {
	for _, o := range orders {
		f, w, err := Parse(camera(o))
		if err != nil || len(w) > 0 {
			t.Fatal(err, w)
		}
		if want := time.Date(2024, 3, 1, 10, 0, 1, 25e7, time.UTC); !f.Start.Equal(want) || !f.HasOffset || !f.HasSubSec {
			t.Errorf("start %v", f.Start)
		}
		if f.ExposureTime != 1.0/250 || f.FNumber != 5.6 || f.ISO != 400 || math.Abs(f.Bias+2.0/3) > 1e-12 || !f.HasBias || f.FocalLength != 24 ||
			f.Make != "Maker Inc." || f.Model != "Model 1" || f.BodySerial != "SN42" || f.Software != "v1" || f.Orientation != 6 ||
			!f.HasFlash || f.Flash != 1 || f.Width != 6000 || f.Height != 4000 || f.ExposureMode != 2 || !f.Sequence.Bracket {
			t.Errorf("%+v", f)
		}
		g := f.GPS
		if g == nil || !g.HasPos || math.Abs(g.Lat+33.870094) > 1e-5 || math.Abs(g.Lon-151.2) > 1e-9 || g.Alt != -1.5 || !g.Time.Equal(time.Date(2024, 3, 1, 10, 0, 0, 5e8, time.UTC)) {
			t.Errorf("%+v", g)
		}
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		d    date
		want string
	}{
		{date{"2024:02:29 23:59:59", "", ""}, "2024-02-29T23:59:59Z"},
		{date{"2024-02-29 23:59:59", "123456789012", "-05:30"}, "2024-02-29T23:59:59.123456789-05:30"},
		{date{"2024:02:29T23:59:59Z", "5 ", "Z"}, "2024-02-29T23:59:59.5Z"},
		{date{"2023:02:29 00:00:00", "", ""}, ""},
		{date{"0000:00:00 00:00:00", "", ""}, ""},
		{date{"    :  :     :  :  ", "", ""}, ""},
		{date{"", "", ""}, ""},
	} {
		got, _, _, ok := c.d.parse()
		if s := got.Format(time.RFC3339Nano); ok != (c.want != "") || ok && s != c.want {
			t.Errorf("%q: %s, %v", c.d, s, ok)
		}
	}
}

func TestUpdate(t *testing.T) {
	thumbnail := []byte("\xff\xd8 a new and somewhat longer thumbnail than the old one \xff\xd9")
	for _, o := range orders {
		in := camera(o)
		out, w, err := Update(in, Edit{Width: 70000, Height: 400, Thumbnail: thumbnail})
		if err != nil || len(w) > 0 {
			t.Fatal(err, w)
		}
		f, w, err := Parse(out)
		if err != nil || len(w) > 0 {
			t.Fatal(err, w)
		}
		if f.Orientation != 1 || f.Width != 70000 || f.Height != 400 || f.ColorSpace != 1 || f.GPS == nil || f.Make != "Maker Inc." {
			t.Errorf("%+v", f)
		}
		if bytes.Contains(out, []byte("old thumbnail")) || bytes.Count(out, thumbnail) != 1 {
			t.Error("thumbnail")
		}
		note := bytes.Repeat([]byte("note"), 50)
		if bytes.Index(in, note) != bytes.Index(out, note) {
			t.Error("the maker note moved")
		}
		// The thumbnail is where IFD1 says.
		r, _ := NewReader(bytes.NewReader(out), int64(len(out)))
		d, _ := r.Dir(r.First)
		one, err := r.Dir(d.Next)
		if err != nil {
			t.Fatal(err)
		}
		p := parser{r, one}
		if at, n := p.uint(tagJPEGOffset), p.uint(tagJPEGLength); !bytes.Equal(out[at:at+n], thumbnail) {
			t.Error("IFD1 points elsewhere")
		}
		// Twice is as once; without a thumbnail and back too.
		again, _, err := Update(out, Edit{Width: 70000, Height: 400, Thumbnail: thumbnail})
		if err != nil || !bytes.Equal(again, out) {
			t.Errorf("a second update changes %d bytes to %d, %v", len(out), len(again), err)
		}
		bare, w, err := Update(out, Edit{Width: 70000, Height: 400, Thumbnail: thumbnail, MaxSize: len(out) - 1})
		if err != nil || len(w) != 1 || bytes.Contains(bare, thumbnail) || len(bare) > len(out)-len(thumbnail) {
			t.Errorf("no room: %v, %v, %d bytes", w, err, len(bare))
		}
	}
}

func TestUpdateAddsWhatIsAbsent(t *testing.T) {
	for _, o := range orders {
		block := build(o, []Tag{Text(tagMake, "M")}, []Tag{Rational(o, tagExposureTime, 1, 60)}, nil, nil)
		for _, b := range [][]byte{nil, block, o.AppendUint32(append(o.AppendUint32([]byte(mark(o)), 8), 0, 0), 0)} {
			out, w, err := Update(b, Edit{Width: 640, Height: 480})
			if err != nil || len(w) > 0 {
				t.Fatal(err, w)
			}
			f, w, err := Parse(out)
			if err != nil || len(w) > 0 || f.Width != 640 || f.Height != 480 || f.ColorSpace != 1 || f.Orientation > 1 {
				t.Errorf("%+v, %v, %v", f, w, err)
			}
			if b != nil && len(b) == len(block) && (f.Make != "M" || f.ExposureTime != 1.0/60) {
				t.Errorf("%+v", f)
			}
		}
	}
	if _, w, err := Update([]byte("garbage of some length"), Edit{Width: 1, Height: 1}); err != nil || len(w) != 1 {
		t.Error(w, err)
	}
	if _, _, err := Update(nil, Edit{}); err == nil {
		t.Error("a picture without pixels")
	}
}

func TestStripGPS(t *testing.T) {
	for _, o := range orders {
		out, _, err := Update(camera(o), Edit{Width: 6, Height: 4, StripGPS: true})
		if err != nil {
			t.Fatal(err)
		}
		f, _, err := Parse(out)
		if err != nil || f.GPS != nil || f.Make != "Maker Inc." || f.BodySerial != "SN42" || f.Width != 6 {
			t.Errorf("%+v, %v", f, err)
		}
		for _, secret := range [][]byte{rationals(o, 33, 1, 52, 1), rationals(o, 151, 1), []byte("2024:03:01\x00")} {
			if bytes.Contains(out, secret) {
				t.Errorf("%q is still in the bytes", secret)
			}
		}
	}
}

func TestInterop(t *testing.T) {
	o := binary.LittleEndian
	interop := EncodeDir(o, []Tag{Text(1, "R03"), Data(2, TypeUndefined, []byte("0100"))}, 0, 0)
	sub := []Tag{Number(o, tagInteropIFD, TypeLong, 0), Number(o, tagColorSpace, TypeShort, 65535)}
	b := build(o, nil, sub, nil, nil)
	r, _ := NewReader(bytes.NewReader(b), int64(len(b)))
	d, _ := r.Dir(r.First)
	x, _ := child(r, d, tagExifIFD)
	e, _ := x.Find(tagInteropIFD)
	o.PutUint32(b[e.Pos+8:], uint32(len(b)))
	b = append(b, interop...)
	if f, _, _ := Parse(b); f.InteropIndex != "R03" {
		t.Fatalf("%+v", f)
	}
	out, _, err := Update(b, Edit{Width: 1, Height: 1})
	if err != nil {
		t.Fatal(err)
	}
	if f, _, _ := Parse(out); f.InteropIndex != "R98" || f.ColorSpace != 1 {
		t.Errorf("%+v", f)
	}
}

// Maker notes as each brand lays them out.
func TestSequences(t *testing.T) {
	words := func(o ByteOrder, n int, set map[int]int16) []byte {
		b := make([]byte, 2*n)
		for i, v := range set {
			o.PutUint16(b[2*i:], uint16(v))
		}
		return b
	}
	arr := func(id uint16, b []byte) Tag {
		return Tag{ID: id, Type: TypeShort, Count: uint32(len(b) / 2), Value: b}
	}
	for _, o := range orders {
		short := func(id uint16, v uint32) Tag { return Number(o, id, TypeShort, v) }
		le := binary.LittleEndian
		for _, c := range []struct {
			maker, head string
			base        int64 // offsets count from here, relative to the note; −1: from the block
			order       ByteOrder
			tags        []Tag
			want        Sequence
		}{
			{"Canon", "", -1, o, []Tag{arr(4, words(o, 34, map[int]int16{16: 2, 17: -64})), Number(o, 8, TypeLong, 1001234)}, Sequence{Number: 2, Bracket: true, EV: -2, HasEV: true, Counter: 1001234}},
			{"Canon", "", -1, o, []Tag{arr(0x93, words(o, 10, map[int]int16{3: 1, 4: 20, 5: 3}))}, Sequence{Number: 3, Bracket: true, EV: 2.0 / 3, HasEV: true}},
			{"Canon", "", -1, o, []Tag{arr(4, words(o, 34, nil))}, Sequence{}},
			{"NIKON CORPORATION", "Nikon\x00\x02\x10\x00\x00" + mark(o) + string(o.AppendUint32(nil, 8)), 10, o,
				[]Tag{short(0x89, 0x10), {ID: 0x19, Type: TypeSRational, Count: 1, Value: rationals(o, -4, 6)}, Number(o, 0xa7, TypeLong, 777)},
				Sequence{Bracket: true, EV: -4.0 / 6, HasEV: true, Counter: 777}},
			{"SONY", "SONY DSC \x00\x00\x00", -1, o, []Tag{short(0xb04a, 3), short(0xb049, 5)}, Sequence{Number: 3, Bracket: true}},
			{"FUJIFILM", "FUJIFILM\x0c\x00\x00\x00", 0, le, []Tag{Number(le, 0x1100, TypeShort, 1), Number(le, 0x1101, TypeShort, 2)}, Sequence{Number: 2, Bracket: true}},
			{"Panasonic", "Panasonic\x00\x00\x00", -1, o, []Tag{short(0x2a, 2), Number(o, 0x2b, TypeLong, 4), short(0x45, 3)}, Sequence{Number: 4, Count: 5, Bracket: true}},
			{"Unknown", "?????", -1, o, []Tag{short(0x2a, 2)}, Sequence{}},
		} {
			// The note is the only long value of its directory, so its place is known.
			top := []Tag{Text(tagMake, c.maker)}
			length := len(c.head) + DirSize(c.tags)
			sub := []Tag{Data(tagMakerNote, TypeUndefined, make([]byte, length))}
			b := build(o, top, sub, nil, nil)
			r, _ := NewReader(bytes.NewReader(b), int64(len(b)))
			d, _ := r.Dir(r.First)
			x, _ := child(r, d, tagExifIFD)
			e, _ := x.Find(tagMakerNote)
			pos := r.ValuePos(e)
			at := pos + int64(len(c.head))
			if c.base >= 0 {
				at -= pos + c.base
			}
			copy(b[pos:], c.head)
			copy(b[pos+int64(len(c.head)):], EncodeDir(c.order, c.tags, uint32(at), 0))
			f, _, err := Parse(b)
			if err != nil || f.Sequence != c.want {
				t.Errorf("%s: %+v, want %+v, %v", c.maker, f.Sequence, c.want, err)
			}
			// In a TIFF file the note lies far behind; Extract takes it along, offsets and all.
			if c.maker == "Unknown" {
				continue
			}
			far := bytes.Repeat([]byte{0xee}, 100000)
			moved := moveBlock(t, b, far)
			r, err = NewReader(bytes.NewReader(moved), int64(len(moved)))
			if err != nil {
				t.Fatal(err)
			}
			ex, w, err := Extract(r)
			if err != nil || len(w) > 0 {
				t.Fatal(err, w)
			}
			if f, _, err := Parse(ex); err != nil || f.Sequence != c.want || f.Make != c.maker || len(ex) > 4096 {
				t.Errorf("%s extracted: %+v, want %+v, %v", c.maker, f.Sequence, c.want, err)
			}
		}
	}
}

// moveBlock puts gap bytes behind the header, and moves what counts offsets from it.
func moveBlock(t *testing.T, b, gap []byte) []byte {
	n := uint32(len(gap))
	r, _ := NewReader(bytes.NewReader(b), int64(len(b)))
	out := append(append(slices.Clone(b[:8]), gap...), b[8:]...)
	o := r.Order
	o.PutUint32(out[4:], r.First+n)
	d, _ := r.Dir(r.First)
	x, _ := child(r, d, tagExifIFD)
	for _, e := range append(slices.Clone(d.Entries), x.Entries...) {
		if e.Size() > 4 || e.Tag == tagExifIFD {
			o.PutUint32(out[e.Pos+8+int64(n):], o.Uint32(e.Raw[:])+n)
		}
	}
	e, _ := x.Find(tagMakerNote)
	note, err := r.Bytes(e, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := d.Find(tagMake)
	maker, _ := r.Text(m)
	pos := r.ValuePos(e)
	copy(out[pos+int64(n):], shiftNote(note, pos, pos+int64(n), maker, o))
	return out
}

func TestBadBlocks(t *testing.T) {
	for _, o := range orders {
		good := camera(o)
		for n := range good {
			f, _, err := Parse(good[:n])
			if err != nil && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			if err == nil && f.Orientation != 0 && f.Orientation != 6 {
				t.Errorf("cut at %d: orientation %d", n, f.Orientation)
			}
			if _, _, err := Update(good[:n], Edit{Width: 2, Height: 2, StripGPS: true, Thumbnail: []byte("x")}); err != nil {
				t.Errorf("cut at %d: %v", n, err)
			}
		}
		// Directories that point to each other and to themselves end.
		loop := slices.Clone(good)
		r, _ := NewReader(bytes.NewReader(loop), int64(len(loop)))
		d, _ := r.Dir(r.First)
		for _, tag := range []uint16{tagExifIFD, tagGPSIFD} {
			e, _ := d.Find(tag)
			o.PutUint32(loop[e.Pos+8:], 8)
		}
		o.PutUint32(loop[d.Pos+2+12*int64(len(d.Entries)):], 8)
		if _, _, err := Parse(loop); err != nil {
			t.Error(err)
		}
		if _, _, err := Update(loop, Edit{Width: 2, Height: 2, StripGPS: true}); err != nil {
			t.Error(err)
		}
	}
}

// Facts agree with exiftool's on real cameras' files.
func TestFactsAgreeWithExiftool(t *testing.T) {
	root := phototest.Dir(t)
	tool, err := exec.LookPath("exiftool")
	phototest.Need(t, "exiftool", err == nil)
	var in []string
	for _, p := range []string{"exterior/*", "interior/*.jpg", "brackets/*/*.jpg", "brackets/*/*.JPG", "metadata/*/*.jpg"} {
		m, _ := filepath.Glob(filepath.Join(root, p))
		in = append(in, m...)
	}
	out, _ := exec.Command(tool, append([]string{"-j", "-n", "-EXIF:all", "-Composite:ISO"}, in...)...).Output()
	var want []map[string]any
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for i, name := range in {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(b, []byte("Exif\x00\x00"))
		if at < 0 || at > 4096 {
			continue
		}
		end := at - 2 + int(binary.BigEndian.Uint16(b[at-2:]))
		f, _, err := Parse(b[at+6 : end])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for tag, got := range map[string]any{"Make": f.Make, "Model": f.Model, "FNumber": f.FNumber, "ExposureTime": f.ExposureTime, "ISO": f.ISO,
			"FocalLength": f.FocalLength, "Orientation": float64(f.Orientation), "ExifImageWidth": float64(f.Width), "ExposureCompensation": f.Bias,
			"DateTimeOriginal": f.Start.Format("2006:01:02 15:04:05"), "Flash": float64(f.Flash)} {
			w, ok := want[i][tag]
			if !ok || w == "undef" || w == 0.0 && tag == "Orientation" {
				continue
			}
			if s, ok := w.(string); ok && strings.HasPrefix(s, fmt.Sprint(got)+" ") {
				continue // more values than the tag should have
			}
			if fw, isNum := w.(float64); isNum {
				if fg, ok := got.(float64); !ok || math.Abs(fg-fw) > 1e-6*math.Abs(fw) {
					t.Errorf("%s: %s is %v, exiftool says %v", name, tag, got, w)
				}
			} else if s := strings.TrimSpace(fmt.Sprint(w)); s != got && !(tag == "DateTimeOriginal" && f.Start.IsZero()) {
				t.Errorf("%s: %s is %q, exiftool says %q", name, tag, got, s)
			}
			seen++
		}
	}
	if seen < 100 {
		t.Errorf("only %d values compared", seen)
	}
}

// Where the camera looked: GPSImgDirection in [0, 360); anything else is not told.
func TestHeading(t *testing.T) {
	for _, o := range []ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, c := range []struct {
			num, den uint32
			want     float64
			has      bool
		}{{0, 1, 0, true}, {12345, 100, 123.45, true}, {35999, 100, 359.99, true}, {360, 1, 0, false}, {1, 0, 0, false}} {
			f, _, err := Parse(build(o, nil, nil, []Tag{Text(0x10, "T"), Rational(o, 0x11, c.num, c.den)}, nil))
			if err != nil || f.GPS == nil {
				t.Fatal(err)
			}
			if f.GPS.HasHeading != c.has || f.GPS.Heading != c.want {
				t.Errorf("%d/%d: %v, %v", c.num, c.den, f.GPS.HasHeading, f.GPS.Heading)
			}
		}
		if f, _, err := Parse(camera(o)); err != nil || f.GPS.HasHeading {
			t.Errorf("without the tag: %v", err)
		}
	}
}
