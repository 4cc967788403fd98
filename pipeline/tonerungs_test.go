package pipeline

import (
	"context"
	"image"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse"
	"github.com/realedit/realedit/diffuse/lock"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/qc"
	"github.com/realedit/realedit/segment"
)

// cornerJudge lets nothing change by more than 0.9 % in one corner.
type cornerJudge struct{}

func (cornerJudge) Name() string { return "test.corner" }

func (cornerJudge) Apply(context.Context, *realedit.Env, *realedit.Work) error { return nil }

func (cornerJudge) Record(*realedit.Work, *qc.Verdict) error { return nil }

func (cornerJudge) Judge(_ context.Context, _ *realedit.Env, w *realedit.Work) (*qc.Verdict, error) {
	m := qc.Measure{Check: qc.Regions, Name: "corner", Limit: 0.009}
	at := image.Rect(64, 64, 84, 84)
	if w.Base != nil {
		level := func(k *kernels.Image, y, i int) float64 {
			if k.Format() == kernels.U16 {
				return float64(k.RowU16(y)[i]) / 65535
			}
			return float64(k.RowU8(y)[i]) / 255
		}
		for y := at.Min.Y; y < at.Max.Y; y++ {
			for i := 3 * at.Min.X; i < 3*at.Max.X; i++ {
				m.Value += math.Abs(level(w.Image, y, i)-level(w.Base, y, i)) / float64(3*at.Dx()*at.Dy())
			}
		}
		if m.Failed = m.Value > m.Limit; m.Failed {
			m.Regions = []qc.Region{{Rect: at, Value: m.Value}}
		}
	}
	return &qc.Verdict{Measures: []qc.Measure{m}}, nil
}

func darker(by int16) diffuse.Correct {
	g := lock.Identity(600, 400)
	for i := range g.Shifts {
		g.Shifts[i] = -by
	}
	return diffuse.Correct{Replay: true, Grid: g, Caps: lock.Options{Pixel: 10, Block: 10}}
}

func bedroom(t *testing.T) realedit.Set {
	s := scene.Interior(scene.InteriorOptions{W: 600, H: 400, Room: scene.Bedroom, View: 2, Wall: scene.White})
	return rendered(t, s.Bracket(scene.BracketOptions{EVs: []float64{0}, Base: -0.5}))
}

// The lock in a report is that of the rung which made the picture: a replay begins there, whatever the rungs above would make of it.
func TestReplayBeginsAtTheRung(t *testing.T) {
	Register(cornerJudge{}.Name(), Decode[cornerJudge])
	set := bedroom(t)
	for want, less := range map[string]int16{realedit.RungRollback: 380, "tone-less": 150} {
		p, err := New("x", hdr.Align{}, hdr.Merge{}, Ladder{Judge: cornerJudge{}, Rungs: []Rung{{Name: "tone", Stages: []realedit.Stage{darker(1300)}}, {Name: "tone-half", Strength: 0.5},
			{Name: "tone-less", Stages: []realedit.Stage{darker(less)}, Retry: true}}})
		require.NoError(t, err)
		e, err := realedit.New(on(kerneltest.Host(t)))
		require.NoError(t, err)
		a, err := e.Process(context.Background(), p, set)
		require.NoError(t, err)
		require.Equal(t, want, a.Report.Rung)
		again, err := FromReport(a.Report)
		require.NoError(t, err)
		b, err := e.Process(context.Background(), again, set)
		require.NoError(t, err)
		require.Equal(t, want, b.Report.Rung)
		for y := range a.Image.Height() {
			require.Equal(t, a.Image.Row(y), b.Image.Row(y))
		}
		a.Free()
		b.Free()
	}
}

// A tone that fails in a room is rolled back by Auto as by Interior: the rungs for skies have no place there.
func TestToneIsRolledBackInRooms(t *testing.T) {
	set, tone := bedroom(t), darker(1300)
	for _, make := range []func(*Options) (*Pipeline, error){Interior, Auto} {
		p, err := make(&Options{Correct: &tone})
		require.NoError(t, err)
		p, err = p.Replace(qc.Gate{}.Name(), cornerJudge{})
		require.NoError(t, err)
		p, err = p.Replace(segment.Scene{}.Name(), segment.Scene{Known: realedit.SceneInterior})
		require.NoError(t, err)
		e, err := realedit.New(on(kerneltest.Host(t)))
		require.NoError(t, err)
		a, err := e.Process(context.Background(), p, set)
		require.NoError(t, err)
		require.Equal(t, realedit.RungRollback, a.Report.Rung, p.Name())
		a.Free()
	}
}

// alteredBefore leaves a Work as stages do that alter before the sky.
type alteredBefore struct{ Square bool }

func (alteredBefore) Name() string { return "test.altered" }

func (alteredBefore) Needs() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

func (alteredBefore) Gives() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

func (alteredBefore) Alters() realedit.Change { return realedit.ChangeSynthesised }

func (a alteredBefore) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if err := w.Alter(ctx, env); err != nil {
		return err
	}
	for y := range w.Image.Height() {
		row := w.Changes.Map.RowU8(y)
		for x := range row {
			if a.Square == (x >= 200 && x < 230 && y >= 200 && y < 230) {
				row[x] = uint8(realedit.ChangeSynthesised)
			}
		}
	}
	return nil
}

// A sky passes behind what was altered before: the picture's light then stays, since the sibling has it.
func TestSkyBehindOtherAlterations(t *testing.T) {
	s := scene.Exterior(scene.ExteriorOptions{W: 420, H: 280, Sky: scene.SkyOvercast})
	set := rendered(t, s.Bracket(scene.BracketOptions{Base: -0.3, Seed: 3}))
	for _, before := range [][]realedit.Stage{{}, {alteredBefore{}}, {alteredBefore{Square: true}}} {
		p, err := full("exterior", realedit.SceneExterior, parts{scene: outdoors(nil).scene, sky: segment.Sky{}, rungs: []Rung{{Name: "both", Stages: append(before, segment.ReplaceSky{})}}}, nil)
		require.NoError(t, err)
		c := on(kerneltest.Host(t))
		c.Policy = realedit.AB723
		e, err := realedit.New(c)
		require.NoError(t, err)
		a, err := e.Process(context.Background(), p, set)
		require.NoError(t, err)
		require.Equal(t, "both", a.Report.Rung, "%v", checks(a.Report))
		require.Contains(t, checks(a.Report), realedit.CheckSkyReplaced)
		a.Free()
	}
}
