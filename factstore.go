package realedit

import "encoding/json"

// FactStore keeps what is known of photos, by the SHA-256 of their files, so that a photo that was seen before is opened without
// decoding it. What it hands out must be what it was given by the same version of the library. Safe for concurrent use.
type FactStore interface {
	Load(sum [32]byte) []byte // nil = not known
	Save(sum [32]byte, facts []byte)
}

// known is what a FactStore keeps of a photo: all that examine finds out.
type known struct {
	Codec       string   `json:"codec"`
	Warnings    []string `json:"warnings"`
	Facts       Facts    `json:"facts"`
	Thumb       Thumb    `json:"thumb"`
	ClippedHigh float64  `json:"clipped_high"`
	ClippedLow  float64  `json:"clipped_low"`
	Sharpness   float64  `json:"sharpness"`
}

// recall fills in a photo from the store; false when it does not know it.
func (p *Photo) recall(s FactStore) bool {
	if s == nil {
		return false
	}
	data := s.Load(p.SHA256)
	if data == nil {
		return false
	}
	var k known
	if json.Unmarshal(data, &k) != nil || k.Codec == "" || k.Facts.Width < 1 || k.Facts.Height < 1 || len(k.Thumb.Pix) != 3*k.Thumb.W*k.Thumb.H {
		return false
	}
	p.Codec, p.Warnings, p.Facts, p.Thumb = k.Codec, k.Warnings, k.Facts, k.Thumb
	p.ClippedHigh, p.ClippedLow, p.sharpness = k.ClippedHigh, k.ClippedLow, k.Sharpness
	return true
}

// remember puts a photo into the store.
func (p *Photo) remember(s FactStore) {
	if s == nil {
		return
	}
	data, err := json.Marshal(known{p.Codec, p.Warnings, p.Facts, p.Thumb, p.ClippedHigh, p.ClippedLow, p.sharpness})
	if err == nil { // a date that JSON cannot hold: the photo is decoded again next time
		s.Save(p.SHA256, data)
	}
}
