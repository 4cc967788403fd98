package hdr

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// taken is a rendered bracket as a set, darkest first, with the truth in the same order.
func taken(t testing.TB, b *scene.Bracket) (realedit.Set, []*scene.Photo) {
	t.Helper()
	var set realedit.Set
	var truth []*scene.Photo
	for i := range b.Photos {
		p := &b.Photos[i]
		data, err := scene.EncodeJPEG(p, 95)
		require.NoError(t, err)
		photo, err := realedit.Decode(bytes.NewReader(data), nil)
		require.NoError(t, err)
		photo.Name = fmt.Sprintf("%+.0fEV", p.EV)
		at := 0
		for at < len(truth) && truth[at].EV < p.EV {
			at++
		}
		set.Photos = append(set.Photos[:at], append([]*realedit.Photo{photo}, set.Photos[at:]...)...)
		truth = append(truth[:at], append([]*scene.Photo{p}, truth[at:]...)...)
	}
	for i, p := range truth {
		if p == &b.Photos[b.Reference] {
			set.Reference = i
		}
	}
	set.ID = "rendered"
	return set, truth
}

// stagesOf runs stages one by one and hands the Work over before it is freed.
type stagesOf struct {
	list []realedit.Stage
	look func(env *realedit.Env, w *realedit.Work)
}

func (stagesOf) Name() string { return "test" }
func (s stagesOf) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if testing.Verbose() {
		env.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	for _, st := range s.list {
		if err := st.Apply(ctx, env, w); err != nil {
			return err
		}
	}
	s.look(env, w)
	if w.Image == nil {
		w.SetImage(w.Frames[w.Reference].Image)
	}
	return nil
}

func run(t testing.TB, set realedit.Set, look func(env *realedit.Env, w *realedit.Work), list ...realedit.Stage) {
	t.Helper()
	e, err := realedit.New(realedit.Config{Backends: []kernels.Backend{kerneltest.Host(t)}, Policy: realedit.AB723})
	require.NoError(t, err)
	r, err := e.Process(context.Background(), stagesOf{list, look}, set)
	require.NoError(t, err)
	r.Free()
}

// cornerError is the largest distance at the picture's corners between two maps.
func cornerError(a, b [9]float64, w, h int) float64 {
	var worst float64
	for _, c := range [][2]float64{{0, 0}, {float64(w - 1), 0}, {0, float64(h - 1)}, {float64(w - 1), float64(h - 1)}} {
		ax, ay := scene.Apply(a, c[0], c[1])
		bx, by := scene.Apply(b, c[0], c[1])
		worst = max(worst, math.Hypot(ax-bx, ay-by))
	}
	return worst
}

// Hand-held brackets, rendered through known homographies, are registered to half a pixel at the corners.
func TestAlignHandHeld(t *testing.T) {
	for _, hand := range []float64{0, 3, 12} {
		s := scene.Interior(scene.InteriorOptions{W: 600, H: 400, Room: scene.Bedroom, Wall: scene.Sage})
		set, truth := taken(t, s.Bracket(scene.BracketOptions{Hand: hand, Base: -1}))
		run(t, set, func(env *realedit.Env, w *realedit.Work) {
			require.Len(t, w.Frames, len(truth))
			for i, f := range w.Frames {
				e := cornerError(f.Homography, truth[i].Homography, 600, 400)
				t.Logf("hand %v, %+.0f EV: corners %.2f px off", hand, truth[i].EV, e)
				require.Less(t, e, 0.5)
				if hand == 0 {
					require.Nil(t, f.Valid, "a photo that did not move keeps its own pixels")
				}
			}
		}, Align{})
	}
}

// Hand-held photographs: the aligned photos agree with the reference better than the raw ones.
func TestAlignPhotographs(t *testing.T) {
	root := phototest.Dir(t)
	for _, c := range []struct {
		name string
		gain float64 // how much smaller the disagreement must become
		out  int     // photos that may be left out: one of crusader's sees the figure from elsewhere
	}{{"crusader", 3, 1}, {"fmurciag", 10, 0}} {
		set := folder(t, filepath.Join(root, "brackets", c.name))
		var d [2]float64
		for i, a := range []Align{{Off: true}, {}} {
			run(t, set, func(env *realedit.Env, w *realedit.Work) {
				require.GreaterOrEqual(t, len(w.Frames), len(set.Photos)-c.out)
				d[i] = disagreement(t, env, w)
			}, a)
		}
		t.Logf("%s: disagreement %.4f as taken, %.4f aligned", c.name, d[0], d[1])
		require.Less(t, c.gain*d[1], d[0])
	}
}

// Brackets from a tripod keep their own pixels, though some of their photos lie up to a pixel
// apart and few matches bend a homography by five.
func TestAlignLeavesTripodSets(t *testing.T) {
	root := phototest.Dir(t)
	for _, name := range []string{"matlab_office", "fusion_house", "fusion_room", "mpi_exposures", "lamp_stack", "memorial"} {
		set := folder(t, filepath.Join(root, "brackets", name))
		run(t, set, func(env *realedit.Env, w *realedit.Work) {
			require.Len(t, w.Frames, len(set.Photos), name)
			for _, f := range w.Frames {
				require.Equal(t, [9]float64(identity), [9]float64(f.Homography), "%s %s", name, f.Photo.Name)
				require.Nil(t, f.Valid)
			}
		}, Align{})
	}
}

// disagreement is the mean share of clearly different threshold bits between neighbours in exposure.
func disagreement(t testing.TB, env *realedit.Env, w *realedit.Work) float64 {
	var last *plane
	var sum float64
	for _, f := range w.Frames {
		pw, ph := realedit.SmallSize(f.Image.Width(), f.Image.Height())
		p, err := lumaPlane(context.Background(), env, f.Image, pw, ph)
		require.NoError(t, err)
		if last != nil {
			a, b, ok := commonThreshold(last, p)
			if ok {
				sum += bitmapError(last, p, a, b, 0, 0)
			}
		}
		last = p
	}
	return sum / float64(len(w.Frames)-1)
}

// folder is the one set of a folder of photographs.
func folder(t testing.TB, dir string) realedit.Set {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	var all []*realedit.Photo
	for _, n := range names {
		if p, err := realedit.Open(n, nil); err == nil {
			all = append(all, p)
		}
	}
	sets, err := realedit.Group(all, &realedit.GroupOptions{Mode: realedit.GroupFolders})
	require.NoError(t, err)
	require.Len(t, sets, 1)
	return sets[0]
}

// The models are found exactly from exact matches, and a fifth of wrong ones does no harm.
func TestFit(t *testing.T) {
	want := map[model]homography{
		translation: {1, 0, 3.5, 0, 1, -2.25, 0, 0, 1},
		affine:      {1.001, 0.004, 3, -0.004, 0.999, -7, 0, 0, 1},
		projective:  {1.001, 0.004, 3, -0.004, 0.999, -7, 2e-6, -1e-6, 1},
	}
	for m, h := range want {
		var matches []match
		for y := 50; y < 700; y += 90 {
			for x := 40; x < 1000; x += 90 {
				u, v := h.apply(float64(x), float64(y))
				if (x/90+y/90)%5 == 0 {
					u, v = u+15, v-9
				}
				matches = append(matches, match{x: float64(x), y: float64(y), u: u, v: v, weight: 1})
			}
		}
		got, ok := fit(m, matches, 1024, 768)
		require.True(t, ok)
		require.Less(t, cornerError(got, h, 1024, 768), 0.01, "%v", m)
	}
	_, ok := fit(translation, nil, 10, 10)
	require.False(t, ok)
}
