package container

import (
	"bytes"
	"encoding/binary"
)

// Photoshop image resources (Adobe Photoshop File Formats, "Image Resource Blocks").
const (
	resIPTC       = 0x0404
	resThumbnail4 = 0x0409
	resThumbnail  = 0x040c
	resICC        = 0x040f
	resEXIF1      = 0x0422
	resEXIF3      = 0x0423
	resXMP        = 0x0424
)

// splitIRB takes the IPTC records out of image resources, drops thumbnails and
// copies of other blocks, and keeps the rest byte for byte.
func splitIRB(irb []byte, b *Blocks, w *warner) {
	rest := irb
	for len(rest) >= 12 {
		if !resourceSignature(rest[:4]) {
			break
		}
		name := int(rest[6]) + 1
		name += name & 1
		if len(rest) < 6+name+4 {
			break
		}
		n := int64(binary.BigEndian.Uint32(rest[6+name:]))
		start := int64(6 + name + 4)
		if start+n > int64(len(rest)) {
			break
		}
		end := min(start+n+n&1, int64(len(rest)))
		data := rest[start : start+n]
		switch id := binary.BigEndian.Uint16(rest[4:]); id {
		case resIPTC:
			if b.IPTC == nil {
				b.IPTC = bytes.Clone(data)
			}
		case resICC:
			if b.ICC == nil {
				b.ICC = bytes.Clone(data)
			}
		case resThumbnail4, resThumbnail, resEXIF1, resEXIF3, resXMP:
		default:
			b.Photoshop = append(b.Photoshop, rest[:start+n]...)
			if n&1 == 1 {
				b.Photoshop = append(b.Photoshop, 0)
			}
		}
		rest = rest[end:]
	}
	if len(bytes.Trim(rest, "\x00")) > 0 {
		w.addf("Photoshop resources: %d broken bytes are dropped", len(rest))
	}
}

func resourceSignature(s []byte) bool {
	switch string(s) {
	case "8BIM", "MeSa", "PHUT", "AgHg", "DCSR":
		return true
	}
	return false
}

// joinIRB puts the IPTC records in front of the other resources; nil when there are neither.
func joinIRB(b *Blocks) []byte {
	var out []byte
	if len(b.IPTC) > 0 {
		out = append(out, "8BIM\x04\x04\x00\x00"...)
		out = binary.BigEndian.AppendUint32(out, uint32(len(b.IPTC)))
		out = append(out, b.IPTC...)
		if len(b.IPTC)%2 == 1 {
			out = append(out, 0)
		}
	}
	return append(out, b.Photoshop...)
}
