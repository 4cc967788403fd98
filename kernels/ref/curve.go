package ref

import "github.com/realedit/realedit/kernels"

func curve(dst, src *kernels.Image, tables [][]float32) error {
	for y := range src.Height() {
		for x := range src.Width() {
			for c := range src.Channels() {
				setPixel(dst, x, y, c, lookUp(tables[c%len(tables)], unit01(pixelAt(src, x, y, c))))
			}
		}
	}
	return nil
}

// lookUp is the table at position v·(len−1), v in [0,1], linear between entries.
func lookUp(t []float32, v float64) float64 {
	p := v * float64(len(t)-1)
	i := min(int(p), len(t)-2)
	f := p - float64(i)
	return float64(t[i])*(1-f) + float64(t[i+1])*f
}
