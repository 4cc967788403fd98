package exif

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"
)

// Tags used by this package (Exif 3.0, tables 4 to 12).
const (
	tagImageWidth      = 0x0100
	tagImageLength     = 0x0101
	tagCompression     = 0x0103
	tagMake            = 0x010f
	tagModel           = 0x0110
	tagOrientation     = 0x0112
	tagXResolution     = 0x011a
	tagYResolution     = 0x011b
	tagResolutionUnit  = 0x0128
	tagSoftware        = 0x0131
	tagDateTime        = 0x0132
	tagJPEGOffset      = 0x0201
	tagJPEGLength      = 0x0202
	tagExifIFD         = 0x8769
	tagGPSIFD          = 0x8825
	tagExposureTime    = 0x829a
	tagFNumber         = 0x829d
	tagISO             = 0x8827
	tagSensitivityType = 0x8830
	tagStdOutputSens   = 0x8831
	tagRecExposure     = 0x8832
	tagISOSpeed        = 0x8833
	tagExifVersion     = 0x9000
	tagDateOriginal    = 0x9003
	tagDateDigitized   = 0x9004
	tagOffsetTime      = 0x9010
	tagOffsetOriginal  = 0x9011
	tagShutterSpeed    = 0x9201
	tagAperture        = 0x9202
	tagExposureBias    = 0x9204
	tagFlash           = 0x9209
	tagFocalLength     = 0x920a
	tagMakerNote       = 0x927c
	tagSubSec          = 0x9290
	tagSubSecOriginal  = 0x9291
	tagColorSpace      = 0xa001
	tagPixelX          = 0xa002
	tagPixelY          = 0xa003
	tagInteropIFD      = 0xa005
	tagExposureMode    = 0xa402
	tagFocal35         = 0xa405
	tagBodySerial      = 0xa431
	tagLensModel       = 0xa434
	tagCameraSerial    = 0xc62f // DNG
)

// GPS is where and when a photograph says it was taken.
type GPS struct {
	// Lat and Lon are degrees, north and east positive; HasPos says that both were readable.
	Lat, Lon float64
	HasPos   bool
	// Alt is metres above sea level, when HasAlt.
	Alt    float64
	HasAlt bool
	// Time is GPSDateStamp and GPSTimeStamp in UTC, zero when absent.
	Time time.Time
	// Heading is GPSImgDirection, where the camera looked, in [0, 360) degrees from north over east, when HasHeading.
	Heading    float64
	HasHeading bool
}

// Sequence is what a maker note tells about bracketing.
type Sequence struct {
	// Number is the position of the photograph in its sequence, from 1; 0 = not told.
	Number int
	// Count is the number of photographs in the sequence; 0 = not told.
	Count int
	// Bracket says that the camera was set to exposure bracketing.
	Bracket bool
	// EV is the exposure offset of this photograph within its bracket, when HasEV.
	EV    float64
	HasEV bool
	// Counter is the camera's running count of shutter releases (or file number); 0 = not told.
	Counter uint32
}

// Facts are the facts of an EXIF block that ingest uses. Zero values mean
// "not told", except Flash, Bias and GPS, which have their own flags.
type Facts struct {
	// Start is DateTimeOriginal (else DateTimeDigitized, else DateTime) with
	// SubSecTime and OffsetTime. Without an offset it is given in UTC and HasOffset is false.
	Start     time.Time
	HasOffset bool
	// HasSubSec says that fractions of a second were recorded.
	HasSubSec bool

	ExposureTime float64 // seconds; from ShutterSpeedValue when ExposureTime is absent
	FNumber      float64 // from ApertureValue when FNumber is absent
	ISO          float64 // from the maker note (Canon, Nikon) when EXIF is silent
	Bias         float64 // ExposureBiasValue, EV
	HasBias      bool
	FocalLength  float64 // millimetres
	Focal35      float64 // millimetres, 35 mm equivalent

	Make, Model, BodySerial, LensModel, Software string

	// Orientation is 1 to 8; 0 when absent or out of range.
	Orientation int
	// Flash is the tag's value (bit 0: fired), when HasFlash.
	Flash    int
	HasFlash bool
	// ExposureMode is 0 auto, 1 manual, 2 auto bracket; -1 when absent.
	ExposureMode int
	// Width and Height are PixelXDimension and PixelYDimension: what EXIF claims, not what the file holds.
	Width, Height int
	// ColorSpace is 1 for sRGB, 2 (not standard) for Adobe RGB, 65535 for uncalibrated, 0 when absent.
	ColorSpace int
	// InteropIndex is "R98", "R03" (Adobe RGB), "THM" or empty.
	InteropIndex string

	GPS      *GPS // nil when the block has no GPS directory
	Sequence Sequence
}

// Parse reads the facts of an EXIF block (a TIFF structure: "II*\0…" or
// "MM\0*…"). What is broken inside is left out and told as a warning; only a
// block without a readable first directory is an error (ErrMalformed,
// ErrTruncated).
func Parse(block []byte) (f Facts, warnings []string, err error) {
	r, err := NewReader(bytes.NewReader(block), int64(len(block)))
	if err != nil {
		return Facts{}, nil, err
	}
	return ParseReader(r)
}

// ParseReader is Parse for a structure that is already open.
func ParseReader(r *Reader) (f Facts, warnings []string, err error) {
	f.ExposureMode = -1
	warn := func(format string, a ...any) { warnings = append(warnings, fmt.Sprintf(format, a...)) }
	ifd0, err := r.Dir(r.First)
	if err != nil && len(ifd0.Entries) == 0 {
		return Facts{ExposureMode: -1}, nil, err
	}
	if err != nil {
		warn("EXIF: %v", err)
	}
	p := parser{r: r, d: ifd0}
	f.Make, f.Model, f.Software = p.text(tagMake), p.text(tagModel), p.text(tagSoftware)
	if o := p.uint(tagOrientation); o >= 1 && o <= 8 {
		f.Orientation = int(o)
	} else if _, ok := ifd0.Find(tagOrientation); ok {
		warn("EXIF: orientation %d is none of 1 to 8 and is taken as 1", o)
	}
	f.BodySerial = p.text(tagCameraSerial)
	dates := []date{{text: p.text(tagDateTime)}}

	if e, ok := ifd0.Find(tagExifIFD); ok {
		off, _ := r.Uint(e)
		d, err := r.Dir(off)
		if err != nil {
			warn("EXIF: sub-directory: %v", err)
		}
		x := parser{r: r, d: d}
		dates[0].sub, dates[0].zone = x.text(tagSubSec), x.text(tagOffsetTime)
		dates = append([]date{
			{x.text(tagDateOriginal), x.text(tagSubSecOriginal), x.text(tagOffsetOriginal)},
			{x.text(tagDateDigitized), x.text(0x9292), x.text(0x9012)}}, dates...)
		x.exposure(&f)
		f.FocalLength, f.Focal35 = x.positive(tagFocalLength), x.positive(tagFocal35)
		if s := x.text(tagBodySerial); s != "" {
			f.BodySerial = s
		}
		f.LensModel = x.text(tagLensModel)
		if e, ok := d.Find(tagFlash); ok {
			v, ok := r.Uint(e)
			f.Flash, f.HasFlash = int(v), ok
		}
		if e, ok := d.Find(tagExposureMode); ok {
			if v, ok := r.Uint(e); ok {
				f.ExposureMode = int(v)
			}
		}
		f.ColorSpace = int(x.uint(tagColorSpace))
		f.Width, f.Height = int(x.uint(tagPixelX)), int(x.uint(tagPixelY))
		if e, ok := d.Find(tagInteropIFD); ok {
			off, _ := r.Uint(e)
			if d, err := r.Dir(off); err == nil {
				f.InteropIndex = parser{r, d}.text(1)
			}
		}
		if e, ok := d.Find(tagMakerNote); ok {
			note := readNote(r, e, f.Make)
			f.Sequence = note.seq
			if f.ISO == 0 {
				f.ISO = note.iso
			}
			if f.BodySerial == "" {
				f.BodySerial = note.serial
			}
		}
	}
	if f.ExposureMode == 2 {
		f.Sequence.Bracket = true
	}
	for _, d := range dates {
		if t, offset, sub, ok := d.parse(); ok {
			f.Start, f.HasOffset, f.HasSubSec = t, offset, sub
			break
		}
	}
	if e, ok := ifd0.Find(tagGPSIFD); ok {
		off, _ := r.Uint(e)
		d, err := r.Dir(off)
		if err != nil {
			warn("EXIF: GPS: %v", err)
		}
		f.GPS = parser{r, d}.gps()
	}
	return f, warnings, nil
}

type parser struct {
	r *Reader
	d Dir
}

func (p parser) text(tag uint16) string {
	if e, ok := p.d.Find(tag); ok {
		s, _ := p.r.Text(e)
		return s
	}
	return ""
}

func (p parser) uint(tag uint16) uint32 {
	if e, ok := p.d.Find(tag); ok {
		v, _ := p.r.Uint(e)
		return v
	}
	return 0
}

func (p parser) float(tag uint16) (float64, bool) {
	if e, ok := p.d.Find(tag); ok {
		return p.r.Float(e)
	}
	return 0, false
}

// positive returns the tag's number where it is finite and > 0, else 0.
func (p parser) positive(tag uint16) float64 {
	v, ok := p.float(tag)
	if !ok || !(v > 0) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// exposure reads t, N, ISO and bias. APEX values (Exif 3.0, annex C) stand in
// for absent ones: t = 2^-Tv, N = 2^(Av/2).
func (p parser) exposure(f *Facts) {
	f.ExposureTime = p.positive(tagExposureTime)
	if f.ExposureTime == 0 {
		if tv, ok := p.float(tagShutterSpeed); ok && math.Abs(tv) < 32 {
			f.ExposureTime = math.Exp2(-tv)
		}
	}
	f.FNumber = p.positive(tagFNumber)
	if f.FNumber == 0 {
		if av, ok := p.float(tagAperture); ok && math.Abs(av) < 32 && av != 0 {
			f.FNumber = math.Exp2(av / 2)
		}
	}
	f.ISO = p.positive(tagISO)
	if f.ISO == 0 || f.ISO == 65535 { // 65535: the SHORT could not hold it, see ISOSpeed and its kin
		for _, t := range []uint16{tagISOSpeed, tagRecExposure, tagStdOutputSens} {
			if v := p.positive(t); v > 0 {
				f.ISO = v
				break
			}
		}
	}
	if b, ok := p.float(tagExposureBias); ok && math.Abs(b) < 32 {
		f.Bias, f.HasBias = b, true
	}
}

func (p parser) gps() *GPS {
	g := &GPS{}
	angle := func(ref, tag uint16, negative string) (float64, bool) {
		e, ok := p.d.Find(tag)
		if !ok {
			return 0, false
		}
		v, ok := p.r.Floats(e)
		if !ok || len(v) == 0 {
			return 0, false
		}
		var a float64
		for i, unit := 0, 1.0; i < len(v) && i < 3; i, unit = i+1, unit*60 {
			a += v[i] / unit
		}
		if strings.HasPrefix(strings.ToUpper(p.text(ref)), negative) {
			a = -a
		}
		return a, true
	}
	lat, okLat := angle(1, 2, "S")
	lon, okLon := angle(3, 4, "W")
	if okLat && okLon && math.Abs(lat) <= 90 && math.Abs(lon) <= 180 {
		g.Lat, g.Lon, g.HasPos = lat, lon, true
	}
	if alt, ok := p.float(6); ok {
		if p.uint(5) == 1 {
			alt = -alt
		}
		g.Alt, g.HasAlt = alt, true
	}
	if a, ok := p.float(0x11); ok && a >= 0 && a < 360 {
		g.Heading, g.HasHeading = a, true
	}
	if day, err := time.Parse("2006:01:02", p.text(0x1d)); err == nil {
		g.Time = day
		if e, ok := p.d.Find(7); ok {
			if v, ok := p.r.Floats(e); ok && len(v) == 3 && v[0] < 25 && v[1] < 61 && v[2] < 62 {
				g.Time = day.Add(time.Duration((v[0]*3600 + v[1]*60 + v[2]) * 1e9))
			}
		}
	}
	return g
}

// date is an EXIF date: "YYYY:MM:DD HH:MM:SS", digits of a second's fraction, "±HH:MM".
type date struct{ text, sub, zone string }

func (d date) parse() (t time.Time, offset, sub, ok bool) {
	s := d.text
	if len(s) < 19 {
		return t, false, false, false
	}
	s = s[:19]
	layout := "2006:01:02 15:04:05"
	if s[4] == '-' || s[4] == '/' { // some phones and editors
		layout = strings.NewReplacer(":01:02", s[4:5]+"01"+s[7:8]+"02").Replace(layout)
	}
	if s[10] == 'T' {
		layout = layout[:10] + "T" + layout[11:]
	}
	loc := time.UTC
	if z := d.zone; z == "Z" {
		offset = true
	} else if zt, err := time.Parse("-07:00", z); err == nil {
		loc, offset = zt.Location(), true
	}
	t, err := time.ParseInLocation(layout, s, loc)
	if err != nil || t.Year() < 1900 {
		return time.Time{}, false, false, false
	}
	digits := 0
	for digits < len(d.sub) && digits < 9 && d.sub[digits] >= '0' && d.sub[digits] <= '9' {
		digits++
	}
	if digits > 0 {
		ns := time.Duration(0)
		for i := range 9 {
			ns *= 10
			if i < digits {
				ns += time.Duration(d.sub[i] - '0')
			}
		}
		t, sub = t.Add(ns), true
	}
	return t, offset, sub, true
}

// cText is b up to its first NUL, trimmed, with invalid UTF-8 replaced.
func cText(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(b)), "\uFFFD")
}
