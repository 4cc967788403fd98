package pipeline

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/segment"
)

// The rungs of the routes: a model's tone, with less of it, without; and a view in rooms with a sky outdoors.
func TestClimbDown(t *testing.T) {
	names := func(make func(*Options) (*Pipeline, error), o Options) (all []string) {
		p, err := make(&o)
		require.NoError(t, err)
		stages := p.Stages()
		l, ok := stages[len(stages)-1].(Ladder)
		if !ok {
			return nil
		}
		for _, r := range l.Rungs {
			s := r.Name
			for _, k := range r.Stages {
				s += " " + k.Name()
			}
			all = append(all, s)
		}
		return all
	}
	tone, view := &diffuse.Correct{}, &diffuse.WindowView{}
	model := segment.ReplaceSky{Source: segment.SkyModel}
	require.Nil(t, names(Interior, Options{}))
	require.Equal(t, []string{"view diffuse.windowview"}, names(Interior, Options{View: view}))
	require.Equal(t, []string{"tone diffuse.correct", "tone-half", "tone-less diffuse.correct"}, names(Interior, Options{Correct: tone}))
	require.Equal(t, []string{"tone diffuse.correct", "tone-half"}, names(Interior, Options{Correct: &diffuse.Correct{Executed: 1}}))
	require.Equal(t, []string{"tone diffuse.correct diffuse.windowview", "tone-less diffuse.correct diffuse.windowview", "tone-alone diffuse.correct", "view diffuse.windowview"},
		names(Interior, Options{Correct: tone, View: view}))
	require.Equal(t, []string{"sky segment.replacesky", "sky-light-kept segment.replacesky"}, names(Exterior, Options{View: view}))
	require.Equal(t, []string{"sky diffuse.sky", "sky-light-kept diffuse.sky"}, names(Exterior, Options{Sky: model}))
	require.Equal(t, []string{"tone diffuse.correct diffuse.windowview diffuse.sky", "tone-view-sky-light-kept diffuse.correct diffuse.windowview diffuse.sky",
		"tone-less diffuse.correct diffuse.windowview diffuse.sky", "tone-alone diffuse.correct", "view-sky diffuse.windowview diffuse.sky", "view-sky-light-kept diffuse.windowview diffuse.sky"}, names(Auto, Options{Correct: tone, View: view, Sky: model}))
}

// Where a policy forbids what a model makes up, or there is no model, the picture is delivered without.
func TestViewRefused(t *testing.T) {
	s := scene.Interior(scene.InteriorOptions{W: 600, H: 400, Room: scene.Bedroom, View: 2, Wall: scene.White, WindowEV: 6})
	set := rendered(t, s.Bracket(scene.BracketOptions{EVs: []float64{0}, Base: -0.5}))
	p, err := Interior(&Options{View: &diffuse.WindowView{}})
	require.NoError(t, err)
	for policy, check := range map[realedit.Policy]string{realedit.CorrectedOnly: realedit.CheckPolicyRefused, realedit.MLSStrict: realedit.CheckPolicyRefused, realedit.AB723: realedit.CheckModelMissing} {
		c := on(kerneltest.Host(t))
		c.Policy = policy
		e, err := realedit.New(c)
		require.NoError(t, err)
		r, err := e.Process(context.Background(), p, set)
		require.NoError(t, err)
		require.Contains(t, checks(r.Report), check, "%v", policy)
		require.Equal(t, realedit.Corrected, r.Report.Class)
		again, err := FromReport(r.Report)
		require.NoError(t, err)
		require.Equal(t, len(p.Stages()), len(again.Stages()))
		r.Free()
	}
}
