package main

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/realedit/realedit"
)

// summary is batch.json.
type summary struct {
	Version  int              `json:"version"`
	Library  string           `json:"library"`
	Options  map[string]any   `json:"options"`
	Counts   counts           `json:"counts"`
	Listings []listingSummary `json:"listings"`
	Sets     []*outcome       `json:"sets"`
	Ignored  []ignored        `json:"ignored"`
	Times    times            `json:"times"`

	Index string `json:"-"`
}

type counts struct {
	Files       int `json:"files"` // that were opened
	Photos      int `json:"photos"`
	Sets        int `json:"sets"`
	Finished    int `json:"finished"`
	Resumed     int `json:"resumed"` // of the finished ones, by an earlier run
	Quarantined int `json:"quarantined"`
	Ignored     int `json:"ignored"`
}

// listingSummary is one folder's share.
type listingSummary struct {
	Name   string  `json:"name"`
	Photos int     `json:"photos"`
	Sets   int     `json:"sets"`
	Spread *spread `json:"spread,omitempty"`
}

type times struct {
	Started string  `json:"started"`
	Seconds float64 `json:"seconds"`
	Reading float64 `json:"reading"` // seconds until all photos had been read
	Editing float64 `json:"editing"` // from then on
}

// summaryVersion is the version of batch.json's schema.
const summaryVersion = 1

func (b *batch) summary(lists []*listing, start, read time.Time) *summary {
	s := &summary{
		Version: summaryVersion, Library: "realedit " + realedit.Version,
		Options: map[string]any{"route": b.o.route, "merge": b.o.merge.String(), "sets": b.o.sets, "policy": b.o.policy.String(), "primary": append([]string{}, b.o.primary...),
			"format": b.o.format.String(), "quality": b.o.quality, "backend": b.backendNames(), "jobs": b.o.jobs, "memory": b.o.memory, "keep_pixels": b.o.keep},
		Listings: []listingSummary{}, Sets: []*outcome{}, Ignored: b.ignored,
		Index: filepath.Join(b.o.out, "index.html"),
	}
	if s.Ignored == nil {
		s.Ignored = []ignored{}
	}
	slices.SortFunc(s.Ignored, func(x, y ignored) int { return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Reason, y.Reason)) })
	for _, l := range lists {
		ls := listingSummary{Name: l.name, Sets: len(l.sets)}
		var own []*outcome
		for _, j := range l.sets {
			o := b.results[j]
			s.Sets, own = append(s.Sets, o), append(own, o)
			ls.Photos += len(j.set.Photos) + len(j.set.Unused)
			switch {
			case o.Code != "":
				s.Counts.Quarantined++
			default:
				s.Counts.Finished++
				if o.Resumed {
					s.Counts.Resumed++
				}
			}
		}
		ls.Spread = spreadOf(own)
		s.Listings = append(s.Listings, ls)
		s.Counts.Photos += ls.Photos
		s.Counts.Files += len(l.files)
	}
	s.Counts.Sets, s.Counts.Ignored = len(s.Sets), len(s.Ignored)
	now := time.Now()
	s.Times = times{start.UTC().Format(time.RFC3339), seconds(now.Sub(start)), seconds(read.Sub(start)), seconds(now.Sub(read))}
	return s
}

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

// finish writes batch.json and the gallery.
func (b *batch) finish(ctx context.Context, s *summary) error {
	var drafts []draft
	for _, f := range []struct {
		rel   string
		write func(io.Writer) error
	}{
		{"index.html", func(w io.Writer) error { return writeGallery(w, s, b.out) }},
		{"batch.json", func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(s)
		}},
	} {
		d, err := b.out.draft(ctx, f.rel, f.write)
		if err != nil {
			discard(drafts)
			return err
		}
		drafts = append(drafts, d)
	}
	return b.out.publish(entry{}, drafts)
}
