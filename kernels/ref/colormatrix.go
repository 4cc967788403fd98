package ref

import "github.com/realedit/realedit/kernels"

func colorMatrix(dst, src *kernels.Image, m *[12]float32) error {
	for y := range src.Height() {
		for x := range src.Width() {
			r, g, b := pixelAt(src, x, y, 0), pixelAt(src, x, y, 1), pixelAt(src, x, y, 2)
			for i := range 3 {
				row := m[4*i : 4*i+4]
				setPixel(dst, x, y, i, float64(row[0])*r+float64(row[1])*g+float64(row[2])*b+float64(row[3]))
			}
		}
	}
	return nil
}
