package realedit

import (
	"encoding/hex"
)

// SetFromReport is the set that a report's picture was made of, from photos among which its inputs are, known by their contents:
// order, EVs, reference, unused members, reason and warnings are the report's, and so are the photos' names (Photo.Name is set). Errors: CodeUnreadable
// for a photo that is not among them, CodeNotReplayable for a report without a reference.
func SetFromReport(r *Report, photos []*Photo) (Set, error) {
	s := Set{ID: r.Set, Reference: -1, Reason: r.Group.Reason, Confidence: r.Group.Confidence, Warnings: r.Group.Warnings}
	have := map[string]*Photo{}
	for _, p := range photos {
		have[hex.EncodeToString(p.SHA256[:])] = p
	}
	for _, in := range r.Inputs {
		p := have[in.SHA256]
		if p == nil {
			return Set{}, Errorf(CodeUnreadable, "replay", "no photo has the contents of %s (SHA-256 %s)", in.Name, in.SHA256)
		}
		p.Name = in.Name
		if in.Spare {
			s.Unused = append(s.Unused, p)
			continue
		}
		if in.Reference {
			s.Reference = len(s.Photos)
		}
		s.Photos = append(s.Photos, p)
		if r.Group.EVs {
			s.EVs = append(s.EVs, in.EV)
		}
	}
	if s.Reference < 0 {
		return Set{}, Errorf(CodeNotReplayable, "replay", "the report of %q names no reference photo", r.Set)
	}
	return s, nil
}

// ExportOptions are those the file was written with.
func (f *OutputFacts) ExportOptions() (*ExportOptions, error) {
	format, err := ParseFormat(f.Format)
	if err != nil {
		return nil, &Error{Code: CodeNotReplayable, Op: "report", Err: err}
	}
	return &ExportOptions{Format: format, Bits: f.Bits, Quality: f.Quality, NoGPS: f.NoGPS}, nil
}
