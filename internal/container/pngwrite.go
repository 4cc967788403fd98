package container

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// NewPNGWriter returns a writer that passes an encoder's PNG stream on to w with
// b's blocks inserted behind the header chunk: iCCP (or sRGB, or gAMA and cHRM),
// pHYs, eXIf, XMP, IPTC and Photoshop resources as a raw profile, texts and
// comments. What has no place in a PNG file is told in a warning. Close reports a
// stream that was too short; it does not close w.
func NewPNGWriter(w io.Writer, b *Blocks) (pw io.WriteCloser, warnings []string) {
	head, warnings := pngHead(b)
	return &pngWriter{w: w, head: head}, warnings
}

type pngWriter struct {
	w    io.Writer
	head []byte
	buf  []byte
	done bool
}

func (j *pngWriter) Write(p []byte) (int, error) {
	if j.done {
		return j.w.Write(p)
	}
	j.buf = append(j.buf, p...)
	if len(j.buf) < 33 {
		return len(p), nil
	}
	if !bytes.HasPrefix(j.buf, pngSignature) || string(j.buf[12:16]) != "IHDR" {
		return 0, malformed("the encoder's stream does not start with IHDR")
	}
	for _, b := range [][]byte{j.buf[:33], j.head, j.buf[33:]} {
		if _, err := j.w.Write(b); err != nil {
			return 0, err
		}
	}
	j.done, j.buf, j.head = true, nil, nil
	return len(p), nil
}

func (j *pngWriter) Close() error {
	if !j.done {
		return ErrTruncated
	}
	return nil
}

func chunk(out []byte, kind string, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out = binary.BigEndian.AppendUint32(out, uint32(n))
	at := len(out)
	out = append(out, kind...)
	for _, p := range parts {
		out = append(out, p...)
	}
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[at:]))
}

func deflate(b []byte) []byte {
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	zw.Write(b) // a bytes.Buffer does not fail
	zw.Close()
	return z.Bytes()
}

func pngHead(b *Blocks) (out []byte, warnings []string) {
	if b == nil {
		return nil, nil
	}
	warn := func(format string, a ...any) { warnings = append(warnings, fmt.Sprintf(format, a...)) }
	be := binary.BigEndian
	fixed := func(v float64) []byte { return be.AppendUint32(nil, uint32(math.Round(v*100000))) }
	switch {
	case len(b.ICC) > 0:
		out = chunk(out, "iCCP", []byte("ICC profile\x00\x00"), deflate(b.ICC))
	case b.SRGB:
		out = chunk(out, "sRGB", []byte{0})
	default:
		if b.Gamma > 0 {
			out = chunk(out, "gAMA", fixed(b.Gamma))
		}
		if len(b.Chromaticities) == 8 {
			var d []byte
			for _, c := range b.Chromaticities {
				d = append(d, fixed(c)...)
			}
			out = chunk(out, "cHRM", d)
		}
	}
	if d := b.Density; d != nil {
		scale, unit := 1.0, byte(1)
		switch d.Unit {
		case 0:
			unit = 0
		case 1:
			scale = 100 / 2.54
		case 2:
			scale = 100
		}
		x, y := math.Round(d.X*scale), math.Round(d.Y*scale)
		if x >= 1 && y >= 1 && max(x, y) < 1<<31 {
			out = chunk(out, "pHYs", be.AppendUint32(be.AppendUint32(nil, uint32(x)), uint32(y)), []byte{unit})
		}
	}
	if len(b.EXIF) > 0 {
		out = chunk(out, "eXIf", b.EXIF)
	}
	packet, err := wholeXMP(b)
	if err != nil {
		warn("XMP: extension: %v; dropped", err)
		packet = b.XMP
	}
	if len(packet) > 0 {
		out = chunk(out, "iTXt", []byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00"), packet)
	}
	if irb := joinIRB(b); len(irb) > 0 {
		p := fmt.Appendf(nil, "\niptc\n%8d\n", len(irb))
		split(irb, 36, func(_ int, line []byte) { p = append(hex.AppendEncode(p, line), '\n') })
		out = chunk(out, "zTXt", []byte("Raw profile type iptc\x00\x00"), deflate(p))
	}
	for _, t := range b.Texts {
		out = textChunk(out, t.Keyword, t.Value)
	}
	for _, c := range b.Comments {
		out = textChunk(out, "Comment", string(bytes.ToValidUTF8(bytes.TrimRight(c, "\x00"), []byte("\uFFFD"))))
	}
	if n := len(b.App); n > 0 {
		warn("%d JPEG application segments have no place in a PNG file", n)
	}
	return out, warnings
}

// textChunk writes tEXt where Latin-1 holds the text, else iTXt.
func textChunk(out []byte, key, value string) []byte {
	if len(key) == 0 || len(key) > 79 {
		return out
	}
	var l []byte
	for _, r := range value {
		if r == 0 || r > 255 {
			return chunk(out, "iTXt", []byte(key), []byte{0, 0, 0, 0, 0}, []byte(value))
		}
		l = append(l, byte(r))
	}
	return chunk(out, "tEXt", []byte(key), []byte{0}, l)
}
