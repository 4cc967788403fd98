package kernels

import "sort"

// MatchTable is the table by which Ops.MatchHistogram maps one channel: for a value
// v of the source with cumulated share s(v) of its histogram, the position where the
// reference's cumulated share reaches s(v), linear between the values that occur in
// the reference, cut to an integer. It computes in float64 exactly as numpy.interp
// does, so that the integers equal those of scikit-image's match_histograms.
// Both histograms must have a count, else the error is an *ArgError.
func MatchTable(src, ref []uint64) ([]uint16, error) {
	total := func(h []uint64) (n uint64) {
		for _, c := range h {
			n += c
		}
		return n
	}
	ns, nr := total(src), total(ref)
	if ns == 0 {
		return nil, argErr("MatchHistogram", "srcMask", "selects no pixel")
	}
	if nr == 0 {
		return nil, argErr("MatchHistogram", "refMask", "selects no pixel")
	}
	var share, value []float64 // the reference's quantile function where it steps
	var sum uint64
	for v, c := range ref {
		if sum += c; c > 0 {
			share = append(share, float64(sum)/float64(nr))
			value = append(value, float64(v))
		}
	}
	table := make([]uint16, len(src))
	sum = 0
	for v, c := range src {
		if c == 0 && v > 0 {
			table[v] = table[v-1]
			continue
		}
		sum += c
		s := float64(sum) / float64(ns)
		j := sort.SearchFloat64s(share, s) // the first that is not below s
		switch {
		case j == len(share):
			j--
			fallthrough
		case j == 0 || share[j] == s:
			table[v] = uint16(value[j])
		default:
			slope := (value[j] - value[j-1]) / (share[j] - share[j-1])
			table[v] = uint16(float64(slope*(s-share[j-1])) + value[j-1])
		}
	}
	return table, nil
}
