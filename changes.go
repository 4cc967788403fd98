package realedit

import (
	"sync"

	"github.com/realedit/realedit/kernels"
)

// AlterationMap holds one Change per pixel of the picture, in host memory.
type AlterationMap struct {
	// Map is U8 with 1 channel; a value is a Change.
	Map *kernels.Image
}

// NewAlterationMap returns a map of w×h pixels, all ChangeNone.
func NewAlterationMap(w, h int) (*AlterationMap, error) {
	m, err := kernels.NewHostImage(nil, w, h, 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	inBands(h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			clear(m.RowU8(y))
		}
	})
	return &AlterationMap{m}, nil
}

// MarkAll raises every pixel to at least c.
func (a *AlterationMap) MarkAll(c Change) {
	inBands(a.Map.Height(), func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			row := a.Map.RowU8(y)
			for x, v := range row {
				row[x] = max(v, uint8(c))
			}
		}
	})
}

// Mark raises every pixel where mask (U8 on the host, 1 channel, the map's size) is
// above 0 to at least c: a soft edge counts in full.
func (a *AlterationMap) Mark(mask *kernels.Image, c Change) error {
	if mask == nil || mask.Format() != kernels.U8 || mask.Channels() != 1 || mask.Bounds() != a.Map.Bounds() || !mask.OnHost() {
		return Errorf(CodeInternal, "alteration map", "mask is %v, want u8 of the map's size", mask)
	}
	inBands(a.Map.Height(), func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			row, sel := a.Map.RowU8(y), mask.RowU8(y)
			for x, v := range sel {
				if v > 0 && row[x] < uint8(c) {
					row[x] = uint8(c)
				}
			}
		}
	})
	return nil
}

// Clone is a copy of the map.
func (a *AlterationMap) Clone() (*AlterationMap, error) {
	m, err := kernels.NewHostImage(nil, a.Map.Width(), a.Map.Height(), 1, kernels.U8)
	if err != nil {
		return nil, err
	}
	c := &AlterationMap{m}
	c.CopyFrom(a)
	return c, nil
}

// CopyFrom takes over every value of a map of the same size.
func (a *AlterationMap) CopyFrom(b *AlterationMap) {
	inBands(a.Map.Height(), func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			copy(a.Map.RowU8(y), b.Map.RowU8(y))
		}
	})
}

// Shares is the share of pixels under each change, by name; zero shares are left out.
func (a *AlterationMap) Shares() map[string]float64 {
	n := a.counts()
	total := float64(a.Map.Width()) * float64(a.Map.Height())
	s := map[string]float64{}
	for c, k := range n[:numChanges] {
		if k > 0 {
			s[Change(c).String()] = float64(k) / total
		}
	}
	return s
}

// Strongest is the strongest change any pixel has.
func (a *AlterationMap) Strongest() Change {
	n := a.counts()
	for c := len(n) - 1; c > 0; c-- {
		if n[c] > 0 {
			return Change(c)
		}
	}
	return ChangeNone
}

// counts is how many pixels have each value.
func (a *AlterationMap) counts() (n [256]int64) {
	var mu sync.Mutex
	inBands(a.Map.Height(), func(y0, y1 int) {
		var part [4][256]uint32 // neighbours are mostly alike: four counters do not wait for each other
		for y := y0; y < y1; y++ {
			row := a.Map.RowU8(y)
			for ; len(row) >= 4; row = row[4:] {
				part[0][row[0]]++
				part[1][row[1]]++
				part[2][row[2]]++
				part[3][row[3]]++
			}
			for _, v := range row {
				part[0][v]++
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, p := range part {
			for v, k := range p {
				n[v] += int64(k)
			}
		}
	})
	return n
}
