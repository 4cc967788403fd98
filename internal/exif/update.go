package exif

import (
	"bytes"
	"fmt"
)

// Edit is what becomes true about the finished picture.
type Edit struct {
	// Width and Height are the finished picture's, in pixels; both must be ≥ 1.
	Width, Height int
	// Thumbnail is a baseline JPEG of the finished picture, at most 160×120 or
	// 120×160 by convention. Empty drops the old thumbnail without replacement.
	Thumbnail []byte
	// StripGPS removes the GPS directory and overwrites its values with zeros.
	StripGPS bool
	// MaxSize bounds the new block, in bytes; 0 means no bound. Where the thumbnail
	// does not fit it is left out. A JPEG segment holds MaxJPEG.
	MaxSize int
}

// MaxJPEG is the largest EXIF block that one JPEG segment holds: 65535 − 2 bytes
// of length − 6 bytes of "Exif\0\0".
const MaxJPEG = 65535 - 2 - 6

// Update returns a copy of an EXIF block in which
//
//   - Orientation (where present) is 1, in the thumbnail too
//   - PixelXDimension, PixelYDimension (added when absent) and ImageWidth,
//     ImageLength (where present) are the finished picture's
//   - ColorSpace is 1 (sRGB), and an interoperability index R03 is R98
//   - the thumbnail is the given one, or none
//   - GPS is gone, if asked
//
// and everything else has its old bytes at its old offset, so that maker notes,
// whose offsets count from the block's start, stay whole: entries are patched where they
// lie, and what does not fit there is appended. An empty or unreadable block gives
// a minimal new one (with a warning when it was not empty).
func Update(block []byte, e Edit) (out []byte, warnings []string, err error) {
	if e.Width < 1 || e.Height < 1 {
		return nil, nil, fmt.Errorf("exif: picture of %d×%d pixels", e.Width, e.Height)
	}
	p, err := newPatcher(block)
	if err != nil {
		if len(block) > 0 {
			warnings = append(warnings, fmt.Sprintf("EXIF: %v; a new block is written", err))
		}
		if p, err = newPatcher(minimal()); err != nil {
			return nil, warnings, err
		}
	}
	p.dropThumbnail()
	if e.StripGPS {
		p.stripGPS()
	}
	p.setFacts(e)
	plain := append([]byte(nil), p.buf...)
	if len(e.Thumbnail) > 0 {
		p.addThumbnail(e.Thumbnail)
		if e.MaxSize > 0 && len(p.buf) > e.MaxSize {
			p.buf = plain
			warnings = append(warnings, "EXIF: no room for a thumbnail")
		}
	}
	if e.MaxSize > 0 && len(p.buf) > e.MaxSize {
		warnings = append(warnings, fmt.Sprintf("EXIF: block of %d bytes exceeds %d", len(p.buf), e.MaxSize))
	}
	return p.buf, warnings, nil
}

// span is a range of bytes of the block.
type span struct{ lo, hi int64 }

type patcher struct {
	buf   []byte
	order ByteOrder
}

func newPatcher(block []byte) (*patcher, error) {
	p := &patcher{buf: append([]byte(nil), block...)}
	r, err := p.reader()
	if err != nil {
		return nil, err
	}
	p.order = r.Order
	_, err = r.Dir(r.First)
	return p, err
}

func (p *patcher) reader() (*Reader, error) {
	return NewReader(bytes.NewReader(p.buf), int64(len(p.buf)))
}

// ifd0 re-reads the first directory, whose place a growing directory changes.
func (p *patcher) ifd0() (*Reader, Dir) {
	r, err := p.reader()
	if err != nil {
		return &Reader{Order: p.order, src: bytes.NewReader(nil)}, Dir{}
	}
	d, _ := r.Dir(r.First)
	return r, d
}

// child reads the directory that entry tag of d points to.
func child(r *Reader, d Dir, tag uint16) (Dir, bool) {
	e, ok := d.Find(tag)
	if !ok {
		return Dir{}, false
	}
	off, ok := r.Uint(e)
	if !ok || off == 0 {
		return Dir{}, false
	}
	c, err := r.Dir(off)
	return c, err == nil || len(c.Entries) > 0
}

// chain returns the directories that follow d, without loops.
func chain(r *Reader, d Dir) (dirs []Dir) {
	seen := map[uint32]bool{r.First: true}
	for next := d.Next; next != 0 && !seen[next] && len(dirs) < 16; {
		seen[next] = true
		c, err := r.Dir(next)
		if err != nil && len(c.Entries) == 0 {
			break
		}
		dirs = append(dirs, c)
		next = c.Next
	}
	return dirs
}

// spans returns what a directory and its values occupy, clipped to the block.
func (p *patcher) spans(r *Reader, d Dir) []span {
	n := int64(len(p.buf))
	s := []span{{d.Pos, min(d.Pos+6+12*int64(len(d.Entries)), n)}}
	for _, e := range d.Entries {
		if e.Size() > 4 {
			if at := r.ValuePos(e); at < n {
				s = append(s, span{at, min(at+e.Size(), n)})
			}
		}
	}
	return s
}

// kept returns the spans that must keep their bytes: the header and every
// directory and value but those of the directory at position except.
func (p *patcher) kept(except int64) (s []span) {
	r, d := p.ifd0()
	dirs := append([]Dir{d}, chain(r, d)...)
	x, ok := child(r, d, tagExifIFD)
	if ok {
		dirs = append(dirs, x)
		if c, ok := child(r, x, tagInteropIFD); ok {
			dirs = append(dirs, c)
		}
	}
	if c, ok := child(r, d, tagGPSIFD); ok {
		dirs = append(dirs, c)
	}
	s = append(s, span{0, 8})
	for _, d := range dirs {
		if d.Pos != except {
			s = append(s, p.spans(r, d)...)
		}
	}
	return s
}

// release zeroes the bytes of free that no span of keep needs, and cuts the
// block where they were its end.
func (p *patcher) release(free, keep []span) {
	used := make([]bool, len(p.buf))
	for _, k := range keep {
		for i := k.lo; i < k.hi; i++ {
			used[i] = true
		}
	}
	freed := make([]bool, len(p.buf))
	for _, f := range free {
		for i := f.lo; i < f.hi; i++ {
			if !used[i] {
				p.buf[i], freed[i] = 0, true
			}
		}
	}
	n := len(p.buf)
	for n > 8 && freed[n-1] {
		n--
	}
	p.buf = p.buf[:n]
}

// dropThumbnail unlinks IFD1 and releases it with its picture.
func (p *patcher) dropThumbnail() {
	r, d := p.ifd0()
	dirs := chain(r, d)
	if len(dirs) == 0 {
		p.setNext(d, 0)
		return
	}
	t := dirs[0]
	free := p.spans(r, t)
	n := int64(len(p.buf))
	data := func(offset, length uint16) {
		eo, ok1 := t.Find(offset)
		el, ok2 := t.Find(length)
		if !ok1 || !ok2 {
			return
		}
		offs, _ := r.Uints(eo)
		lens, _ := r.Uints(el)
		for i := range min(len(offs), len(lens)) {
			lo := min(int64(offs[i]), n)
			free = append(free, span{lo, min(lo+int64(lens[i]), n)})
		}
	}
	data(tagJPEGOffset, tagJPEGLength)
	data(273, 279) // StripOffsets, StripByteCounts: an uncompressed thumbnail
	p.setNext(d, t.Next)
	p.release(free, p.kept(t.Pos))
}

func (p *patcher) setNext(d Dir, next uint32) {
	if at := d.Pos + 2 + 12*int64(len(d.Entries)); at+4 <= int64(len(p.buf)) {
		p.order.PutUint32(p.buf[at:], next)
	}
}

// stripGPS overwrites the GPS directory and takes its pointer out of IFD0.
func (p *patcher) stripGPS() {
	r, d := p.ifd0()
	e, ok := d.Find(tagGPSIFD)
	if !ok {
		return
	}
	g, readable := child(r, d, tagGPSIFD)
	var free []span
	if readable {
		free = p.spans(r, g)
	}
	end := d.Pos + 2 + 12*int64(len(d.Entries)) + 4
	if end > int64(len(p.buf)) {
		end = int64(len(p.buf))
	}
	copy(p.buf[e.Pos:end], p.buf[e.Pos+12:end])
	clear(p.buf[end-12 : end])
	p.order.PutUint16(p.buf[d.Pos:], uint16(len(d.Entries)-1))
	keep := p.kept(-1)
	if readable {
		p.release(free, keep)
	}
	p.stripGPS() // a second pointer would be a second set of coordinates
}

// put patches the entries of tag in d to one number; false when there is none.
func (p *patcher) put(d Dir, tag, typ uint16, v uint32) (found bool) {
	for _, e := range d.Entries {
		if e.Tag != tag {
			continue
		}
		found = true
		copy(p.buf[e.Pos:e.Pos+12], p.entry(tag, typ, v))
	}
	return found
}

// entry encodes an entry with one SHORT or LONG.
func (p *patcher) entry(tag, typ uint16, v uint32) []byte {
	var b [12]byte
	p.order.PutUint16(b[0:], tag)
	p.order.PutUint16(b[2:], typ)
	p.order.PutUint32(b[4:], 1)
	if typ == TypeShort {
		p.order.PutUint16(b[8:], uint16(v))
	} else {
		p.order.PutUint32(b[8:], v)
	}
	return b[:]
}

// shortest is SHORT when v fits it, else LONG.
func shortest(v uint32) uint16 {
	if v < 1<<16 {
		return TypeShort
	}
	return TypeLong
}

func (p *patcher) setFacts(e Edit) {
	w, h := uint32(e.Width), uint32(e.Height)
	r, d := p.ifd0()
	p.put(d, tagOrientation, TypeShort, 1)
	p.put(d, tagImageWidth, TypeLong, w)
	p.put(d, tagImageLength, TypeLong, h)
	x, ok := child(r, d, tagExifIFD)
	if !ok {
		at := p.append(p.dir(mandatoryExif()))
		p.grow(d, func(at uint32) { p.order.PutUint32(p.buf[4:], at) }, p.entry(tagExifIFD, TypeLong, at))
		r, d = p.ifd0()
		x, _ = child(r, d, tagExifIFD)
	}
	var add [][]byte
	for _, t := range []struct {
		tag, typ uint16
		v        uint32
	}{{tagColorSpace, TypeShort, 1}, {tagPixelX, shortest(w), w}, {tagPixelY, shortest(h), h}} {
		if !p.put(x, t.tag, t.typ, t.v) {
			add = append(add, p.entry(t.tag, t.typ, t.v))
		}
	}
	if len(add) > 0 {
		p.grow(x, func(at uint32) { p.put(d, tagExifIFD, TypeLong, at) }, add...)
	}
	if c, ok := child(r, x, tagInteropIFD); ok {
		for _, e := range c.Entries {
			if e.Tag == 1 && e.Type == TypeASCII && string(e.Raw[:]) == "R03\x00" {
				copy(p.buf[e.Pos+8:], "R98\x00")
			}
		}
	}
}

// append adds bytes at the end of the block, on an even offset, and returns it.
func (p *patcher) append(b []byte) uint32 {
	if len(p.buf)%2 == 1 {
		p.buf = append(p.buf, 0)
	}
	at := len(p.buf)
	p.buf = append(p.buf, b...)
	return uint32(at)
}

// grow writes a copy of d with more entries at the end of the block and lets
// relink point to it; values stay where they are.
func (p *patcher) grow(d Dir, relink func(at uint32), add ...[]byte) {
	var entries [][]byte
	for _, e := range d.Entries {
		entries = append(entries, append([]byte(nil), p.buf[e.Pos:e.Pos+12]...))
	}
	for _, a := range add { // before the first greater tag: the order TIFF asks for
		i := 0
		for i < len(entries) && p.order.Uint16(entries[i]) <= p.order.Uint16(a) {
			i++
		}
		entries = append(entries[:i], append([][]byte{a}, entries[i:]...)...)
	}
	b := p.order.AppendUint16(nil, uint16(len(entries)))
	for _, e := range entries {
		b = append(b, e...)
	}
	relink(p.append(p.order.AppendUint32(b, d.Next)))
}

// addThumbnail appends IFD1 and the thumbnail's JPEG.
func (p *patcher) addThumbnail(jpeg []byte) {
	_, d := p.ifd0()
	tags := []Tag{
		Number(p.order, tagCompression, TypeShort, 6), // JPEG
		Rational(p.order, tagXResolution, 72, 1),
		Rational(p.order, tagYResolution, 72, 1),
		Number(p.order, tagResolutionUnit, TypeShort, 2), // inches
		Number(p.order, tagJPEGOffset, TypeLong, 0),
		Number(p.order, tagJPEGLength, TypeLong, uint32(len(jpeg))),
	}
	next := d.Next
	at := p.append(nil)
	size := uint32(DirSize(tags))
	tags[4] = Number(p.order, tagJPEGOffset, TypeLong, at+size)
	p.append(EncodeDir(p.order, tags, at, next))
	p.append(jpeg)
	p.setNext(d, at)
}

// dir encodes a directory as it will stand at the block's end.
func (p *patcher) dir(tags []Tag) []byte {
	return EncodeDir(p.order, tags, p.append(nil), 0)
}
