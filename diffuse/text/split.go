package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The marks as text: a prompt that has them gets the tokens.
const (
	bosText = "<|startoftext|>"
	eosText = "<|endoftext|>"
)

// words calls yield with the words of a normalized text, until it returns false: the marks; English endings after an apostrophe; runs of letters;
// single digits (and other numbers); runs of what is neither of these nor space.
func words(text string, yield func(string) bool) {
	for text != "" {
		// Marks come before all else: they part what would be one run of symbols.
		part, mark := cutMark(text)
		text = text[len(part)+len(mark):]
		if !plainWords(part, yield) || mark != "" && !yield(mark) {
			return
		}
	}
}

// cutMark is the text before the first mark, and that mark, or all of the text.
func cutMark(text string) (part, mark string) {
	for at := 0; ; at += 2 {
		i := strings.Index(text[at:], "<|")
		if i < 0 {
			return text, ""
		}
		at += i
		for _, m := range []string{bosText, eosText} {
			if strings.HasPrefix(text[at:], m) {
				return text[:at], m
			}
		}
	}
}

func plainWords(text string, yield func(string) bool) bool {
	for text != "" {
		n := ending(text)
		if n == 0 {
			r, size := utf8.DecodeRuneInString(text)
			kind := kindOf(r)
			n = size
			for kind != number && n < len(text) {
				r, size := utf8.DecodeRuneInString(text[n:])
				if kindOf(r) != kind {
					break
				}
				n += size
			}
			if kind == space {
				text = text[n:]
				continue
			}
		}
		if !yield(text[:n]) {
			return false
		}
		text = text[n:]
	}
	return true
}

// ending is the length of 's, 't, 're, 've, 'm, 'll or 'd at the begin of a text, else 0.
func ending(text string) int {
	if len(text) < 2 || text[0] != '\'' {
		return 0
	}
	switch text[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(text) > 2 {
		switch text[1:3] {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}

type kind uint8

const (
	symbol kind = iota
	letter
	number
	space
)

func kindOf(r rune) kind {
	switch {
	case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
		return letter
	case '0' <= r && r <= '9':
		return number
	case unicode.IsSpace(r):
		return space
	case r < utf8.RuneSelf:
		return symbol
	case unicode.Is(characters().letters, r):
		return letter
	case unicode.Is(characters().numbers, r):
		return number
	}
	return symbol
}
