package hdr

import (
	"math"
	"slices"

	"github.com/realedit/realedit"
)

// Listing holds what the photos of one listing share: the colour of the light in rooms
// that are lit alike, and how bright the things in such a room are shown.
// It is read-only once planned and safe for concurrent use.
type Listing struct {
	shared map[string]target // by set id
}

// target is what a set's tone aims at.
type target struct {
	light illuminant // in the scene's linear light
	seen  []float64  // the coolest of daylightSeen of the sets that are lit alike, if any
	bound bool       // the room's other views are known: exposure is by level and luma, not by the picture's mean
	level float64    // a scene level, log2 of luminance in units that all photos of the listing share
	luma  float64    // the encoded luma at which things of that level are shown
}

// Rooms count as lit alike when their lights lie this close, in ln units.
const litAlike = 0.2

// Views of a room are exposed for what they have in common, within limits: lumaPerStop is about what a merge makes
// of a stop, nearLevel (stops) how far from the common level a thing may be to count, sameRoom (stops) how far
// from it a view's own level may be, keyReach how far a picture's mean may be led from the key.
const (
	lumaPerStop = 0.11
	nearLevel   = 0.7
	sameRoom    = 2.0
	keyReach    = 0.05
)

// member is a set of a listing.
type member struct {
	id     string
	pix    []float32
	light  illuminant
	seen   []float64 // daylightSeen
	levels []float64 // scene levels, NaN where blown; nil without exposure data
	middle float64   // their median
}

// PlanListing looks at the sets of one listing together. Sets whose own estimates lie
// close form a group; each group gets the estimate of all its pixels together, and where exposure data tell
// the scene's levels, one brightness for one level, so that the same wall looks the same in every picture of the room.
func PlanListing(sets []realedit.Set) *Listing {
	l := &Listing{shared: map[string]target{}}
	var members []*member
	for _, s := range sets {
		pix := thumbLinear(s)
		if len(pix) == 0 {
			continue
		}
		m := &member{id: s.ID, pix: pix, light: estimateIlluminant(pix, nil, seenIn(s)), seen: seenIn(s), levels: sceneLevels(s, pix)}
		m.middle = middleOf(m.levels)
		members = append(members, m)
	}
	for len(members) > 0 {
		var group, rest []*member
		for _, m := range members {
			if first := members[0].light; m.light.outdoors == first.outdoors && (m == members[0] || chromaDistance(first.rgb, m.light.rgb) < litAlike) {
				group = append(group, m)
			} else {
				rest = append(rest, m)
			}
		}
		l.share(group)
		members = rest
	}
	return l
}

// share sets the targets of sets that are lit alike.
func (l *Listing) share(group []*member) {
	var all []float32
	var levels, seen []float64
	for _, m := range group {
		seen = append(seen, m.seen...)
		all, levels = append(all, m.pix...), append(levels, m.levels...)
	}
	light, level := estimateIlluminant(all, nil, seen), middleOf(levels)
	var room []*member
	for _, m := range group {
		if math.Abs(m.middle-level) < sameRoom {
			room = append(room, m)
		}
	}
	// The views' means shall be at the key on the average.
	var above, n float64
	for _, m := range room {
		for _, v := range m.levels {
			d := 4.0 // a blown window
			if !math.IsNaN(v) {
				d = max(-4, min(4, v-level))
			}
			above, n = above+d, n+1
		}
	}
	for _, m := range group {
		t := target{light: light}
		if len(seen) > 0 {
			t.seen = []float64{slices.Max(seen)}
		}
		t.light.outdoors, t.light.confidence = m.light.outdoors, m.light.confidence
		if len(room) > 1 && slices.Contains(room, m) {
			t.bound, t.level, t.luma = true, level, -lumaPerStop*above/n
		}
		l.shared[m.id] = t
	}
}

// sceneLevels are log2 of the luminance of a set's merged thumb in the scene's units, the reference's exposure taken out;
// NaN where blown. nil without exposure data.
func sceneLevels(s realedit.Set, pix []float32) []float64 {
	ev, _, ok := s.Ref().Facts.EV()
	if !ok {
		return nil
	}
	out := make([]float64, len(pix)/3)
	for i := range out {
		p := pix[3*i : 3*i+3]
		if p[0] == 1 && p[1] == 1 && p[2] == 1 {
			out[i] = math.NaN() // a window, not the room
			continue
		}
		out[i] = math.Log2(max(luminance(float64(p[0]), float64(p[1]), float64(p[2])), 0x1p-10)) + ev
	}
	return out
}

// middleOf is the median of what is known, NaN when nothing is.
func middleOf(levels []float64) float64 {
	known := make([]float64, 0, len(levels))
	for _, v := range levels {
		if !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	if len(known) == 0 {
		return math.NaN()
	}
	return median(known)
}

// shown compares a picture's luma, at the thumb's size, with the target: the mean of its excess over the
// target's luma on things near its level, and how many there are, in thumb pixels.
func (t *target) shown(levels []float64, luma []float32) (excess, n float64) {
	for i, v := range levels {
		d := v - t.level
		if math.IsNaN(d) || math.Abs(d) > 3*nearLevel {
			continue
		}
		w := math.Exp(-d * d / (2 * nearLevel * nearLevel))
		excess, n = excess+w*(float64(luma[i])-t.luma-lumaPerStop*d), n+w
	}
	return excess / max(n, 1e-9), n
}
