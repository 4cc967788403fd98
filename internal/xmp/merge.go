package xmp

import (
	"crypto/md5"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Kind is the form of a property's value.
type Kind uint8

// Forms of values.
const (
	Simple Kind = iota // one text
	Seq                // ordered list
	Bag                // unordered list
)

// Prop is a property with its value. Prefix is used where the property is added.
type Prop struct {
	Name
	Prefix string
	Kind   Kind
	Values []string
}

// Text returns a simple property.
func Text(space, prefix, local, value string) Prop {
	return Prop{Name{space, local}, prefix, Simple, []string{value}}
}

// Edit is what Merge does to a packet.
type Edit struct {
	// Set are properties to be there afterwards with exactly these values.
	Set []Prop
	// Update are properties to take these values where the packet has them already.
	Update []Prop
	// Remove tells properties to be taken out; nil removes none.
	Remove func(Name) bool
}

// Finished returns an edit that makes true what a packet says about the
// pixels: orientation 1, dimensions, sRGB; thumbnails, and references to gain maps,
// motion photos and C2PA manifests, which the finished file does not have, are removed;
// GPS too, if asked.
// Add the host's own facts to its Set.
func Finished(width, height int, stripGPS bool) Edit {
	w, h := strconv.Itoa(width), strconv.Itoa(height)
	return Edit{
		Update: []Prop{
			Text(NSTIFF, "tiff", "Orientation", "1"),
			Text(NSTIFF, "tiff", "ImageWidth", w), Text(NSTIFF, "tiff", "ImageLength", h),
			Text(NSExif, "exif", "PixelXDimension", w), Text(NSExif, "exif", "PixelYDimension", h),
			Text(NSExif, "exif", "ColorSpace", "1"),
			Text(NSPhotoshop, "photoshop", "ICCProfile", "sRGB IEC61966-2.1"),
		},
		Remove: func(n Name) bool {
			switch n.Space {
			case NSGainMap, NSContainer, NSGCamera:
				return true
			case NSTerms:
				return n.Local == "provenance"
			case NSXMP:
				return n.Local == "Thumbnails"
			case NSExif:
				return stripGPS && strings.HasPrefix(n.Local, "GPS")
			}
			return false
		},
	}
}

// change replaces s[lo:hi].
type change struct {
	lo, hi int
	text   string
}

func apply(s string, c []change) string {
	sort.SliceStable(c, func(i, j int) bool { return c[i].lo < c[j].lo })
	var b strings.Builder
	at := 0
	for _, x := range c {
		if x.lo < at {
			continue
		}
		b.WriteString(s[at:x.lo])
		b.WriteString(x.text)
		at = x.hi
	}
	b.WriteString(s[at:])
	return b.String()
}

// Merge returns the packet with an edit applied; all other bytes stay as they are.
// A nil packet gives a new one. A packet in UTF-16 or UTF-32 comes back as UTF-8. Errors
// wrap ErrMalformed; the caller then drops the packet with a warning and merges into nil.
func Merge(packet []byte, e Edit) ([]byte, error) {
	if len(packet) == 0 {
		packet = []byte(emptyPacket)
	}
	d, err := parse(packet)
	if err != nil {
		return nil, err
	}
	set, update := map[Name]bool{}, map[Name]Prop{}
	for _, p := range e.Set {
		set[p.Name] = true
	}
	for _, p := range e.Update {
		update[p.Name] = p
	}
	var c []change
	for _, n := range d.nodes {
		var cuts []prop
		for _, p := range n.props {
			if set[p.name] || e.Remove != nil && e.Remove(p.name) {
				cuts = append(cuts, p)
			} else if u, ok := update[p.name]; ok {
				c = append(c, d.replace(p, u))
			}
		}
		c = append(c, d.cutAll(n, cuts)...)
	}
	if len(e.Set) > 0 {
		c = append(c, d.insert(d.describe(e.Set)))
	}
	return []byte(apply(d.s, c)), nil
}

// emptyPacket has the padding that the standard recommends for later edits in place.
var emptyPacket = "<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" +
	"<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n <rdf:RDF xmlns:rdf=\"" + NSRDF + "\">\n </rdf:RDF>\n</x:xmpmeta>\n" +
	strings.Repeat(strings.Repeat(" ", 99)+"\n", 20) + "<?xpacket end=\"w\"?>"

// cutAll removes properties of one description, and the description itself where it held nothing else.
func (d *doc) cutAll(n node, cuts []prop) (c []change) {
	rest := n.start.hi
	empty := len(cuts) > 0 && len(cuts) == len(n.props)
	for _, p := range cuts {
		c = append(c, d.cut(p))
		if p.element {
			empty = empty && strings.TrimSpace(d.s[rest:p.lo]) == ""
			rest = p.hi
		}
	}
	if n.start.kind == tokStart {
		empty = empty && strings.TrimSpace(d.s[rest:n.hi]) == "</"+n.start.name+">"
	}
	if !empty {
		return c
	}
	lo, hi := d.lineStart(n.lo), n.hi
	if lo > 0 && d.s[lo-1] != '\n' {
		if lo = n.lo; d.s[lo-1] == ' ' { // the one that describe puts there
			lo--
		}
	}
	if strings.HasPrefix(d.s[hi:], "\n") {
		hi++
	}
	return []change{{lo, hi, ""}}
}

// lineStart goes back over the blanks in front of i within its line.
func (d *doc) lineStart(i int) int {
	for i > 0 && (d.s[i-1] == ' ' || d.s[i-1] == '\t') {
		i--
	}
	return i
}

// cut removes a property, an element with the line it stands on alone.
func (d *doc) cut(p prop) change {
	lo, hi := p.lo, p.hi
	if p.element {
		i := lo
		for i > 0 && blank(d.s[i-1]) {
			i--
		}
		if i > 0 && d.s[i-1] == '>' && strings.IndexByte(d.s[i:lo], '\n') >= 0 {
			lo = i + strings.LastIndexByte(d.s[i:lo], '\n')
			if lo > i && d.s[lo-1] == '\r' {
				lo--
			}
		}
	}
	return change{lo, hi, ""}
}

func (d *doc) replace(p prop, u Prop) change {
	if !p.element {
		return change{p.vlo, p.vhi, escape(strings.Join(u.Values, ", "))}
	}
	return change{p.lo, p.hi, d.element(p.qname, u)}
}

// element encodes a property. Its namespace is declared around it.
func (d *doc) element(qname string, u Prop) string {
	var b strings.Builder
	b.WriteString("<" + qname + ">")
	if u.Kind == Simple {
		b.WriteString(escape(strings.Join(u.Values, ", ")))
	} else {
		list := map[Kind]string{Seq: "Seq", Bag: "Bag"}[u.Kind]
		b.WriteString("<" + d.prefix + list + ">")
		for _, v := range u.Values {
			b.WriteString("<" + d.prefix + "li>" + escape(v) + "</" + d.prefix + "li>")
		}
		b.WriteString("</" + d.prefix + list + ">")
	}
	b.WriteString("</" + qname + ">")
	return b.String()
}

// describe encodes properties as one rdf:Description about the same thing as the packet's others.
func (d *doc) describe(props []Prop) string {
	var b strings.Builder
	about := d.prefix + "about"
	if d.prefix == "" {
		about = "about"
	}
	b.WriteString(" <" + d.prefix + "Description " + about + `="` + quoted(d.about()) + `"`)
	prefixes := map[string]string{}
	used := map[string]bool{strings.TrimSuffix(d.prefix, ":"): true, "": true}
	for _, p := range props {
		if _, ok := prefixes[p.Space]; ok {
			continue
		}
		name := p.Prefix
		for i := 1; used[name]; i++ {
			name = fmt.Sprintf("%s%d", p.Prefix, i)
		}
		used[name] = true
		prefixes[p.Space] = name
		b.WriteString("\n   xmlns:" + name + `="` + escape(p.Space) + `"`)
	}
	b.WriteString(">\n")
	for _, p := range props {
		b.WriteString("  " + d.element(prefixes[p.Space]+":"+p.Local, p) + "\n")
	}
	b.WriteString(" </" + d.prefix + "Description>\n")
	return b.String()
}

// quoted makes a raw attribute value safe inside double quotes.
func quoted(raw string) string { return strings.ReplaceAll(raw, `"`, "&quot;") }

// insert puts text at the end of rdf:RDF.
func (d *doc) insert(text string) change {
	if d.empty {
		open := strings.TrimSuffix(d.s[d.start.lo:d.start.hi], "/>")
		return change{d.start.lo, d.start.hi, open + ">\n" + text + "</" + d.start.name + ">"}
	}
	at := d.lineStart(d.end)
	if at == 0 || d.s[at-1] != '\n' {
		at = d.end
	}
	return change{at, at, text}
}

// Get returns the values of a top-level property: one text, or a list's items.
// Structures have none.
func Get(packet []byte, name Name) (values []string, ok bool) {
	d, err := parse(packet)
	if err != nil {
		return nil, false
	}
	for _, n := range d.nodes {
		for _, p := range n.props {
			if p.name == name {
				return d.values(p), true
			}
		}
	}
	return nil, false
}

func (d *doc) values(p prop) (out []string) {
	raw := d.s[p.vlo:p.vhi]
	if !p.element || !strings.Contains(raw, "<") {
		return []string{unescape(raw)}
	}
	depth, text, inItem := 0, "", false
	for at := 0; at < len(raw); {
		t, err := lex(raw, at)
		if err != nil {
			break
		}
		at = t.hi
		switch t.kind {
		case tokStart:
			depth++
			if depth == 2 && strings.HasSuffix(t.name, "li") {
				inItem, text = true, ""
			}
		case tokText:
			if inItem && depth == 2 {
				text += unescape(raw[t.lo:t.hi])
			}
		case tokEnd:
			if depth == 2 && inItem {
				out, inItem = append(out, text), false
			}
			depth--
		}
	}
	return out
}

// Join merges a JPEG file's extended XMP (XMP part 3, 1.1.3.1) into its main packet.
func Join(main, extended []byte) ([]byte, error) {
	d, err := parse(main)
	if err != nil {
		return nil, err
	}
	x, err := parse(extended)
	if err != nil {
		return nil, err
	}
	var c []change
	for _, n := range d.nodes {
		var cuts []prop
		for _, p := range n.props {
			if p.name == (Name{NSNote, "HasExtendedXMP"}) {
				cuts = append(cuts, p)
			}
		}
		c = append(c, d.cutAll(n, cuts)...)
	}
	var b strings.Builder
	for _, n := range x.nodes {
		at := n.start.lo + 1 + len(n.start.name)
		b.WriteString(x.s[n.lo:at] + n.scope.declare(n.start.attrs) + x.s[at:n.hi] + "\n")
	}
	c = append(c, d.insert(b.String()))
	return []byte(apply(d.s, c)), nil
}

// Split makes a packet fit limit bytes: its padding goes first, then its largest
// properties move to an extension, whose GUID (32 upper-case hexadecimal digits
// of its MD5) the main packet then names. extended is nil when padding was enough.
func Split(packet []byte, limit int) (main, extended []byte, guid string, err error) {
	d, err := parse(packet)
	if err != nil {
		return nil, nil, "", err
	}
	tail := d.s[d.metaHi:]
	if i := strings.Index(tail, "<?xpacket"); i >= 0 {
		d.s = d.s[:d.metaHi] + "\n" + tail[i:]
	}
	if len(d.s) <= limit {
		return []byte(d.s), nil, "", nil
	}
	type item struct {
		p prop
		n node
	}
	var items []item
	for _, n := range d.nodes {
		for _, p := range n.props {
			if p.element && p.name.Space != NSNote {
				items = append(items, item{p, n})
			}
		}
	}
	sort.SliceStable(items, func(i, j int) bool { return items[i].p.hi-items[i].p.lo > items[j].p.hi-items[j].p.lo })
	const note = 400 // more than the Description that names the extension takes
	size := len(d.s) + note
	var b strings.Builder
	b.WriteString(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="` + NSRDF + `">`)
	var c []change
	for _, it := range items {
		if size <= limit {
			break
		}
		cut := d.cut(it.p)
		c = append(c, cut)
		size -= cut.hi - cut.lo
		b.WriteString(`<rdf:Description rdf:about="` + quoted(it.n.about) + `"`)
		b.WriteString(it.p.scope.declare([]attr{{name: "xmlns:rdf"}}) + ">")
		b.WriteString(d.s[it.p.lo:it.p.hi] + "</rdf:Description>")
	}
	if size > limit {
		return nil, nil, "", fmt.Errorf("xmp: packet of %d bytes cannot be split to %d", len(packet), limit)
	}
	b.WriteString("</rdf:RDF></x:xmpmeta>")
	extended = []byte(b.String())
	guid = fmt.Sprintf("%X", md5.Sum(extended))
	c = append(c, d.insert(d.describe([]Prop{Text(NSNote, "xmpNote", "HasExtendedXMP", guid)})))
	return []byte(apply(d.s, c)), extended, guid, nil
}
