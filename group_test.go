package realedit

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// brackets are the sets in the photographs, with what is known of their exposures (stops, darkest first).
var brackets = map[string]struct {
	n      int
	spread [2]float64 // least and most stops they may be found to span
}{
	"crusader":      {7, [2]float64{4, 12}},
	"fmurciag":      {6, [2]float64{3, 7}},
	"fusion_house":  {4, [2]float64{8, 16}},
	"fusion_room":   {6, [2]float64{3, 7}},
	"lamp_stack":    {7, [2]float64{12.5, 13.5}},
	"matlab_office": {6, [2]float64{6.8, 7.1}},
	"memorial":      {7, [2]float64{10.5, 13}},
	"mpi_exposures": {13, [2]float64{13.5, 13.8}},
	"pingpong":      {3, [2]float64{4, 4.1}},
}

// copyOf is a photo under another name.
func copyOf(p *Photo, path string) *Photo {
	q := *p
	q.Name, q.Path = filepath.Base(path), path
	return &q
}

// mustGroup groups in several orders and holds the results against each other.
func mustGroup(t *testing.T, photos []*Photo, o *GroupOptions) []Set {
	t.Helper()
	sets, err := Group(photos, o)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		mixed := slices.Clone(photos)
		r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		again, err := Group(mixed, o)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := fmt.Sprint(describe(sets)), fmt.Sprint(describe(again)); a != b {
			t.Fatalf("the order of the photos changes the sets:\n%s\n%s", a, b)
		}
	}
	count := 0
	seen := map[*Photo]bool{}
	ids := map[string]bool{}
	for _, s := range sets {
		if ids[s.ID] {
			t.Errorf("two sets are called %q", s.ID)
		}
		ids[s.ID] = true
		if len(s.EVs) != len(s.Photos) || s.EVs[s.Reference] != 0 || !slices.IsSorted(s.EVs) {
			t.Errorf("%s: EVs %v of %d photos, reference %d", s.ID, s.EVs, len(s.Photos), s.Reference)
		}
		if s.Confidence <= 0 || s.Confidence > 1 {
			t.Errorf("%s: confidence %g", s.ID, s.Confidence)
		}
		for _, p := range slices.Concat(s.Photos, s.Unused) {
			if seen[p] {
				t.Errorf("%s is in two sets", p.Name)
			}
			seen[p] = true
			count++
		}
	}
	for _, s := range sets {
		for _, w := range s.Warnings {
			if strings.HasPrefix(w, "duplicate:") {
				count++
			}
		}
	}
	if count != len(photos) {
		t.Errorf("%d photos in, %d accounted for", len(photos), count)
	}
	return sets
}

func describe(sets []Set) []string {
	var d []string
	for _, s := range sets {
		l := fmt.Sprintf("%s %s %.2f ref %s:", s.ID, s.Reason, s.Confidence, s.Ref().Name)
		for i, p := range s.Photos {
			l += fmt.Sprintf(" %s%+.1f", p.Name, s.EVs[i])
		}
		d = append(d, l+fmt.Sprint(s.Warnings, len(s.Unused)))
	}
	return d
}

func TestGroupEachBracketAlone(t *testing.T) {
	all := photographs(t)
	for name, want := range brackets {
		sets := mustGroup(t, all[name], nil)
		if len(sets) != 1 || len(sets[0].Photos) != want.n {
			t.Errorf("%s: want one set of %d, got\n%s", name, want.n, strings.Join(describe(sets), "\n"))
			continue
		}
		s := sets[0]
		if got := s.EVs[want.n-1] - s.EVs[0]; got < want.spread[0] || got > want.spread[1] {
			t.Errorf("%s: spans %.2f stops, want %v", name, got, want.spread)
		}
		t.Log(describe(sets))
	}
}

func TestGroupSinglesStaySingles(t *testing.T) {
	all := photographs(t)
	for _, s := range mustGroup(t, slices.Concat(all["exterior"], all["interior"]), nil) {
		if len(s.Photos) != 1 || s.Reason != ReasonSingle {
			t.Error(describe([]Set{s}))
		}
	}
}

// TestGroupOneFlatFolder throws everything into one folder, under names that tell the sets and under names that
// do not.
func TestGroupOneFlatFolder(t *testing.T) {
	all := photographs(t)
	origin := map[*Photo]string{}
	for name, rename := range map[string]func(dir string, p *Photo, i int) string{
		"prefixed": func(dir string, p *Photo, i int) string { return dir + "_" + p.Name },
		"numbered": func(dir string, p *Photo, i int) string { return fmt.Sprintf("IMG_%04d%s", i, filepath.Ext(p.Name)) },
		"hashed":   func(dir string, p *Photo, i int) string { return fmt.Sprintf("%x.jpg", p.SHA256[:8]) },
	} {
		t.Run(name, func(t *testing.T) {
			var flat []*Photo
			for _, dir := range slices.Sorted(maps.Keys(all)) {
				for _, p := range all[dir] {
					q := copyOf(p, "/flat/"+rename(dir, p, len(flat)+1))
					origin[q] = dir
					flat = append(flat, q)
				}
			}
			sets := mustGroup(t, flat, nil)
			singles := 0
			for _, s := range sets {
				dir := origin[s.Photos[0]]
				want, bracket := brackets[dir]
				for _, p := range s.Photos {
					if origin[p] != dir {
						t.Errorf("%s mixes %s and %s", s.ID, dir, origin[p])
					}
				}
				if !bracket {
					singles++
					continue
				}
				if len(s.Photos) != want.n {
					t.Errorf("%s: %d of %d photos: %s", dir, len(s.Photos), want.n, describe([]Set{s}))
				}
			}
			if want := len(all["exterior"]) + len(all["interior"]); singles != want || len(sets) != want+len(brackets) {
				t.Errorf("%d sets, %d of them singles, want %d and %d", len(sets), singles, want+len(brackets), want)
			}
		})
	}
}

// TestGroupWithoutFacts takes metadata and size away, so that nothing but the pictures tells
// the sets apart.
func TestGroupWithoutFacts(t *testing.T) {
	all := photographs(t)
	origin := map[*Photo]string{}
	var flat []*Photo
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		for _, p := range all[dir] {
			q := copyOf(p, fmt.Sprintf("/flat/IMG_%04d.JPG", len(flat)+1))
			landscape := q.Thumb.W >= q.Thumb.H
			q.Facts = Facts{Width: 1000, Height: 1000, Bits: 8, Orientation: 1}
			if landscape {
				q.Thumb = squeeze(q.Thumb, 128, 85)
			} else {
				q.Thumb = squeeze(q.Thumb, 85, 128)
			}
			origin[q] = dir
			flat = append(flat, q)
		}
	}
	for _, s := range mustGroup(t, flat, nil) {
		dir := origin[s.Photos[0]]
		for _, p := range s.Photos {
			if origin[p] != dir {
				t.Errorf("%s mixes %s and %s", s.ID, dir, origin[p])
			}
		}
		if want := max(1, brackets[dir].n); len(s.Photos) != want {
			t.Errorf("%s: %d of %d photos: %s", dir, len(s.Photos), want, describe([]Set{s}))
		}
	}
}

// squeeze brings a thumb to another shape, by nearest neighbour.
func squeeze(t Thumb, w, h int) Thumb {
	s := Thumb{w, h, make([]uint8, 3*w*h)}
	for y := range h {
		for x := range w {
			copy(s.Pix[3*(y*w+x):][:3], t.Pix[3*((y*t.H/h)*t.W+x*t.W/w):])
		}
	}
	return s
}

// TestGroupBelievesPixels: EXIF that says 1/20 s of every photo, or the opposite of the
// truth, is overruled.
func TestGroupBelievesPixels(t *testing.T) {
	all := photographs(t)
	for name, lie := range map[string]func(f *Facts){
		"all 1/20 s": func(f *Facts) { f.Exposure = 5e7 },
		"reversed":   func(f *Facts) { f.Exposure = seconds(1 / f.Exposure.Seconds()) },
	} {
		var photos []*Photo
		for _, p := range all["lamp_stack"] {
			q := copyOf(p, p.Path)
			lie(&q.Facts)
			photos = append(photos, q)
		}
		sets := mustGroup(t, photos, nil)
		if len(sets) != 1 || len(sets[0].Photos) != 7 {
			t.Fatalf("%s: %s", name, describe(sets))
		}
		s := sets[0]
		if !strings.Contains(fmt.Sprint(s.Warnings), "exif_contradicted") {
			t.Errorf("%s: no warning in %v", name, s.Warnings)
		}
		for i := 1; i < 7; i++ {
			if s.Photos[i].Name > s.Photos[i-1].Name { // exp_0 is the brightest
				t.Errorf("%s: %s before %s", name, s.Photos[i-1].Name, s.Photos[i].Name)
			}
		}
	}
}
