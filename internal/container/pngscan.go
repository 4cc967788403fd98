package container

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

// pngChunk is a chunk's place; its data is read on demand.
type pngChunk struct {
	kind   string
	off    int64 // of the data
	length int64
	r      io.ReaderAt
	size   int64
}

// maxChunks bounds the chunks looked at in one file.
const maxChunks = 1 << 16

// pngChunks calls visit for each chunk behind the signature until it answers
// false, the file ends, or the structure breaks.
func pngChunks(r io.ReaderAt, size int64, visit func(pngChunk) bool) error {
	off := int64(8)
	for range maxChunks {
		var h [8]byte
		if err := readAt(r, h[:], off, size); err != nil {
			return err
		}
		c := pngChunk{string(h[4:]), off + 8, int64(binary.BigEndian.Uint32(h[:])), r, size}
		if c.length > 1<<31-1 {
			return malformed("chunk of %d bytes", c.length)
		}
		if !visit(c) || c.kind == "IEND" {
			return nil
		}
		off += 12 + c.length
	}
	return malformed("more than %d chunks", maxChunks)
}

// data reads a chunk of at most limit bytes and checks its sum.
func (c pngChunk) data(limit int64) ([]byte, error) {
	if c.length > limit {
		return nil, malformed("%s chunk of %d bytes", c.kind, c.length)
	}
	b := make([]byte, c.length+4)
	if err := readAt(c.r, b, c.off, c.size); err != nil {
		return nil, err
	}
	sum := crc32.Update(crc32.ChecksumIEEE([]byte(c.kind)), crc32.IEEETable, b[:c.length])
	if sum != binary.BigEndian.Uint32(b[c.length:]) {
		return nil, malformed("checksum of a %s chunk", c.kind)
	}
	return b[:c.length], nil
}
