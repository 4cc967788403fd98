package hdr

import "slices"

// median of d, which it sorts; 0 of nothing.
func median(d []float64) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}
