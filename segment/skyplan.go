package segment

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/realedit/realedit"
)

// SkyPlan is what the pictures of one listing share, so that all show one sky: which of the library, where the sun stands, which clouds. It depends on the
// sets, not on their order. It is read-only once planned and safe for concurrent use; as JSON it is part of a report's options.
type SkyPlan struct {
	Sky       string   `json:"sky,omitempty"`        // of the library; "" = none
	SkySHA256 string   `json:"sky_sha256,omitempty"` // of its file
	Elevation float64  `json:"elevation"`            // of the sun above the horizon, degrees
	Azimuth   *float64 `json:"azimuth,omitempty"`    // of the sun from north over east, degrees; nil = unknown
	From      SunFrom  `json:"from"`                 // where both come from
	Seed      uint64   `json:"seed"`                 // of the clouds
}

// outdoorLight is the exposure value at ISO 100 from which a photo counts as taken outdoors by day.
const outdoorLight = 10.5

// The least elevations of the sun, in degrees, of a computed sky: under it the sky is brown and dim, which nobody wants of a new one; a clock alone, which may be
// hours off, is not believed when it says evening.
const (
	leastElevation = 10.0
	leastGuess     = 22.0
)

// lowSun is the elevation in degrees under which a sky is an evening's.
const lowSun = 7.0

// PlanSkies plans one sky for the sets of a listing. The sun is that of the middle one, by time, of those that were taken in the light of day (of all when no
// exposure tells); a sun lower than 10° is taken for one that high. skies may be nil; mirror allows a sky to be mirrored.
func PlanSkies(sets []realedit.Set, skies *Skies, mirror bool) *SkyPlan {
	var photos []*realedit.Photo
	for _, s := range sets {
		photos = append(photos, s.Ref())
	}
	slices.SortFunc(photos, func(a, b *realedit.Photo) int {
		if c := a.Facts.Start.Compare(b.Facts.Start); c != 0 {
			return c
		}
		return bytes.Compare(a.SHA256[:], b.SHA256[:])
	})
	p := &SkyPlan{Elevation: defaultElevation, From: SunFromDefault}
	hash := sha256.New()
	for _, q := range photos {
		hash.Write(q.SHA256[:])
	}
	p.Seed = binary.LittleEndian.Uint64(hash.Sum(nil)) >> 11 // a number that JSON keeps whatever reads it
	outdoors := slices.DeleteFunc(slices.Clone(photos), func(q *realedit.Photo) bool {
		ev, withN, ok := q.Facts.EV()
		return !ok || !withN || ev < outdoorLight
	})
	if len(outdoors) == 0 {
		outdoors = photos
	}
	side := 0.0
	best := math.Inf(1)
	for i, q := range outdoors {
		e, a, from := sunOf(q.Facts)
		// The one nearest the middle whose position is known best.
		rank := math.Abs(float64(i) - float64(len(outdoors)-1)/2)
		switch from {
		case SunFromClock:
			rank += 1e6
		case SunFromDefault:
			rank += 1e9
		}
		if rank < best {
			best = rank
			p.Elevation, p.From, p.Azimuth = e, from, nil
			if !math.IsNaN(a) {
				p.Azimuth = &a
			}
		}
		if q.Facts.HasHeading && !math.IsNaN(a) {
			side += math.Sin((a - q.Facts.Heading) * degree)
		} else {
			side += thumbSide(q.Thumb)
		}
	}
	low := p.From == SunFromGPS && p.Elevation < lowSun
	least := leastElevation
	if p.From != SunFromGPS {
		least = leastGuess
	}
	p.Elevation = math.Round(max(p.Elevation, least)*1e4) / 1e4
	if len(outdoors) > 0 {
		side /= float64(len(outdoors))
	}
	if math.Abs(side) < 0.2 {
		side = 0
	} else {
		side = math.Copysign(1, side)
	}
	elevation := p.Elevation
	if p.From == SunFromDefault {
		elevation = math.NaN()
	}
	if k := skies.choose(elevation, low, side, mirror); k != nil {
		p.Sky, p.SkySHA256 = k.name, k.sha
	}
	return p
}

// thumbSide is −1 or 1 where the upper third of a thumb is clearly brighter to the left or the right, else 0.
func thumbSide(t realedit.Thumb) float64 {
	var left, right, n float64
	for y := range t.H / 3 {
		for x := range t.W / 3 {
			luma := func(x int) float64 {
				p := t.Pix[3*(y*t.W+x):]
				return 0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])
			}
			left, right, n = left+luma(x), right+luma(t.W-1-x), n+255
		}
	}
	if d := (right - left) / max(n, 1); math.Abs(d) > 0.08 {
		return math.Copysign(1, d)
	}
	return 0
}
