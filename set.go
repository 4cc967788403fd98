package realedit

// GroupReason says which evidence made a set; see spec order in docs/ingest.md.
type GroupReason string

// The reasons, strongest first.
const (
	ReasonExplicit GroupReason = "explicit" // the caller's ids or an option
	ReasonSequence GroupReason = "sequence" // maker-note sequence tags
	ReasonEVRun    GroupReason = "ev-run"   // a run of one scene whose exposures do not restart
	ReasonGap      GroupReason = "gap"      // time between photos
	ReasonVisual   GroupReason = "visual"   // the pictures alone, without EXIF
	ReasonSingle   GroupReason = "single"   // a photo of its own
	ReasonBurst    GroupReason = "burst"    // equal exposures under a second apart: the sharpest is taken
)

// Set is the photos of one picture-to-be: a bracket, or a single photo.
type Set struct {
	ID         string      // unique within one Group call: the reference photo's name without extension, suffixed when taken
	Photos     []*Photo    // by exposure, darkest first; at least one
	EVs        []float64   // stops of light each photo got beyond the reference: positive is brighter; one per photo
	Reference  int         // index of the photo whose geometry, name and metadata the result takes
	Reason     GroupReason // why these belong together
	Confidence float64     // 0..1
	Warnings   []string    // what contradicted or was left out
	Unused     []*Photo    // members that are not merged (the others of a burst), reported all the same
}

// Ref is the reference photo.
func (s Set) Ref() *Photo { return s.Photos[s.Reference] }
