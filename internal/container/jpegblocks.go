package container

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
)

// Identifiers of JPEG application segments.
const (
	idJFIF  = "JFIF\x00"
	idExif  = "Exif\x00\x00"
	idXMP   = "http://ns.adobe.com/xap/1.0/\x00"
	idXMPX  = "http://ns.adobe.com/xmp/extension/\x00"
	idICC   = "ICC_PROFILE\x00"
	idIRB   = "Photoshop 3.0\x00"
	maxData = 65533 // bytes of a segment's payload
)

// stale are application segments that describe the old coding, hold other pictures
// (previews, gain maps, stereo halves) or are bound to the old pixels by a
// hash. They are not kept.
var stale = []struct {
	marker     byte
	id, notice string
}{
	{mAPP0, "JFIF", ""}, {mAPP0, "JFXX\x00", ""}, {mAPP0, "AVI1", ""}, {mAPP0, "Ocad", ""},
	{mAPP2, "MPF\x00", ""},
	{mAPP2, "urn:iso:std:iso:ts:21496:-1\x00", "the gain map for HDR displays is dropped"},
	{0xe3, "Stim\x00", ""}, {0xe3, "_JPSJPS_", ""},
	{0xe4, "SCALADO\x00", ""},
	{0xe8, "SPIFF\x00", ""},
	{0xea, "AROT", "the gain map for HDR displays is dropped"},
	{0xeb, "HDR_RI", "the residual image for HDR displays is dropped"},
	{0xeb, "JP", "provenance (C2PA) bound to the old pixels is dropped"},
	{mAPP13, "Adobe_CM", ""},
	{mAPP14, "", ""},
}

// jpegBlocks reads the segments before the first scan.
func jpegBlocks(r io.ReaderAt, size int64, b *Blocks, w *warner) {
	s := newJPEGScanner(r, size)
	var icc iccParts
	ext := map[string]*extension{}
	var irb []byte
	exifOpen := false // the last segment was EXIF and full: the next may continue it
	for {
		m, p, err := s.next(maxData)
		if err != nil {
			w.addf("metadata: %v", err)
			break
		}
		if m == mSOS || m == mEOI {
			break
		}
		has := func(marker byte, id string) bool { return m == marker && bytes.HasPrefix(p, []byte(id)) }
		open := exifOpen
		exifOpen = false
		switch {
		case has(mAPP0, idJFIF):
			if len(p) >= 12 {
				b.Density = &Density{p[7], float64(binary.BigEndian.Uint16(p[8:])), float64(binary.BigEndian.Uint16(p[10:]))}
			}
		case has(mAPP1, idExif):
			body := p[len(idExif):]
			exifOpen = len(p) > maxData-64
			start := bytes.HasPrefix(body, []byte("II*\x00")) || bytes.HasPrefix(body, []byte("MM\x00*"))
			switch {
			case !w.room("EXIF", len(body)):
			case b.EXIF == nil && start:
				b.EXIF = slices.Clone(body)
			case b.EXIF == nil:
				w.addf("EXIF: no TIFF header; dropped")
			case !start && open:
				b.EXIF = append(b.EXIF, body...)
			default:
				w.addf("EXIF: a second block is dropped")
			}
		case has(mAPP1, idXMP):
			body := p[len(idXMP):]
			if b.XMP != nil {
				w.addf("XMP: a second packet is dropped")
			} else if w.room("XMP", len(body)) {
				b.XMP = slices.Clone(body)
			}
		case has(mAPP1, idXMPX):
			addExtension(ext, p[len(idXMPX):], w)
		case has(mAPP2, idICC):
			icc.add(p[len(idICC):], w)
		case has(mAPP13, idIRB):
			if body := p[len(idIRB):]; w.room("Photoshop resources", len(body)) {
				irb = append(irb, body...)
			}
		case m == mCOM:
			if len(b.Comments) < MaxTexts && w.room("comment", len(p)) {
				b.Comments = append(b.Comments, slices.Clone(p))
			}
		case m >= 0xe0 && m <= 0xef:
			keepSegment(m, p, b, w)
		}
	}
	b.ICC = icc.join(w)
	b.ExtendedXMP = joinExtension(ext, b.XMP, w)
	splitIRB(irb, b, w)
}

func keepSegment(m byte, p []byte, b *Blocks, w *warner) {
	for _, s := range stale {
		if m == s.marker && bytes.HasPrefix(p, []byte(s.id)) {
			if s.notice != "" && !slices.Contains(w.list, s.notice) {
				w.addf("%s", s.notice)
			}
			return
		}
	}
	if m == 0xec && bytes.HasPrefix(p, []byte("Ducky")) {
		if p = duckyTexts(p); p == nil {
			return
		}
	}
	if len(b.App) < MaxTexts && w.room("application segment", len(p)) {
		b.App = append(b.App, Segment{m, slices.Clone(p)})
	}
}

// duckyTexts returns Photoshop's "save for web" segment without its quality
// (tag 1), nil when it holds no comment (2) or copyright (3).
func duckyTexts(p []byte) []byte {
	out, rest := []byte("Ducky"), p[5:]
	for len(rest) >= 4 {
		id, n := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if id == 0 || 4+n > len(rest) {
			break
		}
		if id != 1 {
			out = append(out, rest[:4+n]...)
		}
		rest = rest[4+n:]
	}
	if len(out) == 5 {
		return nil
	}
	return append(out, 0, 0)
}

// iccParts reassembles a profile from its segments (ICC.1:2022, B.4).
type iccParts struct {
	parts [256][]byte
	count int
	seen  int
}

func (c *iccParts) add(p []byte, w *warner) {
	if len(p) < 2 || p[0] == 0 || p[1] == 0 {
		w.addf("ICC: segment without a number")
		return
	}
	if c.count == 0 {
		c.count = int(p[1])
	}
	if int(p[1]) != c.count || int(p[0]) > c.count || c.parts[p[0]] != nil {
		w.addf("ICC: segment %d of %d does not fit", p[0], p[1])
		return
	}
	if !w.room("ICC", len(p)-2) {
		return
	}
	c.parts[p[0]] = append([]byte{}, p[2:]...)
	c.seen++
}

func (c *iccParts) join(w *warner) []byte {
	if c.count == 0 {
		return nil
	}
	if c.seen < c.count {
		w.addf("ICC: %d of %d segments are missing; the profile is dropped", c.count-c.seen, c.count)
		return nil
	}
	var b []byte
	for _, p := range c.parts[1 : c.count+1] {
		b = append(b, p...)
	}
	return b
}

// extension collects the segments of one extended XMP.
type extension struct {
	total  int
	chunks map[int][]byte
}

func addExtension(ext map[string]*extension, p []byte, w *warner) {
	if len(p) < 40 {
		w.addf("XMP: short extension segment")
		return
	}
	guid, total, off := string(p[:32]), int64(binary.BigEndian.Uint32(p[32:])), int(binary.BigEndian.Uint32(p[36:]))
	e := ext[guid]
	if e == nil {
		if len(ext) >= 16 {
			return
		}
		e = &extension{int(total), map[int][]byte{}}
		ext[guid] = e
	}
	if !w.room("XMP extension", len(p)-40) || e.chunks[off] != nil {
		return
	}
	e.chunks[off] = slices.Clone(p[40:])
}

// joinExtension returns the extension whose identifier the main packet names.
func joinExtension(ext map[string]*extension, packet []byte, w *warner) []byte {
	for guid, e := range ext {
		if !bytes.Contains(packet, []byte(guid)) {
			w.addf("XMP: an extension that the packet does not name is dropped")
			continue
		}
		var b []byte
		for c := e.chunks[0]; len(c) > 0; c = e.chunks[len(b)] {
			b = append(b, c...)
		}
		if len(b) != e.total {
			w.addf("XMP: extension of %d bytes has %d; dropped", e.total, len(b))
			continue
		}
		return b
	}
	return nil
}
