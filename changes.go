package realedit

import (
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
	for y := range h {
		clear(m.RowU8(y))
	}
	return &AlterationMap{m}, nil
}

// MarkAll raises every pixel to at least c.
func (a *AlterationMap) MarkAll(c Change) {
	for y := range a.Map.Height() {
		row := a.Map.RowU8(y)
		for x, v := range row {
			row[x] = max(v, uint8(c))
		}
	}
}

// Mark raises every pixel where mask (U8 on the host, 1 channel, the map's size) is
// above 0 to at least c: a soft edge counts in full.
func (a *AlterationMap) Mark(mask *kernels.Image, c Change) error {
	if mask == nil || mask.Format() != kernels.U8 || mask.Channels() != 1 || mask.Bounds() != a.Map.Bounds() || !mask.OnHost() {
		return Errorf(CodeInternal, "alteration map", "mask is %v, want u8 of the map's size", mask)
	}
	for y := range a.Map.Height() {
		row, sel := a.Map.RowU8(y), mask.RowU8(y)
		for x, v := range sel {
			if v > 0 && row[x] < uint8(c) {
				row[x] = uint8(c)
			}
		}
	}
	return nil
}

// Shares is the share of pixels under each change, by name; zero shares are left out.
func (a *AlterationMap) Shares() map[string]float64 {
	var n [numChanges]int64
	for y := range a.Map.Height() {
		for _, v := range a.Map.RowU8(y) {
			if v < uint8(numChanges) {
				n[v]++
			}
		}
	}
	total := float64(a.Map.Width()) * float64(a.Map.Height())
	s := map[string]float64{}
	for c, k := range n {
		if k > 0 {
			s[Change(c).String()] = float64(k) / total
		}
	}
	return s
}

// Strongest is the strongest change any pixel has.
func (a *AlterationMap) Strongest() Change {
	var top uint8
	for y := range a.Map.Height() {
		for _, v := range a.Map.RowU8(y) {
			top = max(top, v)
		}
	}
	return Change(top)
}
