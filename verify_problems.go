package realedit

// ProblemCode is a stable, machine-readable name of what Verify found not to be true. docs/report.md lists them; texts may change, these do not.
type ProblemCode string

// What Verify finds.
const (
	ProblemReport        ProblemCode = "report_malformed"  // the report is no JSON, or not of this form
	ProblemVersion       ProblemCode = "report_version"    // the report's version is not known; nothing else was checked
	ProblemIncomplete    ProblemCode = "report_incomplete" // the report lacks a fact that it must have, or the fact cannot be one
	ProblemOtherFile     ProblemCode = "report_other_file" // the report beside the picture is another picture's
	ProblemClass         ProblemCode = "class"             // the class is not that of the strongest change
	ProblemShares        ProblemCode = "shares"            // the shares are not those of the alteration map
	ProblemPolicy        ProblemCode = "policy"            // the policy forbids the strongest change
	ProblemGate          ProblemCode = "gate"              // a check failed of which the report says that the picture passed
	ProblemSky           ProblemCode = "sky"               // the report's sky does not fit its changes
	ProblemMissing       ProblemCode = "file_missing"      // a file that the report names is not there
	ProblemUnreadable    ProblemCode = "file_unreadable"   // a file that the report names cannot be read
	ProblemHash          ProblemCode = "file_hash"         // a file is not the one that the report names
	ProblemBroken        ProblemCode = "file_broken"       // a file cannot be decoded
	ProblemFormat        ProblemCode = "file_format"       // a file is none of the formats that are written, or not of the report's format, bits or quality
	ProblemSize          ProblemCode = "size"              // width or height is not the report's
	ProblemScanHash      ProblemCode = "scan_hash"         // a JPEG's coded picture is not the report's
	ProblemPixelsHash    ProblemCode = "pixels_hash"       // the samples are not the report's
	ProblemUntouchedHash ProblemCode = "untouched_hash"    // the samples that are not computed or synthesised are not the report's
	ProblemUnitsHash     ProblemCode = "units_hash"        // a JPEG's coefficients outside the touched units are not the report's
	ProblemSibling       ProblemCode = "sibling_missing"   // the policy wants the unaltered sibling, and the report names none
	ProblemSiblingCoding ProblemCode = "sibling_coding"    // picture and sibling are not coded alike, so that they cannot be compared
	ProblemLeak          ProblemCode = "leak"              // picture and sibling differ where nothing was computed or synthesised
	ProblemNoMap         ProblemCode = "map_missing"       // the report names no alteration map
	ProblemMap           ProblemCode = "map_invalid"       // the alteration map cannot be decoded, or has another size or form
	ProblemXMP           ProblemCode = "xmp"               // what the file says of itself is not what the report says
	ProblemMetadata      ProblemCode = "metadata"          // orientation, dimensions, profile or a position in the metadata are not what they have to be
	ProblemInput         ProblemCode = "input_missing"     // a photo of the set is not in the folder of inputs
	ProblemInputHash     ProblemCode = "input_hash"        // a photo of that name has other contents
)

// Problem is one thing that is not as the report says.
type Problem struct {
	Code    ProblemCode `json:"code"`
	File    string      `json:"file"`             // the file it is about, as the report names it, or the report
	Region  *Rectangle  `json:"region,omitempty"` // pixels; around all of the places where it is so
	Message string      `json:"message"`
}

// String is for people: file, code, message.
func (p Problem) String() string { return p.File + ": " + string(p.Code) + ": " + p.Message }
