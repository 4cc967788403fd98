package exif

import (
	"encoding/binary"
	"sort"
)

// Tag is an entry to be written: Value holds Count values in the block's byte order.
// Where At is not 0 the values lie there already, and Value is empty.
type Tag struct {
	ID, Type uint16
	Count    uint32
	Value    []byte
	At       uint32
}

// Number returns a tag of one BYTE, SHORT or LONG.
func Number(order ByteOrder, id, typ uint16, v uint32) Tag {
	b := make([]byte, TypeSize(typ))
	switch len(b) {
	case 1:
		b[0] = byte(v)
	case 2:
		order.PutUint16(b, uint16(v))
	case 4:
		order.PutUint32(b, v)
	}
	return Tag{ID: id, Type: typ, Count: 1, Value: b}
}

// Text returns an ASCII tag, closed by NUL.
func Text(id uint16, s string) Tag {
	return Tag{ID: id, Type: TypeASCII, Count: uint32(len(s) + 1), Value: append([]byte(s), 0)}
}

// Data returns a tag of bytes: BYTE or UNDEFINED.
func Data(id, typ uint16, b []byte) Tag {
	return Tag{ID: id, Type: typ, Count: uint32(len(b)), Value: b}
}

// Rational returns a tag of one unsigned fraction.
func Rational(order ByteOrder, id uint16, num, den uint32) Tag {
	return Tag{ID: id, Type: TypeRational, Count: 1, Value: order.AppendUint32(order.AppendUint32(nil, num), den)}
}

// DirSize returns the bytes of a directory with its values, always even.
func DirSize(tags []Tag) int {
	n := 6 + 12*len(tags)
	for _, t := range tags {
		if len(t.Value) > 4 {
			n += (len(t.Value) + 1) &^ 1
		}
	}
	return n
}

// EncodeDir encodes a directory that will lie at offset at, its values behind it
// on even offsets, its entries sorted by tag.
func EncodeDir(order ByteOrder, tags []Tag, at, next uint32) []byte {
	tags = append([]Tag(nil), tags...)
	sort.SliceStable(tags, func(i, j int) bool { return tags[i].ID < tags[j].ID })
	b := make([]byte, 6+12*len(tags), DirSize(tags))
	order.PutUint16(b, uint16(len(tags)))
	for i, t := range tags {
		e := b[2+12*i:]
		order.PutUint16(e, t.ID)
		order.PutUint16(e[2:], t.Type)
		order.PutUint32(e[4:], t.Count)
		if t.At != 0 {
			order.PutUint32(e[8:], t.At)
			continue
		}
		if len(t.Value) <= 4 {
			copy(e[8:12], t.Value)
			continue
		}
		order.PutUint32(e[8:], at+uint32(len(b)))
		b = append(b, t.Value...)
		if len(b)%2 == 1 {
			b = append(b, 0)
		}
	}
	order.PutUint32(b[2+12*len(tags):], next)
	return b
}

// mandatoryExif are the tags that Exif 3.0 (table 4.6.5) asks of every
// compressed picture, but for those that Update adds itself.
func mandatoryExif() []Tag {
	return []Tag{
		Data(tagExifVersion, TypeUndefined, []byte("0232")),
		Data(0x9101, TypeUndefined, []byte{1, 2, 3, 0}), // ComponentsConfiguration: YCbCr
		Data(0xa000, TypeUndefined, []byte("0100")),     // FlashpixVersion
	}
}

// minimal returns a little-endian block with the mandatory tags.
func minimal() []byte {
	o := binary.LittleEndian
	b := o.AppendUint32([]byte("II*\x00"), 8)
	ifd0 := []Tag{
		Rational(o, tagXResolution, 72, 1),
		Rational(o, tagYResolution, 72, 1),
		Number(o, tagResolutionUnit, TypeShort, 2),
		Number(o, 0x0213, TypeShort, 1), // YCbCrPositioning: centred
		Number(o, tagExifIFD, TypeLong, 0),
	}
	exif := uint32(8 + DirSize(ifd0))
	ifd0[4] = Number(o, tagExifIFD, TypeLong, exif)
	b = append(b, EncodeDir(o, ifd0, 8, 0)...)
	return append(b, EncodeDir(o, mandatoryExif(), exif, 0)...)
}

// structural tells the tags of IFD0 that describe how pixels are stored, hold
// other blocks, or describe colours that the finished picture no longer has.
func structural(tag uint16) bool {
	switch {
	case tag >= 254 && tag <= 266 || tag >= 277 && tag <= 281 || tag >= 288 && tag <= 293,
		tag == 273, tag == 284, tag == 301, tag >= 317 && tag <= 347 && tag != 337,
		tag >= 512 && tag <= 532, tag == 559, tag == 700,
		tag == 33421 || tag == 33422, tag == 33723, tag == 34377, tag == 34675, tag == 37724,
		tag >= 0xc612 && tag <= 0xcfff && tag != tagCameraSerial:
		return true
	}
	return false
}

// Structural reports whether a tag of a TIFF file's first directory describes
// the storage of pixels or holds another block (XMP, IPTC, Photoshop, ICC), and
// so has no place in an EXIF block.
func Structural(tag uint16) bool { return structural(tag) }

// maxExtract bounds one value and all values that Extract copies.
const (
	maxExtractValue = 4 << 20
	maxExtract      = 8 << 20
)

// Extract gathers the EXIF facts of a TIFF file (IFD0's descriptive tags, the Exif,
// interoperability and GPS directories) into a block of its own. In a file that
// starts with these facts (as container.WriteTIFF writes them) they keep their
// bytes and offsets. Otherwise they are laid out anew: the maker note keeps its offset
// where that is small, else it moves, and offsets inside that count from the file's
// start are moved with it where its layout is known. A file without such facts gives nil.
func Extract(r *Reader) (block []byte, warnings []string, err error) {
	ifd0, err := r.Dir(r.First)
	if err != nil && len(ifd0.Entries) == 0 {
		return nil, nil, err
	}
	if block := r.prefix(ifd0); block != nil {
		return block, nil, nil
	}
	total := int64(0)
	var notePos int64
	copyTags := func(d Dir, skip func(uint16) bool) (tags []Tag) {
		seen := map[uint16]bool{}
		for _, e := range d.Entries {
			if skip(e.Tag) || seen[e.Tag] {
				continue
			}
			seen[e.Tag] = true
			v, err := r.Bytes(e, min(maxExtractValue, maxExtract-total))
			if err != nil {
				warnings = append(warnings, "EXIF: "+err.Error())
				continue
			}
			total += int64(len(v))
			if e.Tag == tagMakerNote {
				notePos = r.ValuePos(e)
			}
			tags = append(tags, Tag{ID: e.Tag, Type: e.Type, Count: e.Count, Value: v})
		}
		return tags
	}
	pointer := func(t uint16) bool { return t == tagExifIFD || t == tagGPSIFD || t == tagInteropIFD }
	top := copyTags(ifd0, func(t uint16) bool { return structural(t) || pointer(t) })
	var sub, gps, interop []Tag
	if d, ok := child(r, ifd0, tagExifIFD); ok {
		sub = copyTags(d, pointer)
		if c, ok := child(r, d, tagInteropIFD); ok {
			interop = copyTags(c, pointer)
		}
	}
	if d, ok := child(r, ifd0, tagGPSIFD); ok {
		gps = copyTags(d, pointer)
	}
	if len(top)+len(sub)+len(gps) == 0 {
		return nil, warnings, nil
	}
	maker := ""
	if e, ok := ifd0.Find(tagMake); ok {
		maker, _ = r.Text(e)
	}
	return r.assemble(top, sub, interop, gps, notePos, maker), warnings, nil
}

// prefix returns the file's first bytes as a block, with a first directory of its
// own behind them, when all facts lie there in front of everything else, within a JPEG
// segment's reach. Maker notes that point outside themselves survive only so.
func (r *Reader) prefix(ifd0 Dir) []byte {
	end := min(ifd0.Pos, r.size)
	for _, e := range ifd0.Entries {
		switch e.Tag {
		case 273, 324: // offsets of strips and tiles
			b, err := r.Bytes(e, maxExtractValue)
			if err != nil {
				return nil
			}
			for ; len(b) >= 4 && e.Type == TypeLong; b = b[4:] {
				end = min(end, int64(r.Order.Uint32(b)))
			}
		}
		if structural(e.Tag) && e.Size() > 4 {
			end = min(end, r.ValuePos(e))
		}
	}
	x, ok := child(r, ifd0, tagExifIFD)
	if !ok || end > MaxJPEG || end <= 8 {
		return nil
	}
	dirs := []Dir{x}
	for _, c := range []struct {
		d   Dir
		tag uint16
	}{{ifd0, tagGPSIFD}, {x, tagInteropIFD}} {
		if d, ok := child(r, c.d, c.tag); ok {
			dirs = append(dirs, d)
		}
	}
	for _, d := range dirs {
		if d.Pos+6+12*int64(len(d.Entries)) > end {
			return nil
		}
		for _, e := range d.Entries {
			if e.Size() > 4 && r.ValuePos(e)+e.Size() > end {
				return nil
			}
		}
	}
	b := make([]byte, end, end+end&1)
	if r.read(b, 0) != nil {
		return nil
	}
	b = b[:end+end&1]
	var tags []Tag
	for _, e := range ifd0.Entries {
		if structural(e.Tag) {
			continue
		}
		t := Tag{ID: e.Tag, Type: e.Type, Count: e.Count}
		if at := r.ValuePos(e); e.Size() > 4 && at+e.Size() <= end {
			t.At = uint32(at)
		} else {
			v, err := r.Bytes(e, maxExtractValue)
			if err != nil {
				return nil
			}
			t.Value = v
		}
		tags = append(tags, t)
	}
	r.Order.PutUint32(b[4:], uint32(len(b)))
	return append(b, EncodeDir(r.Order, tags, uint32(len(b)), 0)...)
}

// assemble lays the directories out. The maker note's bytes go first: at their old
// offset when that is within a JPEG segment's reach, with the directories behind them.
func (r *Reader) assemble(top, sub, interop, gps []Tag, notePos int64, maker string) []byte {
	o := r.Order
	b := make([]byte, 8)
	if o == binary.BigEndian {
		copy(b, "MM\x00*")
	} else {
		copy(b, "II*\x00")
	}
	for i, t := range sub {
		if t.ID != tagMakerNote || len(t.Value) <= 4 {
			continue
		}
		at, v := notePos, t.Value
		if at < 8 || at+int64(len(v)) > MaxJPEG/2 {
			at = 8
			v = shiftNote(v, notePos, at, maker, o)
		}
		b = append(append(b, make([]byte, at-8)...), v...)
		sub[i].At, sub[i].Value = uint32(at), nil
	}
	place := func(tags []Tag) uint32 {
		if len(tags) == 0 {
			return 0
		}
		if len(b)%2 == 1 {
			b = append(b, 0)
		}
		at := uint32(len(b))
		d := EncodeDir(o, tags, at, 0)
		b = append(b, d...)
		return at
	}
	if at := place(interop); at > 0 {
		sub = append(sub, Number(o, tagInteropIFD, TypeLong, at))
	}
	if at := place(gps); at > 0 {
		top = append(top, Number(o, tagGPSIFD, TypeLong, at))
	}
	if at := place(sub); at > 0 {
		top = append(top, Number(o, tagExifIFD, TypeLong, at))
	}
	at := place(top)
	o.PutUint32(b[4:], at)
	return b
}

// shiftNote returns the note's bytes with offsets moved from a note at from to one at
// to, for layouts that count offsets from the header and whose longer values all
// lie inside the note; others come back unchanged.
func shiftNote(v []byte, from, to int64, maker string, order ByteOrder) []byte {
	l, ok := noteLayout(v, from, maker, order)
	if !ok || l.base != 0 {
		return v
	}
	at := l.dir - from
	if at < 0 || at+2 > int64(len(v)) {
		return v
	}
	out := append([]byte(nil), v...)
	n := int64(l.order.Uint16(v[at:]))
	for i := range n {
		p := at + 2 + 12*i
		if p+12 > int64(len(v)) {
			return v
		}
		e := Entry{Type: l.order.Uint16(v[p+2:]), Count: l.order.Uint32(v[p+4:])}
		if e.Size() <= 4 {
			continue
		}
		off := int64(l.order.Uint32(v[p+8:]))
		if off < from || off+e.Size() > from+int64(len(v)) {
			return v
		}
		l.order.PutUint32(out[p+8:], uint32(off-from+to))
	}
	return out
}
