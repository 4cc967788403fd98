package ref

import "github.com/realedit/realedit/kernels"

func convert(dst, src *kernels.Image) error {
	buf := rowBuf(src)
	for y := range src.Height() {
		if dst.Format() == src.Format() {
			copy(dst.Row(y), src.Row(y))
			continue
		}
		unitRow(src, y, buf)
		storeUnitRow(dst, y, buf)
	}
	return nil
}
