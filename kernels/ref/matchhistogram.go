package ref

import "github.com/realedit/realedit/kernels"

func matchHistogram(dst, src, ref, srcMask, refMask *kernels.Image) error {
	hs, err := histogram(src, srcMask)
	if err != nil {
		return err
	}
	hr, err := histogram(ref, refMask)
	if err != nil {
		return err
	}
	for c := range hs {
		table, err := kernels.MatchTable(hs[c], hr[c])
		if err != nil {
			return err
		}
		for y := range src.Height() {
			for x := range src.Width() {
				i := x*src.Channels() + c
				if src.Format() == kernels.U8 {
					dst.RowU8(y)[i] = uint8(table[src.RowU8(y)[i]])
				} else {
					dst.RowU16(y)[i] = table[src.RowU16(y)[i]]
				}
			}
		}
	}
	return nil
}
