package segment

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// randomMasks calls f with masks of all densities, sparse, solid and full, wider and narrower than a word.
func randomMasks(f func(r *rand.Rand, m []bool, w, h int)) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		w, h := 1+r.IntN(200), 1+r.IntN(30)
		m := make([]bool, w*h)
		dense := r.IntN(31)
		for i := range m {
			m[i] = r.IntN(30) < dense
		}
		f(r, m, w, h)
	}
}

// A square around each pixel is all that growing and shrinking mean, also where it reaches beyond the picture.
func TestGrow(t *testing.T) {
	randomMasks(func(r *rand.Rand, m []bool, w, h int) {
		reach, set := r.IntN(6), r.IntN(2) == 0
		mask := bitMaskFrom(m, w, h)
		got := mask.shrunk(reach)
		if set {
			got = mask.grown(reach)
		}
		for k := range m {
			want := !set
			for y := max(0, k/w-reach); y <= min(h-1, k/w+reach); y++ {
				for x := max(0, k%w-reach); x <= min(w-1, k%w+reach); x++ {
					if m[y*w+x] == set {
						want = set
					}
				}
			}
			require.Equal(t, want, got.at(k%w, k/w), "%d×%d, reach %d of %v, at %d", w, h, reach, set, k)
		}
	})
}

// Regions are what a flood from their first pixels reaches, in that order, in runs that do not touch, with the box and the outline of their pixels.
func TestMaskRegions(t *testing.T) {
	randomMasks(func(_ *rand.Rand, m []bool, w, h int) {
		of := make([]int, w*h)
		for i := range of {
			of[i] = -1
		}
		got := bitMaskFrom(m, w, h).regions()
		for i, r := range got {
			n, last := 0, run{-1, 0, 0}
			for _, s := range r {
				require.True(t, s.y > last.y || s.y == last.y && s.x0 > last.x1, "%v after %v", s, last)
				require.Less(t, s.x0, s.x1)
				for x := s.x0; x < s.x1; x++ {
					require.Equal(t, -1, of[int(s.y)*w+int(x)])
					of[int(s.y)*w+int(x)] = i
					n++
				}
				last = s
			}
			require.Equal(t, n, r.area())
		}
		next := 0
		seen := make([]bool, w*h)
		for k := range m {
			require.Equal(t, m[k], of[k] >= 0)
			if !m[k] || seen[k] {
				continue
			}
			stack, size := []int{k}, 0
			x0, y0, x1, y1 := w, h, -1, -1
			seen[k] = true
			for len(stack) > 0 {
				p := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				size++
				x0, y0, x1, y1 = min(x0, p%w), min(y0, p/w), max(x1, p%w), max(y1, p/w)
				require.Equal(t, next, of[p])
				for _, q := range [4]int{p - 1, p + 1, p - w, p + w} {
					if q >= 0 && q < len(m) && (q/w == p/w || q%w == p%w) && m[q] && !seen[q] {
						seen[q] = true
						stack = append(stack, q)
					}
				}
			}
			require.Equal(t, size, got[next].area())
			bx0, by0, bx1, by1 := got[next].box()
			require.Equal(t, [4]int{x0, y0, x1 + 1, y1 + 1}, [4]int{bx0, by0, bx1, by1})
			o := got[next].outline()
			for y := y0; y <= y1; y++ {
				first, end := w, 0
				for x := range w {
					if of[y*w+x] == next {
						first, end = min(first, x), x+1
					}
				}
				require.Equal(t, [2]int{first, end}, [2]int{o.left[y-y0], o.right[y-y0]})
			}
			for x := x0; x <= x1; x++ {
				first, end := h, 0
				for y := range h {
					if of[y*w+x] == next {
						first, end = min(first, y), y+1
					}
				}
				require.Equal(t, [2]int{first, end}, [2]int{o.top[x-x0], o.bottom[x-x0]})
			}
			next++
		}
		require.Len(t, got, next)
	})
}
