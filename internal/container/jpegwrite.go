package container

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/realedit/realedit/internal/xmp"
)

// NewJPEGWriter returns a writer that passes an encoder's JPEG stream on to w
// with b's blocks inserted behind the start marker: JFIF (where b has a density or no EXIF),
// EXIF, XMP with its extension, Photoshop resources with IPTC, ICC, other
// segments, comments. A JFIF segment of the encoder is replaced; nothing
// is encoded again. What has no place in a JPEG file is told in a warning.
// Close reports a stream that was too short; it does not close w.
func NewJPEGWriter(w io.Writer, b *Blocks) (jw io.WriteCloser, warnings []string) {
	head, warnings := jpegSegments(b)
	return &jpegWriter{w: w, head: head}, warnings
}

type jpegWriter struct {
	w    io.Writer
	head []byte
	buf  []byte // the stream's beginning, until its own JFIF segment has been skipped
	done bool
}

func (j *jpegWriter) Write(p []byte) (int, error) {
	if j.done {
		return j.w.Write(p)
	}
	j.buf = append(j.buf, p...)
	at := 2
	for {
		if len(j.buf) < at+4 {
			return len(p), nil
		}
		if j.buf[0] != 0xff || j.buf[1] != mSOI {
			return 0, malformed("the encoder's stream does not start with SOI")
		}
		if j.buf[at] != 0xff || j.buf[at+1] != mAPP0 {
			break
		}
		at += 2 + int(binary.BigEndian.Uint16(j.buf[at+2:]))
	}
	for _, b := range [][]byte{j.buf[:2], j.head, j.buf[at:]} {
		if _, err := j.w.Write(b); err != nil {
			return 0, err
		}
	}
	j.done, j.buf, j.head = true, nil, nil
	return len(p), nil
}

func (j *jpegWriter) Close() error {
	if !j.done {
		return ErrTruncated
	}
	return nil
}

func segment(out []byte, marker byte, parts ...[]byte) []byte {
	n := 2
	for _, p := range parts {
		n += len(p)
	}
	out = append(out, 0xff, marker, byte(n>>8), byte(n))
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// split calls f for pieces of at most n bytes.
func split(b []byte, n int, f func(i int, piece []byte)) {
	for i := 0; len(b) > 0; i++ {
		k := min(n, len(b))
		f(i, b[:k])
		b = b[k:]
	}
}

func jpegSegments(b *Blocks) (out []byte, warnings []string) {
	warn := func(format string, a ...any) { warnings = append(warnings, fmt.Sprintf(format, a...)) }
	if b == nil {
		b = &Blocks{}
	}
	if b.Density != nil || b.EXIF == nil {
		d := Density{0, 1, 1}
		if b.Density != nil && b.Density.X > 0 && b.Density.Y > 0 {
			d = *b.Density
		}
		for max(d.X, d.Y) > 65535 { // an aspect ratio may have any scale
			d.X, d.Y = d.X/2, d.Y/2
		}
		p := []byte(idJFIF + "\x01\x02")
		p = append(p, d.Unit)
		p = binary.BigEndian.AppendUint16(p, uint16(max(1, math.Round(d.X))))
		p = binary.BigEndian.AppendUint16(p, uint16(max(1, math.Round(d.Y))))
		out = segment(out, mAPP0, append(p, 0, 0))
	}
	if n := len(b.EXIF); n > maxData-len(idExif) {
		warn("EXIF: %d bytes need several segments, which not every reader joins", n)
	}
	split(b.EXIF, maxData-len(idExif), func(_ int, p []byte) { out = segment(out, mAPP1, []byte(idExif), p) })

	main, ext, guid, err := xmpParts(b)
	if err != nil {
		warn("XMP: %v; dropped", err)
	}
	if len(main) > 0 {
		out = segment(out, mAPP1, []byte(idXMP), main)
	}
	split(ext, maxData-len(idXMPX)-40, func(i int, p []byte) {
		h := binary.BigEndian.AppendUint32([]byte(guid), uint32(len(ext)))
		h = binary.BigEndian.AppendUint32(h, uint32(i*(maxData-len(idXMPX)-40)))
		out = segment(out, mAPP1, []byte(idXMPX), h, p)
	})
	split(joinIRB(b), maxData-len(idIRB), func(_ int, p []byte) { out = segment(out, mAPP13, []byte(idIRB), p) })
	if size := maxData - len(idICC) - 2; len(b.ICC) > 255*size {
		warn("ICC: a profile of %d bytes does not fit a JPEG file; dropped", len(b.ICC))
	} else {
		n := (len(b.ICC) + size - 1) / size
		split(b.ICC, size, func(i int, p []byte) { out = segment(out, mAPP2, []byte(idICC), []byte{byte(i + 1), byte(n)}, p) })
	}
	for _, a := range b.App {
		if a.Marker >= 0xe0 && a.Marker <= 0xef && len(a.Payload) <= maxData {
			out = segment(out, a.Marker, a.Payload)
		}
	}
	for _, c := range b.Comments {
		split(c, maxData, func(_ int, p []byte) { out = segment(out, mCOM, p) })
	}
	for _, t := range b.Texts {
		c := t.Value
		if t.Keyword != "Comment" {
			c = t.Keyword + ": " + c
		}
		split([]byte(c), maxData, func(_ int, p []byte) { out = segment(out, mCOM, p) })
	}
	return out, warnings
}

// xmpParts fits the packet into one segment, the rest into an extension.
func xmpParts(b *Blocks) (main, ext []byte, guid string, err error) {
	limit := maxData - len(idXMP)
	if len(b.ExtendedXMP) > 0 && len(b.XMP) <= limit {
		guid = fmt.Sprintf("%X", md5.Sum(b.ExtendedXMP))
		if bytes.Contains(b.XMP, []byte(guid)) {
			return b.XMP, b.ExtendedXMP, guid, nil
		}
	}
	if len(b.ExtendedXMP) == 0 && len(b.XMP) <= limit {
		return b.XMP, nil, "", nil
	}
	whole, err := wholeXMP(b)
	if err != nil {
		return nil, nil, "", err
	}
	return xmp.Split(whole, limit)
}

// wholeXMP is the packet with its extension merged in, for files without such a limit.
func wholeXMP(b *Blocks) ([]byte, error) {
	if len(b.ExtendedXMP) == 0 {
		return b.XMP, nil
	}
	return xmp.Join(b.XMP, b.ExtendedXMP)
}
