package main

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"io"
	"math"
	"net/url"
	"os"
	"sort"
	"strings"

	"golang.org/x/image/draw"

	"github.com/realedit/realedit"
)

//go:embed gallery.html
var galleryText string

var galleryPage = template.Must(template.New("gallery").Funcs(template.FuncMap{
	"link": link,
}).Parse(galleryText))

// galleryBytes is how large the previews in index.html may be together; beyond it they are made smaller.
const galleryBytes = 24 << 20

// card is a finished set in the gallery.
type card struct {
	*outcome
	Policy        realedit.Policy
	Before, After template.URL
	Width, Height int
	EVs           []float64
	Numbers       []number
	Findings      []realedit.Finding
	Serious       int // findings beyond info
}

type number struct{ Name, Value string }

// writeGallery writes index.html: one file that needs nothing beside it. Cards are written
// one by one, so that a large listing does not have to fit into memory.
func writeGallery(w io.Writer, s *summary, o *output) error {
	if err := galleryPage.ExecuteTemplate(w, "head", s); err != nil {
		return err
	}
	side := gallerySide(s, o)
	for _, res := range s.Sets {
		if res.Code != "" {
			continue
		}
		c := newCard(res)
		c.Before, c.After = dataURI(o.path(res.before), side), dataURI(o.path(res.after), side)
		if err := galleryPage.ExecuteTemplate(w, "card", c); err != nil {
			return err
		}
	}
	return galleryPage.ExecuteTemplate(w, "foot", s)
}

func newCard(res *outcome) card {
	c := card{outcome: res}
	r := res.report
	if r == nil {
		return c
	}
	c.Policy, c.EVs, c.Findings = r.Policy, stops(r), r.Findings
	if r.Output != nil {
		c.Width, c.Height = r.Output.Width, r.Output.Height
	}
	for _, f := range r.Findings {
		if f.Severity != realedit.Info {
			c.Serious++
		}
	}
	sort.SliceStable(c.Findings, func(i, j int) bool {
		return c.Findings[i].Severity != realedit.Info && c.Findings[j].Severity == realedit.Info
	})
	add := func(name, format string, v ...any) {
		c.Numbers = append(c.Numbers, number{name, fmt.Sprintf(format, v...)})
	}
	if len(c.EVs) > 1 {
		var ev []string
		for _, v := range c.EVs {
			ev = append(ev, exposure(v))
		}
		add("Exposures, EV", "%s", strings.Join(ev, "  "))
	}
	if k, ok := r.Measures["illuminant_cct"]; ok {
		add("Light", "%.0f K", math.Round(k/50)*50)
	}
	if res.Look != nil {
		add("Brightness", "%.2f", res.Look.Luma)
		if res.Look.Grey >= minGrey {
			add("Greys a*, b*", "%s, %s", minus(res.Look.A), minus(res.Look.B))
		}
	}
	if v, ok := r.Measures["align_max_shift_px"]; ok && v > 0 {
		add("Camera moved", "%.1f px", v)
	}
	for _, change := range []struct{ key, name string }{
		{realedit.ChangeFrame.String(), "From another photo"}, {realedit.ChangeComputed.String(), "Computed"}, {realedit.ChangeSynthesised.String(), "Synthesised"},
	} {
		if v := r.Shares[change.key]; v > 0 {
			add(change.name, "%.1f %%", 100*v)
		}
	}
	return c
}

// exposure is stops beyond the reference, which is plain 0.
func exposure(v float64) string {
	if v == 0 {
		return "0"
	}
	return strings.Replace(fmt.Sprintf("%+g", v), "-", "−", 1)
}

func minus(v float64) string { return strings.Replace(fmt.Sprintf("%+.1f", v), "-", "−", 1) }

// link is a path in -out as a relative URL.
func link(rel string) template.URL {
	parts := strings.Split(rel, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return template.URL("./" + strings.Join(parts, "/"))
}

// gallerySide is the longer side of the previews that keeps the page within galleryBytes.
func gallerySide(s *summary, o *output) int {
	var total int64
	for _, res := range s.Sets {
		for _, rel := range []string{res.before, res.after} {
			if info, err := os.Stat(o.path(rel)); err == nil && rel != "" {
				total += info.Size()
			}
		}
	}
	if total <= galleryBytes {
		return previewSide
	}
	return max(320, int(previewSide*math.Sqrt(float64(galleryBytes)/float64(total))))
}

// dataURI is a preview inside the page; empty when it cannot be read.
func dataURI(path string, side int) template.URL {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	if side < previewSide {
		if small, err := shrink(data, side); err == nil {
			data = small
		}
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(data))
}

func shrink(data []byte, side int) ([]byte, error) {
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	w, h := fit(m.Bounds().Dx(), m.Bounds().Dy(), side)
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.ApproxBiLinear.Scale(small, small.Bounds(), m, m.Bounds(), draw.Src, nil)
	var b bytes.Buffer
	err = jpeg.Encode(&b, small, &jpeg.Options{Quality: 80})
	return b.Bytes(), err
}
