package text

import (
	_ "embed"
	"encoding/binary"
	"sync"
)

// The vocabulary: 256 bytes, the same at the end of a word, and what merges make of two tokens, the most frequent first. Only the merges need storing.
// testdata/tables.py derives them from CLIP's list; their licence is in merges.LICENSE.
//
//go:embed merges.bin
var mergesFile string

const (
	endOfWord = 256 // token of a byte at the end of a word, less that of the byte
	merged    = 512 // first token that a merge makes
)

// merges maps two tokens, the left in the upper half, to what they merge to. A merge's rank is its token: lower ones come first.
var merges = sync.OnceValue(func() map[uint32]uint16 {
	m := make(map[uint32]uint16, len(mergesFile)/4)
	for id := merged; int(BOS) > id; id++ {
		a, b := parts(id)
		m[uint32(a)<<16|uint32(b)] = uint16(id)
	}
	return m
})

// parts are the two tokens that the token id was merged from.
func parts(id int) (a, b uint16) {
	p := []byte(mergesFile[4*(id-merged) : 4*(id-merged)+4])
	return binary.LittleEndian.Uint16(p), binary.LittleEndian.Uint16(p[2:])
}

// byteOf are the bytes of the tokens 0 to 255, tokenOf the reverse. CLIP lists the printable ones of Latin-1 first.
var byteOf, tokenOf = func() (bytes [256]byte, tokens [256]int32) {
	n := 0
	for _, printable := range []bool{true, false} {
		for b := range 256 {
			if printable == (b >= 0x21 && b <= 0x7e || b >= 0xa1 && b != 0xad) {
				bytes[n], tokens[b] = byte(b), int32(n)
				n++
			}
		}
	}
	return bytes, tokens
}()
