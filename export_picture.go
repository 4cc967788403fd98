package realedit

import (
	"image"
	"image/color"

	"github.com/realedit/realedit/kernels"
)

// shown shows a host image of 3 channels, U8 or U16, as an image.Image.
type shown struct{ m *kernels.Image }

// Picture is m as an image.Image, sharing its pixels; m must be U8 or U16 with 3
// channels in host memory (*Error with CodeBadOption otherwise).
func Picture(m *kernels.Image) (image.Image, error) {
	if m == nil || !m.OnHost() || m.Channels() != 3 || m.Format() != kernels.U8 && m.Format() != kernels.U16 {
		return nil, Errorf(CodeBadOption, "picture", "%v is not 3 channels of u8 or u16 in host memory", m)
	}
	return &shown{m}, nil
}

func (p *shown) Bounds() image.Rectangle { return p.m.Bounds() }

// Opaque spares encoders the search for transparency.
func (p *shown) Opaque() bool { return true }

func (p *shown) ColorModel() color.Model {
	if p.m.Format() == kernels.U16 {
		return color.RGBA64Model
	}
	return color.RGBAModel
}

func (p *shown) At(x, y int) color.Color {
	if p.m.Format() == kernels.U16 {
		s := p.m.RowU16(y)[3*x : 3*x+3]
		return color.RGBA64{s[0], s[1], s[2], 65535}
	}
	s := p.m.RowU8(y)[3*x : 3*x+3]
	return color.RGBA{s[0], s[1], s[2], 255}
}
