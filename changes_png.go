package realedit

import (
	"bytes"
	"crypto/sha256"
	"image"
	"image/color"
	"image/png"
	"io"
	"slices"
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

// changesSide is the longer side in pixels of a reduced map at most.
const changesSide = 2048

// changesPalette is the colour of each Change, in its order; docs/report.md has the legend.
var changesPalette = color.Palette{
	color.RGBA{0x10, 0x12, 0x16, 255}, // none
	color.RGBA{0x3b, 0x6e, 0xa8, 255}, // tone
	color.RGBA{0x4f, 0xa8, 0x9c, 255}, // geometry
	color.RGBA{0x8f, 0xc9, 0x4a, 255}, // other_frame
	color.RGBA{0xc9, 0xa7, 0x2b, 255}, // locked_tone
	color.RGBA{0xe8, 0x7a, 0x2d, 255}, // computed
	color.RGBA{0xd8, 0x2c, 0x5a, 255}, // synthesised
}

// EncodeChanges writes the alteration map as a paletted PNG whose index is the Change: of an altered picture pixel by pixel, since it is
// part of the proof, else reduced to at most 2048 pixels on the longer side, a pixel being the strongest change of the block it stands for. It fills
// r.Report.Changes (all but File). Errors of w come back wrapped: CodeDiskFull or CodeWriteFailed.
func (r *Result) EncodeChanges(w io.Writer) error {
	if r.Changes == nil {
		return Errorf(CodeBadOption, "export", "the result has been freed")
	}
	m := r.Changes.Map
	sw, sh := m.Width(), m.Height()
	if r.Report.Class != Altered {
		sw, sh = FitInto(sw, sh, changesSide)
	}
	p := &image.Paletted{Palette: changesPalette, Rect: image.Rect(0, 0, sw, sh), Stride: sw}
	if sw == m.Width() && sh == m.Height() {
		p.Stride = m.Stride()
		p.Pix = unsafe.Slice((*byte)(m.Pointer()), m.Stride()*(sh-1)+sw)
	} else {
		p.Pix = r.Changes.reduced(sw, sh)
	}
	for v, n := range r.Changes.counts() {
		if n > 0 && v >= len(changesPalette) {
			return Errorf(CodeInternal, "alteration map", "%d pixels have the value %d, which is no change", n, v)
		}
	}
	sum := sha256.New()
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(io.MultiWriter(w, sum), p); err != nil {
		code := CodeOf(err)
		if code == CodeInternal {
			code = CodeWriteFailed
		}
		return &Error{Code: code, Set: r.Set.ID, Op: "encode changes", Err: err}
	}
	r.Report.Changes = &FileFacts{SHA256: hexSum(sum)}
	return nil
}

// reduced is the map at sw×sh: the strongest change of each block.
func (a *AlterationMap) reduced(sw, sh int) []uint8 {
	w, h := a.Map.Width(), a.Map.Height()
	pix := make([]uint8, sw*sh)
	for y := range h {
		dst := pix[y*sh/h*sw:][:sw]
		for x, c := range a.Map.RowU8(y) {
			if i := x * sw / w; c > dst[i] {
				dst[i] = c
			}
		}
	}
	return pix
}

// decodeChanges reads what EncodeChanges wrote for a picture of width×height pixels, altered or not. reduced tells that the map is a reduced
// one. Errors are CodeBadImage, CodeTruncated.
func decodeChanges(data []byte, width, height int, altered bool) (m *AlterationMap, reduced bool, err error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, false, pixelError(err)
	}
	sw, sh := FitInto(width, height, changesSide)
	whole := c.Width == width && c.Height == height
	switch {
	case !whole && altered:
		return nil, false, Errorf(CodeBadImage, "", "the map is %d×%d, that of an altered picture has the picture's size, %d×%d", c.Width, c.Height, width, height)
	case !whole && (c.Width != sw || c.Height != sh):
		return nil, false, Errorf(CodeBadImage, "", "the map is %d×%d, the picture %d×%d, a reduced map of it %d×%d", c.Width, c.Height, width, height, sw, sh)
	}
	// Before it is decoded: anything else takes up to eight times the memory.
	other := Errorf(CodeBadImage, "", "the map has not the palette of changes")
	if palette, ok := c.ColorModel.(color.Palette); !ok || !slices.Equal(palette, changesPalette) {
		return nil, false, other
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, false, pixelError(err)
	}
	p, ok := img.(*image.Paletted)
	if !ok || !slices.Equal(p.Palette, changesPalette) { // an index beyond the palette lengthens it
		return nil, false, other
	}
	k, err := kernels.Wrap(p.Pix, c.Width, c.Height, 1)
	if err != nil {
		return nil, false, &Error{Code: CodeBadImage, Err: err}
	}
	return &AlterationMap{k}, !whole, nil
}
