package robust

import "math"

// need is how much each level is wanted: the share of windows whose range of levels it lies in, every
// window sharing out 1 over its range; windows of 11, 21 and 41 reduced pixels; square root, sum 1.
func need(p Plan, scene []uint8) (h [Levels]float64) {
	var counts [Levels][Levels]uint32 // windows by lowest and highest level
	n := p.LW * p.LH
	lo, hi := append([]uint8(nil), scene...), append([]uint8(nil), scene...)
	tmp := make([]uint8, n)
	grow := func(d int) {
		for _, v := range []struct {
			v    []uint8
			flip uint8
		}{{lo, 0}, {hi, 255}} {
			lowest(v.v, tmp, p.LW, p.LH, d, v.flip)
		}
	}
	for _, shifts := range [][]int{{1, 1, 2, 1}, {5}, {10}} { // half-widths 5, 10, 20
		for _, d := range shifts {
			grow(d)
		}
		for i, a := range lo {
			counts[a][hi[i]]++
		}
	}
	var rise [Levels + 1]float64
	for a := range counts {
		for b, c := range counts[a][a:] {
			v := float64(c) / float64(b+1)
			rise[a] += v
			rise[a+b+1] -= v
		}
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

// lowest replaces every value by the least of itself and those d to the left and right, then d above and
// below (of what lies within the picture, else of the nearest that does); with flip 255 by the greatest.
// Repeated with d no larger than the half-width so far plus one it gives windows of any size.
func lowest(v, tmp []uint8, w, h, d int, flip uint8) {
	for y := range h {
		src, dst := v[y*w:][:w], tmp[y*w:][:w]
		for x := range src {
			dst[x] = min(src[max(x-d, 0)]^flip, src[x]^flip, src[min(x+d, w-1)]^flip)
		}
	}
	for y := range h {
		a, b, c, dst := tmp[max(y-d, 0)*w:][:w], tmp[y*w:][:w], tmp[min(y+d, h-1)*w:][:w], v[y*w:][:w]
		for x := range dst {
			dst[x] = min(a[x], b[x], c[x]) ^ flip
		}
	}
}
