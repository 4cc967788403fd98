package ref

import "github.com/realedit/realedit/kernels"

func blend(dst, a, b, mask *kernels.Image) error {
	ra, rb, rm := rowBuf(a), rowBuf(b), rowBuf(mask)
	c := a.Channels()
	for y := range dst.Height() {
		loadRow(a, y, ra)
		loadRow(b, y, rb)
		unitRow(mask, y, rm)
		for i := range ra {
			// The ends are taken as they are: an infinite or NaN sample of the other side must not leak in.
			switch t := unit01(rm[i/c]); t {
			case 0:
			case 1:
				ra[i] = rb[i]
			default:
				ra[i] = ra[i]*(1-t) + rb[i]*t
			}
		}
		storeRow(dst, y, ra)
	}
	return nil
}
