//go:build cuda && cgo

package cuda

// #include "ssim.h"
import "C"

import (
	"strconv"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) ssim(x, y, m *kernels.Image, o *kernels.SSIMOptions) (res kernels.SSIMResult, err error) {
	w, h, c := x.Width(), x.Height(), x.Channels()
	strips, rows := over(w, ssimWidth(c)), ssimRows(w, h)
	blocks := dims{strips, over(h, rows), 1}
	top := float64(x.Format().Max())
	sums := make([]float64, blocks.x*blocks.y*c)
	x0, x1 := ssimSpan(w)
	y0, y1 := ssimSpan(h)
	err = b.do("SSIM", func(q *call) {
		a := C.re_ssim{
			a: q.in(x), b: q.in(y), m: q.out(m), sums: q.scratch(int64(len(sums)) * 8), rows: C.int32_t(rows),
			x0: C.int32_t(x0), x1: C.int32_t(x1), y0: C.int32_t(y0), y1: C.int32_t(y1),
			top: C.float(top), c1: C.float(2 * 0.01 * 0.01 * top * top), c2: C.float(2 * 0.03 * 0.03 * top * top),
		}
		if o != nil && o.ContrastStructure {
			a.structure = 1
		}
		launch(q, "ssim_"+strconv.Itoa(c), blocks, dims{x: C.RE_SSIM_THREADS}, 0, &a)
		fetch(q, sums, a.sums)
	})
	if err != nil {
		return kernels.SSIMResult{}, err
	}
	res.Channels = make([]float64, c)
	for i, s := range sums {
		res.Channels[i%c] += s
	}
	for k := range res.Channels {
		res.Channels[k] /= float64(x1-x0) * float64(y1-y0)
		res.Mean += res.Channels[k] / float64(c)
	}
	return res, nil
}

// ssimWidth is how many pixels of a block's threads get a result; the others only feed them.
func ssimWidth(c int) int {
	return (C.RE_SSIM_THREADS/c - 2*C.RE_SSIM_REACH) / C.RE_SSIM_SPAN * C.RE_SSIM_SPAN
}

// ssimSpan is the range of a side that means are taken over.
func ssimSpan(n int) (from, to int) {
	if n < 2*C.RE_SSIM_REACH+1 {
		return 0, n
	}
	return C.RE_SSIM_REACH, n - C.RE_SSIM_REACH
}

// ssimRows is the height of a block: high ones waste less on the rows that fill their filters, low ones fill a GPU with a
// small picture. It depends on the picture alone, so that sums do too.
func ssimRows(w, h int) int {
	rows := 64
	if w*h >= 1<<22 {
		rows = 192
	}
	return max(rows, over(h, 65535*8)*8) // a grid has at most 65535 blocks in y
}
