package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/realedit/realedit"
)

// groupLine is a line of -groups -json.
type groupLine struct {
	Name       string               `json:"name"`
	Listing    string               `json:"listing"`
	Reason     realedit.GroupReason `json:"reason,omitempty"`
	Confidence float64              `json:"confidence"`
	Reference  string               `json:"reference,omitempty"`
	Photos     []groupPhoto         `json:"photos"`
	Unused     []string             `json:"unused,omitempty"`
	Warnings   []string             `json:"warnings,omitempty"`
	Code       realedit.Code        `json:"code,omitempty"` // of a photo that cannot be read
	Why        string               `json:"why,omitempty"`
}

type groupPhoto struct {
	File string  `json:"file"`
	EV   float64 `json:"ev"` // stops beyond the reference
}

// printGroups prints the sets: what -groups is for.
func (b *batch) printGroups(lists []*listing) error {
	b.show.close()
	for _, l := range lists {
		for _, j := range l.sets {
			g := b.groupLine(l, j)
			var err error
			if b.o.json {
				err = printJSON(b.c.stdout, g)
			} else {
				_, err = io.WriteString(b.c.stdout, g.text())
			}
			if err != nil {
				return err
			}
		}
	}
	if b.o.json {
		return nil
	}
	for _, i := range b.ignored {
		b.show.line("ignored %s: %s", i.Path, i.Reason)
	}
	return nil
}

func (b *batch) groupLine(l *listing, j *job) groupLine {
	g := groupLine{Name: j.name, Listing: l.name, Photos: []groupPhoto{}}
	if j.broken != nil {
		g.Photos = append(g.Photos, groupPhoto{File: j.broken.rel})
		g.Code, g.Why = realedit.CodeOf(j.broken.err), message(j.broken.err)
		return g
	}
	s := j.set
	g.Reason, g.Confidence, g.Warnings = s.Reason, s.Confidence, s.Warnings
	g.Reference = b.names[s.Ref()].rel
	for i, p := range s.Photos {
		ph := groupPhoto{File: b.names[p].rel}
		if i < len(s.EVs) {
			ph.EV = s.EVs[i]
		}
		g.Photos = append(g.Photos, ph)
	}
	for _, p := range s.Unused {
		g.Unused = append(g.Unused, b.names[p].rel)
	}
	slices.Sort(g.Unused)
	return g
}

// text is the set for people: a line, its photos, its warnings.
func (g groupLine) text() string {
	var t strings.Builder
	if g.Code != "" {
		fmt.Fprintf(&t, "%s  cannot be read: %s\n", g.Name, g.Why)
		return t.String()
	}
	fmt.Fprintf(&t, "%s  %s  confidence %.2f  %d photo(s) of %s\n", g.Name, g.Reason, g.Confidence, len(g.Photos), g.Listing)
	for _, p := range g.Photos {
		mark := ""
		if p.File == g.Reference {
			mark = "  reference"
		}
		fmt.Fprintf(&t, "    %s  %+.1f EV%s\n", p.File, p.EV, mark)
	}
	for _, u := range g.Unused {
		fmt.Fprintf(&t, "    %s  not used\n", u)
	}
	for _, w := range g.Warnings {
		fmt.Fprintf(&t, "    ! %s\n", w)
	}
	return t.String()
}
