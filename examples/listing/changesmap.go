package main

import (
	"image"
	"image/color"
	"image/png"
	"io"

	"github.com/realedit/realedit"
)

// changesSide is the longer side of NAME.changes.png at most.
const changesSide = 2048

// changesPalette is the colour of each realedit.Change, in its order; docs/report.md has the legend.
var changesPalette = color.Palette{
	color.RGBA{0x10, 0x12, 0x16, 255}, // none
	color.RGBA{0x3b, 0x6e, 0xa8, 255}, // tone
	color.RGBA{0x4f, 0xa8, 0x9c, 255}, // geometry
	color.RGBA{0x8f, 0xc9, 0x4a, 255}, // other_frame
	color.RGBA{0xc9, 0xa7, 0x2b, 255}, // locked_tone
	color.RGBA{0xe8, 0x7a, 0x2d, 255}, // computed
	color.RGBA{0xd8, 0x2c, 0x5a, 255}, // synthesised
}

// writeChanges writes the alteration map as a paletted PNG. A pixel of a reduced map shows
// the strongest change of the block it stands for, so that nothing small is lost.
func writeChanges(w io.Writer, a *realedit.AlterationMap) error {
	width, height := a.Map.Width(), a.Map.Height()
	sw, sh := fit(width, height, changesSide)
	m := image.NewPaletted(image.Rect(0, 0, sw, sh), changesPalette)
	for y := range height {
		dst := m.Pix[y*sh/height*m.Stride:]
		for x, c := range a.Map.RowU8(y) {
			if i := x * sw / width; int(c) < len(changesPalette) && c > dst[i] {
				dst[i] = c
			}
		}
	}
	return png.Encode(w, m)
}
