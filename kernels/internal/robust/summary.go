package robust

// Summary is what the tables need to know of the reduced pixels. The level of a reduced pixel is the mean of
// the photos' lumas in 16 bits, rounded down, without its lower 8 bits.
type Summary struct {
	All    [Levels]uint32   // reduced pixels by level
	Shared [Levels]uint32   // those that are valid in all photos; where there is none, all
	Sums   [][Levels]uint64 // per photo, by level: the sum of its lumas over the pixels of Shared
	// Windows are the windows around all reduced pixels, of half-widths 5, 10 and 20 cut off at the borders,
	// by the lowest and the highest level in them.
	Windows [Levels][Levels]uint32
}

// Summarise sums up the photos' reduced lumas (16 bits); valid tells which of them are valid in all photos (nil: all).
func Summarise(p Plan, low [][]uint16, valid []bool) *Summary {
	s := &Summary{Sums: make([][Levels]uint64, len(low))}
	scene := make([]uint8, p.LW*p.LH)
	for i := range scene {
		var sum uint64
		for _, l := range low {
			sum += uint64(l[i])
		}
		k := uint8(sum / uint64(len(low)) >> 8)
		scene[i] = k
		s.All[k]++
		if valid != nil && valid[i] {
			s.Shared[k]++
		}
	}
	if s.Shared == [Levels]uint32{} {
		s.Shared, valid = s.All, nil
	}
	for n, l := range low {
		sums := &s.Sums[n]
		for i, k := range scene {
			if valid == nil || valid[i] {
				sums[k] += uint64(l[i])
			}
		}
	}
	s.windows(scene, p.LW, p.LH)
	return s
}

// windows counts the windows of w×h levels.
func (s *Summary) windows(scene []uint8, w, h int) {
	lo, hi, tmp := append([]uint8(nil), scene...), make([]uint8, len(scene)), make([]uint8, len(scene))
	for i, k := range scene {
		hi[i] = ^k // so that it too is the least of a window
	}
	for _, shifts := range [][]int{{1, 1, 2, 1}, {5}, {10}} { // half-widths 5, 10, 20
		for _, d := range shifts {
			lowest(lo, tmp, w, h, d)
			lowest(hi, tmp, w, h, d)
		}
		for i, a := range lo {
			s.Windows[a][^hi[i]]++
		}
	}
}

// lowest replaces every value by the least of itself and those d to the left and right, then d above and
// below (of what lies within the picture, else of the nearest that does).
// Repeated with d no larger than the half-width so far plus one it gives windows of any size.
func lowest(v, tmp []uint8, w, h, d int) {
	for y := range h {
		row := v[y*w:][:w]
		at := func(x int) uint8 { return min(row[max(x-d, 0)], row[x], row[min(x+d, w-1)]) }
		dst := tmp[y*w:][:w]
		for x := range min(d, w) {
			dst[x] = at(x)
		}
		if w > 2*d {
			a, b, c, dst := row, row[d:], row[2*d:], dst[d:w-d]
			b, c = b[:len(dst)], c[:len(dst)]
			for x := range dst {
				dst[x] = min(a[x], b[x], c[x])
			}
		}
		for x := max(d, w-d); x < w; x++ {
			dst[x] = at(x)
		}
	}
	for y := range h {
		a, b, c, dst := tmp[max(y-d, 0)*w:][:w], tmp[y*w:][:w], tmp[min(y+d, h-1)*w:][:w], v[y*w:][:w]
		for x := range dst {
			dst[x] = min(a[x], b[x], c[x])
		}
	}
}
