package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/segment"
)

func init() {
	Register(sceneStand{}.Name(), Decode[sceneStand])
	Register(skyStand{}.Name(), Decode[skyStand])
	Register(replaceStand{}.Name(), Decode[replaceStand])
}

// finished is a set's report, as it stands in its file, and its file.
func finished(t testing.TB, p realedit.Stage, set realedit.Set, policy realedit.Policy, o *realedit.ExportOptions) (*realedit.Report, []byte) {
	t.Helper()
	e, err := realedit.New(realedit.Config{Backends: []kernels.Backend{kerneltest.Host(t)}, Policy: policy, Seed: 7})
	require.NoError(t, err)
	r, err := e.Process(context.Background(), p, set)
	require.NoError(t, err)
	defer r.Free()
	var file bytes.Buffer
	require.NoError(t, r.Encode(&file, o))
	text, err := json.Marshal(r.Report)
	require.NoError(t, err)
	var read realedit.Report
	require.NoError(t, json.Unmarshal(text, &read))
	again, err := json.Marshal(&read)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again), "a report that is read and written is the same")
	return &read, file.Bytes()
}

// A report and its photos, in any order and under any name, are enough for the same file: with the other sets of the listing gone, with a ladder that
// falls, for every format.
func TestReplay(t *testing.T) {
	var sets []realedit.Set
	for _, id := range []string{"DSC00126", "DSC00137", "DSC00140"} {
		sets = append(sets, scaled(t, byName(t)[id], 0.2))
		sets[len(sets)-1].ID = id
	}
	sets[1].Reference, sets[1].EVs = 1, []float64{-2, 0, 1.75}
	sets[1].Unused = sets[0].Photos
	auto, err := Auto(&Options{Listing: hdr.PlanListing(sets)})
	require.NoError(t, err)
	mertens, err := Auto(&Options{Listing: hdr.PlanListing(sets), Merge: kernels.FuseMertens})
	require.NoError(t, err)
	for i, c := range []struct {
		p *Pipeline
		o realedit.ExportOptions
	}{
		{auto, realedit.ExportOptions{Quality: 71}}, {auto, realedit.ExportOptions{Format: realedit.PNG, Bits: 16, NoGPS: true}}, {mertens, realedit.ExportOptions{Format: realedit.TIFF}},
		{standing(t, realedit.SceneExterior, replaceStand{Leak: 5}), realedit.ExportOptions{}},
	} {
		set := sets[min(i, 2)]
		want, file := finished(t, c.p, set, realedit.AB723, &c.o)
		photos := slices.Concat(sets[2].Photos, sets[1].Photos, sets[0].Photos)
		slices.Reverse(photos)
		p, err := FromReport(want)
		require.NoError(t, err)
		again, err := realedit.SetFromReport(want, photos)
		require.NoError(t, err)
		require.Equal(t, set, again)
		o, err := want.Output.ExportOptions()
		require.NoError(t, err)
		got, same := finished(t, p, again, want.Policy, o)
		require.Equal(t, want.Output, got.Output)
		require.Equal(t, want.Rung, got.Rung)
		require.True(t, bytes.Equal(file, same), "case %d", i)
		if i == 3 {
			require.Equal(t, realedit.RungRollback, got.Rung)
		}

		// What is missing is said.
		_, err = realedit.SetFromReport(want, nil)
		require.Equal(t, realedit.CodeUnreadable, realedit.CodeOf(err))
		want.Stages[1].Name = "host.own"
		_, err = FromReport(want)
		require.Equal(t, realedit.CodeNotReplayable, realedit.CodeOf(err))
	}
}

func TestRegisterRefuses(t *testing.T) {
	for _, name := range []string{"", "hdr.tone"} {
		require.Panics(t, func() { Register(name, Decode[needless]) })
	}
	_, err := FromReport(&realedit.Report{Version: realedit.ReportVersion, Route: "x"})
	require.Equal(t, realedit.CodeNotReplayable, realedit.CodeOf(err), "no stages")
	_, err = FromReport(&realedit.Report{Version: realedit.ReportVersion + 1})
	require.Equal(t, realedit.CodeNotReplayable, realedit.CodeOf(err))
}

// A picture that may have one of the user's skies needs these skies.
func TestSkiesAreAssets(t *testing.T) {
	skies, err := segment.OpenSkies(fstest.MapFS{})
	require.NoError(t, err)
	s := segment.ReplaceSky{Source: segment.SkyLibrary, Library: "mine", Skies: skies}
	text, err := json.Marshal(realedit.Recorded(s, realedit.Set{}))
	require.NoError(t, err)
	r := record{s.Name(), json.RawMessage(text)}
	_, err = (Assets{}).fromRecord(r)
	require.Equal(t, realedit.CodeNotReplayable, realedit.CodeOf(err))
	got, err := (Assets{Skies: skies}).fromRecord(r)
	require.NoError(t, err)
	require.Equal(t, s, got)
}
