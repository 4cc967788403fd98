package exif

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// note is what a maker note tells.
type note struct {
	seq    Sequence
	serial string
	iso    float64
}

// maxNote is the longest maker note looked into.
const maxNote = 4 << 20

// layout is where the directory of a maker note starts and from where its
// offsets count, both relative to the structure that holds the note.
type layout struct {
	brand string
	dir   int64
	base  int64
	order ByteOrder
}

// noteLayout tells how a maker note is laid out, after the names in ExifTool's
// documentation of maker notes (MakerNotes.pm): which brands count offsets from the
// TIFF header and which from the note itself.
func noteLayout(b []byte, pos int64, maker string, order ByteOrder) (layout, bool) {
	has := func(p string) bool { return bytes.HasPrefix(b, []byte(p)) }
	upper := strings.ToUpper(maker)
	mark := func(at int) ByteOrder {
		if len(b) >= at+2 && b[at] == 'M' && b[at+1] == 'M' {
			return binary.BigEndian
		}
		return binary.LittleEndian
	}
	switch {
	case has("Nikon\x00\x02") && len(b) >= 18:
		o := mark(10)
		return layout{"nikon", pos + 10 + int64(o.Uint32(b[14:])), pos + 10, o}, true
	case has("Nikon\x00\x01"):
		return layout{"nikon1", pos + 8, 0, order}, true
	case has("FUJIFILM") && len(b) >= 12:
		return layout{"fuji", pos + int64(binary.LittleEndian.Uint32(b[8:])), pos, binary.LittleEndian}, true
	case has("OLYMPUS\x00"):
		return layout{"olympus", pos + 12, pos, mark(8)}, true
	case has("OM SYSTEM\x00"):
		return layout{"olympus", pos + 16, pos, mark(12)}, true
	case has("OLYMP\x00"):
		return layout{"olympus", pos + 8, 0, order}, true
	case has("Panasonic"):
		return layout{"panasonic", pos + 12, 0, order}, true
	case has("SONY DSC") || has("SONY CAM") || has("SONY MOBILE"):
		return layout{"sony", pos + 12, 0, order}, true
	case strings.HasPrefix(upper, "CANON"):
		return layout{"canon", pos, 0, order}, true
	case strings.HasPrefix(upper, "SONY") && !has("\x01\x00"):
		return layout{"sony", pos, 0, order}, true
	case strings.HasPrefix(upper, "NIKON"):
		return layout{"nikon", pos, 0, order}, true
	case strings.HasPrefix(upper, "CASIO") && !has("QVC") && !has("DCI"),
		strings.HasPrefix(upper, "MINOLTA") || strings.HasPrefix(upper, "KONICA MINOLTA"):
		return layout{"plain", pos, 0, order}, true
	}
	return layout{}, false
}

// readNote reads the sequence tags and the serial number of a maker note; one
// that is unknown, encrypted or broken tells nothing.
func readNote(r *Reader, e Entry, maker string) (n note) {
	b, err := r.Bytes(e, maxNote)
	if err != nil || len(b) < 16 {
		return n
	}
	l, ok := noteLayout(b, r.ValuePos(e), maker, r.Order)
	if !ok || l.dir >= r.size || l.base >= r.size {
		return n
	}
	m := r.sub(l.base, l.order)
	d, err := m.dirAt(l.dir - l.base)
	if err != nil && len(d.Entries) == 0 {
		return n
	}
	p := parser{m, d}
	switch l.brand {
	case "canon":
		p.canon(&n)
	case "nikon":
		p.nikon(&n)
	case "sony":
		if v := p.uint(0xb04a); v > 0 && v < 65535 { // 0 single, 65535 not applicable
			n.seq.Number = int(v)
		}
		n.seq.Bracket = p.uint(0xb049) == 5
	case "fuji":
		n.seq.Bracket = p.uint(0x1100) == 1
		n.seq.Number = small(p.uint(0x1101))
		n.serial = p.text(0x0010)
	case "panasonic":
		p.panasonic(&n)
	case "olympus":
		p.olympus(&n)
	}
	return n
}

// small is v as a sequence number: 0 above 9999, which no sequence reaches.
func small(v uint32) int {
	if v > 9999 {
		return 0
	}
	return int(v)
}

// canon: CameraSettings, ShotInfo and FileInfo are arrays of 16-bit words. ShotInfo[16] is
// AutoExposureBracketing (−1 on, 0 off, n on and shot n), [17] its value in steps of
// 1/32 EV; FileInfo[3] is the bracket mode (1 exposure), [4] its value, [5] the shot number.
// CameraSettings[16] is the ISO speed (bit 14 set: in numbers, else a code); where it was
// automatic it is 2^(a/32) · 2^(b/32) · 100/32 of ShotInfo's AutoISO [1] and BaseISO [2].
func (p parser) canon(n *note) {
	words := func(tag uint16) []int16 {
		e, ok := p.d.Find(tag)
		if !ok || e.Type != TypeShort && e.Type != TypeSShort {
			return nil
		}
		u, _ := p.r.Uints(e)
		w := make([]int16, len(u))
		for i, v := range u {
			w[i] = int16(uint16(v))
		}
		return w
	}
	if w := words(0x0004); len(w) > 17 {
		if s := w[16]; s != 0 {
			n.seq.Bracket = true
			if s > 0 && s < 32 {
				n.seq.Number = int(s)
			}
			n.seq.EV, n.seq.HasEV = canonEV(w[17]), true
		}
	}
	if w := words(0x0093); len(w) > 5 && w[3] == 1 {
		n.seq.Bracket = true
		n.seq.EV, n.seq.HasEV = canonEV(w[4]), true
		if s := w[5]; s > 0 && s < 32 {
			n.seq.Number = int(s)
		}
	}
	if w := words(0x0001); len(w) > 16 {
		switch v := w[16]; {
		case v&0x4000 != 0 && v != 0x7fff:
			n.iso = float64(v & 0x3fff)
		case v >= 16 && v <= 20:
			n.iso = 50 * math.Exp2(float64(v-16))
		}
	}
	if w := words(0x0004); n.iso == 0 && len(w) > 2 && w[1] >= 0 && w[1] < 500 && w[2] > 0 && w[2] < 500 {
		n.iso = math.Round(math.Exp2(float64(w[1]+w[2])/32) * 100 / 32)
	}
	n.seq.Counter = p.uint(0x0008) // FileNumber
	if v := p.uint(0x000c); v > 0 {
		n.serial = strconv.FormatUint(uint64(v), 10)
	}
}

// canonEV decodes 1/32 steps in which 12 and 20 stand for one and two thirds.
func canonEV(v int16) float64 {
	s, a := 1.0, int(v)
	if a < 0 {
		s, a = -1, -a
	}
	frac := float64(a & 31)
	switch a & 31 {
	case 12:
		frac = 32.0 / 3
	case 20:
		frac = 64.0 / 3
	}
	return s * (float64(a&^31) + frac) / 32
}

// nikon: 0x0089 ShootingMode, bit 4 bracketing with bits 6 and 8 (white balance,
// active D-lighting) off; 0x0019 the offset in EV; 0x00a7 the shutter count.
func (p parser) nikon(n *note) {
	mode := p.uint(0x0089)
	n.seq.Bracket = mode&0x10 != 0 && mode&0x140 == 0
	if ev, ok := p.float(0x0019); ok && math.Abs(ev) < 16 && n.seq.Bracket {
		n.seq.EV, n.seq.HasEV = ev, true
	}
	if c := p.uint(0x00a7); c != 4294965247 {
		n.seq.Counter = c
	}
	n.serial = p.text(0x001d)
	if e, ok := p.d.Find(0x0002); ok { // ISO: two words, the second counts
		if v, ok := p.r.Uints(e); ok && len(v) == 2 && v[1] > 0 && v[1] < 65535 {
			n.iso = float64(v[1])
		}
	}
}

// panasonic: 0x2a BurstMode (2 exposure bracketing), 0x2b SequenceNumber, 0x45
// BracketSettings (1, 2: three photographs; 3, 4: five; 5, 6: seven).
func (p parser) panasonic(n *note) {
	settings := p.uint(0x45)
	if settings >= 1 && settings <= 6 {
		n.seq.Count = 3 + 2*int((settings-1)/2)
	}
	n.seq.Bracket = p.uint(0x2a) == 2 || n.seq.Count > 0
	n.seq.Number = small(p.uint(0x2b))
	n.serial = p.text(0x25)
}

// olympus: CameraSettings (0x2020) holds DriveMode (0x0600): mode, shot number,
// mode bits (bits 0 and 5: exposure); Equipment (0x2010) the serial number (0x0101).
func (p parser) olympus(n *note) {
	sub := func(tag uint16) (parser, bool) {
		e, ok := p.d.Find(tag)
		if !ok {
			return parser{}, false
		}
		at := int64(p.r.Order.Uint32(e.Raw[:]))
		d, err := p.r.dirAt(at)
		return parser{p.r, d}, err == nil
	}
	if s, ok := sub(0x2020); ok {
		if e, ok := s.d.Find(0x0600); ok {
			if v, ok := s.r.Uints(e); ok && len(v) >= 2 {
				n.seq.Number = small(v[1])
				n.seq.Bracket = v[0] == 5 && len(v) > 2 && v[2]&0x21 != 0
			}
		}
	}
	if s, ok := sub(0x2010); ok {
		n.serial = s.text(0x0101)
	}
}
