package scene

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"slices"
	"time"
)

// EXIF is what the made-up camera writes into a file.
type EXIF struct {
	Make, Model, Serial string
	Taken               time.Time // start of the exposure; zone and fraction are written too
	ExposureTime        [2]uint32 // seconds, nominal
	FNumber             float64
	ISO                 int
	Bias                float64 // EV
	Focal               float64 // mm
	Focal35             int     // mm, equivalent; 0: absent
	Orientation         int     // 1, 3, 6 or 8
	FileNumber          int
	GPS                 bool    // Vaduz, Liechtenstein: no house of anybody's
	Heading             float64 // compass degrees; 0: absent
}

// Exposure is the exposure time in seconds.
func (e *EXIF) Exposure() float64 { return float64(e.ExposureTime[0]) / float64(e.ExposureTime[1]) }

// FileName is the name a camera would give the photo.
func (e *EXIF) FileName() string { return fmt.Sprintf("DSC%05d.JPG", e.FileNumber) }

func (o *BracketOptions) exif(i int, ev float64, w, h int, at time.Time) EXIF {
	e := EXIF{Make: "Realedit Scene Renderer", Model: "SR-1", Serial: "SR10004711", Taken: at, FNumber: o.FNumber, ISO: o.ISO, Bias: ev,
		Focal: 16, Focal35: 24, Orientation: o.Orientation, FileNumber: o.FileNumber + i, GPS: o.GPS, Heading: o.Heading}
	if e.FNumber == 0 {
		e.FNumber = 8
	}
	if e.ISO == 0 {
		e.ISO = 100
	}
	if e.Orientation == 0 {
		e.Orientation = 1
	}
	if o.FileNumber == 0 {
		e.FileNumber++
	}
	t := o.Shutter
	if t == 0 {
		t = 1.0 / 8
	}
	e.ExposureTime = nominal(t * math.Exp2(ev))
	return e
}

// field is one TIFF directory entry.
type field struct {
	tag, typ uint16
	count    uint32
	data     []byte
}

var le = binary.LittleEndian

func ascii(tag uint16, s string) field {
	b := append([]byte(s), 0)
	return field{tag, 2, uint32(len(b)), b}
}
func short(tag uint16, v ...uint16) field {
	var b []byte
	for _, x := range v {
		b = le.AppendUint16(b, x)
	}
	return field{tag, 3, uint32(len(v)), b}
}
func long(tag uint16, v uint32) field { return field{tag, 4, 1, le.AppendUint32(nil, v)} }
func rational(tag uint16, v ...uint32) field {
	var b []byte
	for _, x := range v {
		b = le.AppendUint32(b, x)
	}
	return field{tag, 5, uint32(len(v) / 2), b}
}
func srational(tag uint16, n, d int32) field {
	return field{tag, 10, 1, le.AppendUint32(le.AppendUint32(nil, uint32(n)), uint32(d))}
}
func opaque(tag uint16, b []byte) field { return field{tag, 7, uint32(len(b)), b} }

// ifd lays a directory out at offset at: entries, link to the next, then the values that do not fit.
func ifd(at uint32, fields []field, next uint32) []byte {
	slices.SortFunc(fields, func(a, b field) int { return int(a.tag) - int(b.tag) })
	out := le.AppendUint16(nil, uint16(len(fields)))
	extra := at + 2 + uint32(len(fields))*12 + 4
	var tail []byte
	for _, f := range fields {
		out = le.AppendUint16(out, f.tag)
		out = le.AppendUint16(out, f.typ)
		out = le.AppendUint32(out, f.count)
		if len(f.data) <= 4 {
			out = append(out, append(slices.Clone(f.data), 0, 0, 0, 0)[:4]...)
			continue
		}
		out = le.AppendUint32(out, extra+uint32(len(tail)))
		tail = append(tail, f.data...)
		if len(tail)%2 == 1 {
			tail = append(tail, 0)
		}
	}
	return append(le.AppendUint32(out, next), tail...)
}

// segment is the whole APP1 payload for stored pixels of w × h.
func (e *EXIF) segment(w, h int, thumb []byte) []byte {
	zone := e.Taken.Format("-07:00")
	stamp := e.Taken.Format("2006:01:02 15:04:05")
	sub := fmt.Sprintf("%03d", e.Taken.Nanosecond()/1e6)
	exif := []field{
		rational(0x829a, e.ExposureTime[0], e.ExposureTime[1]),
		rational(0x829d, uint32(math.Round(e.FNumber*10)), 10),
		short(0x8822, 1), // manual program
		short(0x8827, uint16(e.ISO)),
		opaque(0x9000, []byte("0232")),
		ascii(0x9003, stamp), ascii(0x9004, stamp),
		ascii(0x9010, zone), ascii(0x9011, zone), ascii(0x9012, zone),
		opaque(0x9101, []byte{1, 2, 3, 0}),
		srational(0x9204, int32(math.Round(e.Bias*10)), 10),
		short(0x9207, 5), // pattern metering
		short(0x9209, 0), // no flash
		rational(0x920a, uint32(math.Round(e.Focal*10)), 10),
		opaque(0x927c, e.makerNote()),
		ascii(0x9290, sub), ascii(0x9291, sub), ascii(0x9292, sub),
		opaque(0xa000, []byte("0100")),
		short(0xa001, 1), // sRGB
		long(0xa002, uint32(w)), long(0xa003, uint32(h)),
		short(0xa402, 2), // auto bracket
		short(0xa403, 1), // manual white balance
		ascii(0xa431, e.Serial),
		ascii(0xa434, "SR 16mm F2.8"),
	}
	if e.Focal35 > 0 {
		exif = append(exif, short(0xa405, uint16(e.Focal35)))
	}
	first := []field{
		ascii(0x010e, "rendered scene, not a photograph"),
		ascii(0x010f, e.Make), ascii(0x0110, e.Model),
		short(0x0112, uint16(e.Orientation)),
		rational(0x011a, 300, 1), rational(0x011b, 300, 1), short(0x0128, 2),
		ascii(0x0131, "SR-1 1.04"), ascii(0x0132, stamp),
		ascii(0x013b, "realedit"),
		short(0x0213, 2),
		ascii(0x8298, "Apache-2.0, the realedit authors"),
		long(0x8769, 0),
	}
	var gps []field
	if e.GPS {
		first = append(first, long(0x8825, 0))
		u := e.Taken.UTC()
		gps = []field{
			{0, 1, 4, []byte{2, 3, 0, 0}},
			ascii(1, "N"), rational(2, 47, 1, 8, 1, 2796, 100),
			ascii(3, "E"), rational(4, 9, 1, 31, 1, 1584, 100),
			{5, 1, 1, []byte{0}}, rational(6, 4550, 10),
			rational(7, uint32(u.Hour()), 1, uint32(u.Minute()), 1, uint32(u.Second()), 1),
			ascii(0x1d, u.Format("2006:01:02")),
		}
		if e.Heading != 0 {
			gps = append(gps, ascii(0x10, "T"), rational(0x11, uint32(math.Round(math.Mod(e.Heading+360, 360)*100)), 100))
		}
	}
	// Two passes: sizes do not depend on the offsets written, so the second pass knows them all.
	var a, b, c, d []byte
	second := []field{short(0x0103, 6), rational(0x011a, 72, 1), rational(0x011b, 72, 1), short(0x0128, 2), long(0x0201, 0), long(0x0202, uint32(len(thumb)))}
	set := func(f []field, tag uint16, v int) {
		for i := range f {
			if f[i].tag == tag {
				le.PutUint32(f[i].data, uint32(v))
			}
		}
	}
	for range 2 {
		oa := 8
		ob := oa + len(a)
		oc := ob + len(b)
		od := oc + len(c)
		set(first, 0x8769, ob)
		set(first, 0x8825, oc)
		set(second, 0x0201, od+len(d))
		a = ifd(uint32(oa), first, uint32(od))
		b = ifd(uint32(ob), exif, 0)
		if gps != nil {
			c = ifd(uint32(oc), gps, 0)
		}
		d = ifd(uint32(od), second, 0)
	}
	out := []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00")
	for _, part := range [][]byte{a, b, c, d, thumb} {
		out = append(out, part...)
	}
	return out
}

// makerNote is an opaque block in nobody's format: a signature, the serial, and bytes that must come through an edit unchanged.
func (e *EXIF) makerNote() []byte {
	b := []byte("REALEDIT SR\x00\x01\x04")
	b = le.AppendUint32(b, uint32(e.FileNumber))
	b = append(b, e.Serial...)
	for i := range 160 {
		b = append(b, byte(hash(uint32(e.FileNumber), uint32(i))))
	}
	return b
}

// thumbnail is a 160 px JPEG made by box averaging.
func thumbnail(m *image.NRGBA) []byte {
	b := m.Bounds()
	k := 160 / float64(max(b.Dx(), b.Dy()))
	w, h := max(1, int(float64(b.Dx())*k)), max(1, int(float64(b.Dy())*k))
	t := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			x0, x1 := x*b.Dx()/w, max((x+1)*b.Dx()/w, x*b.Dx()/w+1)
			y0, y1 := y*b.Dy()/h, max((y+1)*b.Dy()/h, y*b.Dy()/h+1)
			var s [3]int
			for j := y0; j < y1; j++ {
				for i := x0; i < x1; i++ {
					for c := range 3 {
						s[c] += int(m.Pix[j*m.Stride+4*i+c])
					}
				}
			}
			n := (x1 - x0) * (y1 - y0)
			for c := range 3 {
				t.Pix[y*t.Stride+4*x+c] = uint8(s[c] / n)
			}
			t.Pix[y*t.Stride+4*x+3] = 255
		}
	}
	var buf bytes.Buffer
	_ = jpeg.Encode(&buf, t, &jpeg.Options{Quality: 75}) // a bytes.Buffer does not fail
	return buf.Bytes()
}
