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

// quantile q in [0,1] of d, which must be sorted; 0 of nothing.
func quantile(d []float64, q float64) float64 {
	if len(d) == 0 {
		return 0
	}
	return d[min(len(d)-1, int(q*float64(len(d))))]
}
