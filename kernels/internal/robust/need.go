package robust

import "math"

// need is how much each level is wanted: the share of windows whose range of levels it lies in, every
// window sharing out 1 over its range; square root, sum 1.
func need(windows *[Levels][Levels]uint32) (h [Levels]float64) {
	var rise [Levels + 1]float64
	for a := range windows {
		begin := rise[a]
		for b, c := range windows[a][a:] {
			if c > 0 {
				v := float64(c) / float64(b+1)
				begin += v
				rise[a+b+1] -= v
			}
		}
		rise[a] = begin
	}
	var sum, total float64
	for k := range h {
		sum += rise[k]
		h[k] = max(0, sum)
		total += h[k]
	}
	var roots float64
	for k := range h {
		h[k] = math.Sqrt(h[k]/total + 1e-7)
		roots += h[k]
	}
	for k := range h {
		h[k] /= roots
	}
	return h
}
