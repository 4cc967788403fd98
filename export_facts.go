package realedit

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/realedit/realedit/internal/xmp"
)

// Namespace of the properties this library writes into XMP.
const (
	xmpNamespace = "https://realedit.github.io/ns/1.0/"
	xmpPrefix    = "realedit"
)

// Disclosure is the statement that has to stand beside an altered picture under a policy that wants it (Policy.NeedsSibling). It is
// in the file's XMP, too, in a property of this library's own: the owner's description, instructions and rights stay the owner's.
const Disclosure = "This image has been digitally altered. The unaltered image is available beside it."

// strongest is the strongest change that has a share.
func (r *Report) strongest() Change {
	for c := numChanges - 1; c > ChangeNone; c-- {
		if r.Shares[c.String()] > 0 {
			return c
		}
	}
	return ChangeNone
}

// sourceTypeOf is the picture's Iptc4xmpExt:DigitalSourceType, or its sibling's.
func sourceTypeOf(r *Report, unaltered bool) string {
	strongest := r.strongest()
	if unaltered {
		strongest = siblingChange(r)
	}
	used := 0
	for _, in := range r.Inputs {
		if in.Used {
			used++
		}
	}
	source := xmp.DigitalCapture
	switch {
	case strongest == ChangeSynthesised:
		source = xmp.CompositeWithTrainedAlgorithmicMedia
	case strongest == ChangeComputed && r.Sky != nil && r.Sky.Source == SkyLibrary:
		source = xmp.CompositeCapture
	case strongest == ChangeComputed:
		source = xmp.Composite
	case strongest != ChangeNone:
		source = xmp.AlgorithmicallyEnhanced
	case used > 1:
		source = xmp.ComputationalCapture
	}
	for _, in := range r.Inputs {
		if in.Used {
			source = xmp.FurtherSourceType(source, in.SourceType)
		}
	}
	return source
}

// siblingChange is the strongest change of an altered picture's sibling: that of the pixels which are neither computed nor synthesised. Where
// there are no others nothing is known of it, and most is said.
func siblingChange(r *Report) Change {
	for c := ChangeComputed - 1; c > ChangeNone; c-- {
		if r.Shares[c.String()] > 0 {
			return c
		}
	}
	if r.Shares[ChangeNone.String()] > 0 {
		return ChangeNone
	}
	return ChangeComputed - 1
}

// factsOf are what the picture's file says of itself in XMP, or its sibling's. They follow from the report alone.
func factsOf(r *Report, unaltered bool) ([]xmp.Prop, error) {
	class := r.Class
	if unaltered {
		class = siblingChange(r).Class()
	}
	used := 0
	for _, in := range r.Inputs {
		if in.Used {
			used++
		}
	}
	prop := func(name, value string) xmp.Prop { return xmp.Text(xmpNamespace, xmpPrefix, name, value) }
	facts := []xmp.Prop{
		{Name: xmp.DigitalSourceType, Prefix: "Iptc4xmpExt", Kind: xmp.Simple, Values: []string{sourceTypeOf(r, unaltered)}},
		prop("Class", class.String()),
		prop("Policy", r.Policy.String()),
		prop("Route", r.Route),
		prop("Photos", strconv.Itoa(used)),
		prop("Library", r.Library),
	}
	if unaltered { // the report is the altered picture's
		return facts, nil
	}
	if class == Altered && r.Policy.NeedsSibling() {
		facts = append(facts, prop("Disclosure", Disclosure))
	}
	// The whole report but for what only the written files know.
	own := *r
	own.Output, own.Unaltered, own.Changes = nil, nil, nil
	own.Stages = slices.Clone(own.Stages)
	for i, f := range own.Stages { // where and how fast differs from run to run; the file must not
		own.Stages[i] = StageFacts{Name: f.Name, Rung: f.Rung, LeftOut: f.LeftOut, Options: f.Options}
	}
	own.Findings = slices.DeleteFunc(slices.Clone(own.Findings), func(f Finding) bool { return !embedded(f.Check) })
	text, err := json.Marshal(&own)
	if err != nil {
		return nil, Errorf(CodeInternal, "report", "%w", err)
	}
	return append(facts, prop("Report", string(text))), nil
}

// embedded tells whether findings of a check are in the file's metadata: not those about where the set was done, and not those that
// come of writing the file.
func embedded(check string) bool {
	return check != CheckMetadata && !slices.Contains(backendChecks, check)
}
