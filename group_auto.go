package realedit

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"
)

// The limits on likeness.bound: what is surely one scene, and what surely is not. With
// clocks to go by less is needed than without.
const (
	sameTimed   = 0.45
	sameVisual  = 0.50
	sameAfar    = 0.65 // the same, between photos that are not near in order: many are compared
	otherScore  = 0.35 // of the score itself, if it rests on otherSigns signs
	otherSigns  = 150
	window      = 64 // how far apart in order photos without a clock are compared
	neighbours  = 8  // how far apart they are always compared in full
	recentViews = 4  // how many photos of a run a new one is compared with
)

// auto groups by the evidence, the strongest first. Photos of another body, size or
// orientation never meet.
func (g *grouper) auto(items []*item) {
	type key struct {
		body              string
		w, h, orientation int
		timed             bool
	}
	streams := map[key][]*item{}
	var order []key
	for _, it := range items {
		f := &it.p.Facts
		k := key{body(it.p), f.Width, f.Height, f.Orientation, !f.Start.IsZero()}
		if streams[k] == nil {
			order = append(order, k)
		}
		streams[k] = append(streams[k], it)
	}
	for _, k := range order {
		var pattern []float64
		rest := g.sequences(streams[k])
		var runs []run
		if k.timed {
			runs = g.runs(rest)
		} else {
			runs = clusters(rest)
		}
		for _, r := range runs {
			pattern = g.split(r, pattern)
		}
	}
}

// sequences takes out what the cameras' own notes number as one bracket.
func (g *grouper) sequences(items []*item) (rest []*item) {
	var seq []*item
	flush := func() {
		if len(seq) >= 2 && spread(measure(seq).ev) >= g.MinSpread {
			p := proposal{items: seq, reason: ReasonSequence, score: 0.99}
			if n := seq[0].p.Facts.SequenceLen; n > len(seq) {
				p.score = 0.9
				p.warnings = []string{fmt.Sprintf("incomplete: %d of %d photos of the camera's sequence", len(seq), n)}
			}
			g.add(p)
		} else {
			rest = append(rest, seq...)
		}
		seq = nil
	}
	for _, it := range items {
		f := &it.p.Facts
		if f.Sequence < 1 || !f.Bracket && f.SequenceLen < 2 {
			flush()
			rest = append(rest, it)
			continue
		}
		if len(seq) > 0 {
			last := seq[len(seq)-1]
			if f.Sequence <= last.p.Facts.Sequence || f.SequenceLen != last.p.Facts.SequenceLen || pause(last, it) > g.MaxGap ||
				!sameFocal(last, it) || see(it, seq).verdict == other {
				flush()
			}
		}
		seq = append(seq, it)
	}
	flush()
	slices.SortStableFunc(rest, (*item).compare)
	return rest
}

// pause is the time from the end of one exposure to the start of the next; 0 without clocks.
func pause(a, b *item) time.Duration {
	if a.p.Facts.Start.IsZero() || b.p.Facts.Start.IsZero() {
		return 0
	}
	return max(0, b.p.Facts.Start.Sub(a.p.Facts.End()))
}

// sameFocal tells whether the focal lengths agree within 1 %, where both are known.
func sameFocal(a, b *item) bool {
	f, h := a.p.Facts.FocalLength, b.p.Facts.FocalLength
	return f == 0 || h == 0 || math.Abs(f-h) <= 0.01*max(f, h)
}

type verdict uint8

const (
	unknown verdict = iota
	same
	other
)

// sight is what the pictures say of a photo and a run.
type sight struct {
	verdict verdict
	score   float64
}

// see compares a photo with the latest photos of a run, and with the one of its own brightness.
func see(it *item, run []*item) sight {
	if !it.print.votes {
		return sight{}
	}
	var views []*item
	for i := len(run) - 1; i >= 0 && len(views) < recentViews; i-- {
		if run[i].print.votes {
			views = append(views, run[i])
		}
	}
	var nearest *item
	for _, v := range run {
		if v.print.votes && (nearest == nil || math.Abs(v.print.mean-it.print.mean) < math.Abs(nearest.print.mean-it.print.mean)) {
			nearest = v
		}
	}
	if nearest != nil && !slices.Contains(views, nearest) {
		views = append(views, nearest)
	}
	s := sight{verdict: unknown}
	against := 0
	for _, v := range views {
		l := compare(v.print, it.print)
		if l.bound() >= sameTimed {
			return sight{same, l.score}
		}
		if l.n >= otherSigns && l.score < otherScore {
			against++
		}
	}
	if against > 0 {
		s.verdict = other
	}
	return s
}

// run is a stretch of photos of one scene.
type run struct {
	items []*item
	score float64 // mean likeness along it
	gap   bool    // some joined by time alone
	timed bool
}

// runs cuts a stream in order of time where the scene changes.
func (g *grouper) runs(items []*item) []run {
	var out []run
	var cur, held []*item // held: photos without a vote since the last one with
	var scores []float64
	byGap := false
	close := func() {
		if len(cur) > 0 {
			out = append(out, run{items: cur, score: mean(scores), gap: byGap, timed: true})
		}
		cur, scores, byGap = nil, nil, false
	}
	votes := func() int {
		n := 0
		for _, it := range cur {
			if it.print.votes {
				n++
			}
		}
		return n
	}
	near := func(a, b *item) bool { return pause(a, b) <= g.gapLimit(cur) }
	// settle takes up held photos at the end of a run that nothing follows.
	settle := func() {
		for _, h := range held {
			if len(cur) > 0 {
				last := cur[len(cur)-1]
				if pause(last, h) > g.MaxGap || !sameFocal(last, h) || votes() < 2 && !near(last, h) {
					close()
				}
			}
			cur = append(cur, h)
			byGap = byGap || len(cur) == 2
		}
		held = nil
	}
	for _, it := range items {
		prev := it
		if len(held) > 0 {
			prev = held[len(held)-1]
		} else if len(cur) > 0 {
			prev = cur[len(cur)-1]
		}
		if pause(prev, it) > g.MaxGap || !sameFocal(prev, it) {
			settle()
			close()
		}
		if !it.print.votes {
			held = append(held, it)
			continue
		}
		if len(cur) == 0 {
			cur, held = append(held, it), nil
			continue
		}
		s := see(it, cur)
		if s.verdict == unknown && votes() > 0 {
			close := near(cur[len(cur)-1], append(held, it)[0])
			for i, h := range held {
				close = close && near(h, append(held[i+1:], it)[0])
			}
			if close {
				s.verdict, byGap = same, true
			} else {
				s.verdict = other
			}
		}
		switch s.verdict {
		case other:
			// The held ones fall apart at the longest pause.
			all := append(append([]*item{cur[len(cur)-1]}, held...), it)
			cut := 1
			for i := 2; i < len(all); i++ {
				if pause(all[i-1], all[i]) > pause(all[cut-1], all[cut]) {
					cut = i
				}
			}
			held = all[1:cut]
			settle()
			close()
			cur = slices.Clone(all[cut:])
		default:
			if s.score > 0 {
				scores = append(scores, s.score)
			}
			cur = append(append(cur, held...), it)
			held = nil
		}
	}
	settle()
	close()
	return out
}

func mean(v []float64) float64 {
	if len(v) == 0 {
		return 0.8
	}
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}

// gapLimit is the longest pause that time alone may bridge in this run: max(Gap, 1.5 × its median pause).
func (g *grouper) gapLimit(items []*item) time.Duration {
	var p []time.Duration
	for i := 1; i < len(items); i++ {
		p = append(p, pause(items[i-1], items[i]))
	}
	if len(p) == 0 {
		return g.Gap
	}
	slices.Sort(p)
	return max(g.Gap, p[len(p)/2]*3/2)
}

// clusters finds photos of one scene among those that have no clock: each is compared with those
// near it in the order of names, in full with the nearest and with those that look alike at first sight.
func clusters(items []*item) []run {
	parent := make([]int, len(items))
	for i := range parent {
		parent[i] = i
	}
	var find func(int) int
	find = func(i int) int {
		if parent[i] != i {
			parent[i] = find(parent[i])
		}
		return parent[i]
	}
	scores := map[int][]float64{}
	clearest := make([]int, len(items)) // by root: the photo that shows the most
	var voters []int
	for i, it := range items {
		clearest[i] = i
		if it.print.votes {
			voters = append(voters, i)
		}
	}
	for k, i := range voters {
		a := items[i]
		for d := 1; d <= window && d <= k; d++ {
			j := voters[k-d]
			b := items[j]
			p, q := find(i), find(j)
			if p == q || !sameFocal(a, b) {
				continue
			}
			if d > neighbours && agree(a.print, b.print, 0, 0).bound() < 0.25 {
				continue
			}
			limit := sameVisual
			if d > neighbours {
				limit = sameAfar
			}
			if l := compare(b.print, a.print); l.bound() >= limit && (d <= neighbours || agreeable(items[clearest[p]], items[clearest[q]])) {
				if items[clearest[max(p, q)]].print.weight > items[clearest[min(p, q)]].print.weight {
					clearest[min(p, q)] = clearest[max(p, q)]
				}
				parent[max(p, q)] = min(p, q)
				scores[min(p, q)] = append(append(scores[p], scores[q]...), l.score)
			}
		}
	}
	members := map[int]int{}
	for _, i := range voters {
		members[find(i)]++
	}
	// Photos without a vote join the bracket beside them, on the side of their folder and brightness.
	for i, it := range items {
		if it.print.votes {
			continue
		}
		best, least := -1, math.Inf(1)
		k, _ := slices.BinarySearch(voters, i)
		for _, v := range []int{k - 1, k} {
			if v < 0 || v >= len(voters) || members[find(voters[v])] < 2 || !sameFocal(it, items[voters[v]]) {
				continue
			}
			o := items[voters[v]]
			cost := math.Abs(o.print.mean - it.print.mean)
			if filepath.Dir(o.p.Path) != filepath.Dir(it.p.Path) {
				cost++
			}
			if cost < least {
				best, least = find(voters[v]), cost
			}
		}
		if best >= 0 {
			parent[i] = best
		}
	}
	byRoot := map[int]*run{}
	var roots []int
	for i, it := range items {
		r := find(i)
		if byRoot[r] == nil {
			byRoot[r] = &run{score: mean(scores[r])}
			roots = append(roots, r)
		}
		byRoot[r].items = append(byRoot[r].items, it)
	}
	var out []run
	for _, r := range roots {
		out = append(out, *byRoot[r])
	}
	return out
}

// agreeable tells whether nothing speaks against two photos showing one scene.
func agreeable(a, b *item) bool {
	l := compare(a.print, b.print)
	return l.n < otherSigns || l.score >= otherScore
}

// split cuts a run of one scene where its exposures start over, and adds the sets. It
// returns the pattern of the last bracket, which the next run is held against.
func (g *grouper) split(r run, pattern []float64) []float64 {
	l := measure(r.items)
	tolerance := 0.25
	if !l.sure {
		tolerance = 0.5
	}
	_, exif := exposures(r.items)
	for lo := 0; lo < len(r.items); {
		hi := lo + restart(l.ev[lo:], pattern, tolerance, g.MinSpread)
		items, ev := r.items[lo:hi], l.ev[lo:hi]
		if len(items) < 2 || spread(ev) < g.MinSpread {
			g.flat(items, ev, r)
			lo = hi
			continue
		}
		p := proposal{items: items, reason: ReasonEVRun, score: 0.97 * (0.6 + 0.4*r.score)}
		switch {
		case r.gap:
			p.reason, p.score = ReasonGap, 0.7
		case !exif:
			p.reason, p.score = ReasonVisual, 0.88*(0.6+0.4*r.score)
		}
		if hi-lo < len(pattern) && lo > 0 {
			p.warnings = append(p.warnings, fmt.Sprintf("group_remainder: %d photos, the set before has %d", hi-lo, len(pattern)))
		}
		g.add(p)
		pattern = slices.Clone(ev)
		lo = hi
	}
	return pattern
}

// restart is how many of the photos form the first bracket: up to where their
// exposures, relative to the first, start over; all of them when they do not.
func restart(ev, pattern []float64, tolerance, minSpread float64) int {
	n := len(ev)
	// repeats tells whether the photos from k on follow the given exposures, as far as both go.
	repeats := func(k int, like []float64) (int, bool) {
		m := min(n-k, len(like))
		for i := range m {
			if math.Abs((ev[k+i]-ev[k])-(like[i]-like[0])) > tolerance {
				return 0, false
			}
		}
		return m, m > 0 && math.Abs(ev[k]-ev[0]) <= 1 // metering may wander, by less than brackets step
	}
	// As the set before: if what follows starts over as well.
	if q := len(pattern); q >= 2 && q < n {
		if m, ok := repeats(0, pattern); ok && m == q && math.Abs(ev[q]-ev[0]) <= 2*tolerance {
			return q
		}
	}
	for k := 2; k <= n-2; k++ {
		if spread(ev[:k]) < minSpread {
			continue
		}
		// In full, or cut short by the end of the run.
		if m, ok := repeats(k, ev[:k]); ok && (m == k || k+m == n && 2*m > k) {
			return k
		}
	}
	return min(n, maxSet)
}

// flat adds photos of one scene and of equal exposure: bursts where they follow each other
// within a second without moving, else pictures of their own.
func (g *grouper) flat(items []*item, ev []float64, r run) {
	for lo := 0; lo < len(items); {
		hi := lo + 1
		for hi < len(items) && r.timed && hi-lo < maxSet && g.burst(items[hi-1], items[hi]) && math.Abs(ev[hi]-ev[lo]) < 0.35 {
			hi++
		}
		p := proposal{items: items[lo:hi], reason: ReasonSingle, score: 0.95}
		if hi-lo > 1 {
			p.reason, p.score = ReasonBurst, 0.9
		}
		g.add(p)
		lo = hi
	}
}

func (g *grouper) burst(a, b *item) bool {
	if d := b.p.Facts.Start.Sub(a.p.Facts.Start); d < 0 || d >= time.Second {
		return false
	}
	l := compare(a.print, b.print)
	return l.bound() >= 0.8 && max(abs(l.dx), abs(l.dy)) <= 1
}

func abs(v int) int { return max(v, -v) }
