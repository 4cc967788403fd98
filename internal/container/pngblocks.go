package container

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strconv"
	"strings"
)

// pngBlocks reads the chunks of metadata, before and behind the pixels.
func pngBlocks(r io.ReaderAt, size int64, b *Blocks, w *warner) {
	err := pngChunks(r, size, func(c pngChunk) bool {
		switch c.kind {
		case "eXIf", "iCCP", "iTXt", "tEXt", "zTXt", "pHYs", "sRGB", "gAMA", "cHRM":
			d, err := c.data(MaxBlock)
			if err != nil {
				w.addf("%v", err)
				return true
			}
			pngBlock(c.kind, d, b, w)
		case "caBX":
			w.addf("provenance (C2PA) bound to the old pixels is dropped")
		}
		return true
	})
	if err != nil {
		w.addf("metadata: %v", err)
	}
}

func pngBlock(kind string, d []byte, b *Blocks, w *warner) {
	switch kind {
	case "eXIf":
		d = bytes.TrimPrefix(d, []byte(idExif)) // written by some tools against the standard
		if w.room("EXIF", len(d)) {
			b.EXIF = d
		}
	case "iCCP":
		_, z, ok := bytes.Cut(d, []byte{0})
		if !ok || len(z) < 1 || z[0] != 0 {
			w.addf("ICC: broken iCCP chunk")
			return
		}
		if p, ok := inflate("ICC", z[1:], w); ok {
			b.ICC = p
		}
	case "pHYs":
		if len(d) == 9 {
			x, y := float64(binary.BigEndian.Uint32(d)), float64(binary.BigEndian.Uint32(d[4:]))
			if d[8] == 1 { // per metre
				b.Density = &Density{2, x / 100, y / 100}
			} else {
				b.Density = &Density{0, x, y}
			}
		}
	case "sRGB":
		b.SRGB = true
	case "gAMA":
		if len(d) == 4 {
			b.Gamma = float64(binary.BigEndian.Uint32(d)) / 100000
		}
	case "cHRM":
		if len(d) == 32 {
			b.Chromaticities = make([]float64, 8)
			for i := range b.Chromaticities {
				b.Chromaticities[i] = float64(binary.BigEndian.Uint32(d[4*i:])) / 100000
			}
		}
	default:
		key, value, ok := pngText(kind, d, w)
		if ok {
			keepText(key, value, b, w)
		}
	}
}

// pngText decodes tEXt (Latin-1), zTXt and iTXt (UTF-8) chunks.
func pngText(kind string, d []byte, w *warner) (key string, value []byte, ok bool) {
	k, v, ok := bytes.Cut(d, []byte{0})
	if !ok || len(k) == 0 || len(k) > 79 {
		w.addf("PNG: broken %s chunk", kind)
		return "", nil, false
	}
	key = string(k)
	switch kind {
	case "zTXt":
		if len(v) < 1 || v[0] != 0 {
			w.addf("PNG: text %q has an unknown compression", key)
			return "", nil, false
		}
		if v, ok = inflate("PNG text", v[1:], w); !ok {
			return "", nil, false
		}
	case "iTXt":
		if len(v) < 2 {
			return "", nil, false
		}
		packed := v[0] == 1
		_, v, ok = bytes.Cut(v[2:], []byte{0}) // language
		if ok {
			_, v, ok = bytes.Cut(v, []byte{0}) // translated keyword
		}
		if ok && packed {
			v, ok = inflate("PNG text", v, w)
		}
		return key, v, ok
	}
	if strings.HasPrefix(key, "Raw profile type ") {
		return key, v, true
	}
	return key, latin1(v), true
}

// latin1 is b as UTF-8.
func latin1(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		out = append(out, string(rune(c))...)
	}
	return out
}

// inflate decompresses at most MaxBlock bytes.
func inflate(what string, z []byte, w *warner) ([]byte, bool) {
	zr, err := zlib.NewReader(bytes.NewReader(z))
	if err != nil {
		w.addf("%s: %v", what, err)
		return nil, false
	}
	d, err := io.ReadAll(io.LimitReader(zr, MaxBlock+1))
	if err != nil || !w.room(what, len(d)) {
		if err != nil {
			w.addf("%s: %v", what, err)
		}
		return nil, false
	}
	return d, true
}

// keepText sorts texts that are other blocks in disguise from real texts.
func keepText(key string, v []byte, b *Blocks, w *warner) {
	if key == "XML:com.adobe.xmp" {
		if b.XMP == nil && w.room("XMP", len(v)) {
			b.XMP = bytes.Clone(v)
		}
		return
	}
	name, raw := strings.CutPrefix(key, "Raw profile type ")
	if !raw {
		if strings.HasPrefix(key, "Thumb::") || len(b.Texts) >= MaxTexts || !w.room("PNG text", len(v)) {
			return
		}
		b.Texts = append(b.Texts, Text{key, strings.ToValidUTF8(string(v), "\uFFFD")})
		return
	}
	p, ok := rawProfile(v)
	if !ok || !w.room(key, len(p)) {
		w.addf("PNG: broken %q", key)
		return
	}
	switch name = strings.ToLower(name); {
	case (name == "exif" || name == "app1") && bytes.HasPrefix(p, []byte(idExif)):
		if b.EXIF == nil {
			b.EXIF = p[len(idExif):]
		}
	case (name == "xmp" || name == "app1") && bytes.HasPrefix(p, []byte(idXMP)):
		p = p[len(idXMP):]
		fallthrough
	case name == "xmp":
		if b.XMP == nil {
			b.XMP = p
		}
	case name == "iptc" || name == "8bim":
		p = bytes.TrimPrefix(p, []byte(idIRB))
		if bytes.HasPrefix(p, []byte("8BIM")) {
			splitIRB(p, b, w)
		} else if b.IPTC == nil {
			b.IPTC = p
		}
	case name == "icc" || name == "icm":
		if b.ICC == nil {
			b.ICC = p
		}
	default:
		w.addf("PNG: unknown %q is dropped", key)
	}
}

// rawProfile decodes ImageMagick's form: newline, name, newline, decimal
// length, newline, hexadecimal digits broken into lines.
func rawProfile(v []byte) ([]byte, bool) {
	f := bytes.Fields(v)
	if len(f) < 3 {
		return nil, false
	}
	n, err := strconv.Atoi(string(f[1]))
	if err != nil || n < 0 || n > MaxBlock {
		return nil, false
	}
	p, err := hex.DecodeString(string(bytes.Join(f[2:], nil)))
	if err != nil || len(p) < n {
		return nil, false
	}
	return p[:n], true
}
