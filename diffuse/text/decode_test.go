package text

import "strings"

// decode is the text of tokens as transformers spells it: small letters, a space behind every word (none behind the marks and the
// token 0), none at the end. Numbers outside the vocabulary give U+FFFD, and so do bytes that are no UTF-8, which only
// tokens cut off within a word have.
func decode(ids []int32) string {
	var b []byte
	for _, id := range ids {
		switch {
		case id == BOS:
			b = append(b, bosText...)
		case id == EOS:
			b = append(b, eosText...)
		case id < 0 || id > EOS:
			b = append(b, "\uFFFD"...)
		default:
			b = spell(b, int(id))
		}
	}
	return strings.Trim(validUTF8(string(b)), " ")
}

// spell appends a token's bytes.
func spell(b []byte, id int) []byte {
	switch {
	case id < endOfWord:
		return append(b, byteOf[id])
	case id < merged:
		return append(b, byteOf[id-endOfWord], ' ')
	}
	left, right := parts(id)
	return spell(spell(b, int(left)), int(right))
}
