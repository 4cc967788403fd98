package hdr

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// A view comes in no darker than the bright parts around it, and otherwise as the frame holds it.
func TestBrighten(t *testing.T) {
	const w, h = 40, 30
	filled := func(v float32) *plane {
		p := &plane{w, h, make([]float32, w*h)}
		for i := range p.v {
			p.v[i] = v
		}
		return p
	}
	inside := filled(0)
	var region []int
	for y := 10; y < 20; y++ {
		for x := 10; x < 30; x++ {
			inside.v[y*w+x] = 1
			region = append(region, y*w+x)
		}
	}
	g := brighten(filled(0.8), filled(0.65), inside, region)
	require.InDelta(t, 0.8, math.Pow(0.65, g), 1e-6, "leaves around a sky")
	require.Equal(t, 1.0, brighten(filled(0.4), filled(0.65), inside, region), "a dark wall around a view")
	require.Equal(t, 0.5, brighten(filled(0.95), filled(0.2), inside, region), "no more than the square root")
	require.Equal(t, 1.0, brighten(filled(0.8), filled(0.01), inside, region), "nothing to see")
}
