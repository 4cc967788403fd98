package ref

import "github.com/realedit/realedit/kernels"

// triangle gives the two chroma samples between which pixel i lies, of n samples
// for w pixels: ¾ of near and ¼ of far. A full plane has near = far = i.
func triangle(i, n, w int) (near, far int) {
	if n == w {
		return i, i
	}
	near = i / 2
	return near, clampInt(near-1+2*(i%2), n)
}

func yCbCrToRGB(dst, y, cb, cr *kernels.Image) error {
	w, h := dst.Width(), dst.Height()
	cw, ch := cb.Width(), cb.Height()
	buf := rowBuf(dst)
	for j := range h {
		near, far := triangle(j, ch, h)
		// chroma is the plane at pixel (i,j), minus 128.
		chroma := func(p *kernels.Image, i int) float64 {
			n, f := p.RowU8(near), p.RowU8(far)
			a, b := triangle(i, cw, w)
			v := 9*float64(n[a]) + 3*float64(n[b]) + 3*float64(f[a]) + float64(f[b])
			return v/16 - 128
		}
		for i, v := range y.RowU8(j) {
			l, u, v := float64(v), chroma(cb, i), chroma(cr, i)
			buf[3*i] = l + 1.402*v
			buf[3*i+1] = l - 0.344136286*u - 0.714136286*v
			buf[3*i+2] = l + 1.772*u
		}
		storeRow(dst, j, buf)
	}
	return nil
}
