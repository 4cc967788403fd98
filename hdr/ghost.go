package hdr

import (
	"context"
	"math"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// ghost is one region in which photos disagree beyond exposure and noise.
type ghost struct {
	pixels []int // indices into the proxy
	frame  int   // the frame that shows the region, chosen
}

// ghostSide is the longer side of the picture on which ghosts are looked for.
const ghostSide = 640

// findGhosts compares neighbours in exposure, channel by channel: each pixel of one, taken through the
// tone map between the two, must lie within the other's range over a 3×3 neighbourhood, widened by
// tolerance. Clipped pixels predict an interval instead of a value. A region is what
// disagrees by weak of the tolerance around places that disagree in full.
// frames[i] are the aligned frame's channels; valid[i] (may be nil) is where frame i shows the scene.
func findGhosts(frames [][3]*plane, valid []*plane, reference int, tolerance float32) []ghost {
	const weak = 0.4
	w, h := frames[0][0].w, frames[0][0].h
	ranges := make([][3]span, len(frames))
	var wg sync.WaitGroup
	for i := range frames {
		for c := range 3 {
			wg.Go(func() { ranges[i][c] = spanOf(frames[i][c]) })
		}
	}
	wg.Wait()
	excess := make([]float32, w*h) // largest disagreement, in tolerances
	pair := make([]int, w*h)       // the darker of the two frames that it is between
	for i := 0; i+1 < len(frames); i++ {
		both := func(k int) bool {
			return (valid[i] == nil || valid[i].v[k] > 0.99) && (valid[i+1] == nil || valid[i+1].v[k] > 0.99)
		}
		var parts [6][]float32
		for c := range 3 {
			a, b := frames[i][c], frames[i+1][c]
			wg.Go(func() { parts[2*c] = contradict(a, b, ranges[i+1][c], both, tolerance) })
			wg.Go(func() { parts[2*c+1] = contradict(b, a, ranges[i][c], both, tolerance) })
		}
		wg.Wait()
		for _, p := range parts {
			for k, v := range p {
				if v > excess[k] {
					excess[k], pair[k] = v, i
				}
			}
		}
	}
	strong, loose := make([]bool, w*h), make([]bool, w*h)
	for k, v := range excess {
		strong[k], loose[k] = v > 1, v > weak
	}
	// Opening: a real moving thing is more than two pixels thick on the proxy.
	strong = dilate(erode(strong, w, h, 1), w, h, 1)
	loose = dilate(erode(loose, w, h, 1), w, h, 2)
	for k, v := range strong {
		loose[k] = loose[k] || v
	}
	var regions []ghost
	for _, r := range components(dilate(loose, w, h, 2), w, h) {
		n := 0
		for _, k := range r {
			if strong[k] {
				n++
			}
		}
		if n*2000 < w*h { // under 0.05 %: leaves and noise, which a blend shows best
			continue
		}
		if sameEdges(frames, pair, strong, r) {
			continue
		}
		regions = append(regions, ghost{r, chooseFrame(frames, valid, r, reference)})
	}
	return regions
}

// sameEdges tells whether the frames that disagree about the levels in a region show the same edges there: then nothing moved, but
// one tone map does not fit the whole picture (colours beyond a camera's range, glare). It is the correlation of
// gradients over the region's pixels that both frames resolve, pair by pair, weighted with the strong pixels
// that each pair gave.
func sameEdges(frames [][3]*plane, pair []int, strong []bool, region []int) bool {
	count := make([]int, len(frames))
	for _, k := range region {
		if strong[k] {
			count[pair[k]]++
		}
	}
	var sum, total float64
	for i, n := range count {
		if n == 0 {
			continue
		}
		c, _ := edgeCorrelation(frames[i][:], frames[i+1][:], region)
		sum += c * float64(n)
		total += float64(n)
	}
	return sum > sameEdgesFrom*total
}

// sameEdgesFrom is the correlation of gradients from which edges are the same: people who walk and misregistered photos
// reach 0.65, glare and saturated colours of still things begin at 0.77.
const sameEdgesFrom = 0.7

// edgeCorrelation is that of two pictures' gradients, all their channels, over the n pixels of a region that both resolve; 0 of none.
func edgeCorrelation(a, b []*plane, region []int) (c float64, n int) {
	w, h := a[0].w, a[0].h
	var ab, aa, bb float64
	for _, k := range region {
		x, y := k%w, k/w
		if x == 0 || y == 0 || x == w-1 || y == h-1 {
			continue
		}
		for i := range a {
			p, q := a[i].v, b[i].v
			if !usable(p[k]) || !usable(q[k]) {
				continue
			}
			n++
			for _, d := range [2]int{1, w} {
				ga, gb := float64(p[k+d]-p[k-d]), float64(q[k+d]-q[k-d])
				ab += ga * gb
				aa += ga * ga
				bb += gb * gb
			}
		}
	}
	return ab / math.Sqrt(aa*bb+1e-12), n
}

// span is the least and the largest value around each pixel of a plane.
type span struct{ least, most []float32 }

// spanOf takes 3×3 neighbourhoods, cut off at the borders.
func spanOf(p *plane) span {
	s := span{make([]float32, len(p.v)), make([]float32, len(p.v))}
	least, most := make([]float32, p.w), make([]float32, p.w) // of three rows
	for y := range p.h {
		above, row, below := p.v[max(y-1, 0)*p.w:][:p.w], p.v[y*p.w:][:p.w], p.v[min(y+1, p.h-1)*p.w:][:p.w]
		for x, v := range row {
			least[x], most[x] = min(v, above[x], below[x]), max(v, above[x], below[x])
		}
		for x := range row {
			l, r := max(x-1, 0), min(x+1, p.w-1)
			s.least[y*p.w+x], s.most[y*p.w+x] = min(least[l], least[x], least[r]), max(most[l], most[x], most[r])
		}
	}
	return s
}

// contradict is by how many tolerances a, seen through the tone map to b, misses what b shows around the pixel.
func contradict(a, b *plane, shown span, both func(int) bool, tolerance float32) []float32 {
	excess := make([]float32, len(a.v))
	m := matchTone(a, b, both)
	for k, v := range a.v {
		if !both(k) {
			continue
		}
		lo := m.apply(v)
		hi := lo
		switch {
		case v <= usableLow:
			lo, hi = 0, m.apply(usableLow)
		case v >= usableHigh:
			lo, hi = m.apply(usableHigh), 1
		}
		miss := max(shown.least[k]-hi, lo-shown.most[k])
		if !(miss > 0) {
			continue
		}
		// The steeper the map, the more a's noise is worth in b.
		slope := (m.apply(min(1, v+0.02)) - m.apply(max(0, v-0.02))) / 0.04
		excess[k] = miss / (tolerance * (1 + 0.5*min(slope, 4)))
	}
	return excess
}

// chooseFrame picks the one frame a ghost region is taken from: the reference, unless another
// resolves clearly more of the region.
func chooseFrame(frames [][3]*plane, valid []*plane, region []int, reference int) int {
	best, top := reference, -1.0
	for i, f := range frames {
		n := 0
		for _, k := range region {
			if usable(f[0].v[k]) && usable(f[1].v[k]) && usable(f[2].v[k]) && (valid[i] == nil || valid[i].v[k] > 0.99) {
				n++
			}
		}
		s := float64(n) / float64(len(region))
		if i == reference {
			s += 0.25
		}
		if s > top {
			best, top = i, s
		}
	}
	return best
}

// erode keeps a pixel whose (2r+1)² neighbourhood is all set; dilate sets one with any set.
func erode(m []bool, w, h, r int) []bool  { return morph(m, w, h, r, true) }
func dilate(m []bool, w, h, r int) []bool { return morph(m, w, h, r, false) }

// morph looks at rows, then at columns: a pixel changes where one within r differs. Each sweep knows how long ago it saw one that
// does, so that r does not cost anything.
func morph(m []bool, w, h, r int, all bool) []bool {
	tmp, out := make([]bool, len(m)), make([]bool, len(m))
	for y := range h {
		src, dst := m[y*w:][:w], tmp[y*w:][:w]
		for x, last := 0, -r-1; x < w; x++ {
			if src[x] != all {
				last = x
			}
			dst[x] = (x-last > r) == all
		}
		for x, last := w-1, w+r; x >= 0; x-- {
			if src[x] != all {
				last = x
			}
			if last-x <= r {
				dst[x] = !all
			}
		}
	}
	last := make([]int, w)
	for x := range last {
		last[x] = -r - 1
	}
	for y := range h {
		src, dst := tmp[y*w:][:w], out[y*w:][:w]
		for x, v := range src {
			if v != all {
				last[x] = y
			}
			dst[x] = (y-last[x] > r) == all
		}
	}
	for x := range last {
		last[x] = h + r
	}
	for y := h - 1; y >= 0; y-- {
		src, dst := tmp[y*w:][:w], out[y*w:][:w]
		for x, v := range src {
			if v != all {
				last[x] = y
			}
			if last[x]-y <= r {
				dst[x] = !all
			}
		}
	}
	return out
}

// components lists the 4-connected regions of set pixels.
func components(m []bool, w, h int) [][]int {
	seen := make([]bool, len(m))
	var all [][]int
	for start, set := range m {
		if !set || seen[start] {
			continue
		}
		seen[start] = true
		region := []int{start}
		for i := 0; i < len(region); i++ {
			k := region[i]
			x := k % w
			for _, n := range [4]struct {
				k  int
				in bool
			}{{k - 1, x > 0}, {k + 1, x < w-1}, {k - w, k >= w}, {k + w, k < w*(h-1)}} {
				if n.in && m[n.k] && !seen[n.k] {
					seen[n.k] = true
					region = append(region, n.k)
				}
			}
		}
		all = append(all, region)
	}
	return all
}

// excludeGhosts lowers Frame.Valid to 0, softly at the rim, where a region belongs to another frame.
func excludeGhosts(ctx context.Context, env *realedit.Env, w *realedit.Work, ghosts []ghost, pw, ph int) error {
	for i := range w.Frames {
		keep := &plane{pw, ph, make([]float32, pw*ph)}
		out := false
		for k := range keep.v {
			keep.v[k] = 1
		}
		for _, g := range ghosts {
			if g.frame == i {
				continue
			}
			out = true
			for _, k := range g.pixels {
				keep.v[k] = 0
			}
		}
		if !out {
			continue
		}
		if err := lowerValid(ctx, env, &w.Frames[i], keep.smooth()); err != nil {
			return err
		}
	}
	return nil
}

// lowerValid multiplies the frame's validity by a proxy-sized factor.
func lowerValid(ctx context.Context, env *realedit.Env, f *realedit.Frame, keep *plane) error {
	small, err := env.NewImage(keep.w, keep.h, 1, kernels.F32)
	if err != nil {
		return err
	}
	defer small.Free()
	host, err := kernels.Wrap(keep.v, keep.w, keep.h, 1)
	if err != nil {
		return err
	}
	if err := env.Backend.Copy(ctx, small, host); err != nil {
		return err
	}
	full, err := env.NewImage(f.Image.Width(), f.Image.Height(), 1, kernels.U8)
	if err != nil {
		return err
	}
	if err := env.Ops.Resize(full, small); err != nil {
		full.Free()
		return err
	}
	if f.Valid == nil {
		f.Valid = full
		return nil
	}
	defer full.Free()
	return lower(ctx, env, f.Valid, full)
}
