package scene

import (
	"slices"
	"testing"
)

// A house that takes over what another one's rays met is the house that traced them itself, and houses of other seeds take over nothing.
func TestHitsAreShared(t *testing.T) {
	forget := func() {
		shared.Lock()
		shared.keys, shared.hits = nil, nil
		shared.Unlock()
	}
	light := func(key houseKey) (all []light) {
		for _, p := range buildHouse(key).prims {
			for _, m := range p.lm {
				if m != nil {
					all = append(all, m.e...)
				}
			}
		}
		return all
	}
	forget()
	want := light(houseKey{sky: SkyDusk, wall: 2})
	forget()
	other := light(houseKey{sky: SkyClear})
	got := light(houseKey{sky: SkyDusk, wall: 2})
	if len(shared.keys) != 1 {
		t.Errorf("%d solutions are kept of houses of one shape", len(shared.keys))
	}
	if !slices.Equal(got, want) {
		t.Error("the light is another one")
	}
	if slices.Equal(got, other) {
		t.Error("the skies make no difference")
	}
	light(houseKey{sky: SkyDusk, wall: 2, seed: 1})
	if len(shared.keys) != 2 {
		t.Errorf("%d solutions are kept of houses of two seeds", len(shared.keys))
	}
}
