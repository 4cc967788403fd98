package xmp

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

const nsOwn = "https://example.org/ns/1.0/"

func wrap(inner string) string {
	return "<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n" +
		" <rdf:RDF xmlns:rdf=\"" + NSRDF + "\">\n" + inner + " </rdf:RDF>\n</x:xmpmeta>\n" + strings.Repeat(" ", 200) + "\n<?xpacket end=\"w\"?>"
}

const owner = `  <rdf:Description rdf:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff='http://ns.adobe.com/tiff/1.0/'
    xmlns:ex="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" tiff:Orientation='6' tiff:Make="A &amp; B">
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">A "house" &lt;by&gt; the sea</rdf:li></rdf:Alt></dc:description>
   <dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© owner</rdf:li></rdf:Alt></dc:rights>
   <ex:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture</ex:DigitalSourceType>
   <!-- a comment > with < marks -->
   <tiff:ImageWidth>6000</tiff:ImageWidth>
  </rdf:Description>
`

func wellFormed(t testing.TB, b []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("not well-formed: %v\n%.2000s", err, b)
		}
	}
}

func ownFacts() Edit {
	return Edit{Set: []Prop{
		Text(NSIptcExt, "Iptc4xmpExt", "DigitalSourceType", ComputationalCapture),
		Text(nsOwn, "own", "Class", "corrected <1>"),
		{Name{nsOwn, "Stages"}, "own", Seq, []string{"merge", "tone & more"}},
	}}
}

func TestMergeKeepsTheRest(t *testing.T) {
	in := wrap(owner)
	out, err := Merge([]byte(in), ownFacts())
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, out)
	// Without the old source type's line and our description the packet is the owner's, byte for byte.
	s := string(out)
	i := strings.Index(s, " <rdf:Description rdf:about=\"uuid:1\"\n")
	j := strings.LastIndex(s, "</rdf:Description>\n") + len("</rdf:Description>\n")
	if i < 0 || j < i {
		t.Fatal(s)
	}
	line := "\n   <ex:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture</ex:DigitalSourceType>"
	if got := s[:i] + s[j:]; got != strings.Replace(in, line, "", 1) {
		t.Errorf("the owner's part changed:\n%s", got)
	}
	for name, want := range map[Name][]string{
		DigitalSourceType:     {ComputationalCapture},
		{nsOwn, "Class"}:      {"corrected <1>"},
		{nsOwn, "Stages"}:     {"merge", "tone & more"},
		{NSDC, "rights"}:      {"© owner"},
		{NSDC, "description"}: {`A "house" <by> the sea`},
		{NSTIFF, "Make"}:      {"A & B"},
	} {
		if got, ok := Get(out, name); !ok || !slices.Equal(got, want) {
			t.Errorf("%v is %q, want %q", name, got, want)
		}
	}
	// Merging the same facts again changes nothing.
	again, err := Merge(out, ownFacts())
	if err != nil || !bytes.Equal(again, out) {
		t.Errorf("not idempotent: %v\n%s", err, again)
	}
}

func TestFinished(t *testing.T) {
	in := wrap(owner + `  <rdf:Description rdf:about="uuid:1" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
   xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" exif:GPSLatitude="52,0N" hdrgm:Version="1.0" exif:PixelXDimension="1"/>
  <rdf:Description rdf:about="uuid:1" xmlns:xmp="http://ns.adobe.com/xap/1.0/"><xmp:Rating>3</xmp:Rating><xmp:Thumbnails><rdf:Alt/></xmp:Thumbnails></rdf:Description>
`)
	for _, strip := range []bool{false, true} {
		out, err := Merge([]byte(in), Finished(640, 480, strip))
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, out)
		for name, want := range map[Name]string{{NSTIFF, "Orientation"}: "1", {NSTIFF, "ImageWidth"}: "640", {NSExif, "PixelXDimension"}: "640", {NSXMP, "Rating"}: "3"} {
			if got, ok := Get(out, name); !ok || len(got) != 1 || got[0] != want {
				t.Errorf("%v is %q, want %q", name, got, want)
			}
		}
		for _, name := range []Name{{NSXMP, "Thumbnails"}, {NSGainMap, "Version"}, {NSTIFF, "ImageLength"}} {
			if _, ok := Get(out, name); ok {
				t.Errorf("%v is there", name)
			}
		}
		if _, ok := Get(out, Name{NSExif, "GPSLatitude"}); ok == strip {
			t.Errorf("strip %v: GPS there: %v", strip, ok)
		}
		if strip && bytes.Contains(out, []byte("52,0N")) {
			t.Error("the position is still in the bytes")
		}
	}
}

func TestMergeForms(t *testing.T) {
	for name, in := range map[string]string{
		"nil":               "",
		"empty RDF":         `<rdf:RDF xmlns:rdf="` + NSRDF + `"/>`,
		"empty description": wrap(`<rdf:Description rdf:about=""/>`),
		"other prefix":      `<a:RDF xmlns:a="` + NSRDF + `"><a:Description a:about="" xmlns:own="urn:other" own:Class="theirs"/></a:RDF>`,
		"default namespace": `<RDF xmlns="` + NSRDF + `"><Description about=""/></RDF>`,
		"rubbish behind":    wrap("") + "\x00\x00<<<",
		"no wrapper":        `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="` + NSRDF + `"></rdf:RDF></x:xmpmeta>`,
		"cdata":             wrap(`<rdf:Description rdf:about="" xmlns:dc="` + NSDC + `"><dc:x><![CDATA[</rdf:RDF>]]></dc:x></rdf:Description>`),
	} {
		var b []byte
		if in != "" {
			b = []byte(in)
		}
		out, err := Merge(b, ownFacts())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name != "rubbish behind" {
			wellFormed(t, out)
		}
		if got, ok := Get(out, Name{nsOwn, "Class"}); !ok || got[0] != "corrected <1>" {
			t.Errorf("%s: %q\n%s", name, got, out)
		}
	}
	wide := []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(wrap(owner))) {
		wide = append(wide, byte(u>>8), byte(u))
	}
	out, err := Merge(wide, ownFacts())
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, out)
	if got, _ := Get(out, Name{NSDC, "rights"}); !slices.Equal(got, []string{"© owner"}) {
		t.Errorf("from UTF-16: %q", got)
	}
}

func TestMalformed(t *testing.T) {
	good := wrap(owner)
	for n := range len(good) - 300 {
		if _, err := Merge([]byte(good)[:n], ownFacts()); n > 0 && err == nil {
			t.Fatalf("%d of %d bytes pass", n, len(good))
		} else if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
	}
	deep := strings.Repeat("<a>", 1<<16)
	for _, s := range []string{"plain text", "<a b=c/>", "<a></b>", deep, wrap("<rdf:Description")} {
		if _, err := Merge([]byte(s), ownFacts()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.40q: %v", s, err)
		}
	}
}

func TestSplitJoin(t *testing.T) {
	big := strings.Repeat("0123456789 ", 12000)
	in := wrap(owner + `  <rdf:Description rdf:about="uuid:1" xmlns:big="urn:big" xmlns:dc="` + NSDC + `">
   <big:Log><rdf:Seq><rdf:li>` + big + `</rdf:li></rdf:Seq></big:Log>
   <big:Small>kept</big:Small>
  </rdf:Description>
`)
	const limit = 65503
	main, ext, guid, err := Split([]byte(in), limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(main) > limit || len(guid) != 32 {
		t.Fatalf("%d bytes, guid %q", len(main), guid)
	}
	wellFormed(t, main)
	wellFormed(t, ext)
	if got, _ := Get(main, Name{NSNote, "HasExtendedXMP"}); !slices.Equal(got, []string{guid}) {
		t.Errorf("note %q, guid %s", got, guid)
	}
	if got, _ := Get(main, Name{"urn:big", "Small"}); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("small property %q", got)
	}
	whole, err := Join(main, ext)
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, whole)
	for name, want := range map[Name]string{{"urn:big", "Log"}: big, {"urn:big", "Small"}: "kept", {NSDC, "rights"}: "© owner"} {
		if got, _ := Get(whole, name); !slices.Equal(got, []string{want}) {
			t.Errorf("%v: %.60q", name, got)
		}
	}
	if _, ok := Get(whole, Name{NSNote, "HasExtendedXMP"}); ok {
		t.Error("the note is still there")
	}
	// Padding goes first.
	padded := strings.Replace(wrap(owner), "</x:xmpmeta>", "</x:xmpmeta>"+strings.Repeat(" ", 70000), 1)
	if main, ext, _, err := Split([]byte(padded), limit); err != nil || ext != nil || len(main) > 4000 {
		t.Errorf("padding: %d bytes, extension %d, %v", len(main), len(ext), err)
	}
	if _, _, _, err := Split([]byte(in), 900); err == nil {
		t.Error("a packet cannot fit 900 bytes")
	}
}

func FuzzXMPMerge(f *testing.F) {
	f.Add([]byte(wrap(owner)))
	f.Add([]byte(`<a:RDF xmlns:a="` + NSRDF + `"><a:Description a:about="" xmlns:own="urn:other" own:Class="theirs"><own:x/></a:Description></a:RDF>`))
	f.Add([]byte("\xfe\xff\x00<\x00a\x00>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e := ownFacts()
		e.Update, e.Remove = Finished(3, 2, true).Update, Finished(3, 2, true).Remove
		out, err := Merge(b, e)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		for _, p := range e.Set {
			if got, ok := Get(out, p.Name); !ok || !slices.Equal(got, p.Values) {
				t.Fatalf("%v is %q", p.Name, got)
			}
		}
		again, err := Merge(out, e)
		if err != nil || !bytes.Equal(out, again) {
			t.Fatalf("not idempotent: %v\n%q\n%q", err, out, again)
		}
		if main, ext, _, err := Split(out, 2000); err == nil && ext != nil {
			if _, err := Join(main, ext); err != nil {
				t.Fatalf("join: %v\n%q\n%q", err, main, ext)
			}
		}
	})
}
