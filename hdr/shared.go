package hdr

// Shared is what a listing decided for one set's tone: Listing.Shared. With it in Tone the picture comes out as with the listing.
type Shared struct {
	Light      [3]float64 `json:"light"`           // the illuminant, linear sRGB of luminance 1
	CCT        float64    `json:"cct"`             // its colour temperature, kelvins
	Outdoors   bool       `json:"outdoors"`        // a good part of the picture is blue sky
	Confidence float64    `json:"confidence"`      // how much of the light's colour to take out, 0 to 1
	Seen       []float64  `json:"seen,omitempty"`  // ln B/R of the coolest light that the sets lit alike show directly, if any
	Bound      bool       `json:"bound,omitempty"` // other views of the room are known: Level is shown at Luma
	Level      float64    `json:"level,omitempty"` // log2 of luminance in units that all photos of the listing share
	Luma       float64    `json:"luma,omitempty"`  // encoded, from Tone.Key
}

// Shared is what the listing decided for a set; nil where it does not know the set, and of a nil listing.
func (l *Listing) Shared(id string) *Shared {
	if l == nil {
		return nil
	}
	t, ok := l.shared[id]
	if !ok {
		return nil
	}
	return &Shared{Light: t.light.rgb, CCT: t.light.cct, Outdoors: t.light.outdoors, Confidence: t.light.confidence,
		Seen: t.seen, Bound: t.bound, Level: t.level, Luma: t.luma}
}

func (s *Shared) target() target {
	return target{light: illuminant{rgb: s.Light, cct: s.CCT, outdoors: s.Outdoors, confidence: s.Confidence}, seen: s.Seen, bound: s.Bound, level: s.Level, luma: s.Luma}
}
