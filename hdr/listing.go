package hdr

import (
	"math"

	"github.com/realedit/realedit"
)

// Listing holds what the photos of one listing share: the colour of the light in rooms
// that are lit alike, and how bright each view of such a room is against the others.
// It is read-only once planned and safe for concurrent use.
type Listing struct {
	shared map[string]target // by set id
}

// target is what a set's tone aims at.
type target struct {
	light  illuminant // in linear light, as the photos hold it
	levels float64    // encoded luma to add to the key, because the view is brighter or darker than the room's other views
}

// Rooms count as lit alike when their lights lie this close, in ln units; a stop that a view is
// above the others' mean raises its key by keyPerStop, at most keyReach.
const (
	litAlike   = 0.2
	keyPerStop = 0.12
	keyReach   = 0.03
)

// PlanListing looks at the sets of one listing together. Sets whose own estimates lie
// close form a group; each group gets the estimate of all its pixels together, and where exposure data say
// how bright each view is, their keys differ as the views do, so that the same wall
// looks the same in every picture of the room.
func PlanListing(sets []realedit.Set) *Listing {
	l := &Listing{shared: map[string]target{}}
	type member struct {
		id    string
		pix   []float32
		light illuminant
		level float64 // log2 of the view's mean luminance in the scene's units; NaN when unknown
		taken bool
	}
	members := make([]member, 0, len(sets))
	for _, s := range sets {
		pix := thumbLinear(s)
		if len(pix) == 0 {
			continue
		}
		members = append(members, member{s.ID, pix, estimateIlluminant(pix, nil), sceneLevel(s, pix), false})
	}
	for i := range members {
		if members[i].taken {
			continue
		}
		var group []*member
		var all []float32
		var mean, known float64
		for j := i; j < len(members); j++ {
			m := &members[j]
			if m.taken || m.light.outdoors != members[i].light.outdoors || chromaDistance(members[i].light.rgb, m.light.rgb) >= litAlike {
				continue
			}
			m.taken = true
			group, all = append(group, m), append(all, m.pix...)
			if !math.IsNaN(m.level) {
				mean, known = mean+m.level, known+1
			}
		}
		light := estimateIlluminant(all, nil)
		for _, m := range group {
			t := target{light: light}
			t.light.outdoors, t.light.confidence = m.light.outdoors, m.light.confidence
			// Views more than two stops apart are other rooms that happen to be lit alike.
			if d := m.level - mean/max(known, 1); known > 1 && math.Abs(d) < 2 {
				t.levels = max(-keyReach, min(keyReach, keyPerStop*d))
			}
			l.shared[m.id] = t
		}
	}
	return l
}

// sceneLevel is the mean of log2 luminance of a set's merged thumb in the scene's units: the
// reference's exposure taken out. NaN without exposure data.
func sceneLevel(s realedit.Set, pix []float32) float64 {
	ev, _, ok := s.Ref().Facts.EV()
	if !ok {
		return math.NaN()
	}
	var sum, n float64
	for i := 0; i+2 < len(pix); i += 3 {
		if pix[i] == 1 && pix[i+1] == 1 && pix[i+2] == 1 {
			continue // blown: a window, not the room
		}
		n++
		sum += math.Log2(max(luminance(float64(pix[i]), float64(pix[i+1]), float64(pix[i+2])), 0x1p-10))
	}
	return sum/max(n, 1) + ev
}
