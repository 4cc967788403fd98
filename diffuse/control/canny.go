package control

import (
	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Thresholds are Canny's for the gradient |dx| + |dy| of Sobel's operator on luma of 0 to 255: an edge has a pixel above High and goes on while pixels are above Low.
type Thresholds struct{ Low, High int }

// DefaultThresholds are those that the published ControlNets for Canny edges were trained with.
var DefaultThresholds = Thresholds{100, 200}

// Canny is the edges of a picture (Canny 1986), 255 on 0, in new host memory that the caller frees. src is sRGB-encoded, U8, with 1 or 3 channels on the host. The zero Thresholds are the default.
//
// The definition is OpenCV's cv::Canny with an aperture of 3 and the L1 norm, bit by bit: Sobel's 3×3 with the border repeated, suppression of what is no maximum across
// the edge with tan 22.5° as 13573/2¹⁵, edges followed to all eight neighbours. Luma is (19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶.
func Canny(src *kernels.Image, t Thresholds) (*kernels.Image, error) {
	if t == (Thresholds{}) {
		t = DefaultThresholds
	}
	if t.Low < 0 || t.High < t.Low || t.High > 2040 {
		return nil, realedit.Errorf(realedit.CodeBadOption, "canny", "thresholds %d and %d: want 0 ≤ low ≤ high ≤ 2040", t.Low, t.High)
	}
	l, err := luma(src)
	if err != nil {
		return nil, err
	}
	out, err := kernels.NewHostImage(nil, l.w, l.h, 1, kernels.U8)
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "canny", Err: err}
	}
	marks, stack := l.label(t)
	for len(stack) > 0 { // hysteresis: 1 may be an edge, 2 is one
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		x, y := int(i)%l.w, int(i)/l.w
		for ny := max(0, y-1); ny <= min(l.h-1, y+1); ny++ {
			for nx := max(0, x-1); nx <= min(l.w-1, x+1); nx++ {
				if k := ny*l.w + nx; marks[k] == 1 {
					marks[k] = 2
					stack = append(stack, int32(k))
				}
			}
		}
	}
	for y := range l.h {
		row := out.RowU8(y)
		for x := range row {
			row[x] = 0
			if marks[y*l.w+x] == 2 {
				row[x] = 255
			}
		}
	}
	return out, nil
}

// gray is luma of a picture.
type gray struct {
	w, h int
	v    []uint8
}

func luma(m *kernels.Image) (*gray, error) {
	if m == nil || !m.OnHost() || m.Format() != kernels.U8 || m.Channels() != 1 && m.Channels() != 3 {
		return nil, realedit.Errorf(realedit.CodeBadOption, "control image", "%v: want u8 of 1 or 3 channels on the host", m)
	}
	g := &gray{m.Width(), m.Height(), make([]uint8, m.Width()*m.Height())}
	inRows(g.h, func(y int) {
		row, dst := m.RowU8(y), g.v[y*g.w:][:g.w]
		if m.Channels() == 1 {
			copy(dst, row)
			return
		}
		for x := range dst {
			p := row[3*x:][:3]
			dst[x] = uint8((19595*uint32(p[0]) + 38470*uint32(p[1]) + 7471*uint32(p[2]) + 1<<15) >> 16)
		}
	})
	return g, nil
}

// gradient is Sobel's of row y.
func (g *gray) gradient(y int, dx, dy []int16) {
	above, here, below := g.v[max(0, y-1)*g.w:], g.v[y*g.w:], g.v[min(g.h-1, y+1)*g.w:]
	for x := range g.w {
		l, r := max(0, x-1), min(g.w-1, x+1)
		a, b, c := int16(above[l]), int16(above[x]), int16(above[r])
		d, f := int16(here[l]), int16(here[r])
		e, h, i := int16(below[l]), int16(below[x]), int16(below[r])
		dx[x] = (c - a) + 2*(f-d) + (i - e)
		dy[x] = (e - a) + 2*(h-b) + (i - c)
	}
}

// label marks what may be edges with 1 and what is one with 2, of which it gives the places.
func (g *gray) label(t Thresholds) (marks []uint8, sure []int32) {
	const tan = 13573 // of 22.5°, of 2¹⁵
	dx, dy := make([]int16, g.w*g.h), make([]int16, g.w*g.h)
	stride := g.w + 2
	norm := make([]int32, stride*(g.h+2)) // with a border of zeros
	inRows(g.h, func(y int) {
		g.gradient(y, dx[y*g.w:][:g.w], dy[y*g.w:][:g.w])
		for x := range g.w {
			norm[(y+1)*stride+x+1] = abs(int32(dx[y*g.w+x])) + abs(int32(dy[y*g.w+x]))
		}
	})
	marks = make([]uint8, g.w*g.h)
	inRows(g.h, func(y int) {
		for x := range g.w {
			at := (y+1)*stride + x + 1
			m := norm[at]
			if m <= int32(t.Low) {
				continue
			}
			sx, sy := int32(dx[y*g.w+x]), int32(dy[y*g.w+x])
			ax, ay := abs(sx), abs(sy)<<15
			var peak bool
			switch flat := ax * tan; {
			case ay < flat: // across: left and right
				peak = m > norm[at-1] && m >= norm[at+1]
			case ay > flat+ax<<16:
				peak = m > norm[at-stride] && m >= norm[at+stride]
			default:
				s := 1
				if sx^sy < 0 {
					s = -1
				}
				peak = m > norm[at-stride-s] && m > norm[at+stride+s]
			}
			if peak {
				marks[y*g.w+x] = 1
				if m > int32(t.High) {
					marks[y*g.w+x] = 2
				}
			}
		}
	})
	for i, v := range marks {
		if v == 2 {
			sure = append(sure, int32(i))
		}
	}
	return marks, sure
}

func abs(v int32) int32 { return max(v, -v) }
