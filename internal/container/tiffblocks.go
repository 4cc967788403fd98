package container

import (
	"bytes"
	"io"

	"github.com/realedit/realedit/internal/exif"
)

// Tags of a TIFF's first directory that hold whole blocks.
const (
	tagXResolution = 282
	tagYResolution = 283
	tagResUnit     = 296
	tagXMP         = 700
	tagIPTC        = 33723
	tagPhotoshop   = 34377
	tagICC         = 34675
)

// tiffBlocks reads the blocks of the first directory.
func tiffBlocks(src io.ReaderAt, size int64, b *Blocks, w *warner) {
	r, err := exif.NewReader(src, size)
	if err != nil {
		w.addf("metadata: %v", err)
		return
	}
	d, err := r.Dir(r.First)
	if err != nil {
		w.addf("metadata: %v", err)
	}
	block := func(tag uint16) []byte {
		e, ok := d.Find(tag)
		if !ok {
			return nil
		}
		v, err := r.Bytes(e, MaxBlock)
		if err != nil {
			w.addf("metadata: %v", err)
			return nil
		}
		if !w.room("metadata", len(v)) {
			return nil
		}
		return v
	}
	b.XMP = block(tagXMP)
	b.ICC = block(tagICC)
	b.IPTC = block(tagIPTC)
	if v := b.IPTC; len(v) >= 8 && v[0] != 0x1c && v[3] == 0x1c { // written as byte-swapped LONGs
		for i := 0; i+4 <= len(v); i += 4 {
			v[i], v[i+1], v[i+2], v[i+3] = v[i+3], v[i+2], v[i+1], v[i]
		}
	}
	irb := block(tagPhotoshop)
	splitIRB(bytes.TrimPrefix(irb, []byte(idIRB)), b, w)
	x, okX := d.Find(tagXResolution)
	y, okY := d.Find(tagYResolution)
	if okX && okY {
		vx, ok1 := r.Float(x)
		vy, ok2 := r.Float(y)
		unit := uint32(2)
		if e, ok := d.Find(tagResUnit); ok {
			unit, _ = r.Uint(e)
		}
		if ok1 && ok2 && unit >= 1 && unit <= 3 && vx > 0 && vy > 0 {
			b.Density = &Density{byte(unit - 1), vx, vy}
		}
	}
	ex, warnings, err := exif.Extract(r)
	for _, m := range warnings {
		w.addf("%s", m)
	}
	if err != nil {
		w.addf("EXIF: %v", err)
	}
	if len(ex) > 0 && w.room("EXIF", len(ex)) {
		b.EXIF = ex
	}
}
