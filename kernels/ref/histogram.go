package ref

import "github.com/realedit/realedit/kernels"

func histogram(src, mask *kernels.Image) ([][]uint64, error) {
	bins := 256
	if src.Format() == kernels.U16 {
		bins = 65536
	}
	h := make([][]uint64, src.Channels())
	for c := range h {
		h[c] = make([]uint64, bins)
		for y := range src.Height() {
			for x := range src.Width() {
				if !picked(mask, x, y) {
					continue
				}
				if bins == 256 {
					h[c][src.RowU8(y)[x*src.Channels()+c]]++
				} else {
					h[c][src.RowU16(y)[x*src.Channels()+c]]++
				}
			}
		}
	}
	return h, nil
}
