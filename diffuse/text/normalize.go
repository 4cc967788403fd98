package text

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// normalize composes characters (Unicode normalization form C), and makes capital letters small; it leaves spaces as they are, for words
// end at any of them. Letters become small one by one: Σ is σ wherever it stands. The text is valid UTF-8.
func normalize(text string) string {
	ascii := true
	for i := range len(text) {
		ascii = ascii && text[i] < utf8.RuneSelf
	}
	if ascii {
		return strings.ToLower(text)
	}
	c := characters()
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range c.compose(text) {
		if r == 'İ' {
			b.WriteString("i\u0307") // the one letter that becomes two
		} else {
			b.WriteRune(c.lower(r))
		}
	}
	return b.String()
}

// compose is the text in normalization form C (Unicode Standard Annex #15). Package norm of golang.org/x/text is not
// used: it inserts a joiner after 30 combining marks, and follows another version of Unicode than the tokenizer's library.
func (c *table) compose(text string) []rune {
	settled := true
	for _, r := range text {
		settled = settled && !(c.concerned[r>>8] && c.unsettled[r])
	}
	if settled {
		return []rune(text)
	}
	rs := make([]rune, 0, len(text))
	for _, r := range text {
		rs = c.decompose(rs, r)
	}
	// Marks behind a character are brought into the order of their classes, equal ones staying as they are.
	for i := 0; i < len(rs); i++ {
		if c.class(rs[i]) == 0 {
			continue
		}
		run := i + 1
		for run < len(rs) && c.class(rs[run]) != 0 {
			run++
		}
		slices.SortStableFunc(rs[i:run], func(a, b rune) int { return int(c.class(a)) - int(c.class(b)) })
		i = run
	}
	// Each starter takes up what follows, unless something of the same or a higher class, or another starter, stands between.
	out := rs[:0]
	starter, last := -1, uint8(0)
	for _, r := range rs {
		class := c.class(r)
		free := starter == len(out)-1 || last != 0 && last < class // nothing between, or lower classes only
		if starter >= 0 && free {
			if whole, ok := c.pair(out[starter], r); ok {
				out[starter] = whole
				continue
			}
		}
		if class == 0 {
			starter = len(out)
		}
		last = class
		out = append(out, r)
	}
	return out
}

func (c *table) class(r rune) uint8 {
	if !c.concerned[r>>8] {
		return 0
	}
	return c.classes[r]
}

// Syllables of Hangul are made by arithmetic (the Unicode Standard, section 3.12).
const (
	hangulS, hangulL, hangulV, hangulT = 0xac00, 0x1100, 0x1161, 0x11a7
	countL, countV, countT             = 19, 21, 28
)

func (c *table) decompose(rs []rune, r rune) []rune {
	if s := r - hangulS; s >= 0 && s < countL*countV*countT {
		rs = append(rs, hangulL+s/(countV*countT), hangulV+s/countT%countV)
		if t := s % countT; t != 0 {
			rs = append(rs, hangulT+t)
		}
		return rs
	}
	if !c.concerned[r>>8] {
		return append(rs, r)
	}
	d, ok := c.decomposed[r]
	if !ok {
		return append(rs, r)
	}
	rs = c.decompose(rs, d[0])
	if d[1] != 0 {
		rs = c.decompose(rs, d[1])
	}
	return rs
}

func (c *table) pair(a, b rune) (rune, bool) {
	if l, v := a-hangulL, b-hangulV; l >= 0 && l < countL && v >= 0 && v < countV {
		return hangulS + (l*countV+v)*countT, true
	}
	if s, t := a-hangulS, b-hangulT; s >= 0 && s < countL*countV*countT && s%countT == 0 && t > 0 && t < countT {
		return a + t, true
	}
	whole, ok := c.composed[[2]rune{a, b}]
	return whole, ok
}

// lower is the small letter of one that has one, else the character itself.
func (c *table) lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	if r < utf8.RuneSelf {
		return r
	}
	i, _ := slices.BinarySearchFunc(c.small, r, func(s step, r rune) int { return int(s.last - r) })
	if i < len(c.small) && c.small[i].first <= r && (r-c.small[i].first)%c.small[i].step == 0 {
		return r + c.small[i].delta
	}
	return r
}

// validUTF8 is the text with U+FFFD for what is no UTF-8: one for every sequence that begins like a character and is cut off, and for every
// other byte (Unicode's "substitution of maximal subparts", which is also what Python decodes to).
func validUTF8(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && n == 1 {
			for n < len(text) && !utf8.FullRuneInString(text[:n+1]) {
				n++
			}
			b.WriteRune(unicode.ReplacementChar)
		} else {
			b.WriteString(text[:n])
		}
		text = text[n:]
	}
	return b.String()
}
