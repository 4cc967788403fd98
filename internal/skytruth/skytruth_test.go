package skytruth

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// half is a picture whose upper rows are sky.
func half(w, h, rows int) []uint8 {
	m := make([]uint8, w*h)
	for i := range rows * w {
		m[i] = 255
	}
	return m
}

func TestMeasures(t *testing.T) {
	const w, h = 20, 30
	truth := half(w, h, 15)
	require.Equal(t, 0.5, Share(truth))
	require.Equal(t, 1.0, IoU(truth, truth))
	require.Equal(t, 0.8, IoU(half(w, h, 12), truth))
	require.Equal(t, 1.0, IoU(half(w, h, 0), half(w, h, 0)))
	for off, want := range map[int]float64{0: 1, 2: 1, 3: 0} {
		recall, precision := Edges(half(w, h, 15+off), truth, w, h, 2, 0)
		require.Equal(t, want, recall, off)
		require.Equal(t, want, precision, off)
	}
	// A wire that the mask has not: all of its edges are right, but not all are found.
	wire := half(w, h, 15)
	for x := range w {
		wire[4*w+x] = 0
	}
	recall, precision := Edges(truth, wire, w, h, 2, 0)
	require.InDelta(t, 1./3, recall, 1e-9)
	require.Equal(t, 1.0, precision)

	// A wire that covers nearly half of its pixels is found with slack, however little is missing to the half, and one that covers a tenth is not.
	for cover, want := range map[uint8]float64{140: 1, 230: 1. / 3} {
		faint := half(w, h, 15)
		for x := range w {
			faint[4*w+x] = cover
		}
		recall, _ = Edges(faint, wire, w, h, 2, 0.15)
		require.InDelta(t, want, recall, 1e-9)
	}
}
