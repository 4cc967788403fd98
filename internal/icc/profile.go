// Package icc reads the ICC profiles that photographs carry (ICC.1:2022 and version
// 2) and turns matrix/TRC and grey profiles into tables and a matrix that
// lead to linear sRGB. It also makes the sRGB profile that exports embed.
package icc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf16"
)

// Errors of this package. Returned errors wrap one of them.
var (
	// ErrMalformed says that the bytes are no profile, or a broken one.
	ErrMalformed = errors.New("malformed ICC profile")
	// ErrUnsupported says that the profile is sound but needs more than curves and a
	// matrix: CMYK and other spaces, or RGB by look-up table only.
	ErrUnsupported = errors.New("unsupported ICC profile")
)

// MaxProfile is the largest profile parsed.
const MaxProfile = 16 << 20

const (
	maxTags  = 256
	maxCurve = 1 << 16
)

// Known is a colour space recognised by its numbers, never by its name.
type Known uint8

// Recognised spaces.
const (
	Other Known = iota
	SRGB
	AdobeRGB
	DisplayP3
	ProPhoto
)

// Profile is a parsed profile. It is immutable and safe for concurrent use.
type Profile struct {
	// Version is major·256 + minor·16 + fix, as in 0x0430 for 4.3.
	Version uint16
	// Class is "mntr", "scnr", "prtr", "spac" …; Space "RGB ", "GRAY", "CMYK" …; PCS "XYZ " or "Lab ".
	Class, Space, PCS string
	// Description is the profile's name.
	Description string
	// Known is the recognised space.
	Known Known

	curves [3]curve
	matrix [9]float64 // linear RGB → PCS XYZ (D50), row major
	usable error      // nil when curves (and matrix) are there
}

// Parse reads a profile. A sound profile that no Transform can be made of is no
// error here, but in Transform.
func Parse(b []byte) (*Profile, error) {
	if len(b) < 132 || len(b) > MaxProfile || string(b[36:40]) != "acsp" {
		return nil, fmt.Errorf("%w: no header in %d bytes", ErrMalformed, len(b))
	}
	be := binary.BigEndian
	p := &Profile{Version: be.Uint16(b[8:]), Class: string(b[12:16]), Space: string(b[16:20]), PCS: string(b[20:24])}
	n := be.Uint32(b[128:])
	if n > maxTags || 132+12*int(n) > len(b) {
		return nil, fmt.Errorf("%w: %d tags", ErrMalformed, n)
	}
	tags := map[string][]byte{}
	for i := range int(n) {
		t := b[132+12*i:]
		off, size := int64(be.Uint32(t[4:])), int64(be.Uint32(t[8:]))
		if off+size > int64(len(b)) || size < 8 {
			continue // a tag that is not needed must not spoil the others
		}
		if _, ok := tags[string(t[:4])]; !ok {
			tags[string(t[:4])] = b[off : off+size]
		}
	}
	p.Description = describe(tags["desc"])
	switch p.Space {
	case "RGB ":
		p.usable = p.readRGB(tags)
	case "GRAY":
		p.usable = p.readGray(tags)
	default:
		p.usable = fmt.Errorf("%w: colour space %q", ErrUnsupported, p.Space)
	}
	if p.usable == nil {
		p.recognise()
	}
	return p, nil
}

func (p *Profile) readRGB(tags map[string][]byte) error {
	for i, name := range []string{"rXYZ", "gXYZ", "bXYZ"} {
		t := tags[name]
		if t == nil {
			return fmt.Errorf("%w: RGB by look-up table", ErrUnsupported)
		}
		if len(t) < 20 || string(t[:4]) != "XYZ " {
			return fmt.Errorf("%w: tag %s", ErrMalformed, name)
		}
		for row := range 3 {
			v := s15(t[8+4*row:])
			if math.Abs(v) > 4 {
				return fmt.Errorf("%w: tag %s is %g", ErrMalformed, name, v)
			}
			p.matrix[3*row+i] = v
		}
	}
	if p.PCS != "XYZ " {
		return fmt.Errorf("%w: matrix into %q", ErrUnsupported, p.PCS)
	}
	if math.Abs(det(p.matrix)) < 1e-6 {
		return fmt.Errorf("%w: singular matrix", ErrMalformed)
	}
	for i, name := range []string{"rTRC", "gTRC", "bTRC"} {
		c, err := parseCurve(tags[name])
		if err != nil {
			return fmt.Errorf("tag %s: %w", name, err)
		}
		p.curves[i] = c
	}
	return nil
}

func (p *Profile) readGray(tags map[string][]byte) error {
	c, err := parseCurve(tags["kTRC"])
	if err != nil {
		return fmt.Errorf("tag kTRC: %w", err)
	}
	if p.PCS == "Lab " { // the curve gives L*/100
		l := c
		c = func(x float64) float64 { return luminance(100 * l(x)) }
	}
	p.curves = [3]curve{c, c, c}
	return nil
}

// luminance is CIE 1976: Y of a lightness L* in 0…100.
func luminance(l float64) float64 {
	if f := (l + 16) / 116; f > 6.0/29 {
		return f * f * f
	}
	return l * 27 / 24389
}

func s15(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

// describe reads a textDescriptionType or the first name of a multiLocalizedUnicodeType.
func describe(t []byte) string {
	be := binary.BigEndian
	if len(t) < 12 {
		return ""
	}
	switch string(t[:4]) {
	case "desc":
		n := min(int64(be.Uint32(t[8:])), int64(len(t)-12), 1024)
		s, _, _ := strings.Cut(string(t[12:12+n]), "\x00")
		return strings.ToValidUTF8(s, "\uFFFD")
	case "mluc":
		if len(t) < 28 || be.Uint32(t[8:]) == 0 {
			return ""
		}
		n, off := int64(be.Uint32(t[20:])), int64(be.Uint32(t[24:]))
		if n > 2048 || off+n > int64(len(t)) {
			return ""
		}
		var u []uint16
		for i := off; i+1 < off+n; i += 2 {
			u = append(u, be.Uint16(t[i:]))
		}
		return string(utf16.Decode(u))
	}
	return ""
}

// curve maps device values 0…1 to linear values 0…1.
type curve func(float64) float64

// parseCurve reads curveType and parametricCurveType (ICC.1:2022, 10.6 and 10.18).
func parseCurve(t []byte) (curve, error) {
	be := binary.BigEndian
	if len(t) < 12 {
		return nil, fmt.Errorf("%w: curve of %d bytes", ErrMalformed, len(t))
	}
	var c curve
	switch string(t[:4]) {
	case "curv":
		n := int64(be.Uint32(t[8:]))
		if n > maxCurve || 12+2*n > int64(len(t)) {
			return nil, fmt.Errorf("%w: curve of %d points in %d bytes", ErrMalformed, n, len(t))
		}
		switch n {
		case 0:
			c = func(x float64) float64 { return x }
		case 1:
			g := float64(be.Uint16(t[12:])) / 256
			if g < 0.1 {
				return nil, fmt.Errorf("%w: gamma %g", ErrMalformed, g)
			}
			c = func(x float64) float64 { return math.Pow(x, g) }
		default:
			v := make([]float64, n)
			for i := range v {
				v[i] = float64(be.Uint16(t[12+2*i:])) / 65535
			}
			c = func(x float64) float64 {
				f := x * float64(n-1)
				i := min(int64(f), n-2)
				f -= float64(i)
				return v[i]*(1-f) + v[i+1]*f
			}
		}
	case "para":
		kind := be.Uint16(t[8:])
		if kind > 4 {
			return nil, fmt.Errorf("%w: parametric curve %d", ErrMalformed, kind)
		}
		n := [...]int{1, 3, 4, 5, 7}[kind]
		if len(t) < 12+4*n {
			return nil, fmt.Errorf("%w: parametric curve of %d bytes", ErrMalformed, len(t))
		}
		var q [7]float64 // g a b c d e f
		for i := range n {
			q[i] = s15(t[12+4*i:])
		}
		c = parametric(int(kind), q)
	default:
		return nil, fmt.Errorf("%w: curve type %q", ErrMalformed, t[:4])
	}
	bounded := func(x float64) float64 { return min(max(c(min(max(x, 0), 1)), 0), 1) }
	for i := range 65 {
		if v := c(float64(i) / 64); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%w: curve is not finite", ErrMalformed)
		}
	}
	if bounded(1)-bounded(0) < 0.1 {
		return nil, fmt.Errorf("%w: curve does not rise", ErrMalformed)
	}
	return func(x float64) float64 {
		if v := bounded(x); v == v {
			return v
		}
		return 0
	}, nil
}

// parametric is ICC.1:2022, table 68:
//
//	0: x^g
//	1: (ax+b)^g for x ≥ −b/a, else 0
//	2: (ax+b)^g + c for x ≥ −b/a, else c
//	3: (ax+b)^g for x ≥ d, else cx
//	4: (ax+b)^g + e for x ≥ d, else cx + f
func parametric(kind int, q [7]float64) curve {
	g, a, b, c, d, e, f := q[0], q[1], q[2], q[3], q[4], q[5], q[6]
	pow := func(x float64) float64 { return math.Pow(max(a*x+b, 0), g) }
	switch kind {
	case 0:
		return func(x float64) float64 { return math.Pow(x, g) }
	case 1, 2:
		if kind == 1 {
			c = 0
		}
		return func(x float64) float64 {
			if a*x+b >= 0 {
				return pow(x) + c
			}
			return c
		}
	case 3:
		e, f = 0, 0
	}
	return func(x float64) float64 {
		if x >= d {
			return pow(x) + e
		}
		return c*x + f
	}
}
