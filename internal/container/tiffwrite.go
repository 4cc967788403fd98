package container

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"

	"github.com/realedit/realedit/internal/exif"
)

// Raster is a picture to be written row by row: Channels is 1 (grey) or 3 (RGB),
// Bits 8 or 16. Row8 or Row16, whichever fits Bits, fills dst with Width·Channels samples of
// row y; it is called from several goroutines at once, for each row once.
type Raster struct {
	Width, Height, Channels, Bits int

	Row8  func(y int, dst []uint8)
	Row16 func(y int, dst []uint16)
}

// TIFFOptions are the options of WriteTIFF.
type TIFFOptions struct {
	// Deflate compresses with zlib and horizontal differencing (TIFF 6.0, section
	// 14). Where w is no io.WriteSeeker the compressed picture is held in memory first.
	Deflate bool
	// Workers is the number of goroutines that compress; 0 means GOMAXPROCS.
	Workers int
}

// stripBytes is the aim for one strip before compression.
const stripBytes = 1 << 20

// WriteTIFF writes a picture with b's blocks as a baseline TIFF file. The EXIF
// block's bytes stand at the file's start, so that the offsets in its maker note
// stay true; the first directory, with the descriptive tags of the block's own
// one, follows. The file has the block's byte order. Pictures of 4 GiB and more wrap ErrUnsupported.
// The same picture gives the same bytes for any number of workers.
func WriteTIFF(w io.Writer, ra Raster, b *Blocks, o *TIFFOptions) (warnings []string, err error) {
	if b == nil {
		b = &Blocks{}
	}
	if o == nil {
		o = &TIFFOptions{}
	}
	if ra.Width < 1 || ra.Height < 1 || ra.Channels != 1 && ra.Channels != 3 ||
		!(ra.Bits == 8 && ra.Row8 != nil || ra.Bits == 16 && ra.Row16 != nil) {
		return nil, fmt.Errorf("%w: raster of %d×%d×%d, %d bits", ErrUnsupported, ra.Width, ra.Height, ra.Channels, ra.Bits)
	}
	t := &tiffWriter{Raster: ra, o: *o, order: binary.LittleEndian}
	t.rowBytes = int64(ra.Width) * int64(ra.Channels) * int64(ra.Bits/8)
	if t.rowBytes*int64(ra.Height) > math.MaxUint32-(128<<20) {
		return nil, fmt.Errorf("%w: TIFF file of 4 GiB", ErrUnsupported)
	}
	t.rows = int(max(1, min(stripBytes/t.rowBytes, int64(ra.Height))))
	t.strips = (ra.Height + t.rows - 1) / t.rows
	t.collect(b)

	lead := int64(len(t.lead))
	if !o.Deflate {
		sizes := make([]uint32, t.strips)
		for i := range sizes {
			lo, hi := t.span(i)
			sizes[i] = uint32(int64(hi-lo) * t.rowBytes)
		}
		return t.warnings, t.headFirst(w, sizes, t.eachStrip)
	}
	if ws, ok := w.(io.WriteSeeker); ok {
		if start, err := ws.Seek(0, io.SeekCurrent); err == nil {
			return t.warnings, t.headLast(ws, start, lead)
		}
	}
	var held [][]byte
	var sizes []uint32
	err = t.eachStrip(func(s []byte) error {
		held, sizes = append(held, bytes.Clone(s)), append(sizes, uint32(len(s)))
		return nil
	})
	if err != nil {
		return t.warnings, err
	}
	return t.warnings, t.headFirst(w, sizes, func(f func([]byte) error) error {
		for _, s := range held {
			if err := f(s); err != nil {
				return err
			}
		}
		return nil
	})
}

type tiffWriter struct {
	Raster
	o        TIFFOptions
	order    exif.ByteOrder
	lead     []byte // the EXIF block, or a bare header; its length is even
	tags     []exif.Tag
	rowBytes int64
	rows     int // per strip
	strips   int
	warnings []string
}

func (t *tiffWriter) span(i int) (lo, hi int) { return i * t.rows, min((i+1)*t.rows, t.Height) }

// collect gathers the directory but for the places of the strips.
func (t *tiffWriter) collect(b *Blocks) {
	t.lead = []byte("II*\x00\x00\x00\x00\x00")
	have := map[uint16]bool{}
	add := func(g exif.Tag) {
		have[g.ID] = true
		t.tags = append(t.tags, g)
	}
	if len(b.EXIF) > 0 {
		if err := t.takeEXIF(b.EXIF, add); err != nil {
			t.warnings = append(t.warnings, fmt.Sprintf("EXIF: %v; dropped", err))
		}
	}
	o := t.order
	bits := bytes.Repeat(o.AppendUint16(nil, uint16(t.Bits)), t.Channels)
	photometric, compression := uint32(1), uint32(1)
	if t.Channels == 3 {
		photometric = 2
	}
	if t.o.Deflate {
		compression = 8
		add(exif.Number(o, 317, exif.TypeShort, 2)) // predictor: horizontal differencing
	}
	add(exif.Number(o, 256, exif.TypeLong, uint32(t.Width)))
	add(exif.Number(o, 257, exif.TypeLong, uint32(t.Height)))
	add(exif.Tag{ID: 258, Type: exif.TypeShort, Count: uint32(t.Channels), Value: bits})
	add(exif.Number(o, tagCompression, exif.TypeShort, compression))
	add(exif.Number(o, tagPhotometric, exif.TypeShort, photometric))
	add(exif.Number(o, 277, exif.TypeShort, uint32(t.Channels)))
	add(exif.Number(o, 278, exif.TypeLong, uint32(t.rows)))
	add(exif.Number(o, 284, exif.TypeShort, 1))
	if have[tagXResolution] && have[tagYResolution] {
		if !have[tagResUnit] {
			add(exif.Number(o, tagResUnit, exif.TypeShort, 2)) // the default, which TIFF readers do not all know
		}
	} else {
		d := Density{1, 72, 72}
		if b.Density != nil && b.Density.X > 0 && b.Density.Y > 0 && max(b.Density.X, b.Density.Y) < 1e5 {
			d = *b.Density
		}
		t.drop(tagXResolution, tagYResolution, tagResUnit)
		add(exif.Rational(o, tagXResolution, uint32(math.Round(d.X*1000)), 1000))
		add(exif.Rational(o, tagYResolution, uint32(math.Round(d.Y*1000)), 1000))
		add(exif.Number(o, tagResUnit, exif.TypeShort, uint32(d.Unit)+1))
	}
	packet, err := wholeXMP(b)
	if err != nil {
		t.warnings = append(t.warnings, fmt.Sprintf("XMP: extension: %v; dropped", err))
		packet = b.XMP
	}
	for _, g := range []struct {
		id, typ uint16
		v       []byte
	}{{tagXMP, exif.TypeByte, packet}, {tagIPTC, exif.TypeUndefined, b.IPTC}, {tagPhotoshop, exif.TypeByte, joinIRB(b)}, {tagICC, exif.TypeUndefined, b.ICC}} {
		if len(g.v) > 0 {
			add(exif.Data(g.id, g.typ, g.v))
		}
	}
	if len(b.Comments) > 0 && !have[270] {
		add(exif.Text(270, string(bytes.TrimRight(b.Comments[0], "\x00")))) // ImageDescription
	} else if len(b.Comments) > 0 {
		t.warnings = append(t.warnings, fmt.Sprintf("%d JPEG comments have no place in a TIFF file", len(b.Comments)))
	}
	if n := len(b.App) + len(b.Texts); n > 0 {
		t.warnings = append(t.warnings, fmt.Sprintf("%d application segments and texts have no place in a TIFF file", n))
	}
}

// takeEXIF puts the block at the file's start and its descriptive tags into the directory.
func (t *tiffWriter) takeEXIF(block []byte, add func(exif.Tag)) error {
	r, err := exif.NewReader(bytes.NewReader(block), int64(len(block)))
	if err != nil {
		return err
	}
	d, err := r.Dir(r.First)
	if err != nil {
		return err
	}
	if len(block) > MaxBlock {
		return malformed("block of %d bytes", len(block))
	}
	t.order, t.lead = r.Order, bytes.Clone(block)
	if len(t.lead)%2 == 1 {
		t.lead = append(t.lead, 0)
	}
	seen := map[uint16]bool{}
	for _, e := range d.Entries {
		if exif.Structural(e.Tag) || seen[e.Tag] || exif.TypeSize(e.Type) == 0 {
			continue
		}
		seen[e.Tag] = true
		if at := r.ValuePos(e); e.Size() <= 4 {
			add(exif.Tag{ID: e.Tag, Type: e.Type, Count: e.Count, Value: bytes.Clone(e.Raw[:])})
		} else if at > 0 && at+e.Size() <= int64(len(block)) {
			add(exif.Tag{ID: e.Tag, Type: e.Type, Count: e.Count, At: uint32(at)})
		}
	}
	return nil
}

func (t *tiffWriter) drop(ids ...uint16) {
	kept := t.tags[:0]
	for _, g := range t.tags {
		gone := false
		for _, id := range ids {
			gone = gone || g.ID == id
		}
		if !gone {
			kept = append(kept, g)
		}
	}
	t.tags = kept
}

// directory encodes the directory at offset at for strips that start at first.
func (t *tiffWriter) directory(at uint32, first int64, sizes []uint32) ([]byte, error) {
	var offs, lens []byte
	for _, n := range sizes {
		offs = t.order.AppendUint32(offs, uint32(first))
		lens = t.order.AppendUint32(lens, n)
		first += int64(n)
	}
	if first > math.MaxUint32-64 {
		return nil, fmt.Errorf("%w: TIFF file of 4 GiB", ErrUnsupported)
	}
	n := uint32(len(sizes))
	tags := append(t.tags[:len(t.tags):len(t.tags)],
		exif.Tag{ID: 273, Type: exif.TypeLong, Count: n, Value: offs},
		exif.Tag{ID: 279, Type: exif.TypeLong, Count: n, Value: lens})
	return exif.EncodeDir(t.order, tags, at, 0), nil
}

// headFirst writes lead, directory and strips, in this order.
func (t *tiffWriter) headFirst(w io.Writer, sizes []uint32, each func(func([]byte) error) error) error {
	at := uint32(len(t.lead))
	dir, err := t.directory(at, 0, sizes) // for its size
	if err != nil {
		return err
	}
	if dir, err = t.directory(at, int64(at)+int64(len(dir)), sizes); err != nil {
		return err
	}
	t.order.PutUint32(t.lead[4:], at)
	if _, err := w.Write(t.lead); err != nil {
		return err
	}
	if _, err := w.Write(dir); err != nil {
		return err
	}
	return each(func(s []byte) error {
		_, err := w.Write(s)
		return err
	})
}

// headLast writes lead, strips and directory, then points the header to the directory.
func (t *tiffWriter) headLast(w io.WriteSeeker, start, lead int64) error {
	if _, err := w.Write(t.lead); err != nil {
		return err
	}
	var sizes []uint32
	at := lead
	err := t.eachStrip(func(s []byte) error {
		sizes = append(sizes, uint32(len(s)))
		at += int64(len(s))
		_, err := w.Write(s)
		return err
	})
	if err != nil {
		return err
	}
	if at%2 == 1 {
		at++
		if _, err := w.Write([]byte{0}); err != nil {
			return err
		}
	}
	if at > math.MaxUint32-(64<<20) {
		return fmt.Errorf("%w: TIFF file of 4 GiB", ErrUnsupported)
	}
	dir, err := t.directory(uint32(at), lead, sizes)
	if err != nil {
		return err
	}
	if _, err := w.Write(dir); err != nil {
		return err
	}
	var p [4]byte
	t.order.PutUint32(p[:], uint32(at))
	if _, err := w.Seek(start+4, io.SeekStart); err != nil {
		return err
	}
	if _, err := w.Write(p[:]); err != nil {
		return err
	}
	_, err = w.Seek(start+at+int64(len(dir)), io.SeekStart)
	return err
}

// eachStrip encodes strips on several goroutines and hands them to f in order.
func (t *tiffWriter) eachStrip(f func([]byte) error) error {
	n := t.o.Workers
	if n < 1 {
		n = runtime.GOMAXPROCS(0)
	}
	n = min(n, t.strips)
	workers := make([]stripWorker, n)
	for i := range workers {
		workers[i].t = t
	}
	for lo := 0; lo < t.strips; lo += n {
		hi := min(lo+n, t.strips)
		var wg sync.WaitGroup
		for i := lo; i < hi; i++ {
			wg.Add(1)
			go func() {
				defer wg.Done()
				workers[i-lo].encode(i)
			}()
		}
		wg.Wait()
		for i := lo; i < hi; i++ {
			if err := f(workers[i-lo].out); err != nil {
				return err
			}
		}
	}
	return nil
}

// stripWorker holds one goroutine's buffers.
type stripWorker struct {
	t     *tiffWriter
	row16 []uint16
	raw   []byte
	z     bytes.Buffer
	zw    *zlib.Writer
	out   []byte
}

func (s *stripWorker) encode(i int) {
	t := s.t
	lo, hi := t.span(i)
	n := t.Width * t.Channels
	if s.raw == nil {
		s.raw = make([]byte, int64(t.rows)*t.rowBytes)
		s.row16 = make([]uint16, n)
	}
	raw := s.raw[:int64(hi-lo)*t.rowBytes]
	for y := lo; y < hi; y++ {
		dst := raw[int64(y-lo)*t.rowBytes:][:t.rowBytes]
		if t.Bits == 8 {
			t.Row8(y, dst)
			if t.o.Deflate {
				for k := n - 1; k >= t.Channels; k-- {
					dst[k] -= dst[k-t.Channels]
				}
			}
			continue
		}
		t.Row16(y, s.row16)
		if t.o.Deflate {
			for k := n - 1; k >= t.Channels; k-- {
				s.row16[k] -= s.row16[k-t.Channels]
			}
		}
		if t.order == binary.BigEndian {
			for k, v := range s.row16 {
				dst[2*k], dst[2*k+1] = byte(v>>8), byte(v)
			}
		} else {
			for k, v := range s.row16 {
				dst[2*k], dst[2*k+1] = byte(v), byte(v>>8)
			}
		}
	}
	if !t.o.Deflate {
		s.out = raw
		return
	}
	s.z.Reset()
	if s.zw == nil {
		s.zw, _ = zlib.NewWriterLevel(&s.z, zlib.BestSpeed) // a valid level
	} else {
		s.zw.Reset(&s.z)
	}
	s.zw.Write(raw) // a bytes.Buffer does not fail
	s.zw.Close()
	s.out = s.z.Bytes()
}
