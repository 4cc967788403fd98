package xmp

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Name is a property's name: namespace URI and local name.
type Name struct{ Space, Local string }

// prop is one top-level property where it lies in the packet: an attribute of
// rdf:Description, or a child element.
type prop struct {
	name    Name
	lo, hi  int // the attribute with its leading blank, or the element
	qname   string
	element bool
	vlo     int // value of an attribute, content of an element (vlo = vhi = 0 for <empty/>)
	vhi     int
	scope   scope
}

// node is a top-level rdf:Description.
type node struct {
	start  token
	lo, hi int
	about  string // raw attribute value
	props  []prop
	scope  scope // outside the element
}

// doc is a packet with its parts found.
type doc struct {
	s      string
	prefix string // of rdf:RDF, with colon
	start  token  // of rdf:RDF
	empty  bool   // <rdf:RDF/>
	end    int    // where </rdf:RDF> starts
	nodes  []node
	metaHi int // behind </x:xmpmeta> or </rdf:RDF>, whichever is outermost
}

// parse finds the top-level properties of the first rdf:RDF of a packet.
func parse(packet []byte) (*doc, error) {
	if len(packet) > maxPacket {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(packet))
	}
	d := &doc{s: toUTF8(packet)}
	type open struct {
		name  string
		scope scope
		lo    int
		hi    int // of its start tag
	}
	var stack []open
	rdf, desc := -1, -1 // depths of rdf:RDF and of its rdf:Description
	propStart := token{}
	for at := 0; at < len(d.s); {
		t, err := lex(d.s, at)
		if err != nil {
			if d.end > 0 && len(stack) == 0 {
				break // rubbish behind the packet
			}
			return nil, err
		}
		at = t.hi
		var outer scope
		if len(stack) > 0 {
			outer = stack[len(stack)-1].scope
		}
		depth := len(stack)
		switch t.kind {
		case tokStart, tokEmpty:
			sc := outer.with(d.s, t.attrs)
			name := sc.element(t.name)
			switch {
			case rdf < 0 && d.end == 0 && name == (Name{NSRDF, "RDF"}):
				d.start, d.prefix = t, ""
				if p, _, ok := strings.Cut(t.name, ":"); ok {
					d.prefix = p + ":"
				}
				if t.kind == tokEmpty {
					d.empty, d.end = true, t.hi
				} else {
					rdf = depth
				}
			case rdf >= 0 && depth == rdf+1 && name == (Name{NSRDF, "Description"}):
				d.addNode(t, outer, sc)
				if t.kind == tokStart {
					desc = depth
				}
			case desc >= 0 && depth == desc+1:
				if t.kind == tokEmpty {
					n := &d.nodes[len(d.nodes)-1]
					n.props = append(n.props, prop{name: name, lo: t.lo, hi: t.hi, qname: t.name, element: true, scope: outer})
				} else {
					propStart = t
				}
			}
			if t.kind == tokStart {
				if depth >= maxDepth {
					return nil, fmt.Errorf("%w: more than %d levels", ErrMalformed, maxDepth)
				}
				stack = append(stack, open{t.name, sc, t.lo, t.hi})
			}
		case tokEnd:
			if depth == 0 || stack[depth-1].name != t.name {
				if d.end > 0 && depth == 0 {
					at = len(d.s)
					break
				}
				return nil, fmt.Errorf("%w: </%s> closes nothing", ErrMalformed, t.name)
			}
			o := stack[depth-1]
			stack = stack[:depth-1]
			depth--
			switch {
			case depth == rdf:
				d.end, rdf = t.lo, -1
			case depth == desc:
				d.nodes[len(d.nodes)-1].hi = t.hi
				desc = -1
			case desc >= 0 && depth == desc+1:
				n := &d.nodes[len(d.nodes)-1]
				n.props = append(n.props, prop{name: o.scope.element(t.name), lo: o.lo, hi: t.hi, qname: t.name, element: true,
					vlo: propStart.hi, vhi: t.lo, scope: stack[depth-1].scope})
			}
			if depth == 0 && d.end > 0 && d.metaHi == 0 {
				d.metaHi = t.hi
			}
		}
	}
	if d.end == 0 || len(stack) > 0 {
		return nil, fmt.Errorf("%w: no closed rdf:RDF", ErrMalformed)
	}
	if d.metaHi == 0 {
		d.metaHi = d.end
	}
	return d, nil
}

// addNode records an rdf:Description with its attribute properties.
func (d *doc) addNode(t token, outer, sc scope) {
	n := node{start: t, lo: t.lo, hi: t.hi, scope: outer}
	for _, a := range t.attrs {
		name := sc.attribute(a.name)
		switch {
		case a.name == "xmlns" || strings.HasPrefix(a.name, "xmlns:") || strings.HasPrefix(a.name, "xml:"):
		case name.Space == NSRDF || name.Space == "":
			if name.Local == "about" {
				n.about = d.s[a.vlo:a.vhi]
			}
		default:
			n.props = append(n.props, prop{name: name, lo: a.lo, hi: a.hi, qname: a.name, vlo: a.vlo, vhi: a.vhi, scope: sc})
		}
	}
	d.nodes = append(d.nodes, n)
}

func (d *doc) about() string {
	for _, n := range d.nodes {
		return n.about
	}
	return ""
}

// toUTF8 turns a packet in UTF-16 or UTF-32 into UTF-8; NUL bytes at the end are cut.
func toUTF8(b []byte) string {
	wide := func(size int, num func([]byte) uint32) string {
		var r []rune
		var u []uint16
		for ; len(b) >= size; b = b[size:] {
			if size == 4 {
				r = append(r, rune(num(b)))
			} else {
				u = append(u, uint16(num(b)))
			}
		}
		if size == 2 {
			r = utf16.Decode(u)
		}
		return strings.TrimPrefix(strings.TrimRight(string(r), "\x00"), "\uFEFF")
	}
	le16 := func(b []byte) uint32 { return uint32(binary.LittleEndian.Uint16(b)) }
	be16 := func(b []byte) uint32 { return uint32(binary.BigEndian.Uint16(b)) }
	switch {
	case has(b, "\xff\xfe\x00\x00"), has(b, "<\x00\x00\x00"):
		return wide(4, binary.LittleEndian.Uint32)
	case has(b, "\x00\x00\xfe\xff"), has(b, "\x00\x00\x00<"):
		return wide(4, binary.BigEndian.Uint32)
	case has(b, "\xff\xfe"), has(b, "<\x00"):
		return wide(2, le16)
	case has(b, "\xfe\xff"), has(b, "\x00<"):
		return wide(2, be16)
	}
	return strings.TrimRight(string(b), "\x00")
}

func has(b []byte, p string) bool { return len(b) >= len(p) && string(b[:len(p)]) == p }

// unescape resolves XML's five entities and character references.
func unescape(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		s = s[i:]
		end := strings.IndexByte(s[:min(len(s), 12)], ';')
		if end < 0 {
			b.WriteByte('&')
			s = s[1:]
			continue
		}
		switch e := s[1:end]; {
		case e == "lt":
			b.WriteByte('<')
		case e == "gt":
			b.WriteByte('>')
		case e == "amp":
			b.WriteByte('&')
		case e == "quot":
			b.WriteByte('"')
		case e == "apos":
			b.WriteByte('\'')
		case strings.HasPrefix(e, "#x"):
			n, _ := strconv.ParseUint(e[2:], 16, 31)
			b.WriteRune(rune(n))
		case strings.HasPrefix(e, "#"):
			n, _ := strconv.ParseUint(e[1:], 10, 31)
			b.WriteRune(rune(n))
		default:
			b.WriteString(s[:end+1])
		}
		s = s[end+1:]
	}
}
