package realedit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"runtime"

	"github.com/realedit/realedit/internal/jpegcoef"
	"github.com/realedit/realedit/kernels"
)

// jpegBand is the height in pixels of the pieces that are encoded side by side: whole
// rows of 16×16 units.
const jpegBand = 128

// encodeJPEG writes a baseline 4:2:0 JPEG of an U8 RGB image.
//
// image/jpeg encodes bands of the picture on all processors, each as a file of its own.
// A restart marker resets exactly what a new file resets (the DC predictors and the bit
// buffer), so the bands' entropy-coded data, with restart markers between them, are one
// scan: the bytes do not depend on the number of processors.
//
// With a map the result is the hash of the coding units that it leaves alone (OutputFacts.UnitsSHA256), else "".
func encodeJPEG(w io.Writer, m *kernels.Image, quality int, changes *AlterationMap) (unitsSum string, err error) {
	width, height := m.Width(), m.Height()
	if width > 65535 || height > 65535 {
		return "", Errorf(CodeUnsupportedFormat, "jpeg", "%d×%d is larger than a JPEG can be (65535 a side)", width, height)
	}
	bands := (height + jpegBand - 1) / jpegBand
	units := (width + 15) / 16 * (jpegBand / 16) // per band
	if units > 65535 {
		return "", Errorf(CodeUnsupportedFormat, "jpeg", "%d pixels are too wide for the restart interval", width)
	}
	type piece struct {
		data []byte
		err  error
	}
	var kept *unitHash
	if changes != nil {
		kept = newUnitHash(changes, width, height, 16, 16)
	}
	var coding *jpegcoef.File // of the first band: all have the same
	queue := make([]chan piece, bands)
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	ahead := make(chan struct{}, 4*cap(slots)) // finished pieces that wait to be written
	stop := make(chan struct{})
	defer close(stop)
	for i := range queue {
		queue[i] = make(chan piece, 1)
	}
	go func() {
		for i := range bands {
			select {
			case ahead <- struct{}{}:
			case <-stop:
				return
			}
			select {
			case slots <- struct{}{}:
			case <-stop:
				return
			}
			go func() {
				var b bytes.Buffer
				y := i * jpegBand
				err := jpeg.Encode(&b, bandRGBA(m, y, min(jpegBand, height-y)), &jpeg.Options{Quality: quality})
				if err == nil && kept != nil {
					err = kept.addFile(b.Bytes(), y/16)
				}
				<-slots
				queue[i] <- piece{b.Bytes(), err}
			}()
		}
	}()
	for i := range bands {
		p := <-queue[i]
		<-ahead
		if p.err != nil {
			return "", p.err
		}
		head, scan, err := splitJPEG(p.data)
		if err != nil {
			return "", err
		}
		if i == 0 {
			if kept != nil {
				if coding, err = jpegcoef.Parse(p.data); err != nil {
					return "", err
				}
			}
			if err := writeJPEGHead(w, head, height, bands, units); err != nil {
				return "", err
			}
		} else if _, err := w.Write([]byte{0xff, 0xd0 + byte((i-1)%8)}); err != nil {
			return "", err
		}
		if _, err := w.Write(scan); err != nil {
			return "", err
		}
	}
	if _, err := w.Write([]byte{0xff, 0xd9}); err != nil || kept == nil {
		return "", err
	}
	return kept.sum(coding), nil
}

// bandRGBA is rows y to y+h of m as image/jpeg likes them best.
func bandRGBA(m *kernels.Image, y, h int) *image.RGBA {
	b := image.NewRGBA(image.Rect(0, 0, m.Width(), h))
	for j := range h {
		src, dst := m.RowU8(y+j), b.Pix[j*b.Stride:]
		for x := range m.Width() {
			d, s := dst[4*x:4*x+4:4*x+4], src[3*x:3*x+3:3*x+3]
			d[0], d[1], d[2], d[3] = s[0], s[1], s[2], 255
		}
	}
	return b
}

// splitJPEG cuts an encoded file into what stands before the entropy-coded data (with
// the scan header) and that data without the end marker.
func splitJPEG(b []byte) (head, scan []byte, err error) {
	for i := 2; i+4 <= len(b) && b[i] == 0xff; {
		n := 2 + int(binary.BigEndian.Uint16(b[i+2:]))
		if b[i+1] == 0xda && i+n+2 <= len(b) {
			return b[:i+n], b[i+n : len(b)-2], nil
		}
		i += n
	}
	return nil, nil, fmt.Errorf("realedit: image/jpeg wrote no scan")
}

// writeJPEGHead writes the first band's header with the picture's height in place of
// the band's and, when there are several bands, the restart interval before the scan.
func writeJPEGHead(w io.Writer, head []byte, height, bands, units int) error {
	head = bytes.Clone(head)
	for i := 2; i+4 <= len(head); {
		n := 2 + int(binary.BigEndian.Uint16(head[i+2:]))
		switch head[i+1] {
		case 0xc0:
			binary.BigEndian.PutUint16(head[i+5:], uint16(height))
		case 0xda:
			if bands > 1 {
				dri := []byte{0xff, 0xdd, 0, 4, byte(units >> 8), byte(units)}
				head = append(append(bytes.Clone(head[:i]), dri...), head[i:]...)
			}
			_, err := w.Write(head)
			return err
		}
		i += n
	}
	return fmt.Errorf("realedit: image/jpeg wrote no scan header")
}

// smallJPEG encodes a thumbnail.
func smallJPEG(m *kernels.Image) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, bandRGBA(m, 0, m.Height()), &jpeg.Options{Quality: 82})
	return b.Bytes(), err
}
