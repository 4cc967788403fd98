package qc

import "github.com/realedit/realedit/kernels"

// structure is SSIM's contrast–structure part between the normalised proxies. A pixel's
// value is the best over the references that record its whole window: agreeing with any
// photograph of the scene is enough, agreeing with none is an invention or a loss.
func (b *bench) structure(got *view, refs []*view, skip []uint8) error {
	g := got.geometry
	n := g.w * g.h
	s, err := plane[float32](b, n)
	if err != nil {
		return err
	}
	m, err := b.image(g.w, g.h, 1, kernels.F32)
	if err != nil {
		return err
	}
	for k, r := range refs {
		if _, err := b.ops.SSIM(got.norm, r.norm, m, &kernels.SSIMOptions{ContrastStructure: true}); err != nil {
			return err
		}
		not := uint8(wide)
		if len(refs) == 1 {
			not = 0
		}
		rows(g.h, func(y0, y1 int) {
			for y := y0; y < y1; y++ {
				row := m.RowF32(y)
				top, mark := s[y*g.w:][:len(row)], r.mark[y*g.w:][:len(row)]
				if k == 0 {
					for x := range top {
						top[x] = -2
					}
				}
				for x, v := range row {
					if mark[x]&(full98|not) == full98 && v > top[x] {
						top[x] = v
					}
				}
			}
		})
	}
	const bins = 1024 // over −1…1
	var hist [bins]int
	var sum [bins]float64
	count, total := 0, 0.0
	for i, v := range s {
		if v < -1.5 || skip != nil && skip[i] != 0 {
			continue
		}
		k := min(bins-1, max(0, int((float64(v)+1)*bins/2)))
		hist[k]++
		sum[k] += float64(v)
		count++
		total += float64(v)
	}
	b.out.Judged = float64(count) / float64(n)
	if count < n/50 || count < 256 {
		return nil // nothing to judge: Judged says so
	}
	left := max(1, count/100)
	tail, taken := 0.0, 0
	for k := 0; k < bins && taken < left; k++ {
		if hist[k] == 0 {
			continue
		}
		t := min(hist[k], left-taken)
		tail += sum[k] * float64(t) / float64(hist[k])
		taken += t
	}
	rs := g.regions(blockSide, func(x0, y0, x1, y1 int) (float64, bool) {
		t, c := 0.0, 0
		for y := y0; y < y1; y++ {
			for _, v := range s[y*g.w+x0 : y*g.w+x1] {
				if v > -1.5 {
					t += float64(v)
					c++
				}
			}
		}
		return t / float64(c), c > (x1-x0)*(y1-y0)/4
	})
	mean := total / float64(count)
	b.add(Structure, "undeliverable", mean, true, nil)
	b.add(Structure, "mean", mean, false, rs)
	b.add(Structure, "worst", tail/float64(taken), false, rs)
	return nil
}

// blockSide is the side of the blocks that regions and displacements are measured in.
const blockSide = 64
