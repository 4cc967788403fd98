package xmp

import (
	"errors"
	"fmt"
	"strings"
)

// ErrMalformed says that a packet is no well-formed XML or holds no rdf:RDF.
var ErrMalformed = errors.New("malformed XMP")

// Limits of what is parsed.
const (
	maxPacket = 32 << 20
	maxDepth  = 200
	maxAttrs  = 4096
)

type tokKind uint8

const (
	tokStart tokKind = iota
	tokEnd
	tokEmpty // <name …/>
	tokText
	tokOther // comment, processing instruction, CDATA, declaration
)

type attr struct {
	lo, hi   int // with the blanks in front
	name     string
	vlo, vhi int // between the quotes
}

type token struct {
	kind   tokKind
	lo, hi int
	name   string
	attrs  []attr
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// lex returns the token that starts at lo < len(s).
func lex(s string, lo int) (t token, err error) {
	bad := func(what string) (token, error) {
		return token{}, fmt.Errorf("%w: %s at byte %d", ErrMalformed, what, lo)
	}
	t.lo = lo
	if s[lo] != '<' {
		t.kind, t.hi = tokText, len(s)
		if i := strings.IndexByte(s[lo:], '<'); i >= 0 {
			t.hi = lo + i
		}
		return t, nil
	}
	for _, o := range []struct{ open, end string }{{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}, {"<!", ">"}} {
		if strings.HasPrefix(s[lo:], o.open) {
			i := strings.Index(s[lo+len(o.open):], o.end)
			if i < 0 {
				return bad("open " + o.open)
			}
			t.kind, t.hi = tokOther, lo+len(o.open)+i+len(o.end)
			return t, nil
		}
	}
	i := lo + 1
	if i < len(s) && s[i] == '/' {
		t.kind = tokEnd
		i++
	}
	name := i
	for i < len(s) && !blank(s[i]) && s[i] != '>' && s[i] != '/' && s[i] != '<' && s[i] != '=' {
		i++
	}
	t.name = s[name:i]
	if t.name == "" {
		return bad("tag without a name")
	}
	for {
		at := i
		for i < len(s) && blank(s[i]) {
			i++
		}
		if i >= len(s) {
			return bad("open tag")
		}
		switch {
		case s[i] == '>':
			t.hi = i + 1
			return t, nil
		case s[i] == '/' && t.kind == tokStart && i+1 < len(s) && s[i+1] == '>':
			t.kind, t.hi = tokEmpty, i+2
			return t, nil
		}
		if at == i || t.kind == tokEnd || len(t.attrs) >= maxAttrs {
			return bad("broken tag")
		}
		a := attr{lo: at}
		name := i
		for i < len(s) && !blank(s[i]) && s[i] != '=' && s[i] != '>' && s[i] != '/' && s[i] != '<' {
			i++
		}
		a.name = s[name:i]
		for i < len(s) && blank(s[i]) {
			i++
		}
		if i >= len(s) || s[i] != '=' || a.name == "" {
			return bad("broken attribute")
		}
		for i++; i < len(s) && blank(s[i]); i++ {
		}
		if i >= len(s) || s[i] != '"' && s[i] != '\'' {
			return bad("attribute without quotes")
		}
		end := strings.IndexByte(s[i+1:], s[i])
		if end < 0 {
			return bad("open attribute")
		}
		a.vlo, a.vhi = i+1, i+1+end
		if strings.IndexByte(s[a.vlo:a.vhi], '<') >= 0 {
			return bad("broken attribute")
		}
		i = a.vhi + 1
		a.hi = i
		t.attrs = append(t.attrs, a)
	}
}

// binding is a namespace declaration in scope.
type binding struct{ prefix, uri string }

// scope is the declarations in scope, innermost last.
type scope []binding

func (s scope) with(src string, attrs []attr) scope {
	out := s
	for _, a := range attrs {
		p, ok := strings.CutPrefix(a.name, "xmlns")
		if !ok || p != "" && p[0] != ':' {
			continue
		}
		out = append(out[:len(out):len(out)], binding{strings.TrimPrefix(p, ":"), unescape(src[a.vlo:a.vhi])})
	}
	return out
}

func (s scope) uri(prefix string) (string, bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].prefix == prefix {
			return s[i].uri, true
		}
	}
	return "", prefix == ""
}

// element resolves an element's name, attribute an attribute's (which has no default namespace).
func (s scope) element(q string) Name {
	p, l, ok := strings.Cut(q, ":")
	if !ok {
		p, l = "", q
	}
	u, _ := s.uri(p)
	return Name{u, l}
}

func (s scope) attribute(q string) Name {
	p, l, ok := strings.Cut(q, ":")
	if !ok {
		return Name{"", q}
	}
	u, _ := s.uri(p)
	return Name{u, l}
}

// declare returns xmlns attributes for everything in scope, but for prefixes in has.
func (s scope) declare(has []attr) string {
	seen := map[string]bool{"xml": true}
	for _, a := range has {
		if p, ok := strings.CutPrefix(a.name, "xmlns"); ok {
			seen[strings.TrimPrefix(p, ":")] = true
		}
	}
	var b strings.Builder
	for i := len(s) - 1; i >= 0; i-- {
		if seen[s[i].prefix] {
			continue
		}
		seen[s[i].prefix] = true
		b.WriteString(" xmlns")
		if s[i].prefix != "" {
			b.WriteString(":" + s[i].prefix)
		}
		b.WriteString(`="` + escape(s[i].uri) + `"`)
	}
	return b.String()
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")

// escape makes s XML text; characters XML cannot hold become U+FFFD.
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return escaper.Replace(s)
}
