package hdr

import (
	"math"
	"slices"

	"github.com/realedit/realedit"
)

// daylightSeen is the coolness (ln B/R) of the coolest light that a bracket shows directly: what is blown in the reference (windows,
// lamps) as the darkest photo records it. Of those pixels it is the upper quartile, because a view's houses and trees are
// warmer than its light. false where too little is blown, or not resolved.
func daylightSeen(s realedit.Set) (float64, bool) {
	ref := s.Ref().Thumb
	dark, least := ref, math.Inf(1)
	for _, p := range s.Photos {
		if p.Thumb.W != ref.W || p.Thumb.H != ref.H {
			continue
		}
		var sum float64
		for _, v := range p.Thumb.Pix {
			sum += float64(v)
		}
		if sum < least {
			dark, least = p.Thumb, sum
		}
	}
	var seen []float64
	for i := 0; i+2 < len(ref.Pix); i += 3 {
		p := dark.Pix[i : i+3]
		if blown(ref.Pix[i:i+3]) && max(p[0], p[1], p[2]) <= 215 && min(p[0], p[1], p[2]) >= 3 {
			seen = append(seen, math.Log(decoded[p[2]]/decoded[p[0]]))
		}
	}
	if len(seen) < max(16, len(ref.Pix)/3/400) {
		return 0, false
	}
	slices.Sort(seen)
	return seen[len(seen)*3/4], true
}

// blown says whether a pixel of the reference's thumb counts as blown.
func blown(p []uint8) bool {
	return 299*int(p[0])+587*int(p[1])+114*int(p[2]) > 1000*blownThumb
}

// seenIn is daylightSeen as a list of one or none.
func seenIn(s realedit.Set) []float64 {
	if v, ok := daylightSeen(s); ok {
		return []float64{v}
	}
	return nil
}
