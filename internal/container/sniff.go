// Package container knows the files that hold photographs: it tells them apart
// by content, reads their headers before any pixel is decoded, takes their
// metadata blocks out and puts blocks into files being written. It decodes and
// encodes no pixels, except that it writes TIFF.
//
// Readers take an io.ReaderAt and a size; they read forward only what they
// need, keep no reference to the source, and bound what they allocate by the limits
// named in this package, not by what a file claims.
package container

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/realedit/realedit/internal/exif"
)

// Errors of this package. Returned errors wrap one of them, or the source's own.
var (
	// ErrUnknown says that the content is no photograph of any known kind.
	ErrUnknown = errors.New("not a photograph")
	// ErrUnsupported says that the kind, or this variant of it, is known and not decoded.
	ErrUnsupported = errors.New("unsupported format")
	// ErrMalformed says that the file breaks its format's rules.
	ErrMalformed = errors.New("malformed file")
	// ErrTruncated says that the file ends early.
	ErrTruncated = errors.New("truncated file")
)

// Format is a kind of file, told by its content.
type Format uint8

// Formats. JPEG, PNG and TIFF are decoded; the others are recognised.
const (
	Unknown Format = iota
	JPEG
	PNG
	TIFF
	CR2
	CR3
	CRW
	NEF
	ARW
	DNG
	RAF
	ORF
	RW2
	PEF
	X3F
	MRW
	SRW
	RAW // a TIFF structure with sensor data of another maker
	BigTIFF
	HEIC
	AVIF
	HDR
	EXR
	WebP
	GIF
	BMP
	PSD
	JPEGXL
	JPEG2000
	JPEGXR
	PNM
)

var formatNames = [...]string{"unknown", "jpeg", "png", "tiff", "cr2", "cr3", "crw", "nef", "arw", "dng", "raf", "orf", "rw2", "pef",
	"x3f", "mrw", "srw", "raw", "bigtiff", "heic", "avif", "hdr", "exr", "webp", "gif", "bmp", "psd", "jpegxl", "jpeg2000", "jpegxr", "pnm"}

// String returns the format's lower-case name.
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return "unknown"
}

// Sniff tells a file's format by its content. Files whose signature is damaged in a
// few bytes but whose structure is plainly a PNG count as PNG, so that a broken
// photograph is told as broken and not taken for something else. A source that
// cannot be read is Unknown together with the source's error.
func Sniff(r io.ReaderAt, size int64) (Format, error) {
	var buf [64]byte
	n := min(int64(len(buf)), max(size, 0))
	got, err := r.ReadAt(buf[:n], 0)
	if int64(got) < n && err != nil && err != io.EOF {
		return Unknown, err
	}
	b := buf[:got]
	has := func(at int, s string) bool { return len(b) >= at+len(s) && string(b[at:at+len(s)]) == s }
	switch {
	case has(0, "\xff\xd8\xff"), len(b) >= 2 && len(b) < 3 && has(0, "\xff\xd8"):
		return JPEG, nil
	case looksPNG(b):
		return PNG, nil
	case has(0, "FUJIFILMCCD-RAW"):
		return RAF, nil
	case has(0, "IIRO"), has(0, "IIRS"), has(0, "MMOR"):
		return ORF, nil
	case has(0, "IIU\x00"):
		return RW2, nil
	case has(0, "II\x1a\x00\x00\x00HEAPCCDR"):
		return CRW, nil
	case has(0, "FOVb"):
		return X3F, nil
	case has(0, "\x00MRM"):
		return MRW, nil
	case has(0, "II*\x00"), has(0, "MM\x00*"):
		return sniffTIFF(b, r, size), nil
	case has(0, "II+\x00"), has(0, "MM\x00+"):
		return BigTIFF, nil
	case has(0, "II\xbc"):
		return JPEGXR, nil
	case has(4, "ftyp"):
		return sniffISO(b), nil
	case has(0, "#?RADIANCE"), has(0, "#?RGBE"), bytes.Contains(b, []byte("\n#?RADIANCE")): // some programs put lines in front
		return HDR, nil
	case has(0, "\x76\x2f\x31\x01"):
		return EXR, nil
	case has(0, "RIFF") && has(8, "WEBP"):
		return WebP, nil
	case has(0, "GIF87a"), has(0, "GIF89a"):
		return GIF, nil
	case has(0, "8BPS"):
		return PSD, nil
	case has(0, "\xff\x0a"), has(0, "\x00\x00\x00\x0cJXL \r\n\x87\n"):
		return JPEGXL, nil
	case has(0, "\x00\x00\x00\x0cjP  \r\n\x87\n"), has(0, "\xff\x4f\xff\x51"):
		return JPEG2000, nil
	case has(0, "BM") && len(b) >= 18 && bmpHeader(binary.LittleEndian.Uint32(b[14:])):
		return BMP, nil
	case len(b) >= 3 && b[0] == 'P' && b[1] >= '1' && b[1] <= '7' && (b[2] == '\n' || b[2] == ' ' || b[2] == '\r' || b[2] == '\t'):
		return PNM, nil
	}
	return Unknown, nil
}

// looksPNG accepts the signature with up to two damaged bytes, or the header chunk in its place.
func looksPNG(b []byte) bool {
	if len(b) < 8 {
		return len(b) >= 4 && bytes.HasPrefix(pngSignature, b)
	}
	same := 0
	for i, c := range pngSignature {
		if b[i] == c {
			same++
		}
	}
	at := bytes.Index(b[:min(len(b), 32)], []byte("IHDR"))
	return same >= 6 || at >= 8 && at <= 20 && bytes.Contains(b[:at], []byte("PNG"))
}

func bmpHeader(n uint32) bool {
	switch n {
	case 12, 16, 40, 52, 56, 64, 108, 124:
		return true
	}
	return false
}

// sniffISO tells HEIC, AVIF and CR3 among ISO base media files by their brands.
func sniffISO(b []byte) Format {
	f := Unknown
	n := min(len(b), int(min(binary.BigEndian.Uint32(b), 1<<20)))
	for i := 8; i+4 <= n; i += 4 {
		if i == 12 {
			continue // minor version
		}
		switch string(b[i : i+4]) {
		case "crx ":
			return CR3
		case "avif", "avis":
			return AVIF
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "mif2", "msf1":
			f = HEIC
		}
	}
	return f
}

// Tags that tell sensor data from pictures.
const (
	tagCompression = 259
	tagPhotometric = 262
	tagMakeTIFF    = 271
	tagSubIFDs     = 330
	tagDNGVersion  = 0xc612
)

// sniffTIFF tells raw files, which are TIFF structures too, from plain TIFF: by a
// DNG version, or by sensor data (colour-filter array, linear raw, makers' codings)
// in any of the first directories.
func sniffTIFF(head []byte, src io.ReaderAt, size int64) Format {
	if len(head) >= 10 && string(head[8:10]) == "CR" {
		return CR2
	}
	r, err := exif.NewReader(src, size)
	if err != nil {
		return TIFF
	}
	ifd0, _ := r.Dir(r.First)
	if _, ok := ifd0.Find(tagDNGVersion); ok {
		return DNG
	}
	maker := ""
	if e, ok := ifd0.Find(tagMakeTIFF); ok {
		maker, _ = r.Text(e)
	}
	dirs := []exif.Dir{ifd0}
	if e, ok := ifd0.Find(tagSubIFDs); ok {
		offs, _ := r.Uints(e)
		for _, o := range offs[:min(len(offs), 8)] {
			if d, err := r.Dir(o); err == nil {
				dirs = append(dirs, d)
			}
		}
	}
	for next, i := ifd0.Next, 0; next != 0 && i < 4; i++ {
		d, err := r.Dir(next)
		if err != nil {
			break
		}
		dirs = append(dirs, d)
		next = d.Next
	}
	for _, d := range dirs {
		if sensor(r, d) {
			return rawOf(maker)
		}
	}
	return TIFF
}

func sensor(r *exif.Reader, d exif.Dir) bool {
	num := func(tag uint16) uint32 {
		if e, ok := d.Find(tag); ok {
			v, _ := r.Uint(e)
			return v
		}
		return 0
	}
	switch num(tagPhotometric) {
	case 32803, 34892: // colour-filter array, linear raw
		return true
	}
	switch num(tagCompression) {
	case 32767, 32770, 34713, 65535, 34892: // Sony, Samsung, Nikon, Pentax, lossy DNG
		return true
	}
	return false
}

func rawOf(maker string) Format {
	m := strings.ToUpper(maker)
	for _, k := range []struct {
		prefix string
		f      Format
	}{{"NIKON", NEF}, {"SONY", ARW}, {"PENTAX", PEF}, {"RICOH", PEF}, {"SAMSUNG", SRW}, {"OLYMPUS", ORF}, {"CANON", CR2}, {"PANASONIC", RW2}} {
		if strings.HasPrefix(m, k.prefix) {
			return k.f
		}
	}
	return RAW
}

// readAt fills p from off. Reading behind the end is ErrTruncated.
func readAt(r io.ReaderAt, p []byte, off, size int64) error {
	if off < 0 || off > size || int64(len(p)) > size-off {
		return fmt.Errorf("%w: %d bytes at %d of %d", ErrTruncated, len(p), off, size)
	}
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = ErrTruncated
	}
	return fmt.Errorf("%d bytes at %d: %w", len(p), off, err)
}
