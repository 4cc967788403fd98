package realedit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/internal/exif"
	"github.com/realedit/realedit/internal/icc"
	"github.com/realedit/realedit/internal/jpegcoef"
	"github.com/realedit/realedit/kernels"
)

// metadata checks what a picture's file says of itself.
func (v *verifier) metadata(a *artefact, unaltered bool) {
	if a == nil || a.jpeg == nil && a.pixels == nil {
		return // what is broken has been told
	}
	b, warnings := container.ReadBlocks(bytes.NewReader(a.data), int64(len(a.data)))
	for _, w := range warnings {
		v.add(ProblemMetadata, a.name, "%s", w)
	}
	v.xmp(a, b, unaltered)
	if !unaltered { // the sibling is coded like it: v.pixels
		v.coding(a)
	}
	if !bytes.Equal(b.ICC, icc.SRGBProfile()) {
		v.add(ProblemMetadata, a.name, "the profile is not this library's sRGB")
	}
	e, _, err := exif.Parse(b.EXIF)
	if err != nil {
		v.add(ProblemMetadata, a.name, "EXIF: %v", err)
		return
	}
	if v.r.Output.NoGPS && e.GPS != nil {
		v.add(ProblemMetadata, a.name, "EXIF has a position, and no_gps is true")
	}
	if e.Orientation > 1 {
		v.add(ProblemMetadata, a.name, "the orientation is %d, pixels are upright", e.Orientation)
	}
	if w, h := a.header.Width, a.header.Height; e.Width != w || e.Height != h {
		v.add(ProblemMetadata, a.name, "EXIF has %d×%d pixels, the file %d×%d", e.Width, e.Height, w, h)
	}
}

// coding checks what the report says of how the picture is coded.
func (v *verifier) coding(a *artefact) {
	o, bits := v.r.Output, 8
	if a.pixels != nil && a.pixels.Format() == kernels.U16 {
		bits = 16
	}
	if f := a.header.Format.String(); f != o.Format || bits != o.Bits {
		v.add(ProblemFormat, a.name, "%s of %d bits, the report has %q of %d", f, bits, o.Format, o.Bits)
	}
	if !sameQuality(a.jpeg, o.Quality) {
		v.add(ProblemFormat, a.name, "its quantisation is not that of quality %d, which the report has", o.Quality)
	}
}

// sameQuality tells whether a JPEG has the quantisation tables of a quality; nil, no JPEG, has quality 0.
func sameQuality(f *jpegcoef.File, quality int) bool {
	if f == nil || quality < 1 || quality > 100 {
		return f == nil && quality == 0
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 1, 1)), &jpeg.Options{Quality: quality}); err != nil {
		return false
	}
	g, err := jpegcoef.Parse(b.Bytes())
	return err == nil && slices.EqualFunc(f.Components, g.Components, func(a, b jpegcoef.Component) bool { return a.Quant == b.Quant })
}

// xmp checks the properties that Encode sets. A disclosure where none is due is no lie: the photo itself may have had it.
func (v *verifier) xmp(a *artefact, b container.Blocks, unaltered bool) {
	facts, err := factsOf(v.r, unaltered)
	if err != nil {
		v.add(ProblemIncomplete, "", "%s", cause(err))
		return
	}
	for _, p := range facts {
		values, ok := b.Property(p.Name)
		switch {
		case !ok:
			v.add(ProblemXMP, a.name, "%s is not there", p.Local)
		case p.Local == "Report" && p.Space == xmpNamespace:
			if err := v.sameReport(strings.Join(values, "")); err != nil {
				v.add(ProblemXMP, a.name, "Report: %v", err)
			}
		case !slices.Equal(values, p.Values):
			v.add(ProblemXMP, a.name, "%s is %s, after the report %s", p.Local, quotedList(values), quotedList(p.Values))
		}
	}
}

func quotedList(values []string) string {
	return strings.Join(strings.Fields(fmt.Sprintf("%q", values)), " ")
}

// fileFacts are the report's keys that the file's own copy of it lacks.
var fileFacts = []string{"output", "unaltered", "changes"}

// runFacts are a stage's keys that the file's own report lacks.
var runFacts = []string{"backend", "device", "seconds", "fallbacks"}

// sameReport compares the report in the file's metadata with the one beside it, key by key, so that keys which a later version of this library adds count, too.
func (v *verifier) sameReport(text string) error {
	var inside map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&inside); err != nil {
		return fmt.Errorf("no JSON: %w", err)
	}
	keys := map[string]bool{}
	for k := range inside {
		keys[k] = true
	}
	for k := range v.raw {
		keys[k] = true
	}
	var differ []string
	for _, k := range sortedKeys(keys) {
		if slices.Contains(fileFacts, k) {
			continue
		}
		x, y := inside[k], v.raw[k]
		switch k {
		case "findings":
			x, y = onlyEmbedded(x), onlyEmbedded(y)
		case "stages":
			x, y = embeddedStages(x), embeddedStages(y)
		}
		if !reflect.DeepEqual(plain(x), plain(y)) {
			differ = append(differ, k)
		}
	}
	if len(differ) > 0 {
		return fmt.Errorf("%s differ from the report beside the picture", strings.Join(differ, ", "))
	}
	return nil
}

// onlyEmbedded are the findings that a file's own report has.
func onlyEmbedded(v any) any {
	list, _ := v.([]any)
	kept := []any{}
	for _, f := range list {
		m, _ := f.(map[string]any)
		if check, _ := m["check"].(string); embedded(check) {
			kept = append(kept, f)
		}
	}
	return kept
}

// embeddedStages are stages without the keys that a file's own report lacks.
func embeddedStages(v any) any {
	list, _ := v.([]any)
	kept := []any{}
	for _, s := range list {
		m, _ := s.(map[string]any)
		m = maps.Clone(m)
		for _, key := range runFacts {
			delete(m, key)
		}
		kept = append(kept, m)
	}
	return kept
}

// plain makes JSON values comparable: a number may be written in several ways.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		if f >= 0 && f < 1<<53 && f == float64(uint64(f)) {
			return uint64(f)
		}
		return f
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = plain(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = plain(x)
		}
		return out
	}
	return v
}
