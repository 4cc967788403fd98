package realedit

import (
	"encoding/json"
	"image"
	"maps"
	"math"
	"slices"
	"sync/atomic"
)

// Version is the library's version, part of every report: same inputs, options,
// seed, version and backend give the same pixels.
const Version = "0.1.0"

// ReportVersion is the version of the report's schema. Keys may be added under one version.
const ReportVersion = 1

// The names of rungs that every ladder has at its lower end.
const (
	RungRollback  = "rollback"  // the last rung's picture with the deterministic one where it failed
	RungClassical = "classical" // the deterministic picture
)

// Report says what was done to one set, with the numbers that prove it. It is written as
// NAME.report.json; the schema is in docs/report.md.
type Report struct {
	Version   int                `json:"version"` // ReportVersion
	Set       string             `json:"set"`
	Group     GroupFacts         `json:"group"`
	Route     string             `json:"route"`
	Policy    Policy             `json:"policy"`
	Class     Class              `json:"class"`
	Rung      string             `json:"rung"`            // the rung of the ladder that passed
	Scene     *SceneFacts        `json:"scene,omitempty"` // nil: nobody has looked
	Sky       *SkyFacts          `json:"sky,omitempty"`   // nil: the sky is the photos'
	Windows   []WindowFacts      `json:"windows,omitempty"`
	Lock      json.RawMessage    `json:"lock,omitempty"` // the grid that a model's tone was taken over by: docs/lock.md
	Inputs    []InputFacts       `json:"inputs"`
	Stages    []StageFacts       `json:"stages"`
	Models    []ModelFacts       `json:"models"`
	Seed      uint64             `json:"seed"`
	Shares    map[string]float64 `json:"shares"`
	Measures  map[string]float64 `json:"measures"` // numbers that are not checks: key, white point, exposure
	Findings  []Finding          `json:"findings"`
	Output    *OutputFacts       `json:"output,omitempty"`
	Unaltered *FileFacts         `json:"unaltered,omitempty"`
	Changes   *FileFacts         `json:"changes,omitempty"` // the alteration map as a file
	Library   string             `json:"library"`           // "realedit 0.1.0"
}

// MarshalJSON leaves out measures that are no numbers and writes 0 for such values of
// findings and inputs, since JSON has no NaN and no infinity and a report must always be written.
func (r Report) MarshalJSON() ([]byte, error) {
	bad := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
	zero := func(v *float64) {
		if bad(*v) {
			*v = 0
		}
	}
	type plain Report
	p := plain(r)
	p.Measures = maps.Clone(p.Measures)
	maps.DeleteFunc(p.Measures, func(_ string, v float64) bool { return bad(v) })
	p.Findings = slices.Clone(p.Findings)
	for i := range p.Findings {
		zero(&p.Findings[i].Value)
		zero(&p.Findings[i].Limit)
	}
	p.Inputs = slices.Clone(p.Inputs)
	for i := range p.Inputs {
		zero(&p.Inputs[i].EV)
	}
	zero(&p.Group.Confidence)
	return json.Marshal(p)
}

// GroupFacts are why the photos were taken for one set.
type GroupFacts struct {
	Reason     GroupReason `json:"reason"`
	Confidence float64     `json:"confidence"`
	Warnings   []string    `json:"warnings,omitempty"`
	EVs        bool        `json:"evs"` // Inputs' EV are the set's own; false: from EXIF
}

// InputFacts identify one photo of the set.
type InputFacts struct {
	Name      string  `json:"name"`
	SHA256    string  `json:"sha256"`
	EV        float64 `json:"ev"`    // stops of light beyond the reference photo
	Codec     string  `json:"codec"` // decoder and its version, since decoders may differ by a level
	Reference bool    `json:"reference,omitempty"`
	// SourceType is the IPTC digital source type in the photo's metadata where that says more than that a camera took it:
	// "composite", "trainedAlgorithmicMedia".
	SourceType string   `json:"source_type,omitempty"`
	Used       bool     `json:"used"`            // false: member of the set that took no part in the merge
	Spare      bool     `json:"spare,omitempty"` // and was not to: Set.Unused
	Warnings   []string `json:"warnings,omitempty"`
}

// StageFacts say what one stage did.
type StageFacts struct {
	Name    string `json:"name"`
	Rung    string `json:"rung,omitempty"`     // of the ladder that it worked for; the ladder itself follows
	LeftOut string `json:"left_out,omitempty"` // the check of the finding that says why it was not applied
	Options any    `json:"options,omitempty"`
	// Where it was done and how long that took are not in the copy of the report that a picture's file has.
	Backend   string         `json:"backend,omitempty"`   // "cpu", "cuda:0"
	Device    string         `json:"device,omitempty"`    // its own name
	Seconds   float64        `json:"seconds,omitempty"`   // 0 where it was left out
	Fallbacks map[string]int `json:"fallbacks,omitempty"` // operations the backend lacked, and calls
}

// SkySource says where a new sky comes from.
type SkySource string

// The sources of skies.
const (
	SkyLibrary  SkySource = "library"  // a photograph of the user's
	SkyPhysical SkySource = "physical" // computed from the sun's place, without any model that was trained
	SkyModel    SkySource = "model"    // synthesised by a model
)

// SkyFacts are about a sky that was replaced. The stage that does it sets Report.Sky.
type SkyFacts struct {
	Source SkySource `json:"source"`
	Name   string    `json:"name,omitempty"`   // of the library's file, without its folder
	SHA256 string    `json:"sha256,omitempty"` // of that file
}

// ModelFacts identify a model that was run.
type ModelFacts struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	Licence string `json:"licence"`
}

// FileFacts identify a written file.
type FileFacts struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// OutputFacts identify the finished file and its pixels.
type OutputFacts struct {
	File         string `json:"file"`
	Width        int    `json:"width"`
	Height       int    `json:"height"`
	SHA256       string `json:"sha256"`                // of the file
	PixelsSHA256 string `json:"pixels_sha256"`         // of the samples before encoding, in the file's bit depth, rows top down, RGB, big-endian
	ScanSHA256   string `json:"scan_sha256,omitempty"` // JPEG: of the entropy-coded data and its tables
	// UnitsSHA256 is of an altered JPEG's quantised coefficients outside the coding units that a computed or synthesised pixel touches, so that
	// these can be proven without the sibling; docs/report.md has the order of the bytes.
	UnitsSHA256     string `json:"units_sha256,omitempty"`
	UntouchedSHA256 string `json:"untouched_sha256"` // like pixels_sha256, over the pixels that are neither computed nor synthesised (the others as 0)

	Format  string `json:"format"`            // "jpeg", "png", "tiff"
	Bits    int    `json:"bits"`              // per sample
	Quality int    `json:"quality,omitempty"` // of JPEG
	NoGPS   bool   `json:"no_gps,omitempty"`  // positions were left out
	Decodes int    `json:"decodes"`           // photos of the set that were decoded for this file: 0 when kept pixels were encoded again
}

// UnmarshalJSON keeps Options as the JSON they are (json.RawMessage), so that a report that is read and written again is the same.
func (s *StageFacts) UnmarshalJSON(b []byte) error {
	type plain StageFacts
	p := struct {
		*plain
		Options json.RawMessage `json:"options"`
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	s.Options = nil
	if len(p.Options) > 0 {
		s.Options = p.Options
	}
	return nil
}

// describe fills in what decides a file beside its pixels, and how many photos were decoded for it.
func (f *OutputFacts) describe(o ExportOptions, set Set) {
	f.Format, f.Bits, f.NoGPS = o.Format.String(), o.Bits, o.NoGPS
	if o.Format == JPEG {
		f.Quality = o.Quality
	}
	for _, p := range set.Photos {
		if atomic.LoadUint32(&p.decoded) != 0 {
			f.Decodes++
		}
	}
}

// Severity of a finding.
type Severity string

// The severities.
const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Failure Severity = "failure" // fails the gate
)

// Finding is one thing a stage or a check has to say about the picture.
type Finding struct {
	Check    string     `json:"check"` // a finding code: "qc_structure", "window_no_source"
	Severity Severity   `json:"severity"`
	Value    float64    `json:"value"`
	Limit    float64    `json:"limit"`
	Region   *Rectangle `json:"region,omitempty"`
	Message  string     `json:"message"`
}

// Rectangle is a region of the picture in pixels, as JSON.
type Rectangle struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

// RectangleOf converts an image rectangle.
func RectangleOf(r image.Rectangle) *Rectangle {
	return &Rectangle{r.Min.X, r.Min.Y, r.Dx(), r.Dy()}
}
