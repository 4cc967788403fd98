package ref

import "github.com/realedit/realedit/kernels"

var pyramidTaps = [5]float64{1. / 16, 4. / 16, 6. / 16, 4. / 16, 1. / 16}

func pyrDown(dst, src *kernels.Image) error {
	w, h, c := src.Width(), src.Height(), src.Channels()
	in, sum, out := rowBuf(src), rowBuf(src), rowBuf(dst)
	for y := range dst.Height() {
		clear(sum)
		for k, g := range pyramidTaps {
			unitRow(src, mirror(2*y+k-2, h), in)
			for i := range sum {
				sum[i] += g * in[i]
			}
		}
		for x := range dst.Width() {
			for ch := range c {
				var s float64
				for k, g := range pyramidTaps {
					s += g * sum[mirror(2*x+k-2, w)*c+ch]
				}
				out[x*c+ch] = s
			}
		}
		storeRow(dst, y, out)
	}
	return nil
}

func pyrUp(dst, src *kernels.Image) error {
	w, h, c := src.Width(), src.Height(), src.Channels()
	in, sum, out := rowBuf(src), rowBuf(src), rowBuf(dst)
	for y := range dst.Height() {
		clear(sum)
		for k, g := range pyramidTaps {
			// Row y+k−2 of the picture with zeros between, mirrored in its full height 2h; odd rows are the zeros.
			r := mirror(y+k-2, 2*h)
			if r%2 != 0 {
				continue
			}
			loadRow(src, r/2, in)
			for i := range sum {
				sum[i] += 2 * g * in[i]
			}
		}
		for x := range dst.Width() {
			for ch := range c {
				var s float64
				for k, g := range pyramidTaps {
					if q := mirror(x+k-2, 2*w); q%2 == 0 {
						s += 2 * g * sum[q/2*c+ch]
					}
				}
				out[x*c+ch] = s
			}
		}
		storeRow(dst, y, out)
	}
	return nil
}
