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
	"github.com/realedit/realedit/kernels/kerneltest"
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
	e, err := realedit.New(realedit.Config{Backends: []kernels.Backend{kerneltest.Host(t)}, Policy: realedit.AB723})
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
	back := kerneltest.Host(t)
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

// lit is a room in its light.
type lit struct {
	name       string
	o          scene.InteriorOptions
	camera     scene.Camera
	mean, wall float64 // limits on its mean ΔE00
}

// The same room photographed in its light, and in neutral light without white balance, comes out alike.
func TestWhiteBalanceAgainstTheNeutralRender(t *testing.T) {
	if testing.Short() {
		t.Skip("renders 20 rooms")
	}
	var rooms []lit
	for _, l := range []struct {
		name       string
		l          scene.Lighting
		mean, wall float64
	}{
		{"2700 K", single(2700), 5.5, 5.5}, {"4000 K", single(4000), 4, 3.5}, {"6500 K", scene.Daylight6500, 3, 3},
		{"lamps 2700 K + 8 % daylight", scene.Lamps2700, 6.5, 5.5}, {"lamps 2700 K + 55 % daylight", scene.Mixed, 5.5, 5.5},
	} {
		for wall := range scene.WallColour(4) {
			rooms = append(rooms, lit{fmt.Sprintf("%s %v", l.name, wall), scene.InteriorOptions{Room: scene.RoomKind(wall % 3), Wall: wall, Light: l.l}, scene.Camera{}, l.mean, l.wall})
		}
	}
	againstNeutral(t, rooms, 1, 4, 3)
}

// The same in rooms, lights, furniture and cameras that no constant was chosen on.
func TestWhiteBalanceOfOtherRooms(t *testing.T) {
	if testing.Short() {
		t.Skip("renders 6 rooms")
	}
	half := scene.Camera{WB: scene.AsShot(scene.IlluminantRGB(2700), 0.35)} // automatic white balance that stops half way
	againstNeutral(t, []lit{
		{"3200 K beige", scene.InteriorOptions{Room: scene.Kitchen, Wall: scene.Beige, Light: single(3200), View: 2, Seed: 7}, scene.Camera{}, 4.2, 4},
		{"3200 K white", scene.InteriorOptions{Room: scene.Kitchen, Wall: scene.White, Light: single(3200), View: 2, Seed: 7}, scene.Camera{}, 4.2, 4},
		{"5000 K sage", scene.InteriorOptions{Room: scene.Living, Wall: scene.Sage, Light: single(5000), View: 2, Seed: 7}, scene.Camera{}, 3, 2.5},
		{"lamps 4000 K, sky 7000 K, sage", scene.InteriorOptions{Room: scene.Living, Wall: scene.Sage, View: 2, Seed: 7,
			Light: scene.Lighting{DayCCT: 7000, LampCCT: 4000, LampShare: 0.6}}, scene.Camera{}, 4.5, 4},
		{"lamps 3000 K, half balanced, red", scene.InteriorOptions{Room: scene.Bedroom, Wall: scene.Red, View: 2, Seed: 7,
			Light: scene.Lighting{DayCCT: 6504, LampCCT: 3000, LampShare: 0.3}}, half, 6, 3},
		{"lamps 2700 K, sky 5600 K, white", scene.InteriorOptions{Room: scene.Kitchen, Wall: scene.White, View: 2, Seed: 7,
			Light: scene.Lighting{DayCCT: 5600, LampCCT: 2700, LampShare: 0.75}}, scene.Camera{}, 5, 4},
	}, 9, 4, 3)
}

// againstNeutral holds each room and their mean to limits.
func againstNeutral(t *testing.T, rooms []lit, seed uint32, mean, wall float64) {
	o := scene.BracketOptions{Base: -0.7, Seed: seed}
	var sumMean, sumWall, n float64
	for _, r := range rooms {
		r.o.W, r.o.H = 240, 160
		s := scene.Interior(r.o)
		o.Camera = r.camera
		got := withTone(t, hdr.Tone{}, rendered(t, s.Bracket(o)))
		o.Camera = scene.Camera{}
		want := withTone(t, hdr.Tone{WhiteBalance: -1}, neutralSet(t, s, o))
		keep(t, "wb "+r.name, got)
		keep(t, "wb "+r.name+" neutral", want)
		v := differences(t, got, want)
		inside := func(i int) bool { return s.Window[i] < 0.01 }
		m, w := over(v, inside), over(v, func(i int) bool { return s.Wall[i] > 0.5 })
		luma, clipped := levels(got, inside)
		t.Logf("%-36s %-7v: mean ΔE00 %.2f, walls %.2f, luma %.3f, clipped %.2f %%, cct %v, confidence %v", r.name, r.o.Room, m, w, luma, 100*clipped,
			got.Report.Measures["illuminant_cct"], got.Report.Measures["illuminant_confidence"])
		if m > r.mean || w > r.wall {
			t.Errorf("%s: ΔE00 %.2f (limit %v), walls %.2f (limit %v)", r.name, m, r.mean, w, r.wall)
		}
		if luma < 0.42 || luma > 0.55 {
			t.Errorf("%s: mean luma %.3f", r.name, luma)
		}
		if clipped > 0.005 {
			t.Errorf("%s: %.2f %% clipped", r.name, 100*clipped)
		}
		sumMean, sumWall, n = sumMean+m, sumWall+w, n+1
		got.Free()
		want.Free()
	}
	t.Logf("over %v scenes: mean ΔE00 %.2f, walls %.2f", n, sumMean/n, sumWall/n)
	if sumMean/n > mean || sumWall/n > wall {
		t.Errorf("over %v scenes: mean ΔE00 %.2f (limit %v), walls %.2f (limit %v)", n, sumMean/n, mean, sumWall/n, wall)
	}
}

// Views of one room agree on the colour of its walls: what two views show of the same wall looks the same in both
// pictures. One view is metered brighter by the camera.
func TestListingSharesWhiteBalance(t *testing.T) {
	if testing.Short() {
		t.Skip("renders rooms from three sides")
	}
	for _, room := range []struct {
		name   string
		o      scene.InteriorOptions
		spread float64 // limit on the mean colour's difference, CIEDE2000
	}{
		{"beige bedroom, lamps", scene.InteriorOptions{Room: scene.Bedroom, Wall: scene.Beige, Light: scene.Lamps2700}, 2},
		{"sage living room, mixed", scene.InteriorOptions{Room: scene.Living, Wall: scene.Sage, Light: scene.Mixed}, 2},
		{"white kitchen, 4000 K", scene.InteriorOptions{Room: scene.Kitchen, Wall: scene.White, Light: single(4000)}, 2},
	} {
		var sets []realedit.Set
		var views []*scene.Scene
		for view := range 3 {
			o := room.o
			o.W, o.H, o.View, o.OneLight = 240, 160, view, true
			s := scene.Interior(o)
			b := scene.BracketOptions{Base: -0.7, Seed: uint32(view + 1)}
			if view == 1 {
				b.Base, b.Shutter = b.Base+0.4, math.Exp2(0.4)/8
			}
			set := rendered(t, s.Bracket(b))
			set.ID = fmt.Sprint("view ", view)
			sets, views = append(sets, set), append(views, s)
		}
		l := hdr.PlanListing(sets)
		var results []*realedit.Result
		for i, set := range sets {
			results = append(results, withTone(t, hdr.Tone{Listing: l}, set))
			keep(t, fmt.Sprintf("%s %d", room.name, i), results[i])
		}
		var most float64
		for i := range views {
			for j := range i {
				pairs := scene.Matches(views[i], views[j])
				if len(pairs) < 500 {
					t.Fatalf("%s: views %d and %d share only %d points", room.name, j, i, len(pairs))
				}
				a, b := shown(t, results[i], pairs, 0), shown(t, results[j], pairs, 1)
				points := over(differences(t, a, b), func(int) bool { return true })
				mean := float64(differences(t, average(t, a), average(t, b))[0])
				t.Logf("%s, views %d and %d: %d points of wall, mean colour %.2f ΔE00 apart, single points %.2f", room.name, j, i, len(pairs), mean, points)
				most = max(most, mean)
			}
		}
		if most > room.spread {
			t.Errorf("%s: the same walls differ by %.2f ΔE00 between views (limit %v)", room.name, most, room.spread)
		}
		for _, r := range results {
			r.Free()
		}
	}
}

// shown are the colours a result has at one side of the pairs, as a picture one pixel high.
func shown(t testing.TB, r *realedit.Result, pairs [][2]int, side int) *realedit.Result {
	w := r.Image.Width()
	var v []uint16
	for _, p := range pairs {
		x, y := p[side]%w, p[side]/w
		v = append(v, r.Image.RowU16(y)[3*x:3*x+3]...)
	}
	m, err := kernels.Wrap(v, len(pairs), 1, 3)
	require.NoError(t, err)
	return &realedit.Result{Image: m}
}

// average is a picture's mean colour, as a picture of one pixel.
func average(t testing.TB, r *realedit.Result) *realedit.Result {
	var sum [3]float64
	row := r.Image.RowU16(0)
	for i, v := range row {
		sum[i%3] += float64(v) / float64(len(row)/3)
	}
	m, err := kernels.Wrap([]uint16{uint16(sum[0]), uint16(sum[1]), uint16(sum[2])}, 1, 1, 3)
	require.NoError(t, err)
	return &realedit.Result{Image: m}
}
