package pipeline

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/stretchr/testify/require"
)

// neutralSet is the bracket of the scene with every light replaced by D65.
func neutralSet(t testing.TB, s *scene.Scene, o scene.BracketOptions) realedit.Set {
	n := *s
	n.Radiance = s.Neutral
	return rendered(t, n.Bracket(o))
}

// withTone is the auto route with this tone.
func withTone(t testing.TB, tone hdr.Tone, set realedit.Set) *realedit.Result {
	t.Helper()
	b, err := kernels.Open("auto")
	require.NoError(t, err)
	e, err := realedit.New(realedit.Config{Backends: []kernels.Backend{b}, Policy: realedit.AB723})
	require.NoError(t, err)
	p, err := Auto(nil)
	require.NoError(t, err)
	p, err = p.Replace("hdr.tone", tone)
	require.NoError(t, err)
	p, err = p.Without("qc")
	require.NoError(t, err)
	r, err := e.Process(context.Background(), p, set)
	require.NoError(t, err)
	return r
}

// differences is CIEDE2000 between two results, pixel by pixel.
func differences(t testing.TB, a, b *realedit.Result) []float32 {
	t.Helper()
	w, h := a.Image.Width(), a.Image.Height()
	v := make([]float32, w*h)
	m, err := kernels.Wrap(v, w, h, 1)
	require.NoError(t, err)
	back, err := kernels.Open("cpu")
	if err != nil {
		back, err = kernels.Open("ref")
	}
	require.NoError(t, err)
	defer back.Close()
	_, err = back.Ops().DeltaE(a.Image, b.Image, m, nil)
	require.NoError(t, err)
	return v
}

// over is the mean of v where keep says so.
func over(v []float32, keep func(i int) bool) float64 {
	var sum, n float64
	for i, x := range v {
		if keep(i) {
			sum += float64(x)
			n++
		}
	}
	return sum / max(n, 1)
}

// levels are a result's mean luma and the share of pixels with a channel at the top, in pixels that keep admits.
func levels(r *realedit.Result, keep func(i int) bool) (mean, clipped float64) {
	w, n := r.Image.Width(), 0.0
	for y := range r.Image.Height() {
		row := r.Image.RowU16(y)
		for x := range w {
			p := row[3*x : 3*x+3]
			mean += (0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])) / 65535
			if keep(y*w + x) {
				n++
				if max(p[0], p[1], p[2]) >= 65535*254/255 {
					clipped++
				}
			}
		}
	}
	return mean / float64(w*r.Image.Height()), clipped / max(n, 1)
}

func single(kelvin float64) scene.Lighting {
	return scene.Lighting{DayCCT: kelvin, LampCCT: kelvin, LampShare: 0.7}
}

// The same room photographed in its light, and in neutral light without white balance, comes out alike.
func TestWhiteBalanceAgainstTheNeutralRender(t *testing.T) {
	if testing.Short() {
		t.Skip("renders 20 rooms")
	}
	lights := []struct {
		name       string
		l          scene.Lighting
		mean, wall float64 // limits on one scene's mean ΔE00
	}{
		{"2700 K", single(2700), 7, 7}, {"4000 K", single(4000), 5, 5}, {"6500 K", scene.Daylight6500, 4, 4},
		{"lamps 2700 K + 8 % daylight", scene.Lamps2700, 8.5, 7}, {"lamps 2700 K + 55 % daylight", scene.Mixed, 7, 9},
	}
	o := scene.BracketOptions{Base: -0.7, Seed: 1}
	var sumMean, sumWall, n float64
	for _, l := range lights {
		for wall := range scene.WallColour(4) {
			s := scene.Interior(scene.InteriorOptions{W: 240, H: 160, Room: scene.RoomKind(wall % 3), Wall: wall, Light: l.l})
			got, want := withTone(t, hdr.Tone{}, rendered(t, s.Bracket(o))), withTone(t, hdr.Tone{WhiteBalance: -1}, neutralSet(t, s, o))
			name := fmt.Sprintf("%s %v", l.name, wall)
			keep(t, "wb "+name, got)
			keep(t, "wb "+name+" neutral", want)
			v := differences(t, got, want)
			inside := func(i int) bool { return s.Window[i] < 0.01 }
			m, w := over(v, inside), over(v, func(i int) bool { return s.Wall[i] > 0.5 })
			luma, clipped := levels(got, inside)
			t.Logf("%-36s %v: mean ΔE00 %.2f, walls %.2f, luma %.3f, clipped %.2f %%, cct %v, confidence %v", name, scene.RoomKind(wall%3), m, w, luma, 100*clipped,
				got.Report.Measures["illuminant_cct"], got.Report.Measures["illuminant_confidence"])
			if m > l.mean || w > l.wall {
				t.Errorf("%s: ΔE00 %.2f (limit %v), walls %.2f (limit %v)", name, m, l.mean, w, l.wall)
			}
			if luma < 0.42 || luma > 0.55 {
				t.Errorf("%s: mean luma %.3f", name, luma)
			}
			if clipped > 0.005 {
				t.Errorf("%s: %.2f %% clipped", name, 100*clipped)
			}
			sumMean, sumWall, n = sumMean+m, sumWall+w, n+1
			got.Free()
			want.Free()
		}
	}
	t.Logf("over %v scenes: mean ΔE00 %.2f, walls %.2f", n, sumMean/n, sumWall/n)
	if sumMean/n > 4.6 || sumWall/n > 3.8 {
		t.Errorf("over %v scenes: mean ΔE00 %.2f (limit 4.6, aim 4), walls %.2f (limit 3.8, aim 3)", n, sumMean/n, sumWall/n)
	}
}

// Views of one room agree on the colour of its walls.
func TestListingSharesWhiteBalance(t *testing.T) {
	if testing.Short() {
		t.Skip("renders a room from three sides")
	}
	var sets []realedit.Set
	var scenes []*scene.Scene
	for view := range 3 {
		s := scene.Interior(scene.InteriorOptions{W: 240, H: 160, Room: scene.Bedroom, Wall: scene.Beige, Light: scene.Lamps2700, View: view})
		set := rendered(t, s.Bracket(scene.BracketOptions{Base: -0.7, Seed: uint32(view + 1)}))
		set.ID = fmt.Sprint("view ", view)
		sets, scenes = append(sets, set), append(scenes, s)
	}
	l := hdr.PlanListing(sets)
	// The walls' mean colour, as CIELAB a*, b* and L* through DeltaE on one-pixel pictures.
	var walls []*realedit.Result
	for i, set := range sets {
		r := withTone(t, hdr.Tone{Listing: l}, set)
		var c [3]float64
		var n float64
		for y := range r.Image.Height() {
			row := r.Image.RowU16(y)
			for x := range r.Image.Width() {
				if scenes[i].Wall[y*r.Image.Width()+x] > 0.99 {
					n++
					for k := range c {
						c[k] += float64(row[3*x+k])
					}
				}
			}
		}
		px, err := kernels.Wrap([]uint16{uint16(c[0] / n), uint16(c[1] / n), uint16(c[2] / n)}, 1, 1, 3)
		require.NoError(t, err)
		walls = append(walls, &realedit.Result{Image: px})
		t.Logf("view %d: wall %.1f %.1f %.1f of 255, %v", i, c[0]/n/257, c[1]/n/257, c[2]/n/257, r.Report.Measures)
		r.Free()
	}
	var most float64
	for i := range walls {
		for j := range i {
			most = math.Max(most, float64(differences(t, walls[i], walls[j])[0]))
		}
	}
	t.Logf("spread of the walls' mean colour over three views: %.2f ΔE00", most)
	if most > 6.5 { // aim 2: what of the wall a view shows differs too
		t.Errorf("the walls differ by %.2f ΔE00 between views", most)
	}
}
