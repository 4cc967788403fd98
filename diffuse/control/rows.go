package control

import (
	"runtime"
	"sync"
)

// inRows runs f for every row, in bands side by side.
func inRows(h int, f func(y int)) {
	n := min(runtime.GOMAXPROCS(0), h)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for y := i * h / n; y < (i+1)*h/n; y++ {
				f(y)
			}
		})
	}
	wg.Wait()
}
