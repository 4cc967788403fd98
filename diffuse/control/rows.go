package control

import "github.com/realedit/realedit/internal/parallel"

// inRows runs f for every row, in bands side by side.
func inRows(h int, f func(y int)) {
	parallel.Bands(h, 16, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			f(y)
		}
	})
}
