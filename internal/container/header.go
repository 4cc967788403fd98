package container

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/realedit/realedit/internal/exif"
)

// ColorModel tells what a file's samples mean before any profile.
type ColorModel uint8

// Colour models.
const (
	ModelGray ColorModel = iota
	ModelRGB
	ModelYCbCr
	ModelPalette
	ModelCMYK
	ModelLab
)

// String returns the model's lower-case name.
func (m ColorModel) String() string {
	return [...]string{"gray", "rgb", "ycbcr", "palette", "cmyk", "lab"}[m]
}

// Header is what a file says about its picture before any pixel is decoded. It
// may lie: dimensions up to 2³¹−1 are answered as found, limits are the caller's.
type Header struct {
	Format        Format
	Width, Height int
	// Channels is the number of samples per pixel, alpha included; a palette counts as 1.
	Channels int
	// Bits is the number of bits per sample: 1 to 16.
	Bits  int
	Model ColorModel
	// Alpha says that the last channel is alpha (or that a PNG has transparent colours).
	Alpha bool
	// Progressive is a progressive JPEG or an interlaced PNG.
	Progressive bool
	// Compression is a TIFF's compression tag, else 0.
	Compression int
}

// Pixels returns Width × Height.
func (h Header) Pixels() int64 { return int64(h.Width) * int64(h.Height) }

// ReadHeader reads the header of a JPEG, PNG or TIFF file. Errors wrap
// ErrUnknown, ErrUnsupported (another format, or a variant that the decoders of image/jpeg,
// image/png and x/image/tiff refuse: arithmetic or lossless JPEG, tiled JPEG in TIFF,
// floating point …), ErrMalformed or ErrTruncated, or are the source's own. The
// returned header holds Format even beside an error.
func ReadHeader(r io.ReaderAt, size int64) (Header, error) {
	f, err := Sniff(r, size)
	h := Header{Format: f}
	if err != nil {
		return h, err
	}
	switch f {
	case JPEG:
		h, err = jpegHeader(r, size)
	case PNG:
		h, err = pngHeader(r, size)
	case TIFF:
		h, err = tiffHeader(r, size)
	case Unknown:
		return h, ErrUnknown
	default:
		return h, fmt.Errorf("%w: %s", ErrUnsupported, f)
	}
	h.Format = f
	if err != nil {
		return h, fmt.Errorf("%s: %w", f, err)
	}
	return h, nil
}

func malformed(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, a...))
}

func unsupported(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, a...))
}

// jpegHeader reads up to the frame header (ITU-T T.81, B.2.2).
func jpegHeader(r io.ReaderAt, size int64) (h Header, err error) {
	s := newJPEGScanner(r, size)
	adobe := -1
	for {
		m, payload, err := s.next(16)
		if err != nil {
			return h, err
		}
		switch {
		case m == mAPP14 && len(payload) >= 12 && string(payload[:5]) == "Adobe":
			adobe = int(payload[11])
		case m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc:
			if len(payload) < 6 {
				return h, malformed("frame header of %d bytes", len(payload))
			}
			h.Bits = int(payload[0])
			h.Height = int(binary.BigEndian.Uint16(payload[1:]))
			h.Width = int(binary.BigEndian.Uint16(payload[3:]))
			h.Channels = int(payload[5])
			h.Progressive = m == 0xc2
			switch h.Channels {
			case 1:
				h.Model = ModelGray
			case 3:
				h.Model = ModelYCbCr
				if adobe == 0 {
					h.Model = ModelRGB
				}
			case 4:
				h.Model = ModelCMYK
			default:
				return h, malformed("%d colour components", h.Channels)
			}
			if m > 0xc2 {
				return h, unsupported("lossless, hierarchical or arithmetic coding (SOF%d)", m-0xc0)
			}
			if h.Bits != 8 {
				return h, unsupported("%d bits per sample", h.Bits)
			}
			if h.Width == 0 {
				return h, malformed("zero width")
			}
			if h.Height == 0 {
				return h, unsupported("height told after the scan (DNL)")
			}
			return h, nil
		case m == mSOS || m == mEOI:
			return h, malformed("no frame header before the scan")
		}
	}
}

var pngSignature = []byte("\x89PNG\r\n\x1a\n")

// pngHeader reads signature and IHDR, and looks for tRNS before the pixels (PNG, third edition, 11.2.2).
func pngHeader(r io.ReaderAt, size int64) (h Header, err error) {
	var b [33]byte
	if err := readAt(r, b[:], 0, size); err != nil {
		return h, err
	}
	if string(b[:8]) != string(pngSignature) {
		return h, malformed("damaged signature")
	}
	if binary.BigEndian.Uint32(b[8:]) != 13 || string(b[12:16]) != "IHDR" {
		return h, malformed("no header chunk")
	}
	if crc32.ChecksumIEEE(b[12:29]) != binary.BigEndian.Uint32(b[29:]) {
		return h, malformed("checksum of the header chunk")
	}
	w, ht := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
	if w == 0 || ht == 0 || w > 1<<31-1 || ht > 1<<31-1 {
		return h, malformed("%d×%d pixels", w, ht)
	}
	h.Width, h.Height, h.Bits = int(w), int(ht), int(b[24])
	depths := ""
	switch b[25] {
	case 0:
		h.Model, h.Channels, depths = ModelGray, 1, "\x01\x02\x04\x08\x10"
	case 2:
		h.Model, h.Channels, depths = ModelRGB, 3, "\x08\x10"
	case 3:
		h.Model, h.Channels, depths = ModelPalette, 1, "\x01\x02\x04\x08"
	case 4:
		h.Model, h.Channels, h.Alpha, depths = ModelGray, 2, true, "\x08\x10"
	case 6:
		h.Model, h.Channels, h.Alpha, depths = ModelRGB, 4, true, "\x08\x10"
	}
	ok := false
	for i := range len(depths) {
		ok = ok || depths[i] == b[24]
	}
	if !ok || b[26] != 0 || b[27] != 0 || b[28] > 1 {
		return h, malformed("colour type %d, depth %d, compression %d, filter %d, interlace %d", b[25], b[24], b[26], b[27], b[28])
	}
	h.Progressive = b[28] == 1
	pngChunks(r, size, func(c pngChunk) bool {
		if c.kind == "tRNS" {
			h.Alpha = true
		}
		return c.kind != "IDAT"
	})
	return h, nil
}

// tiffHeader reads the first directory (TIFF 6.0) and refuses what x/image/tiff cannot decode.
func tiffHeader(src io.ReaderAt, size int64) (h Header, err error) {
	r, err := exif.NewReader(src, size)
	if err != nil {
		return h, tiffError(err)
	}
	d, err := r.Dir(r.First)
	if err != nil {
		return h, tiffError(err)
	}
	num := func(tag uint16, fallback uint32) uint32 {
		e, ok := d.Find(tag)
		if !ok {
			return fallback
		}
		v, ok := r.Uint(e)
		if !ok {
			return fallback
		}
		return v
	}
	w, ht := num(256, 0), num(257, 0)
	if w == 0 || ht == 0 || w > 1<<31-1 || ht > 1<<31-1 {
		return h, malformed("%d×%d pixels", w, ht)
	}
	h.Width, h.Height = int(w), int(ht)
	h.Channels = int(num(277, 1))
	h.Compression = int(num(tagCompression, 1))
	h.Bits = 1
	if e, ok := d.Find(258); ok {
		bits, ok := r.Uints(e)
		if !ok {
			return h, malformed("bits per sample")
		}
		h.Bits = int(bits[0])
		for _, b := range bits {
			if b != bits[0] {
				return h, unsupported("channels of different depths")
			}
		}
	}
	extra := uint32(0)
	if e, ok := d.Find(338); ok {
		extra = e.Count
	}
	h.Alpha = extra > 0
	base := h.Channels - int(min(extra, 16))
	switch p := num(tagPhotometric, 1); p {
	case 0, 1:
		h.Model = ModelGray
	case 2:
		h.Model = ModelRGB
		if base < 3 {
			return h, malformed("%d channels of RGB", base)
		}
	case 3:
		h.Model = ModelPalette
	case 5:
		h.Model = ModelCMYK
	case 6:
		h.Model = ModelYCbCr
	case 8, 9, 10:
		h.Model = ModelLab
	default:
		return h, unsupported("photometric interpretation %d", p)
	}
	if h.Model == ModelCMYK || h.Model == ModelYCbCr || h.Model == ModelLab {
		return h, unsupported("%s pixels", h.Model)
	}
	if h.Channels < 1 || h.Channels > 4 || h.Channels == 2 {
		return h, unsupported("%d channels", h.Channels)
	}
	switch {
	case h.Bits == 8 || h.Bits == 16:
	case (h.Bits == 1 || h.Bits == 4) && h.Channels == 1:
	default:
		return h, unsupported("%d bits per sample", h.Bits)
	}
	if f := num(339, 1); f != 1 && f != 4 {
		return h, unsupported("sample format %d", f)
	}
	if h.Channels > 1 && num(284, 1) != 1 {
		return h, unsupported("planar configuration %d", num(284, 1))
	}
	switch h.Compression {
	case 1, 2, 3, 4, 5, 8, 32773, 32946:
	default:
		return h, unsupported("compression %d", h.Compression)
	}
	return h, nil
}

// tiffError turns the directory reader's errors into this package's.
func tiffError(err error) error {
	switch {
	case errors.Is(err, exif.ErrTruncated):
		return fmt.Errorf("%w: %v", ErrTruncated, err)
	case errors.Is(err, exif.ErrMalformed):
		return fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return err
}
