package pipeline

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// patchStand computes a square of 9 pixels and says that it is a sky, moves all other tone by a little, and changes one pixel beside the square in silence.
type patchStand struct{}

func (patchStand) Name() string            { return "test.patch" }
func (patchStand) Needs() []realedit.Key   { return []realedit.Key{realedit.KeyImage} }
func (patchStand) Gives() []realedit.Key   { return []realedit.Key{realedit.KeyImage} }
func (patchStand) Alters() realedit.Change { return realedit.ChangeComputed }
func (patchStand) Apply(_ context.Context, env *realedit.Env, w *realedit.Work) error {
	before, err := env.NewImage(w.Image.Width(), w.Image.Height(), 3, kernels.U16)
	if err != nil {
		return err
	}
	after, err := env.NewImage(w.Image.Width(), w.Image.Height(), 3, kernels.U16)
	if err != nil {
		return err
	}
	w.Changes.MarkAll(realedit.ChangeTone)
	for y := range after.Height() {
		row := before.RowU16(y)
		for i, v := range w.Image.RowU16(y) {
			row[i] = v - v/128
		}
		copy(after.RowU16(y), row)
		for x := 40; y >= 40 && y < 49 && x < 49; x++ {
			after.RowU16(y)[3*x] = 60000
			w.Changes.Map.RowU8(y)[x] = uint8(realedit.ChangeComputed)
		}
	}
	after.RowU16(44)[3*55] ^= 1 << 14
	w.Unaltered = before
	w.SetImage(after)
	w.Report.Sky = &realedit.SkyFacts{Source: realedit.SkyPhysical}
	return nil
}

// Where the roll-back takes all computed pixels away, the picture is the deterministic one, and its report tells of no sky.
func TestNothingIsLeftAfterRollback(t *testing.T) {
	set := scaled(t, byName(t)["DSC00126"], 0.2)
	p, err := full("exterior", realedit.SceneExterior, parts{rungs: []Rung{{Name: "patch", Stages: []realedit.Stage{patchStand{}}}}}, nil)
	require.NoError(t, err)
	r, _ := edited(t, on(kerneltest.Host(t)), realedit.AB723, p, set)
	defer r.Free()
	require.Equal(t, realedit.RungClassical, r.Report.Rung)
	require.Equal(t, realedit.Corrected, r.Report.Class)
	require.Nil(t, r.Report.Sky)
	require.Nil(t, r.Unaltered)
	plain, err := p.Without("test.patch")
	require.NoError(t, err)
	q, _ := edited(t, on(kerneltest.Host(t)), realedit.AB723, plain, set)
	defer q.Free()
	require.Equal(t, picture(t, q.Image), picture(t, r.Image))
	require.Equal(t, q.Report.Shares, r.Report.Shares)
}

// A stage that has nothing to do, as a tone without its model, leaves rungs that differ by it alone: what failed is not made again for each, but for the roll-back of the last one.
func TestNothingFailsTwice(t *testing.T) {
	Register("test.tone", Decode[replaceStand])
	set := scaled(t, byName(t)["DSC00126"], 0.4)
	tone, less := replaceStand{As: "test.tone", Nothing: true}, replaceStand{As: "test.tone", Nothing: true, Change: realedit.ChangeLocked}
	sky, kept := replaceStand{Leak: 5}, replaceStand{Leak: 6}
	rungs := []Rung{
		{Name: "tone", Stages: []realedit.Stage{tone, sky}}, {Name: "tone-kept", Stages: []realedit.Stage{tone, kept}, Retry: true},
		{Name: "tone-less", Stages: []realedit.Stage{less, sky}, Retry: true}, {Name: "tone-alone", Stages: []realedit.Stage{tone}, Retry: true},
		{Name: "sky", Stages: []realedit.Stage{sky}, Retry: true}, {Name: "sky-kept", Stages: []realedit.Stage{kept}, Retry: true},
	}
	p, err := full("exterior", realedit.SceneExterior, parts{sky: skyStand{}, rungs: rungs}, nil)
	require.NoError(t, err)
	r, _ := edited(t, on(kerneltest.Host(t)), realedit.AB723, p, set)
	defer r.Free()
	require.Equal(t, realedit.RungRollback, r.Report.Rung)
	require.Equal(t, realedit.Altered, r.Report.Class)
	var made []string
	for _, s := range ran(r.Report) {
		if strings.HasSuffix(s, "/test.replace") || strings.HasSuffix(s, "/test.tone") {
			made = append(made, s)
		}
	}
	require.Equal(t, []string{"tone/test.tone", "tone/test.replace", "tone-kept/test.tone", "tone-kept/test.replace", "tone-less/test.tone", "tone-alone/test.tone", "sky-kept/test.replace"}, made)
	again, err := FromReport(r.Report)
	require.NoError(t, err)
	b, _ := edited(t, on(kerneltest.Host(t)), realedit.AB723, again, set)
	defer b.Free()
	require.Equal(t, picture(t, r.Image), picture(t, b.Image))
}
