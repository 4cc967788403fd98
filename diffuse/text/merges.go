package text

import (
	_ "embed"
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

// mergeTable is an open hash table of the tokens that merges make, 0 for none, at the hash of their two parts or the next free place behind it. The parts
// are compared with the file's. A merge's rank is its token: lower ones come first.
type mergeTable [1 << mergeBits]uint16

const mergeBits = 17 // 131072 places for 48894 merges

var merges = sync.OnceValue(readMerges)

func readMerges() *mergeTable {
	var t mergeTable
	for id := merged; id < int(BOS); id++ {
		at := hash(parts(id))
		for t[at] != 0 {
			at = (at + 1) % uint32(len(t))
		}
		t[at] = uint16(id)
	}
	return &t
}

func hash(a, b int32) uint32 {
	return uint32(a<<16|b) * 0x9e3779b1 >> (32 - mergeBits) // Knuth's multiplicative hash: the golden ratio's bits
}

// of is the token that a and b merge to, 0 if they do not.
func (t *mergeTable) of(a, b int32) int32 {
	for at := hash(a, b); t[at] != 0; at = (at + 1) % uint32(len(t)) {
		if left, right := parts(int(t[at])); left == a && right == b {
			return int32(t[at])
		}
	}
	return 0
}

// parts are the two tokens that the token id was merged from.
func parts(id int) (a, b int32) {
	p := mergesFile[4*(id-merged) : 4*(id-merged)+4]
	return int32(p[0]) | int32(p[1])<<8, int32(p[2]) | int32(p[3])<<8
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
