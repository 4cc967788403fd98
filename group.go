package realedit

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/realedit/realedit/internal/natural"
)

// GroupMode is how Group finds the sets of photos that have no explicit id.
type GroupMode uint8

// The modes.
const (
	GroupAuto    GroupMode = iota // by the evidence in docs/ingest.md
	GroupFolders                  // one set per folder
	GroupCount                    // GroupOptions.Count photos per set, in order of body, time and file number
)

// ParseGroupMode reads "auto", "folder", or a number of photos per set, 1 to 32.
func ParseGroupMode(s string) (mode GroupMode, count int, err error) {
	switch s {
	case "auto":
		return GroupAuto, 0, nil
	case "folder":
		return GroupFolders, 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxSet {
		return 0, 0, Errorf(CodeBadOption, "sets", "%q is neither auto nor folder nor a number from 1 to %d", s, maxSet)
	}
	return GroupCount, n, nil
}

// GroupOptions steer Group; nil means the zero value, which works.
type GroupOptions struct {
	Mode  GroupMode
	Count int // photos per set for GroupCount, 1 to 32

	// ID names the set a photo belongs to; photos with the same id are one set whatever
	// they look like, those with "" are grouped by Mode. nil = none has an id.
	ID func(*Photo) string

	// Gap is the longest pause between two photos of a set that only time holds together; 0 = 2 s (or
	// 1.5 × the set's median pause, if that is longer).
	Gap time.Duration
	// MaxGap is the longest pause within any set; 0 = 10 minutes.
	MaxGap time.Duration
	// MinSpread is how many stops a bracket spans at least; 0 = 0.7.
	MinSpread float64
}

// maxSet is how many photos a set has at most.
const maxSet = 32

func (o *GroupOptions) checked() (GroupOptions, error) {
	var c GroupOptions
	if o != nil {
		c = *o
	}
	switch {
	case c.Mode > GroupCount:
		return c, Errorf(CodeBadOption, "group", "Mode: %d is none of the modes", c.Mode)
	case c.Mode == GroupCount && (c.Count < 1 || c.Count > maxSet):
		return c, Errorf(CodeBadOption, "group", "Count: %d is outside [1, %d]", c.Count, maxSet)
	case c.Gap < 0 || c.MaxGap < 0:
		return c, Errorf(CodeBadOption, "group", "Gap %v, MaxGap %v: must not be negative", c.Gap, c.MaxGap)
	case !(c.MinSpread >= 0 && c.MinSpread <= 16):
		return c, Errorf(CodeBadOption, "group", "MinSpread: %g is outside [0, 16]", c.MinSpread)
	}
	c.Gap = cmp.Or(c.Gap, 2*time.Second)
	c.MaxGap = cmp.Or(c.MaxGap, 10*time.Minute)
	c.MinSpread = cmp.Or(c.MinSpread, 0.7)
	return c, nil
}

// Group sorts photos into sets: brackets, bursts and singles. Every photo is in exactly one
// set (in Photos or Unused), but for exact duplicates of another, which a warning
// names. The result does not depend on the order of the photos. Errors are CodeBadOption.
func Group(photos []*Photo, o *GroupOptions) ([]Set, error) {
	opts, err := o.checked()
	if err != nil {
		return nil, err
	}
	g := &grouper{GroupOptions: opts}
	for i, p := range photos {
		if p == nil {
			return nil, Errorf(CodeBadOption, "group", "photo %d is nil", i)
		}
		g.items = append(g.items, newItem(p))
	}
	slices.SortStableFunc(g.items, (*item).compare)
	var rest []*item
	explicit := map[string][]*item{}
	for _, it := range g.items {
		id := ""
		if g.ID != nil {
			id = g.ID(it.p)
		}
		if id == "" {
			rest = append(rest, it)
		} else {
			explicit[id] = append(explicit[id], it)
		}
	}
	for _, id := range sortedKeys(explicit) {
		g.add(proposal{items: distinct(explicit[id]), reason: ReasonExplicit, score: 1})
	}
	switch g.Mode {
	case GroupFolders:
		folders := byFolder(rest)
		for _, f := range sortedKeys(folders) {
			g.add(proposal{items: distinct(folders[f]), reason: ReasonExplicit, score: 1})
		}
	case GroupCount:
		folders := byFolder(rest)
		for _, f := range sortedKeys(folders) {
			g.count(distinct(folders[f]))
		}
	default:
		g.auto(distinct(rest))
	}
	return g.finish(), nil
}

// grouper is one call of Group.
type grouper struct {
	GroupOptions
	items []*item
	sets  []proposal
}

// item is one photo at work.
type item struct {
	p        *Photo
	print    *thumbprint
	warnings []string
	folded   []*Photo // the same exposure in another format
}

func newItem(p *Photo) *item { return &item{p: p, print: newThumbprint(p)} }

// proposal is a set that was found.
type proposal struct {
	items    []*item
	reason   GroupReason
	score    float64 // how sure, before anything counts against it
	warnings []string
}

func (g *grouper) add(p proposal) { g.sets = append(g.sets, p) }

// compare is the canonical order: body, time, folder, file number, contents.
func (it *item) compare(o *item) int {
	a, b := it.p, o.p
	return cmp.Or(
		cmp.Compare(body(a), body(b)),
		a.Facts.Start.Compare(b.Facts.Start),
		natural.Compare(a.Path, b.Path),
		natural.Compare(a.Name, b.Name),
		slices.Compare(a.SHA256[:], b.SHA256[:]),
	)
}

// body identifies a camera; "" when nothing is known of it.
func body(p *Photo) string {
	f := &p.Facts
	return strings.ToLower(f.Make + "\x00" + f.Model + "\x00" + f.BodySerial)
}

// distinct drops exact duplicates and folds the same exposure in two formats into one.
func distinct(items []*item) []*item {
	seen := map[[32]byte]*item{}
	stems := map[string]*item{}
	var kept []*item
	for _, it := range items {
		if first := seen[it.p.SHA256]; first != nil && it.p.SHA256 != [32]byte{} {
			first.warnings = append(first.warnings, fmt.Sprintf("duplicate: %s has the contents of %s and was dropped", it.p.Name, first.p.Name))
			continue
		}
		seen[it.p.SHA256] = it
		stem := strings.ToLower(strings.TrimSuffix(cmp.Or(it.p.Path, it.p.Name), filepath.Ext(it.p.Name)))
		if twin := stems[stem]; twin != nil && sameExposure(twin.p, it.p) {
			// The deeper samples are the better source; of equals the larger file.
			a, b := twin.p, it.p
			if b.Facts.Bits > a.Facts.Bits || b.Facts.Bits == a.Facts.Bits && b.Size > a.Size {
				twin.p, twin.print = b, it.print
				a, b = b, a
			}
			twin.folded = append(twin.folded, b)
			twin.warnings = append(twin.warnings, fmt.Sprintf("folded: %s is the exposure of %s in another format", b.Name, a.Name))
			continue
		}
		stems[stem] = it
		kept = append(kept, it)
	}
	return kept
}

// sameExposure tells whether two files of one stem are one release of the shutter (RAW+JPEG).
func sameExposure(a, b *Photo) bool {
	if a.Facts.Start.IsZero() || !a.Facts.Start.Equal(b.Facts.Start) || body(a) != body(b) || a.Facts.Exposure != b.Facts.Exposure ||
		strings.EqualFold(filepath.Ext(a.Name), filepath.Ext(b.Name)) {
		return false
	}
	portrait := func(p *Photo) bool { return p.Facts.Height > p.Facts.Width }
	return portrait(a) == portrait(b)
}

func byFolder(items []*item) map[string][]*item {
	m := map[string][]*item{}
	for _, it := range items {
		d := filepath.Dir(it.p.Path)
		m[d] = append(m[d], it)
	}
	return m
}

func sortedKeys[T any](m map[string]T) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, natural.Compare)
	return keys
}

// count cuts a folder's photos into sets of Count; what is left over is a smaller set.
func (g *grouper) count(items []*item) {
	for len(items) > 0 {
		n := min(g.Count, len(items))
		p := proposal{items: items[:n], reason: ReasonExplicit, score: 1}
		if n < g.Count {
			p.warnings = []string{fmt.Sprintf("group_remainder: %d of %d photos were left for the last set", n, g.Count)}
		}
		g.add(p)
		items = items[n:]
	}
}

// finish orders the sets and makes them what callers see.
func (g *grouper) finish() []Set {
	slices.SortStableFunc(g.sets, func(a, b proposal) int { return first(a.items).compare(first(b.items)) })
	taken := map[string]bool{}
	sets := make([]Set, 0, len(g.sets))
	for _, p := range g.sets {
		s := g.set(p)
		name := s.Ref().Name
		id := cmp.Or(strings.TrimSuffix(name, filepath.Ext(name)), "photo")
		s.ID = id
		for i := 2; taken[strings.ToLower(s.ID)]; i++ { // not every file system tells cases apart
			s.ID = fmt.Sprintf("%s-%d", id, i)
		}
		taken[strings.ToLower(s.ID)] = true
		sets = append(sets, s)
	}
	return sets
}

func first(items []*item) *item { return slices.MinFunc(items, (*item).compare) }

// set makes a Set of a proposal: exposures, order, reference, remarks.
func (g *grouper) set(p proposal) Set {
	items := slices.Clone(p.items)
	slices.SortStableFunc(items, (*item).compare)
	l := measure(items)
	s := Set{Reason: p.reason, Confidence: p.score, Warnings: p.warnings}
	var unused []*item
	if p.reason == ReasonBurst {
		best := slices.MaxFunc(items, func(a, b *item) int { return cmp.Compare(a.p.sharpness, b.p.sharpness) })
		for _, it := range items {
			if it != best {
				unused = append(unused, it)
			}
		}
		s.Warnings = append(s.Warnings, fmt.Sprintf("burst: %s is the sharpest of %d", best.p.Name, len(items)))
		l = light{ev: []float64{0}, sure: l.sure}
		items = []*item{best}
	}
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(l.ev[a], l.ev[b]) })
	sorted, ev := make([]*item, len(order)), make([]float64, len(order))
	for i, k := range order {
		sorted[i], ev[i] = items[k], l.ev[k]
	}
	s.Reference = reference(sorted)
	for i, it := range sorted {
		s.Photos = append(s.Photos, it.p)
		s.EVs = append(s.EVs, ev[i]-ev[s.Reference])
	}
	for _, it := range unused {
		s.Unused = append(s.Unused, it.p)
	}
	for _, it := range p.items {
		s.Unused = append(s.Unused, it.folded...)
		s.Warnings = append(s.Warnings, it.warnings...)
	}
	g.remark(&s, sorted, l)
	s.Confidence = math.Round(100*min(max(s.Confidence, 0), 1)) / 100
	return s
}

// remark adds what speaks against a set.
func (g *grouper) remark(s *Set, items []*item, l light) {
	warn := func(factor float64, format string, a ...any) {
		s.Confidence *= factor
		s.Warnings = append(s.Warnings, fmt.Sprintf(format, a...))
	}
	if len(items) == 1 {
		return
	}
	if l.lied {
		warn(0.9, "exif_contradicted: the exposures in EXIF do not fit the pixels, which were measured instead")
	}
	a := items[0].p.Facts
	sizes, flash := false, false
	for _, it := range items {
		f := it.p.Facts
		sizes = sizes || f.Width != a.Width || f.Height != a.Height
		flash = flash || f.Flash != a.Flash
		if !it.print.votes {
			s.Warnings = append(s.Warnings, fmt.Sprintf("clipped: %s is nearly all black or white and joined by time or order", it.p.Name))
		}
	}
	if sizes {
		warn(0.5, "sizes: the photos differ in width or height")
	}
	if flash {
		warn(0.9, "flash: it fired in some of the photos")
	}
	if len(items) > 9 {
		warn(0.9, "many: %d photos", len(items))
	}
	if spread(l.ev) < g.MinSpread {
		warn(0.8, "spread: the exposures span %.1f stops", spread(l.ev))
	}
}

func spread(ev []float64) float64 { return slices.Max(ev) - slices.Min(ev) }

// reference picks the photo whose geometry and name the result takes, from items
// sorted by exposure: the one the camera metered, if EXIF's bias tells which that was, else the middle one; of
// the two middles of an even number the one with less clipped. Photos without a vote are passed over.
func reference(items []*item) int {
	var order []int
	for i, it := range items {
		if it.print.votes {
			order = append(order, i)
		}
	}
	if len(order) == 0 {
		for i := range items {
			order = append(order, i)
		}
	}
	metered, biased := -1, false
	for _, i := range order {
		if b := items[i].p.Facts.Bias; math.Abs(b) > 0.1 {
			biased = true
		} else if metered >= 0 {
			metered = len(items) // more than one: it does not tell
		} else {
			metered = i
		}
	}
	if biased && metered >= 0 && metered < len(items) {
		return metered
	}
	n := len(order)
	a, b := order[(n-1)/2], order[n/2]
	clip := func(i int) float64 { return items[i].p.ClippedHigh + items[i].p.ClippedLow }
	if clip(b) < clip(a) {
		return b
	}
	return a
}
