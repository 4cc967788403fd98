// Package exif reads the facts of a photograph from an EXIF block and writes
// an updated block in place, so that maker notes keep their bytes and offsets.
//
// An EXIF block is a TIFF structure (CIPA DC-008, Exif 3.0, section 4.5; TIFF
// 6.0, section 2): an eight-byte header, then directories (IFDs) of twelve-byte
// entries whose longer values lie anywhere in the block. Package container
// reads whole TIFF files with the same directory reader.
package exif

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Errors of this package. Returned errors wrap one of them.
var (
	// ErrMalformed says that the bytes are not a TIFF structure, or a broken one.
	ErrMalformed = errors.New("malformed TIFF structure")
	// ErrTruncated says that the structure points behind its end.
	ErrTruncated = errors.New("truncated TIFF structure")
)

// Types of TIFF values (TIFF 6.0, page 15; IFD from TIFF technical note 1).
const (
	TypeByte      = 1
	TypeASCII     = 2
	TypeShort     = 3
	TypeLong      = 4
	TypeRational  = 5
	TypeSByte     = 6
	TypeUndefined = 7
	TypeSShort    = 8
	TypeSLong     = 9
	TypeSRational = 10
	TypeFloat     = 11
	TypeDouble    = 12
	TypeIFD       = 13
	TypeUTF8      = 129
)

// MaxEntries is the largest number of entries read from one directory.
const MaxEntries = 4096

// TypeSize returns the bytes of one value of a TIFF type, 0 for unknown types.
func TypeSize(t uint16) int {
	switch t {
	case TypeByte, TypeASCII, TypeSByte, TypeUndefined, TypeUTF8:
		return 1
	case TypeShort, TypeSShort:
		return 2
	case TypeLong, TypeSLong, TypeFloat, TypeIFD:
		return 4
	case TypeRational, TypeSRational, TypeDouble:
		return 8
	}
	return 0
}

// ByteOrder reads, puts and appends numbers: binary.LittleEndian or binary.BigEndian.
type ByteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// Entry is one directory entry.
type Entry struct {
	Tag, Type uint16
	Count     uint32
	// Pos is where the twelve bytes of the entry lie.
	Pos int64
	// Raw is the entry's last field: the value itself when Size() ≤ 4, else its offset.
	Raw [4]byte
}

// Size returns the bytes of the entry's value, 0 for an unknown type.
func (e Entry) Size() int64 { return int64(TypeSize(e.Type)) * int64(e.Count) }

// Dir is one directory.
type Dir struct {
	Pos     int64 // where its entry count lies
	Entries []Entry
	Next    uint32 // offset of the next directory, 0 at the end of the chain
}

// Find returns the first entry with this tag.
func (d Dir) Find(tag uint16) (Entry, bool) {
	for _, e := range d.Entries {
		if e.Tag == tag {
			return e, true
		}
	}
	return Entry{}, false
}

// Reader reads directories and values of one TIFF structure. It holds no
// state but its source and may be used concurrently when the source may.
type Reader struct {
	// Order is the structure's byte order.
	Order ByteOrder
	// First is the offset of the first directory.
	First uint32

	src  io.ReaderAt
	base int64 // offset 0 of the structure within src
	size int64 // bytes of the structure
}

// NewReader reads the eight-byte header of a TIFF structure of size bytes.
func NewReader(src io.ReaderAt, size int64) (*Reader, error) {
	var h [8]byte
	if err := readFull(src, h[:], 0, size); err != nil {
		return nil, err
	}
	r := &Reader{src: src, size: size}
	switch string(h[:4]) {
	case "II*\x00":
		r.Order = binary.LittleEndian
	case "MM\x00*":
		r.Order = binary.BigEndian
	default:
		return nil, fmt.Errorf("%w: no byte-order mark", ErrMalformed)
	}
	r.First = r.Order.Uint32(h[4:])
	return r, nil
}

// sub returns a reader whose offsets count from base, in the given byte order.
func (r *Reader) sub(base int64, order ByteOrder) *Reader {
	return &Reader{Order: order, src: r.src, base: r.base + base, size: r.size - base}
}

func readFull(src io.ReaderAt, p []byte, off, size int64) error {
	if off < 0 || off+int64(len(p)) > size {
		return fmt.Errorf("%w: %d bytes at %d of %d", ErrTruncated, len(p), off, size)
	}
	n, err := src.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = ErrTruncated
	}
	return fmt.Errorf("%d bytes at %d: %w", len(p), off, err)
}

// Dir reads the directory at off. A directory that is cut off answers its
// readable entries together with ErrTruncated.
func (r *Reader) Dir(off uint32) (Dir, error) {
	return r.dirAt(int64(off))
}

func (r *Reader) dirAt(off int64) (Dir, error) {
	d := Dir{Pos: off}
	var c [2]byte
	if err := r.read(c[:], off); err != nil {
		return d, err
	}
	n := int64(r.Order.Uint16(c[:]))
	if n > MaxEntries {
		return d, fmt.Errorf("%w: directory of %d entries", ErrMalformed, n)
	}
	var err error
	if have := (r.size - off - 2) / 12; have < n {
		n, err = have, fmt.Errorf("%w: directory at %d", ErrTruncated, off)
	}
	buf := make([]byte, n*12)
	if e := r.read(buf, off+2); e != nil {
		return d, e
	}
	d.Entries = make([]Entry, n)
	for i := range d.Entries {
		b := buf[12*i:]
		d.Entries[i] = Entry{Tag: r.Order.Uint16(b), Type: r.Order.Uint16(b[2:]), Count: r.Order.Uint32(b[4:]),
			Pos: off + 2 + 12*int64(i), Raw: [4]byte(b[8:12])}
	}
	var next [4]byte
	if err == nil && r.read(next[:], off+2+12*n) == nil {
		d.Next = r.Order.Uint32(next[:])
	}
	return d, err
}

func (r *Reader) read(p []byte, off int64) error {
	if off < 0 || off+int64(len(p)) > r.size {
		return fmt.Errorf("%w: %d bytes at %d of %d", ErrTruncated, len(p), off, r.size)
	}
	return readFull(r.src, p, r.base+off, r.base+r.size)
}

// ValuePos returns where the bytes of the entry's value lie.
func (r *Reader) ValuePos(e Entry) int64 {
	if e.Size() <= 4 {
		return e.Pos + 8
	}
	return int64(r.Order.Uint32(e.Raw[:]))
}

// Bytes returns the entry's value as stored, at most limit bytes: a longer
// value, or one of unknown type, is ErrMalformed; one behind the end ErrTruncated.
func (r *Reader) Bytes(e Entry, limit int64) ([]byte, error) {
	n := e.Size()
	if TypeSize(e.Type) == 0 || n > limit {
		return nil, fmt.Errorf("%w: tag %#04x has type %d, count %d", ErrMalformed, e.Tag, e.Type, e.Count)
	}
	if n <= 4 {
		return append([]byte(nil), e.Raw[:n]...), nil
	}
	off := r.ValuePos(e)
	if off+n > r.size {
		return nil, fmt.Errorf("%w: value of tag %#04x", ErrTruncated, e.Tag)
	}
	p := make([]byte, n)
	return p, r.read(p, off)
}

// smallValue is the largest value read for numbers and texts of facts.
const smallValue = 1 << 16

// Uints returns the entry's value as unsigned integers; ok is false when it is of
// another type, unreadable or empty.
func (r *Reader) Uints(e Entry) (v []uint32, ok bool) {
	b, err := r.Bytes(e, smallValue)
	if err != nil || e.Count == 0 {
		return nil, false
	}
	for i := 0; i < int(e.Count); i++ {
		switch e.Type {
		case TypeByte, TypeUndefined:
			v = append(v, uint32(b[i]))
		case TypeShort:
			v = append(v, uint32(r.Order.Uint16(b[2*i:])))
		case TypeLong, TypeIFD:
			v = append(v, r.Order.Uint32(b[4*i:]))
		case TypeSShort:
			v = append(v, uint32(int32(int16(r.Order.Uint16(b[2*i:])))))
		case TypeSLong:
			v = append(v, r.Order.Uint32(b[4*i:]))
		default:
			return nil, false
		}
	}
	return v, true
}

// Uint returns the entry's first unsigned integer.
func (r *Reader) Uint(e Entry) (uint32, bool) {
	v, ok := r.Uints(e)
	if !ok {
		return 0, false
	}
	return v[0], true
}

// Floats returns the entry's value as numbers; a rational with denominator 0 makes ok false.
func (r *Reader) Floats(e Entry) (v []float64, ok bool) {
	if e.Type != TypeRational && e.Type != TypeSRational {
		u, ok := r.Uints(e)
		for _, x := range u {
			if e.Type == TypeSShort || e.Type == TypeSLong {
				v = append(v, float64(int32(x)))
			} else {
				v = append(v, float64(x))
			}
		}
		return v, ok
	}
	b, err := r.Bytes(e, smallValue)
	if err != nil || e.Count == 0 {
		return nil, false
	}
	for i := 0; i < int(e.Count); i++ {
		n, d := r.Order.Uint32(b[8*i:]), r.Order.Uint32(b[8*i+4:])
		if d == 0 {
			return nil, false
		}
		if e.Type == TypeSRational {
			v = append(v, float64(int32(n))/float64(int32(d)))
		} else {
			v = append(v, float64(n)/float64(d))
		}
	}
	return v, true
}

// Float returns the entry's first number.
func (r *Reader) Float(e Entry) (float64, bool) {
	v, ok := r.Floats(e)
	if !ok {
		return 0, false
	}
	return v[0], true
}

// Text returns the entry's value up to its first NUL, without surrounding blanks.
func (r *Reader) Text(e Entry) (string, bool) {
	if e.Type != TypeASCII && e.Type != TypeUTF8 && e.Type != TypeByte && e.Type != TypeUndefined {
		return "", false
	}
	b, err := r.Bytes(e, smallValue)
	if err != nil {
		return "", false
	}
	return cText(b), true
}
