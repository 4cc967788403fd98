// Package kerneltest holds the one list of cases that every backend is tested and
// timed with, and from which the README's table of operations is made.
//
// A case prepares its inputs once, runs an operation on the reference and on the
// backend under test, and compares what came out within a tolerance that stands
// beside it with its reason.
package kerneltest

import (
	"context"
	"fmt"
	"image"
	"math"
	"math/rand/v2"

	"github.com/realedit/realedit/kernels"
)

// Case is one operation with one set of formats and options.
type Case struct {
	Op      string           // field of kernels.Ops
	Name    string           // formats and options: "u8", "u16 masked"
	Formats []kernels.Format // what the README's table lists for it

	// Tol bounds the outputs' difference from the reference: |got − want| ≤ Tol in units of the
	// format's maximum (so 1/255 is one level of a U8 image; F32 images as they are). Scalars are compared
	// relative to max(1, |want|). Why says where the difference comes from; it is
	// at most twice the largest seen.
	Tol float64
	Why string

	// Run builds inputs of about w×h pixels in b's memory (through Maker m: the same pixels for
	// every backend), calls the operation and returns what it made.
	Run func(m *Maker, o *kernels.Ops, w, h int) (Output, error)
}

// Output is what an operation made: images (compared sample by sample) and numbers.
type Output struct {
	Images  []*kernels.Image
	Scalars []float64
}

// Cases lists all cases, in the order of kernels.Ops.
func Cases() []Case {
	var all []Case
	for _, group := range [][]Case{formatCases, geometryCases, pixelCases, fusionCases} {
		all = append(all, group...)
	}
	rank := map[string]int{}
	for i, n := range kernels.OpNames() {
		rank[n] = i
	}
	sorted := make([]Case, 0, len(all))
	for i := range kernels.OpNames() {
		for _, c := range all {
			if rank[c.Op] == i {
				sorted = append(sorted, c)
			}
		}
	}
	return sorted
}

// Maker makes images with reproducible contents in one backend's memory and frees them at the end.
type Maker struct {
	B    kernels.Backend
	rng  *rand.Rand
	made []*kernels.Image
	// Window makes every image a sub-image of a larger one, off its corner, whose
	// surroundings hold a guard pattern that Close verifies.
	Window bool
	// InPlace makes Dst return its argument where the formats agree.
	InPlace bool
	shared  bool // Dst did so
	guards  []guard
}

type guard struct {
	whole, part *kernels.Image
	at          image.Point
}

// NewMaker returns a maker whose pixels depend on seed alone, not on the backend.
func NewMaker(b kernels.Backend, seed uint64) *Maker {
	return &Maker{B: b, rng: rand.New(rand.NewPCG(seed, 0x5eed))}
}

const guardByte = 0xA5

// Blank returns an image filled with the guard pattern, for outputs.
func (m *Maker) Blank(w, h, c int, f kernels.Format) (*kernels.Image, error) {
	pad := image.Point{}
	if m.Window {
		pad = image.Pt(3, 2)
	}
	whole, err := m.B.NewImage(w+2*pad.X, h+2*pad.Y, c, f)
	if err != nil {
		return nil, err
	}
	m.made = append(m.made, whole)
	host, err := kernels.NewHostImage(nil, whole.Width(), whole.Height(), c, f)
	if err != nil {
		return nil, err
	}
	defer host.Free()
	for y := range host.Height() {
		row := host.Row(y)
		for i := range row {
			row[i] = guardByte
		}
	}
	if err := m.B.Copy(context.Background(), whole, host); err != nil {
		return nil, err
	}
	part := whole.SubImage(image.Rect(pad.X, pad.Y, pad.X+w, pad.Y+h))
	if m.Window {
		m.guards = append(m.guards, guard{whole, part, pad})
	}
	return part, nil
}

// Dst returns the output image, of format f, of an operation on src that may work in
// place: src itself when InPlace is set and the formats agree, else a blank image of
// src's size and channels.
func (m *Maker) Dst(src *kernels.Image, f kernels.Format) (*kernels.Image, error) {
	if m.InPlace && src.Format() == f {
		m.shared = true
		return src, nil
	}
	return m.Blank(src.Width(), src.Height(), src.Channels(), f)
}

// Image returns an image of value(x, y, c) in [0,1] units, scaled to the format.
func (m *Maker) Image(w, h, c int, f kernels.Format, value func(x, y, c int) float64) (*kernels.Image, error) {
	img, err := m.Blank(w, h, c, f)
	if err != nil {
		return nil, err
	}
	host, err := kernels.NewHostImage(nil, w, h, c, f)
	if err != nil {
		return nil, err
	}
	defer host.Free()
	row := make([]float64, w*c)
	for y := range h {
		for x := range w {
			for k := range c {
				row[x*c+k] = value(x, y, k)
			}
		}
		setRow(host, y, row)
	}
	return img, m.B.Copy(context.Background(), img, host)
}

// Photo returns a picture-like image in [0,1]: smooth shading, hard edges, flat
// areas, texture, noise, and corners that are blown and crushed.
func (m *Maker) Photo(w, h, c int, f kernels.Format) (*kernels.Image, error) {
	type box struct {
		x0, y0, x1, y1 int
		v              [4]float64
	}
	boxes := make([]box, 12)
	for i := range boxes {
		b := &boxes[i]
		b.x0, b.y0 = m.rng.IntN(w), m.rng.IntN(h)
		b.x1, b.y1 = b.x0+1+m.rng.IntN(w/2+1), b.y0+1+m.rng.IntN(h/2+1)
		for k := range b.v {
			b.v[k] = m.rng.Float64()
		}
	}
	px, py := 0.02+0.2*m.rng.Float64(), 0.02+0.2*m.rng.Float64()
	across, down := make([]float64, w*c), make([]float64, h)
	for i := range across {
		across[i] = math.Sin(px*float64(i/c)*3 + float64(i%c))
	}
	for y := range down {
		down[y] = math.Cos(py * float64(y) * 2)
	}
	var here []box // those that row y meets
	last := -1
	return m.Image(w, h, c, f, func(x, y, k int) float64 {
		if y != last {
			here, last = here[:0], y
			for _, b := range boxes {
				if y >= b.y0 && y < b.y1 {
					here = append(here, b)
				}
			}
		}
		u, v := (float64(x)+0.5)/float64(w), (float64(y)+0.5)/float64(h)
		s := 0.1 + 0.7*(u*0.7+v*0.3) + 0.06*across[x*c+k]*down[y]
		for i := range here {
			if b := &here[i]; x >= b.x0 && x < b.x1 {
				s = 0.3*s + 0.7*b.v[k]
			}
		}
		if u > 0.85 && v < 0.2 {
			s += 0.8
		}
		if u < 0.1 && v > 0.8 {
			s -= 0.9
		}
		s += 0.02 * (m.rng.Float64() - 0.5)
		return min(1, max(0, s))
	})
}

// Rand is the maker's source of random numbers, for options.
func (m *Maker) Rand() *rand.Rand { return m.rng }

// Close verifies the guard patterns around windows and frees every image.
func (m *Maker) Close() error {
	defer func() {
		for _, i := range m.made {
			i.Free()
		}
		m.made, m.guards = nil, nil
	}()
	for _, g := range m.guards {
		host, err := Download(m.B, g.whole)
		if err != nil {
			return err
		}
		px := g.whole.Channels() * g.whole.Format().Size()
		x0, x1 := g.at.X*px, (g.at.X+g.part.Width())*px
		for y := range host.Height() {
			inside := y >= g.at.Y && y < g.at.Y+g.part.Height()
			for i, v := range host.Row(y) {
				if v != guardByte && !(inside && i >= x0 && i < x1) {
					host.Free()
					return fmt.Errorf("byte %d of row %d outside the window %v was written", i, y, g.part)
				}
			}
		}
		host.Free()
	}
	return nil
}

// Download copies an image to a fresh host image.
func Download(b kernels.Backend, m *kernels.Image) (*kernels.Image, error) {
	host, err := kernels.NewHostImage(nil, m.Width(), m.Height(), m.Channels(), m.Format())
	if err != nil {
		return nil, err
	}
	if err := b.Copy(context.Background(), host, m); err != nil {
		host.Free()
		return nil, err
	}
	return host, nil
}

// At is a host image's sample in [0,1] units.
func At(m *kernels.Image, x, y, c int) float64 {
	i := x*m.Channels() + c
	switch m.Format() {
	case kernels.U8:
		return float64(m.RowU8(y)[i]) / 255
	case kernels.U16:
		return float64(m.RowU16(y)[i]) / 65535
	case kernels.F16:
		return float64(m.RowHalf(y)[i].Float32())
	}
	return float64(m.RowF32(y)[i])
}

// Set stores a sample given in [0,1] units in a host image.
func Set(m *kernels.Image, x, y, c int, v float64) {
	c += x * m.Channels()
	switch m.Format() {
	case kernels.U8:
		m.RowU8(y)[c] = level8(v)
	case kernels.U16:
		m.RowU16(y)[c] = level16(v)
	case kernels.F16:
		m.RowHalf(y)[c] = kernels.HalfFrom(float32(v))
	default:
		m.RowF32(y)[c] = float32(v)
	}
}

// setRow is Set for a whole row.
func setRow(m *kernels.Image, y int, v []float64) {
	switch m.Format() {
	case kernels.U8:
		for i, d := 0, m.RowU8(y); i < len(v); i++ {
			d[i] = level8(v[i])
		}
	case kernels.U16:
		for i, d := 0, m.RowU16(y); i < len(v); i++ {
			d[i] = level16(v[i])
		}
	case kernels.F16:
		for i, d := 0, m.RowHalf(y); i < len(v); i++ {
			d[i] = kernels.HalfFrom(float32(v[i]))
		}
	default:
		for i, d := 0, m.RowF32(y); i < len(v); i++ {
			d[i] = float32(v[i])
		}
	}
}

func level8(v float64) uint8   { return uint8(min(255, max(0, v*255+0.5))) }
func level16(v float64) uint16 { return uint16(min(65535, max(0, v*65535+0.5))) }
