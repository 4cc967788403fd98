package realedit

import (
	"unsafe"

	"github.com/realedit/realedit/kernels"
)

// upright returns src brought upright from an EXIF orientation (1 to 8; anything else
// counts as 1): src itself where nothing is to do, else a new image.
//
//	1 as it is            5 transposed
//	2 mirrored            6 turned right (its top is the scene's right)
//	3 turned by 180°      7 transposed about the other diagonal
//	4 upside down         8 turned left
func upright(b kernels.Backend, src *kernels.Image, orientation int) (*kernels.Image, error) {
	if orientation < 2 || orientation > 8 {
		return src, nil
	}
	w, h := src.Width(), src.Height()
	if orientation >= 5 {
		w, h = h, w
	}
	dst, err := b.NewImage(w, h, src.Channels(), src.Format())
	if err != nil {
		return nil, err
	}
	if src.Format() == kernels.U16 {
		turn(dst, samples[uint16](dst), src, samples[uint16](src), 2, orientation)
	} else {
		turn(dst, dst.Memory().Host[dst.Offset():], src, src.Memory().Host[src.Offset():], 1, orientation)
	}
	return dst, nil
}

// samples is an image's memory from its first pixel on, as numbers.
func samples[T uint16](m *kernels.Image) []T {
	b := m.Memory().Host[m.Offset():]
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), len(b)/int(unsafe.Sizeof(T(0))))
}

// turn fills dst (pixels d) from src (pixels s), 3 channels of samples of the given
// size. It works in square blocks, so that the rows it reads across stay in the cache.
func turn[T uint8 | uint16](dst *kernels.Image, d []T, src *kernels.Image, s []T, size, orientation int) {
	W, H := src.Width(), src.Height()
	ss, ds := src.Stride()/size, dst.Stride()/size
	// The source's index of dst pixel (x,y) is at + x·dx + y·dy.
	var at, dx, dy int
	last, bottom := 3*(W-1), ss*(H-1)
	switch orientation {
	case 2:
		at, dx, dy = last, -3, ss
	case 3:
		at, dx, dy = bottom+last, -3, -ss
	case 4:
		at, dx, dy = bottom, 3, -ss
	case 5:
		at, dx, dy = 0, ss, 3
	case 6:
		at, dx, dy = bottom, -ss, 3
	case 7:
		at, dx, dy = bottom+last, -ss, -3
	case 8:
		at, dx, dy = last, ss, -3
	}
	const block = 64 // inBands' ranges are blocks too
	w := dst.Width()
	inBands(dst.Height(), func(y0, y1 int) {
		for x0 := 0; x0 < w; x0 += block {
			x1 := min(w, x0+block)
			for y := y0; y < y1; y++ {
				i := at + x0*dx + y*dy
				row := d[y*ds+3*x0 : y*ds+3*x1]
				for len(row) >= 3 {
					p := s[i : i+3 : i+3]
					row[0], row[1], row[2] = p[0], p[1], p[2]
					row = row[3:]
					i += dx
				}
			}
		}
	})
}
