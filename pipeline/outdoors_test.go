package pipeline

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/internal/scene"
)

// A house under a blue sky: clouds and the white annex are white in the finished picture, not the grey that holding the
// sky makes of them, and nothing is blown.
func TestOutdoorsWhiteIsWhite(t *testing.T) {
	for view := range 3 {
		s := scene.Exterior(scene.ExteriorOptions{W: 240, H: 160, Sky: scene.SkyClouds, View: view})
		r := withTone(t, hdr.Tone{}, rendered(t, s.Bracket(scene.BracketOptions{Base: -0.7, Seed: 1})))
		keep(t, "outdoors", r)
		var lumas []float64
		for y := range r.Image.Height() {
			for row := r.Image.RowU16(y); len(row) > 0; row = row[3:] {
				lumas = append(lumas, (0.299*float64(row[0])+0.587*float64(row[1])+0.114*float64(row[2]))/65535)
			}
		}
		slices.Sort(lumas)
		top := lumas[len(lumas)*97/100]
		mean, clipped := levels(r, func(int) bool { return true })
		t.Logf("view %d: brightest 3 %% from %.3f, mean %.3f, clipped %.2f %%", view, top, mean, 100*clipped)
		require.Greater(t, top, 0.77) // 0.65 where the merge is left as it is
		require.InDelta(t, 0.485, mean, 0.065)
		require.Less(t, clipped, 0.005)
		r.Free()
	}
}
