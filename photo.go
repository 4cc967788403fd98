package realedit

import (
	"math"
	"time"
)

// Facts are what is known of a photo from its metadata. Zero means unknown.
type Facts struct {
	Width, Height int // pixels, upright (after orientation)
	Bits          int // per sample: 8 or 16

	Start       time.Time     // DateTimeOriginal with sub-seconds and offset; zero when there is none
	Zoned       bool          // the offset from UTC was recorded; without it Start is the camera's clock, written as if it were UTC
	SubSec      bool          // Start has fractions of a second
	Exposure    time.Duration // exposure time
	FNumber     float64
	ISO         float64
	Bias        float64 // exposure bias, stops
	FocalLength float64 // mm
	Focal35     float64 // mm, equivalent for 36×24 mm
	Make, Model string
	BodySerial  string
	Software    string
	Orientation int    // EXIF 1..8 as stored; the pixels are already upright
	Sequence    int    // maker-note number within a bracket, from 1; 0 = unknown
	SequenceLen int    // photos in that bracket; 0 = unknown
	Bracket     bool   // the camera was set to bracket exposures
	Counter     uint32 // the camera's running count of releases, or its file number; 0 = unknown
	Flash       bool   // fired
	HasGPS      bool
	Lat, Lon    float64 // degrees, north and east positive
	GPSTime     time.Time
	HasHeading  bool
	Heading     float64 // where the camera looked, degrees from north over east; of magnetic north where the file says no better

	// SourceType is the IPTC digital source type in the metadata ("composite"); "" where there is none or it is a camera's digitalCapture.
	SourceType string
}

// EV is the exposure value at ISO 100, log2(N²/t) − log2(ISO/100): higher is a darker
// photo of the same scene. withN is false when the f-number was not known and taken
// as 1, ok when exposure time is unknown too. ISO defaults to 100.
func (f Facts) EV() (ev float64, withN, ok bool) {
	t := f.Exposure.Seconds()
	if t <= 0 {
		return 0, false, false
	}
	n, iso := f.FNumber, f.ISO
	if iso <= 0 {
		iso = 100
	}
	withN = n > 0
	if !withN {
		n = 1
	}
	return math.Log2(n*n/t) - math.Log2(iso/100), withN, true
}

// End is when the exposure ended.
func (f Facts) End() time.Time { return f.Start.Add(f.Exposure) }

// Photo is one exposure: its facts, its metadata, and the way to its pixels. It keeps
// no pixels itself. A Photo is safe for concurrent use once opened.
type Photo struct {
	Name   string // file name without folder: "DSC00123.JPG"
	Path   string // where it was opened; "" when decoded from a reader
	Facts  Facts
	SHA256 [32]byte // of the file
	Size   int64    // of the file, bytes
	Codec  string   // decoder and version: "go/jpeg 1.26"

	// Thumb is the picture, upright and sRGB-encoded, area-averaged to at most ThumbSide pixels a side.
	Thumb Thumb
	// Clipped are the shares of pixels with a channel at or above 254/255 of the
	// maximum, and with all channels at or below 1/255.
	ClippedHigh, ClippedLow float64

	// Warnings are what was wrong but not fatal: a dropped metadata block, a profile that could not be read.
	Warnings []string

	sharpness float64 // fine detail against brightness, comparable between photos of one scene
	source    source
	decoded   uint32 // atomic; 1: its picture was decoded, for facts or pixels
}
