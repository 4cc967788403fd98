package ref

import "github.com/realedit/realedit/kernels"

// luma1 is Y of encoded R, G, B, exactly v where all three are v.
func luma1(r, g, b float64) float64 { return (299*r + 587*g + 114*b) / 1000 }

func luma(dst, src *kernels.Image) error {
	in, out := rowBuf(src), rowBuf(dst)
	scale := dst.Format().Max() / src.Format().Max()
	for y := range src.Height() {
		loadRow(src, y, in)
		for i := range out {
			out[i] = luma1(in[3*i], in[3*i+1], in[3*i+2]) * scale
		}
		storeRow(dst, y, out)
	}
	return nil
}
