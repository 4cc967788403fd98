package realedit

import (
	"encoding/binary"
	"math"
	"sync"

	"github.com/realedit/realedit/kernels"
)

// ThumbSide is the longer side of a Thumb, in pixels.
const ThumbSide = 128

// Thumb is a small picture: W×H pixels of RGB, rows top down.
type Thumb struct {
	W, H int
	Pix  []uint8
}

// look fills in what the pixels tell: the thumb and the shares of clipped pixels.
func (p *Photo) look(m *kernels.Image, ops *kernels.Ops) error {
	w, h := m.Width(), m.Height()
	if s := float64(ThumbSide) / float64(max(w, h)); s < 1 {
		w = max(1, int(math.Round(float64(w)*s)))
		h = max(1, int(math.Round(float64(h)*s)))
	}
	pix := make([]uint8, w*h*3)
	t, err := kernels.Wrap(pix, w, h, 3)
	if err != nil {
		return err
	}
	if err := ops.Resize(t, m); err != nil {
		return err
	}
	p.Thumb = Thumb{w, h, pix}
	p.ClippedHigh, p.ClippedLow = clipped(m)
	p.sharpness = sharpness(m)
	return nil
}

// sharpness is the mean of |second difference| of green along every 16th row, over the mean of green.
func sharpness(m *kernels.Image) float64 {
	var detail, level float64
	for y := 0; y < m.Height(); y += 16 {
		if m.Format() == kernels.U16 {
			d, l := differences(m.RowU16(y))
			detail, level = detail+d, level+l
		} else {
			d, l := differences(m.RowU8(y))
			detail, level = detail+d, level+l
		}
	}
	if level == 0 {
		return 0
	}
	return detail / level
}

// differences sums |second difference| and value of the middle channel.
func differences[T uint8 | uint16](row []T) (detail, level float64) {
	var d, l int64
	for i := 1; i+6 < len(row); i += 3 {
		a, b, c := int64(row[i]), int64(row[i+3]), int64(row[i+6])
		v := a - 2*b + c
		d += max(v, -v)
		l += b
	}
	return float64(d), float64(l)
}

// clipped is the share of pixels with a channel at or above 254/255 of the maximum,
// and with all channels at or below 1/255 of it.
func clipped(m *kernels.Image) (high, low float64) {
	var mu sync.Mutex
	var nh, nl int
	inBands(m.Height(), func(y0, y1 int) {
		h, l := 0, 0
		for y := y0; y < y1; y++ {
			var a, b int
			if m.Format() == kernels.U16 {
				a, b = clipped16(m.RowU16(y))
			} else {
				a, b = clipped8(m.RowU8(y))
			}
			h, l = h+a, l+b
		}
		mu.Lock()
		nh, nl = nh+h, nl+l
		mu.Unlock()
	})
	n := float64(m.Width()) * float64(m.Height())
	return float64(nh) / n, float64(nl) / n
}

func clipped16(row []uint16) (high, low int) {
	for ; len(row) >= 3; row = row[3:] {
		top := max(row[0], row[1], row[2])
		if top >= 254*257 {
			high++
		} else if top <= 257 {
			low++
		}
	}
	return high, low
}

func clipped8(row []uint8) (high, low int) {
	const (
		ones = 0x0101010101010101
		tops = 0x8080808080808080
	)
	for len(row) >= 3 {
		if len(row) >= 24 {
			// Eight pixels at once: most hold no sample that could count.
			a, b, c := binary.LittleEndian.Uint64(row), binary.LittleEndian.Uint64(row[8:]), binary.LittleEndian.Uint64(row[16:])
			bright := (a&^uint64(tops)+2*ones)&a | (b&^uint64(tops)+2*ones)&b | (c&^uint64(tops)+2*ones)&c // top bit where a byte ≥ 254
			x, y, z := a&^uint64(ones), b&^uint64(ones), c&^uint64(ones)
			dark := (x-ones)&^x | (y-ones)&^y | (z-ones)&^z // a top bit where some byte ≤ 1
			if (bright|dark)&tops == 0 {
				row = row[24:]
				continue
			}
		}
		for k := min(8, len(row)/3); k > 0; k-- {
			top := max(row[0], row[1], row[2])
			if top >= 254 {
				high++
			} else if top <= 1 {
				low++
			}
			row = row[3:]
		}
	}
	return high, low
}
