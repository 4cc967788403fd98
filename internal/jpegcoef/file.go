// Package jpegcoef reads baseline JPEG files (ITU-T T.81) down to their quantised
// coefficients: what a coder decided, before any decoder's arithmetic. It tells whether two files
// hold the same picture in a coding unit exactly.
package jpegcoef

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/realedit/realedit/internal/container"
)

// Component is one colour component.
type Component struct {
	ID    byte
	H, V  int        // blocks across and down in a coding unit
	Quant [64]uint16 // the quantisation table, in zigzag order

	table  byte // of quantisation
	dc, ac *huffman
}

// File is a parsed file. It refers to the bytes it was parsed from and is safe for concurrent use.
type File struct {
	Width, Height         int // pixels
	Components            []Component
	Restart               int // coding units between restart markers; 0 = no such markers
	UnitWidth, UnitHeight int // of a coding unit in pixels: 16 and 16 at 4:2:0
	Across, Down          int // coding units of the picture
	Blocks                int // 8×8 blocks of a coding unit

	order    []int    // of each block of a unit, its component
	segments [][]byte // the entropy-coded data between the restart markers
	parts    [][]byte // of the file, all but application and comment segments, to the end marker
	rest     []byte
}

// Parts are the file's bytes from the start marker to the end marker without application and comment segments, in order: all that decides
// about pixels.
func (f *File) Parts() [][]byte { return f.parts }

// Rest are the bytes behind the end marker; none in a proper file.
func (f *File) Rest() []byte { return f.rest }

// SameCoding tells whether two files have one size, sampling and quantisation, so that their coefficients can be compared.
func (f *File) SameCoding(g *File) bool {
	if f.Width != g.Width || f.Height != g.Height || len(f.Components) != len(g.Components) {
		return false
	}
	for i, c := range f.Components {
		d := g.Components[i]
		if c.H != d.H || c.V != d.V || c.Quant != d.Quant {
			return false
		}
	}
	return true
}

func malformed(format string, a ...any) error {
	return fmt.Errorf("%w: %s", container.ErrMalformed, fmt.Sprintf(format, a...))
}

func unsupported(format string, a ...any) error {
	return fmt.Errorf("%w: JPEG with %s", container.ErrUnsupported, fmt.Sprintf(format, a...))
}

// The markers that are told apart (table B.1).
const (
	mSOF0 = 0xc0 // baseline
	mSOF1 = 0xc1 // extended sequential
	mDHT  = 0xc4
	mRST0 = 0xd0
	mRST7 = 0xd7
	mSOI  = 0xd8
	mEOI  = 0xd9
	mSOS  = 0xda
	mDQT  = 0xdb
	mDRI  = 0xdd
	mCOM  = 0xfe
)

// parser is one call of Parse.
type parser struct {
	*File
	quant  [4][64]uint16
	known  [4]bool
	tables [2][4]*huffman // DC and AC
}

// Parse reads the headers of a sequential Huffman-coded file of 8 bits with one scan and finds its restart markers. Coefficients are
// decoded by Rows and Pairs. Errors wrap container.ErrMalformed, ErrTruncated or ErrUnsupported.
func Parse(data []byte) (*File, error) {
	if len(data) < 4 {
		return nil, container.ErrTruncated
	}
	if data[0] != 0xff || data[1] != mSOI {
		return nil, malformed("no start marker")
	}
	p := &parser{File: &File{}}
	from := 0 // where the part that is being collected begins
	for at := 2; ; {
		start := at
		for at < len(data) && data[at] == 0xff {
			at++
		}
		if at >= len(data) {
			return nil, container.ErrTruncated
		}
		if at == start {
			return nil, malformed("byte %#x where a marker was due", data[at])
		}
		marker := data[at]
		at++
		if marker == mSOI || marker == mEOI || marker == 0 || marker == 1 || marker >= mRST0 && marker <= mRST7 {
			return nil, malformed("marker %#x before the scan", marker)
		}
		if at+2 > len(data) {
			return nil, container.ErrTruncated
		}
		n := int(binary.BigEndian.Uint16(data[at:]))
		if n < 2 {
			return nil, malformed("segment of length %d", n)
		}
		if at+n > len(data) {
			return nil, container.ErrTruncated
		}
		payload := data[at+2 : at+n]
		at += n
		var err error
		switch {
		case marker >= 0xe0 && marker <= 0xef || marker == mCOM:
			p.parts = append(p.parts, data[from:start])
			from = at
		case marker == mSOF0 || marker == mSOF1:
			err = p.frame(payload)
		case marker == mDHT:
			err = p.huffmanTables(payload)
		case marker == mDQT:
			err = p.quantTables(payload)
		case marker == mDRI:
			if len(payload) != 2 {
				return nil, malformed("restart interval of %d bytes", len(payload))
			}
			p.Restart = int(binary.BigEndian.Uint16(payload))
		case marker == mSOS:
			if err = p.scan(payload); err != nil {
				return nil, err
			}
			end, err := p.split(data, at)
			if err != nil {
				return nil, err
			}
			p.parts = append(p.parts, data[from:end])
			p.rest = data[end:]
			return p.File, nil
		case marker > mSOF1 && marker <= 0xcf:
			err = unsupported("marker %#x: not sequential Huffman coding", marker)
		default:
			err = unsupported("marker %#x", marker)
		}
		if err != nil {
			return nil, err
		}
	}
}

// frame reads the frame header (B.2.2).
func (p *parser) frame(b []byte) error {
	if p.Components != nil {
		return malformed("two frames")
	}
	if len(b) < 6 || len(b) != 6+3*int(b[5]) {
		return malformed("frame header of %d bytes", len(b))
	}
	if b[0] != 8 {
		return unsupported("%d bits", b[0])
	}
	p.Height, p.Width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if p.Width == 0 {
		return malformed("no width")
	}
	if p.Height == 0 {
		return unsupported("its height behind the scan")
	}
	n := int(b[5])
	if n < 1 || n > 4 {
		return unsupported("%d components", n)
	}
	hmax, vmax := 1, 1
	for i := range n {
		c := b[6+3*i:]
		k := Component{ID: c[0], H: int(c[1] >> 4), V: int(c[1] & 15), table: c[2]}
		if k.H < 1 || k.H > 4 || k.V < 1 || k.V > 4 || k.table > 3 {
			return malformed("component with sampling %d×%d and table %d", k.H, k.V, k.table)
		}
		for _, o := range p.Components {
			if o.ID == k.ID {
				return malformed("two components %d", k.ID)
			}
		}
		hmax, vmax = max(hmax, k.H), max(vmax, k.V)
		p.Components = append(p.Components, k)
	}
	if n == 1 { // a scan of one component is not interleaved: its unit is one block (A.2.2)
		p.Components[0].H, p.Components[0].V, hmax, vmax = 1, 1, 1, 1
	}
	for i, c := range p.Components {
		for range c.H * c.V {
			p.order = append(p.order, i)
		}
	}
	p.Blocks = len(p.order)
	if p.Blocks > 10 {
		return malformed("%d blocks in a unit", p.Blocks)
	}
	p.UnitWidth, p.UnitHeight = 8*hmax, 8*vmax
	p.Across, p.Down = (p.Width+p.UnitWidth-1)/p.UnitWidth, (p.Height+p.UnitHeight-1)/p.UnitHeight
	return nil
}

// quantTables reads quantisation tables (B.2.4.1).
func (p *parser) quantTables(b []byte) error {
	for len(b) > 0 {
		id, wide := b[0]&15, b[0]>>4
		b = b[1:]
		if id > 3 || wide > 1 {
			return malformed("quantisation table %d of kind %d", id, wide)
		}
		n := 64 << wide
		if len(b) < n {
			return malformed("quantisation table cut off")
		}
		for i := range 64 {
			if wide == 1 {
				p.quant[id][i] = binary.BigEndian.Uint16(b[2*i:])
			} else {
				p.quant[id][i] = uint16(b[i])
			}
		}
		p.known[id] = true
		b = b[n:]
	}
	return nil
}

// huffmanTables reads Huffman tables (B.2.4.2).
func (p *parser) huffmanTables(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 {
			return malformed("Huffman table cut off")
		}
		class, id := b[0]>>4, b[0]&15
		if class > 1 || id > 3 {
			return malformed("Huffman table %d of class %d", id, class)
		}
		n := 0
		for _, k := range b[1:17] {
			n += int(k)
		}
		if n < 1 || n > 256 || len(b) < 17+n {
			return malformed("Huffman table of %d codes", n)
		}
		t, err := newHuffman(b[1:17], b[17:17+n])
		if err != nil {
			return err
		}
		p.tables[class][id] = t
		b = b[17+n:]
	}
	return nil
}

// scan reads the scan header (B.2.3), which must name all components.
func (p *parser) scan(b []byte) error {
	n := len(p.Components)
	switch {
	case n == 0:
		return malformed("a scan without a frame")
	case len(b) < 1 || len(b) != 4+2*int(b[0]):
		return malformed("scan header of %d bytes", len(b))
	case int(b[0]) != n:
		return unsupported("several scans")
	case b[1+2*n] != 0 || b[2+2*n] != 63 || b[3+2*n] != 0:
		return malformed("a sequential scan of coefficients %d to %d", b[1+2*n], b[2+2*n])
	}
	for i := range p.Components {
		c := &p.Components[i]
		id, tables := b[1+2*i], b[2+2*i]
		if id != c.ID || tables>>4 > 3 || tables&15 > 3 {
			return malformed("component %d with tables %#x in the place of component %d", id, tables, c.ID)
		}
		c.dc, c.ac = p.tables[0][tables>>4], p.tables[1][tables&15]
		if c.dc == nil || c.ac == nil || !p.known[c.table] {
			return malformed("component %d names a table that is not there", id)
		}
		c.Quant = p.quant[c.table]
	}
	return nil
}

// split finds the restart markers behind at and returns where the end marker ends.
func (p *parser) split(data []byte, at int) (end int, err error) {
	units := p.Across * p.Down
	want := 1
	if p.Restart > 0 {
		want = (units + p.Restart - 1) / p.Restart
	}
	from := at
	for {
		i := bytes.IndexByte(data[at:], 0xff)
		if i < 0 || at+i+1 >= len(data) {
			return 0, container.ErrTruncated
		}
		at += i + 2
		m := data[at-1]
		if m == 0 {
			continue
		}
		if m == mEOI || m >= mRST0 && m <= mRST7 {
			p.segments = append(p.segments, data[from:at-2])
			from = at
		}
		n := len(p.segments)
		switch {
		case m == mEOI && n < want:
			return 0, fmt.Errorf("%w: %d of %d restart intervals", container.ErrTruncated, n, want)
		case m == mEOI:
			// A block takes two bits at the least: what follows is bound by what the file holds.
			if int64(units)*int64(p.Blocks) > int64(at)*4 {
				return 0, fmt.Errorf("%w: %d bytes cannot hold %d units", container.ErrTruncated, at, units)
			}
			return at, nil
		case m < mRST0 || m > mRST7:
			return 0, unsupported("marker %#x in or behind its scan", m)
		case n >= want || m != mRST0+byte((n-1)%8):
			return 0, malformed("restart marker %d where none or another was due", m-mRST0)
		}
	}
}
