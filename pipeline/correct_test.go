package pipeline

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse"
	"github.com/realedit/realedit/diffuse/lock"
)

// A report's picture is made again with the grid that it holds, and without a model; one that has none had nothing taken over.
func TestReplayedLock(t *testing.T) {
	g := lock.Identity(300, 200)
	g.Shifts[7] = 123
	text, err := json.Marshal(g)
	require.NoError(t, err)
	report := &realedit.Report{Version: realedit.ReportVersion, Route: "x", Lock: text,
		Stages: []realedit.StageFacts{{Name: "hdr.align"}, {Name: "hdr.merge"}, {Name: "diffuse.correct", Options: diffuse.Correct{Steps: 4, Tile: -1}}}}
	stage := func() diffuse.Correct {
		p, err := FromReport(report)
		require.NoError(t, err)
		all := p.Stages()
		return all[len(all)-1].(diffuse.Correct)
	}
	c := stage()
	require.True(t, c.Replay)
	require.Equal(t, g, c.Grid)
	require.Equal(t, 4, c.Steps)
	report.Lock = nil
	require.Nil(t, stage().Grid)
	report.Lock = json.RawMessage(`{"width": 3}`)
	_, err = FromReport(report)
	require.Equal(t, realedit.CodeNotReplayable, realedit.CodeOf(err))

	p, err := Interior(&Options{Correct: &diffuse.Correct{Blend: 0.5}})
	require.NoError(t, err)
	stages := p.Stages()
	ladder := stages[len(stages)-1].(Ladder)
	require.Equal(t, diffuse.Correct{Blend: 0.5}, ladder.Rungs[0].Stages[0])
}
