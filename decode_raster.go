package realedit

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/image/tiff"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/internal/parallel"
	"github.com/realedit/realedit/kernels"
)

// tiffVersion is golang.org/x/image's; a test holds it to go.mod.
const tiffVersion = "0.47.0"

// codecNames are the decoders with their versions, as reports name them.
var codecNames = map[container.Format]string{
	container.JPEG: "go/jpeg " + goVersion(),
	container.PNG:  "go/png " + goVersion(),
	container.TIFF: "x/image/tiff " + tiffVersion,
}

// goVersion is "1.26.8" of "go1.26.8 X:experiments".
func goVersion() string {
	v, _, _ := strings.Cut(strings.TrimPrefix(runtime.Version(), "go"), " ")
	return v
}

// raster turns decoders' pictures into images of 3 channels.
type raster struct {
	backend  kernels.Backend // whose images lie in host memory
	ops      *kernels.Ops
	warnings []string
}

// decode runs the format's decoder. The header has been checked.
func (r *raster) decode(data []byte, f container.Format) (*kernels.Image, error) {
	var m image.Image
	var err error
	src := bytes.NewReader(data)
	switch f {
	case container.JPEG:
		m, err = jpeg.Decode(src)
	case container.PNG:
		m, err = png.Decode(src)
	case container.TIFF:
		m, err = tiff.Decode(src)
	}
	if err != nil {
		// image/jpeg calls a scan that breaks off "short Huffman data", too: it read to the end and met no end marker.
		if f == container.JPEG && src.Len() == 0 && !bytes.HasSuffix(data, []byte("\xff\xd9")) {
			return nil, &Error{Code: CodeTruncated, Err: err}
		}
		return nil, pixelError(err)
	}
	size, format := m.Bounds().Size(), kernels.U8
	switch m.(type) {
	case *image.Gray16, *image.RGBA64, *image.NRGBA64:
		format = kernels.U16
	}
	dst, err := r.backend.NewImage(size.X, size.Y, 3, format)
	if err != nil {
		return nil, err
	}
	if y, ok := m.(*image.YCbCr); ok {
		err = r.planes(dst, y)
	} else {
		err = r.rows(dst, m)
	}
	if err != nil {
		dst.Free()
		return nil, err
	}
	return dst, nil
}

// planes converts a JPEG's planes where they lie, padding and all.
func (r *raster) planes(dst *kernels.Image, m *image.YCbCr) error {
	w, h := dst.Width(), dst.Height()
	plane := func(pix []byte, stride, w, h int) (*kernels.Image, error) {
		p, err := kernels.Wrap(pix, stride, len(pix)/stride, 1)
		if err != nil {
			return nil, err
		}
		return p.SubImage(image.Rect(0, 0, w, h)), nil
	}
	cw, ch := w, h
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		cw = (w + 1) / 2
	case image.YCbCrSubsampleRatio420:
		cw, ch = (w+1)/2, (h+1)/2
	case image.YCbCrSubsampleRatio440:
		ch = (h + 1) / 2
	case image.YCbCrSubsampleRatio411:
		cw = (w + 3) / 4
	case image.YCbCrSubsampleRatio410:
		cw, ch = (w+3)/4, (h+1)/2
	}
	y, err := plane(m.Y, m.YStride, w, h)
	if err != nil {
		return err
	}
	cb, err := plane(m.Cb, m.CStride, cw, ch)
	if err != nil {
		return err
	}
	cr, err := plane(m.Cr, m.CStride, cw, ch)
	if err != nil {
		return err
	}
	if cw != w && 2*cw < w+1 { // a quarter wide: to half by interpolation, then on as usual
		for _, c := range []**kernels.Image{&cb, &cr} {
			half, err := r.backend.NewImage((w+1)/2, ch, 1, kernels.U8)
			if err != nil {
				return err
			}
			defer half.Free()
			if err := r.ops.Resize(half, *c); err != nil {
				return err
			}
			*c = half
		}
	}
	return r.ops.YCbCrToRGB(dst, y, cb, cr)
}

// rows converts interleaved pictures. Transparency is flattened on white, on encoded
// values: what a viewer with a white page shows.
func (r *raster) rows(dst *kernels.Image, m image.Image) error {
	w := dst.Width()
	var row func(y int) bool // converts a row; true when some of it was transparent
	switch m := m.(type) {
	case *image.Gray:
		row = func(y int) bool {
			d, s := dst.RowU8(y), m.Pix[y*m.Stride:][:w]
			for x, v := range s {
				p := d[3*x : 3*x+3 : 3*x+3]
				p[0], p[1], p[2] = v, v, v
			}
			return false
		}
	case *image.Gray16:
		row = func(y int) bool {
			d, s := dst.RowU16(y), m.Pix[y*m.Stride:][:2*w]
			for x := range w {
				v := uint16(s[2*x])<<8 | uint16(s[2*x+1])
				p := d[3*x : 3*x+3 : 3*x+3]
				p[0], p[1], p[2] = v, v, v
			}
			return false
		}
	case *image.RGBA:
		row = func(y int) bool {
			least := uint8(255)
			d, s := dst.RowU8(y), m.Pix[y*m.Stride:][:4*w]
			for x := range w {
				p, q := d[3*x:3*x+3:3*x+3], s[4*x:4*x+4:4*x+4]
				a := q[3]
				least = min(least, a)
				// Premultiplied: c + white·(1−α). A broken file may hold c above α.
				p[0] = uint8(min(255, uint(q[0])+uint(255-a)))
				p[1] = uint8(min(255, uint(q[1])+uint(255-a)))
				p[2] = uint8(min(255, uint(q[2])+uint(255-a)))
			}
			return least < 255
		}
	case *image.NRGBA:
		row = func(y int) bool {
			least := uint8(255)
			d, s := dst.RowU8(y), m.Pix[y*m.Stride:][:4*w]
			for x := range w {
				p, q := d[3*x:3*x+3:3*x+3], s[4*x:4*x+4:4*x+4]
				least = min(least, q[3])
				p[0], p[1], p[2] = onWhite8(q[0], q[3]), onWhite8(q[1], q[3]), onWhite8(q[2], q[3])
			}
			return least < 255
		}
	case *image.RGBA64:
		row = func(y int) bool {
			least := uint32(65535)
			d, s := dst.RowU16(y), m.Pix[y*m.Stride:][:8*w]
			for x := range w {
				p, q := d[3*x:3*x+3:3*x+3], s[8*x:8*x+8:8*x+8]
				a := uint32(q[6])<<8 | uint32(q[7])
				least = min(least, a)
				for c := range p {
					p[c] = uint16(min(65535, uint32(q[2*c])<<8|uint32(q[2*c+1])+65535-a))
				}
			}
			return least < 65535
		}
	case *image.NRGBA64:
		row = func(y int) bool {
			least := uint32(65535)
			d, s := dst.RowU16(y), m.Pix[y*m.Stride:][:8*w]
			for x := range w {
				p, q := d[3*x:3*x+3:3*x+3], s[8*x:8*x+8:8*x+8]
				a := uint32(q[6])<<8 | uint32(q[7])
				least = min(least, a)
				for c := range p {
					p[c] = onWhite16(uint32(q[2*c])<<8|uint32(q[2*c+1]), a)
				}
			}
			return least < 65535
		}
	case *image.Paletted:
		var table [256][3]uint8
		clear := [256]bool{}
		for i, c := range m.Palette[:min(len(m.Palette), 256)] {
			n := color.NRGBAModel.Convert(c).(color.NRGBA)
			table[i] = [3]uint8{onWhite8(n.R, n.A), onWhite8(n.G, n.A), onWhite8(n.B, n.A)}
			clear[i] = n.A < 255
		}
		row = func(y int) bool {
			some := false
			d, s := dst.RowU8(y), m.Pix[y*m.Stride:][:w]
			for x, i := range s {
				copy(d[3*x:3*x+3], table[i][:])
				some = some || clear[i]
			}
			return some
		}
	default:
		return Errorf(CodeUnsupportedFormat, "", "pixels of type %T", m)
	}
	var mu sync.Mutex
	transparent := false
	inBands(dst.Height(), func(y0, y1 int) {
		some := false
		for y := y0; y < y1; y++ {
			some = row(y) || some
		}
		mu.Lock()
		transparent = transparent || some
		mu.Unlock()
	})
	if transparent {
		r.warnings = append(r.warnings, "transparency flattened on white")
	}
	return nil
}

// onWhite8 is c·α + white·(1−α), rounded.
func onWhite8(c, a uint8) uint8 {
	return uint8((uint32(c)*uint32(a) + 255*(255-uint32(a)) + 127) / 255)
}

func onWhite16(c, a uint32) uint16 {
	return uint16((uint64(c)*uint64(a) + 65535*uint64(65535-a) + 32767) / 65535)
}

// inBands calls fn for row ranges that cover [0,h), on all processors.
func inBands(h int, fn func(y0, y1 int)) { parallel.Bands(h, 64, fn) }
