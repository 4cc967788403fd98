package realedit

import "fmt"

// Class says how far a picture is from what the camera recorded.
type Class uint8

// The classes, from the least to the most.
const (
	// Unaltered: orientation, colour management, a merge of frames of the same moment.
	Unaltered Class = iota
	// Corrected: bounded tone and colour, geometry, pixels from another real frame of the bracket.
	Corrected
	// Altered: pixels that no frame of the set recorded.
	Altered
)

// String is "unaltered", "corrected" or "altered".
func (c Class) String() string {
	switch c {
	case Unaltered:
		return "unaltered"
	case Corrected:
		return "corrected"
	case Altered:
		return "altered"
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}

// MarshalText writes the class's name.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the class's name.
func (c *Class) UnmarshalText(b []byte) error {
	for k := Unaltered; k <= Altered; k++ {
		if k.String() == string(b) {
			*c = k
			return nil
		}
	}
	return Errorf(CodeBadOption, "class", "%q is not unaltered, corrected or altered", b)
}

// Policy is what may be done to a picture. The Editor refuses a stage that could do
// more before any work is spent on it.
type Policy uint8

// The policies.
const (
	// CorrectedOnly: nothing computed or synthesised. The zero value.
	CorrectedOnly Policy = iota
	// Permissive: everything.
	Permissive
	// AB723: alterations allowed; an altered picture always comes with its disclosure
	// text and its unaltered sibling (California AB 723, in force 2026-01-01).
	AB723
	// MLSStrict: no change of view, so nothing synthesised: no generated window view, nor a model's own sky. A computed
	// sky only with its disclosure text and its unaltered sibling.
	MLSStrict
	// Primary: as CorrectedOnly, and no window pull from other frames. For a listing's first photo: Config.PolicyFor.
	Primary
)

var policyNames = [...]string{"corrected-only", "permissive", "ab723", "mls-strict", "primary"}

// PolicyNames lists what ParsePolicy takes.
func PolicyNames() []string { return policyNames[:] }

// String is the policy's name, as ParsePolicy takes it.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// ParsePolicy reads "corrected-only", "permissive", "ab723", "mls-strict" or "primary".
func ParsePolicy(s string) (Policy, error) {
	for i, n := range policyNames {
		if n == s {
			return Policy(i), nil
		}
	}
	return 0, Errorf(CodeBadOption, "policy", "%q is not one of %v", s, policyNames)
}

// MarshalText writes the policy's name.
func (p Policy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the policy's name.
func (p *Policy) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePolicy(string(b))
	return err
}

// Change is what happened to one pixel, from nothing to the most. It is the value
// stored in an AlterationMap.
type Change uint8

// The changes. Where a mask's edge is soft the stronger one counts.
const (
	ChangeNone        Change = iota // merge of frames of one moment, orientation, colour management
	ChangeTone                      // tone and colour
	ChangeGeometry                  // moved: verticals, crop, lens
	ChangeFrame                     // taken from another real frame of the set
	ChangeLocked                    // a model's tone, held to the deterministic picture by the lock
	ChangeComputed                  // library or physical sky
	ChangeSynthesised               // a model's own pixels
	numChanges
)

var changeNames = [numChanges]string{"none", "tone", "geometry", "other_frame", "locked_tone", "computed", "synthesised"}

// String is the change's name in reports.
func (c Change) String() string {
	if c < numChanges {
		return changeNames[c]
	}
	return fmt.Sprintf("Change(%d)", uint8(c))
}

// Class is the class of a picture whose strongest change is c.
func (c Change) Class() Class {
	switch {
	case c == ChangeNone:
		return Unaltered
	case c < ChangeComputed:
		return Corrected
	}
	return Altered
}

// Allows tells whether the policy lets a stage make this change at all.
func (p Policy) Allows(c Change) bool {
	switch p {
	case Permissive, AB723:
		return true
	case MLSStrict:
		return c != ChangeSynthesised
	case Primary:
		return c < ChangeComputed && c != ChangeFrame
	}
	return c < ChangeComputed
}

// NeedsSibling tells whether an altered picture must come with its unaltered sibling and disclosure.
func (p Policy) NeedsSibling() bool { return p == AB723 || p == MLSStrict }
