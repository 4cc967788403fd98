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
}

// step says that each step-th character from first to last has the small letter delta from it.
type step struct{ first, last, step, delta rune }

var characters = sync.OnceValue(func() *table {
	c := &table{&unicode.RangeTable{}, &unicode.RangeTable{}, nil, map[rune]uint8{}, map[rune][2]rune{}, map[[2]rune]rune{}}
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
			}
		case 'd', 'x':
			c.decomposed[v[0]] = [2]rune{v[1], v[2]}
			if line[0] == 'd' && n == 3 {
				c.composed[[2]rune{v[1], v[2]}] = v[0]
			}
		default:
			panic(fmt.Sprintf("text: unicode.txt: %q", line)) // a defect of the build
		}
	}
	return c
})

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
