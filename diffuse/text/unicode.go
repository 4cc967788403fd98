package text

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"unicode"
)

// Classes of characters as the tokenizer's library has them, so that tokens do not change with Go's tables; testdata/tables.py wrote them and says what the
// lines are. Text in ASCII needs none of it.
//
//go:embed unicode.txt
var unicodeFile string

type table struct {
	letters, numbers *unicode.RangeTable
	small            []step // by first; they do not overlap
	classes          map[rune]uint8
	decomposed       map[rune][2]rune // the second 0 for none
	composed         map[[2]rune]rune

	// unsettled are the characters that composed text does not have, or only where nothing before them takes them up. Text without any is composed.
	unsettled map[rune]bool
	// concerned are the pages of 256 characters with a class, a decomposition or something unsettled; syllables of Hangul have none of their own.
	concerned [(unicode.MaxRune + 1) >> 8]bool
}

// step says that each step-th character from first to last has the small letter delta from it.
type step struct{ first, last, step, delta rune }

var characters = sync.OnceValue(readCharacters)

func readCharacters() *table {
	c := &table{letters: &unicode.RangeTable{}, numbers: &unicode.RangeTable{},
		classes: map[rune]uint8{}, decomposed: map[rune][2]rune{}, composed: map[[2]rune]rune{}, unsettled: map[rune]bool{}}
	unsettle := func(r rune) {
		c.unsettled[r] = true
		c.concerned[r>>8] = true
	}
	for r := rune(hangulV); r < hangulT+countT; r++ { // vowels and final consonants
		unsettle(r)
	}
	for line := range strings.Lines(unicodeFile) {
		var v [4]rune
		n := parse(line[1:], &v)
		switch line[0] {
		case 'L':
			add(c.letters, v[0], v[1])
		case 'N':
			add(c.numbers, v[0], v[1])
		case 'l':
			c.small = append(c.small, step{v[0], v[1], v[2], v[3]})
		case 'c':
			for r := v[0]; r <= v[1]; r++ {
				c.classes[r] = uint8(v[2])
				unsettle(r)
			}
		case 'd', 'x':
			c.decomposed[v[0]] = [2]rune{v[1], v[2]}
			c.concerned[v[0]>>8] = true
			if line[0] == 'x' || n == 2 {
				unsettle(v[0])
			} else {
				unsettle(v[2])
				c.composed[[2]rune{v[1], v[2]}] = v[0]
			}
		default:
			panic(fmt.Sprintf("text: unicode.txt: %q", line)) // a defect of the build
		}
	}
	return c
}

// parse reads the numbers of a line, hexadecimal, each with a space before it.
func parse(line string, v *[4]rune) (n int) {
	sign := rune(1)
	for _, b := range []byte(line) {
		switch {
		case b == ' ':
			n, sign = n+1, 1
		case b == '-':
			sign = -1
		case b >= 'a':
			v[n-1] = v[n-1]*16 + sign*rune(b-'a'+10)
		case b >= '0':
			v[n-1] = v[n-1]*16 + sign*rune(b-'0')
		}
	}
	return n
}

func add(t *unicode.RangeTable, first, last rune) {
	if last <= 0xffff {
		t.R16 = append(t.R16, unicode.Range16{Lo: uint16(first), Hi: uint16(last), Stride: 1})
		if last <= unicode.MaxLatin1 {
			t.LatinOffset++
		}
		return
	}
	t.R32 = append(t.R32, unicode.Range32{Lo: uint32(first), Hi: uint32(last), Stride: 1})
}
