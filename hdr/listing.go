package hdr

import (
	"github.com/realedit/realedit"
)

// Listing holds what the photos of one listing share: the colour of the light in rooms
// that are lit alike. It is read-only once planned and safe for concurrent use.
type Listing struct {
	lights map[string]illuminant // by set id
}

// PlanListing looks at the sets of one listing together. Sets whose own estimates lie
// close form a group; each group gets the estimate of all its pixels together, so that the same wall
// looks the same in every picture of the room.
func PlanListing(sets []realedit.Set) *Listing {
	l := &Listing{lights: map[string]illuminant{}}
	type member struct {
		id    string
		pix   []float32
		light illuminant
		group int
	}
	members := make([]member, 0, len(sets))
	for _, s := range sets {
		pix := thumbLinear(s)
		if len(pix) == 0 {
			continue
		}
		members = append(members, member{s.ID, pix, estimateIlluminant(pix, nil), -1})
	}
	for i := range members {
		if members[i].group >= 0 {
			continue
		}
		members[i].group = i
		all := append([]float32(nil), members[i].pix...)
		for j := i + 1; j < len(members); j++ {
			if members[j].group < 0 && chromaDistance(members[i].light.rgb, members[j].light.rgb) < 0.15 {
				members[j].group = i
				all = append(all, members[j].pix...)
			}
		}
		shared := estimateIlluminant(all, nil)
		for j := i; j < len(members); j++ {
			if members[j].group == i {
				l.lights[members[j].id] = shared
			}
		}
	}
	return l
}
