package container

import (
	"fmt"
	"io"

	"github.com/realedit/realedit/internal/xmp"
)

// Limits of what is kept of one file's metadata.
const (
	// MaxBlock bounds one block (EXIF, XMP, ICC …), after decompression.
	MaxBlock = 16 << 20
	// MaxBlocks bounds everything kept of one file.
	MaxBlocks = 48 << 20
	// MaxTexts bounds the number of comments, texts and other segments kept.
	MaxTexts = 256
)

// Density is the resolution a file declares.
type Density struct {
	// Unit is 0 for an aspect ratio only, 1 for pixels per inch, 2 for pixels per centimetre.
	Unit byte
	X, Y float64
}

// Text is a textual chunk of a PNG file.
type Text struct{ Keyword, Value string }

// Segment is an application segment of a JPEG file: Payload starts with its identifier.
type Segment struct {
	Marker  byte // 0xe0 to 0xef
	Payload []byte
}

// Blocks are the metadata blocks of one file, freed of the container's
// wrapping. All may be absent (nil). They do not alias the source.
type Blocks struct {
	// EXIF is a TIFF structure without the "Exif\0\0" in front.
	EXIF []byte
	// XMP is the main packet; ExtendedXMP the reassembled extension of a JPEG file
	// (XMP part 3, 1.1.3.1), to be merged with xmp.Join.
	XMP, ExtendedXMP []byte
	// IPTC are IIM records ("\x1c\x02…"). Photoshop are the other image
	// resources ("8BIM…"), without thumbnails and copies of EXIF and XMP, which would go stale.
	IPTC, Photoshop []byte
	// ICC is the embedded profile.
	ICC []byte
	// Density is the declared resolution, nil when absent.
	Density *Density
	// SRGB says that a PNG has an sRGB chunk. Gamma is its gAMA (file gamma, 0.45455
	// for a display gamma of 2.2; 0 = absent). Chromaticities are its cHRM: white, red, green,
	// blue as x, y pairs; nil = absent.
	SRGB           bool
	Gamma          float64
	Chromaticities []float64
	// Comments are a JPEG's COM segments.
	Comments [][]byte
	// Texts are a PNG's other texts.
	Texts []Text
	// App are a JPEG's other application segments that stay true after an edit.
	App []Segment
}

// ReadBlocks reads the metadata blocks of a JPEG, PNG or TIFF file. It never
// fails: a block that is broken, too large or would be untrue after an edit is left
// out and told in a warning. A file of another format has no blocks.
func ReadBlocks(r io.ReaderAt, size int64) (b Blocks, warnings []string) {
	f, err := Sniff(r, size)
	if err != nil {
		return b, []string{err.Error()}
	}
	w := &warner{}
	switch f {
	case JPEG:
		jpegBlocks(r, size, &b, w)
	case PNG:
		pngBlocks(r, size, &b, w)
	case TIFF:
		tiffBlocks(r, size, &b, w)
	}
	return b, w.list
}

// Property is the value of a top-level property of the XMP packet or of its extension (xmp.Get).
func (b Blocks) Property(n xmp.Name) (values []string, ok bool) {
	if values, ok = xmp.Get(b.XMP, n); !ok && len(b.ExtendedXMP) > 0 {
		values, ok = xmp.Get(b.ExtendedXMP, n)
	}
	return values, ok
}

// warner collects warnings and counts what is kept.
type warner struct {
	list []string
	kept int64
}

// maxWarnings bounds the warnings of one file.
const maxWarnings = 64

func (w *warner) addf(format string, a ...any) {
	if len(w.list) < maxWarnings {
		w.list = append(w.list, fmt.Sprintf(format, a...))
	}
}

// room reports whether n more bytes may be kept, and counts them.
func (w *warner) room(what string, n int) bool {
	if n > MaxBlock || w.kept+int64(n) > MaxBlocks {
		w.addf("%s: %d bytes of metadata are more than is kept", what, n)
		return false
	}
	w.kept += int64(n)
	return true
}
