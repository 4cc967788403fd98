package realedit

import (
	"fmt"
	"math"
	"time"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/internal/exif"
	"github.com/realedit/realedit/internal/xmp"
)

// metadata reads the facts out of a file's EXIF block. A broken block is a warning.
func (d *decoded) metadata(b container.Blocks) {
	d.facts.Orientation = 1
	d.facts.SourceType = sourceType(b)
	if b.EXIF == nil {
		return
	}
	e, warnings, err := exif.Parse(b.EXIF)
	d.warnings = append(d.warnings, warnings...)
	if err != nil {
		d.warnings = append(d.warnings, fmt.Sprintf("EXIF left out: %v", err))
		return
	}
	d.adobeRGB = e.InteropIndex == "R03" || e.ColorSpace == 2
	f := &d.facts
	f.Start, f.SubSec, f.Zoned = e.Start, e.HasSubSec, e.HasOffset && !e.Start.IsZero()
	f.Exposure = seconds(e.ExposureTime)
	f.FNumber, f.ISO, f.Bias, f.FocalLength = bounded(e.FNumber, 1024), bounded(e.ISO, 1e8), e.Bias, bounded(e.FocalLength, 1e5)
	f.Focal35 = bounded(e.Focal35, 1e5)
	f.Make, f.Model, f.BodySerial, f.Software = e.Make, e.Model, e.BodySerial, e.Software
	if e.Orientation != 0 {
		f.Orientation = e.Orientation
	}
	f.Sequence, f.SequenceLen = e.Sequence.Number, e.Sequence.Count
	f.Bracket, f.Counter = e.Sequence.Bracket, e.Sequence.Counter
	f.Flash = e.HasFlash && e.Flash&1 != 0
	if g := e.GPS; g != nil {
		f.HasGPS, f.Lat, f.Lon, f.GPSTime = g.HasPos, g.Lat, g.Lon, g.Time
		f.HasHeading, f.Heading = g.HasHeading, g.Heading
	}
}

// sourceType is what a file's XMP says of where its pixels come from.
func sourceType(b container.Blocks) string {
	v, _ := b.Property(xmp.DigitalSourceType)
	if len(v) != 1 {
		return ""
	}
	return xmp.SourceTypeName(v[0])
}

// bounded is v where it is in (0, top], else 0: unknown.
func bounded(v, top float64) float64 {
	if v > 0 && v <= top {
		return v
	}
	return 0
}

// seconds is an exposure time; what no shutter does (over a day) is unknown.
func seconds(s float64) time.Duration {
	return time.Duration(math.Round(bounded(s, 86400) * 1e9))
}
