package container

import (
	"fmt"

	"github.com/realedit/realedit/internal/exif"
	"github.com/realedit/realedit/internal/xmp"
)

// Finish says what is true about a finished picture whose pixels are upright and
// in the colour space of ICC.
type Finish struct {
	// Format is what the picture will be written as: JPEG, PNG or TIFF.
	Format Format
	// Width and Height are in pixels, ≥ 1.
	Width, Height int
	// Thumbnail is a small baseline JPEG, at most 160 pixels a side; empty for none. TIFF files take none.
	Thumbnail []byte
	// StripGPS removes positions from EXIF and XMP. Maker notes stay as they are.
	StripGPS bool
	// Facts are set in XMP, whatever the packet said about these properties before.
	Facts []xmp.Prop
	// ICC is the profile to embed: icc.SRGBProfile() for sRGB pixels.
	ICC []byte
}

// Finish returns the blocks of the finished picture: orientation 1, true
// dimensions and thumbnail, the new profile, the facts in XMP, and all else as it was. b is
// not changed. An unreadable EXIF block or XMP packet is replaced by a new one, with a warning.
func (b Blocks) Finish(f Finish) (out *Blocks, warnings []string, err error) {
	e := exif.Edit{Width: f.Width, Height: f.Height, Thumbnail: f.Thumbnail, StripGPS: f.StripGPS}
	switch f.Format {
	case JPEG:
		e.MaxSize = exif.MaxJPEG
	case TIFF:
		e.Thumbnail = nil // the directory behind the first is a second page there
	}
	if b.EXIF, warnings, err = exif.Update(b.EXIF, e); err != nil {
		return nil, warnings, err
	}
	if len(b.ExtendedXMP) > 0 {
		whole, err := xmp.Join(b.XMP, b.ExtendedXMP)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("XMP: extension: %v; dropped", err))
		} else {
			b.XMP = whole
		}
		b.ExtendedXMP = nil
	}
	edit := xmp.Finished(f.Width, f.Height, f.StripGPS)
	edit.Set = f.Facts
	if len(b.XMP) > 0 || len(f.Facts) > 0 {
		packet, err := xmp.Merge(b.XMP, edit)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("XMP: %v; a new packet is written", err))
			if packet, err = xmp.Merge(nil, edit); err != nil {
				return nil, warnings, err
			}
		}
		b.XMP = packet
	}
	b.ICC, b.SRGB, b.Gamma, b.Chromaticities = f.ICC, false, 0, nil
	return &b, warnings, nil
}
