package hdr

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A pixel is set where any, or all, within r of it are: asked one by one.
func TestMorph(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		w, h, radius, share := 1+r.IntN(20), 1+r.IntN(20), r.IntN(8), r.Float64()
		m := make([]bool, w*h)
		for i := range m {
			m[i] = r.Float64() < share
		}
		for _, all := range []bool{false, true} {
			want := make([]bool, w*h)
			for i := range want {
				want[i] = all
				for y := max(0, i/w-radius); y <= min(h-1, i/w+radius); y++ {
					for x := max(0, i%w-radius); x <= min(w-1, i%w+radius); x++ {
						if m[y*w+x] != all {
							want[i] = !all
						}
					}
				}
			}
			if !slices.Equal(morph(m, w, h, radius, all), want) {
				t.Fatalf("%d×%d, radius %d, all %v", w, h, radius, all)
			}
		}
	}
}
