package qc

import (
	"context"
	"testing"

	"github.com/realedit/realedit/kernels"
)

// TestGradedEdges: the bits of the one edge map are the edge maps of the three thresholds, and dilated is
// what it says, at sizes that are no multiple of eight.
func TestGradedEdges(t *testing.T) {
	env := testEnv(t)
	m := bracket(t, room{w: 203, h: 149, light: [3]float64{1, 1, 1}}, 0)[0].Image
	b, err := newBench(context.Background(), env, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	v, err := b.viewOf(m, geometryOf(m.Width(), m.Height()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.gradedEdges(v)
	if err != nil {
		t.Fatal(err)
	}
	units, e, err := b.edgeMap(v.geometry, func(y int, to []float32) { copy(to, v.log.RowF32(y)) })
	if err != nil {
		t.Fatal(err)
	}
	for mark, limit := range map[uint8]float64{edgeAny: edgeWeak, edgeHalf: edgeStrong / 2, edgeFull: edgeStrong} {
		if err := env.Ops.Edges(e, units, limit*logUnits); err != nil {
			t.Fatal(err)
		}
		n := 0
		for y := range v.h {
			for x, s := range e.RowU8(y) {
				if (s != 0) != (got.RowU8(y)[x]&mark != 0) {
					t.Fatalf("bit %d at %d,%d: %d, want edge %d", mark, x, y, got.RowU8(y)[x], s)
				}
				if s != 0 {
					n++
				}
			}
		}
		if n < 200 {
			t.Errorf("bit %d: only %d edges", mark, n)
		}
	}
	near, err := b.dilated(got, e)
	if err != nil {
		t.Fatal(err)
	}
	any := func(x, y int) uint8 {
		for v := max(0, y-edgeReach); v <= min(m.Height()-1, y+edgeReach); v++ {
			for u := max(0, x-edgeReach); u <= min(m.Width()-1, x+edgeReach); u++ {
				for _, e := range []*kernels.Image{got, e} {
					if e.RowU8(v)[u] != 0 {
						return 1
					}
				}
			}
		}
		return 0
	}
	for y := range m.Height() {
		for x := range m.Width() {
			if near[y*m.Width()+x] != any(x, y) {
				t.Fatalf("dilated at %d,%d: %d", x, y, near[y*m.Width()+x])
			}
		}
	}
}
