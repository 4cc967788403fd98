package scene

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
)

// EncodeJPEG is a photo as a camera's JPEG file: EXIF with thumbnail, then the picture (4:2:0), turned the way EXIF.Orientation says it was held.
// The photo must have 8 bits. Quality is that of image/jpeg, 1..100.
func EncodeJPEG(p *Photo, quality int) ([]byte, error) {
	if p.Pix == nil {
		return nil, errors.New("scene: only 8-bit photos can be JPEG files")
	}
	m := turn(RGB8(p.Pix, p.W, p.H), p.EXIF.Orientation)
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, m, &jpeg.Options{Quality: quality}); err != nil {
		return nil, err
	}
	b := m.Bounds()
	app := p.EXIF.segment(b.Dx(), b.Dy(), thumbnail(m))
	if len(app)+2 > 0xffff {
		return nil, fmt.Errorf("scene: EXIF block of %d bytes does not fit a segment", len(app))
	}
	out := []byte{0xff, 0xd8, 0xff, 0xe1, byte((len(app) + 2) >> 8), byte(len(app) + 2)}
	out = append(out, app...)
	return append(out, buf.Bytes()[2:]...), nil
}

// WriteJPEG writes EncodeJPEG's bytes to a file.
func WriteJPEG(path string, p *Photo, quality int) error {
	b, err := EncodeJPEG(p, quality)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// turn stores an upright picture the way a camera held in the given EXIF orientation (1, 3, 6, 8) does.
func turn(m *image.NRGBA, orientation int) *image.NRGBA {
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	var at func(x, y int) (int, int) // upright pixel at stored (x, y)
	sw, sh := h, w
	switch orientation {
	case 3:
		sw, sh = w, h
		at = func(x, y int) (int, int) { return w - 1 - x, h - 1 - y }
	case 6: // the viewer turns it clockwise
		at = func(x, y int) (int, int) { return w - 1 - y, x }
	case 8: // counter-clockwise
		at = func(x, y int) (int, int) { return y, h - 1 - x }
	default:
		return m
	}
	out := image.NewNRGBA(image.Rect(0, 0, sw, sh))
	for y := range sh {
		for x := range sw {
			ux, uy := at(x, y)
			copy(out.Pix[y*out.Stride+4*x:][:4], m.Pix[uy*m.Stride+4*ux:][:4])
		}
	}
	return out
}
