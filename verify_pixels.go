package realedit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"slices"
	"sync"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/internal/jpegcoef"
)

// pixels holds picture and sibling against the report and each other. m is the altered picture's map; nil = none that could be used.
func (v *verifier) pixels(picture, sibling *artefact, m *AlterationMap) error {
	if v.r.Class != Altered {
		m, sibling = nil, nil
	}
	// Of other sizes than the report's nothing fits the map.
	fits := func(a *artefact) bool {
		return a != nil && a.header.Width == v.r.Output.Width && a.header.Height == v.r.Output.Height
	}
	if !fits(sibling) {
		sibling = nil
	}
	if !fits(picture) {
		m, sibling = nil, nil
	}
	o := v.r.Output
	isJPEG := picture.header.Format == container.JPEG
	if known := picture.header.Format != container.Unknown; known && isJPEG != (o.ScanSHA256 != "") {
		v.add(ProblemFormat, picture.name, "%v, and scan_sha256 is %q", picture.header.Format, o.ScanSHA256)
	}
	if sibling != nil && sibling.header.Format != picture.header.Format {
		v.add(ProblemSiblingCoding, sibling.name, "%v, the picture is %v", sibling.header.Format, picture.header.Format)
		sibling = nil
	}
	switch {
	case picture.jpeg != nil:
		return v.units(picture, sibling, m)
	case picture.pixels != nil:
		v.samples(picture, sibling, m)
	}
	return nil
}

// samples checks PNG and TIFF.
func (v *verifier) samples(picture, sibling *artefact, m *AlterationMap) {
	p, o := picture.pixels, v.r.Output
	if sum := hashPixels(p, nil); sum != o.PixelsSHA256 {
		v.add(ProblemPixelsHash, picture.name, "its samples' SHA-256 is %s, the report has %s", sum, o.PixelsSHA256)
	}
	if m == nil {
		return
	}
	if sum := hashPixels(p, m); sum != o.UntouchedSHA256 {
		v.add(ProblemUntouchedHash, picture.name, "the SHA-256 of the samples that are neither computed nor synthesised is %s, the report has %s", sum, o.UntouchedSHA256)
	}
	if sibling == nil || sibling.pixels == nil {
		return
	}
	if q := sibling.pixels; q.Format() != p.Format() {
		v.add(ProblemSiblingCoding, sibling.name, "%v, the picture is %v", q, p)
		return
	}
	l := leakage{unit: "pixels"}
	size := 3 * p.Format().Size()
	inBands(p.Height(), func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			a, b := p.Row(y), sibling.pixels.Row(y)
			if bytes.Equal(a, b) {
				continue
			}
			for x, c := range m.Map.RowU8(y) {
				if Change(c) < ChangeComputed && !bytes.Equal(a[x*size:(x+1)*size], b[x*size:(x+1)*size]) {
					l.at(image.Rect(x, y, x+1, y+1))
				}
			}
		}
	})
	l.tell(v, picture)
}

// leakage collects where picture and sibling differ outside the map.
type leakage struct {
	unit string
	mu   sync.Mutex
	n    int
	box  image.Rectangle
}

func (l *leakage) at(r image.Rectangle) {
	l.mu.Lock()
	l.n++
	l.box = l.box.Union(r)
	l.mu.Unlock()
}

func (l *leakage) tell(v *verifier, a *artefact) {
	if l.n > 0 {
		v.out.Problems = append(v.out.Problems, Problem{Code: ProblemLeak, File: a.name, Region: RectangleOf(l.box),
			Message: fmt.Sprintf("%d %s differ from the unaltered sibling where nothing was computed or synthesised", l.n, l.unit)})
	}
}

// units checks JPEG.
func (v *verifier) units(picture, sibling *artefact, m *AlterationMap) error {
	f, o := picture.jpeg, v.r.Output
	scan := sha256.New()
	for _, p := range f.Parts() {
		scan.Write(p)
	}
	if sum := hexSum(scan); sum != o.ScanSHA256 {
		v.add(ProblemScanHash, picture.name, "the SHA-256 of what codes the picture is %s, the report has %s", sum, o.ScanSHA256)
	}
	if m == nil {
		if !picture.broken {
			return nil // the file is the report's, and there is nothing to compare it with
		}
		return v.broken(picture, f.Rows(v.ctx, func(int, []int16) error { return nil }))
	}
	kept := newUnitHash(m, f.Width, f.Height, f.UnitWidth, f.UnitHeight)
	buffers := sync.Pool{New: func() any { b := make([]byte, 2*f.Across*f.UnitSize()); return &b }}
	add := func(y int, row []int16) {
		b := buffers.Get().(*[]byte)
		kept.add(y, row, *b)
		buffers.Put(b)
	}
	if sibling != nil && sibling.jpeg != nil && !f.SameCoding(sibling.jpeg) {
		v.add(ProblemSiblingCoding, sibling.name, "its size, sampling or quantisation tables are not the picture's")
		sibling = nil
	}
	var err error
	l := leakage{unit: "coding units"}
	if sibling == nil || sibling.jpeg == nil {
		err = f.Rows(v.ctx, func(y int, row []int16) error {
			add(y, row)
			return nil
		})
	} else {
		n := f.UnitSize()
		err = jpegcoef.Pairs(v.ctx, f, sibling.jpeg, func(y int, row, other []int16) error {
			add(y, row)
			for x, touched := range kept.touched[y] {
				if !touched && !slices.Equal(row[x*n:(x+1)*n], other[x*n:(x+1)*n]) {
					r := image.Rect(x, y, x+1, y+1)
					r = image.Rect(r.Min.X*f.UnitWidth, r.Min.Y*f.UnitHeight, r.Max.X*f.UnitWidth, r.Max.Y*f.UnitHeight)
					l.at(r.Intersect(image.Rect(0, 0, f.Width, f.Height)))
				}
			}
			return nil
		})
	}
	if err != nil {
		a := picture
		if sibling != nil && f.Rows(v.ctx, func(int, []int16) error { return nil }) == nil {
			a = sibling
		}
		return v.broken(a, err)
	}
	if sum := kept.sum(f); sum != o.UnitsSHA256 {
		v.add(ProblemUnitsHash, picture.name, "the SHA-256 of the coefficients outside touched coding units is %s, the report has %q", sum, o.UnitsSHA256)
	}
	l.tell(v, picture)
	return nil
}

// broken records that a JPEG's coefficients cannot be read.
func (v *verifier) broken(a *artefact, err error) error {
	switch {
	case err == nil:
	case v.ctx.Err() != nil:
		return &Error{Code: CodeCancelled, Op: "verify", Err: context.Cause(v.ctx)}
	default:
		v.add(ProblemBroken, a.name, "%v", err)
	}
	return nil
}
