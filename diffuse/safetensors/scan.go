package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// scanner reads the little of JSON that a header is made of: objects, strings, and integers that are not negative. encoding/json
// would take the last of two equal names and mend text that is not UTF-8.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\r' || s.b[s.i] == '\t') {
		s.i++
	}
}

func (s *scanner) errorf(format string, a ...any) error {
	return fmt.Errorf("header: byte %d: %s", s.i, fmt.Sprintf(format, a...))
}

// next tells whether c follows, and takes it.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scanner) want(c byte) error {
	if s.next(c) {
		return nil
	}
	if s.i >= len(s.b) {
		return s.errorf("ends where %q has to be", c)
	}
	return s.errorf("%q where %q has to be", s.b[s.i], c)
}

// text reads a string.
func (s *scanner) text() (string, error) {
	if err := s.want('"'); err != nil {
		return "", err
	}
	from, plain := s.i, true
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			raw := s.b[from:s.i]
			s.i++
			if plain {
				return string(raw), nil
			}
			return s.unescape(raw)
		case c == '\\':
			plain = false
			s.i++
		case c < ' ':
			return "", s.errorf("a control character in a string")
		}
	}
	return "", s.errorf("a string does not end")
}

// unescape resolves the escapes of a string. Halves of surrogate pairs, for which encoding/json puts U+FFFD, are no text.
func (s *scanner) unescape(raw []byte) (string, error) {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		if raw[i] != 'u' {
			continue
		}
		r, ok := unit(raw, i+1)
		if ok && r >= 0xdc00 && r < 0xe000 {
			return "", s.errorf("half a surrogate pair in %s", raw)
		}
		if i += 4; !ok || r < 0xd800 || r >= 0xe000 {
			continue
		}
		low, ok := unit(raw, i+3)
		if !ok || raw[i+1] != '\\' || raw[i+2] != 'u' || low < 0xdc00 || low >= 0xe000 {
			return "", s.errorf("half a surrogate pair in %s", raw)
		}
		i += 6
	}
	var text string
	if err := json.Unmarshal(append(append([]byte{'"'}, raw...), '"'), &text); err != nil {
		return "", s.errorf("string: %v", err)
	}
	return text, nil
}

// unit is the UTF-16 unit that four hexadecimal digits at i stand for.
func unit(b []byte, i int) (uint64, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[i:i+4]), 16, 16)
	return v, err == nil
}

var errNumber = errors.New("has to be an integer from 0 to 2⁶³−1")

// number reads an integer from 0 to 2⁶³−1.
func (s *scanner) number() (int64, error) {
	s.space()
	from := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	digits := string(s.b[from:s.i])
	if digits == "" || len(digits) > 1 && digits[0] == '0' {
		return 0, errNumber
	}
	if s.i < len(s.b) && (s.b[s.i] == '.' || s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		return 0, errNumber
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, errNumber
	}
	return n, nil
}

// maxNumbers is how long a list of integers may be: no shape has as many dimensions, and a header of a hundred megabytes takes no more memory than itself for one.
const maxNumbers = 64

// numbers reads a list of integers.
func (s *scanner) numbers() ([]int64, error) {
	if err := s.want('['); err != nil {
		return nil, err
	}
	list := []int64{}
	if s.next(']') {
		return list, nil
	}
	for {
		n, err := s.number()
		if err != nil {
			return nil, err
		}
		if list = append(list, n); len(list) > maxNumbers {
			return nil, s.errorf("more than %d numbers in a list", maxNumbers)
		}
		if s.next(']') {
			return list, nil
		}
		if err := s.want(','); err != nil {
			return nil, err
		}
	}
}

// object reads an object and calls field with every name, behind the colon.
func (s *scanner) object(field func(name string) error) error {
	if err := s.want('{'); err != nil {
		return err
	}
	if s.next('}') {
		return nil
	}
	for {
		name, err := s.text()
		if err != nil {
			return err
		}
		if err := s.want(':'); err != nil {
			return err
		}
		if err := field(name); err != nil {
			return err
		}
		if s.next('}') {
			return nil
		}
		if err := s.want(','); err != nil {
			return err
		}
	}
}

// whole reads one object that is all there is, but for space behind it.
func (s *scanner) whole(field func(name string) error) error {
	if len(s.b) == 0 || s.b[0] != '{' {
		return errors.New("header: does not begin with {")
	}
	if !utf8.Valid(s.b) {
		return errors.New("header: is not UTF-8")
	}
	if err := s.object(field); err != nil {
		return err
	}
	if s.space(); s.i < len(s.b) {
		return s.errorf("something follows after the end")
	}
	return nil
}
