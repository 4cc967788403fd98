package robust

import (
	"math/rand/v2"
	"testing"
)

// A Summary is the counts and sums that its comments say, pixel by pixel and window by window.
func TestSummarise(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, size := range [][2]int{{1, 1}, {2, 1}, {4, 9}, {11, 10}, {50, 3}, {43, 61}} {
		w, h := size[0], size[1]
		p := NewPlan(w, h)
		low := bracket(3, w, h)
		some, none := make([]bool, w*h), make([]bool, w*h)
		for i := range some {
			some[i] = r.IntN(3) > 0
		}
		some[0] = true
		for name, valid := range map[string][]bool{"all": nil, "some": some, "none": none} {
			want := Summary{Sums: make([][Levels]uint64, len(low))}
			at := func(x, y int) int {
				return (int(low[0][y*w+x]) + int(low[1][y*w+x]) + int(low[2][y*w+x])) / 3 / 256
			}
			for j := range w * h {
				x, y := j%w, j/w
				k := at(x, y)
				want.All[k]++
				if name != "some" || valid[j] {
					want.Shared[k]++
					for i := range low {
						want.Sums[i][k] += uint64(low[i][j])
					}
				}
				for _, d := range []int{5, 10, 20} {
					a, b := k, k
					for v := max(0, y-d); v <= min(h-1, y+d); v++ {
						for u := max(0, x-d); u <= min(w-1, x+d); u++ {
							a, b = min(a, at(u, v)), max(b, at(u, v))
						}
					}
					want.Windows[a][b]++
				}
			}
			got := Summarise(p, low, valid)
			if got.All != want.All || got.Shared != want.Shared || got.Windows != want.Windows {
				t.Errorf("%d×%d, %s valid: other counts", w, h, name)
			}
			for i := range low {
				if got.Sums[i] != want.Sums[i] {
					t.Errorf("%d×%d, %s valid: other sums of photo %d", w, h, name, i)
				}
			}
		}
	}
}
