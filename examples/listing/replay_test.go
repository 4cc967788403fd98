package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/pipeline"
)

// A picture is made again from its report: with its photos where they were, elsewhere, under other names; and what is not the same is found.
func TestReplayCommand(t *testing.T) {
	home := t.TempDir()
	in, out := filepath.Join(home, "photos", "day 1"), filepath.Join(home, "finished")
	put(t, in, 0, 1, 3)
	require.Equal(t, exitDone, call(t, "-out", out, "-quality", "83", "-primary", "DSC00019", in).code)
	for _, name := range []string{"DSC00010", "DSC00013", "DSC00019"} {
		file := filepath.Join(t.TempDir(), "again.jpg")
		r := call(t, "replay", filepath.Join(out, name+".report.json"), "-out", file)
		require.Equal(t, run{0, "pixels: the same\nfile: the same\n", ""}, r)
		want, err := os.ReadFile(filepath.Join(out, name+".jpg"))
		require.NoError(t, err)
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, string(want) == string(got))
		require.Equal(t, exitUsage, call(t, "replay", filepath.Join(out, name+".report.json"), "-out", file).code, "nothing is overwritten")
	}

	// The photos have moved and have other names; one has gone.
	report := filepath.Join(out, "DSC00010.report.json")
	away := t.TempDir()
	for i, name := range setFiles(t, 0) {
		require.NoError(t, os.Rename(filepath.Join(in, name), filepath.Join(away, string(rune('c'-i))+".jpeg")))
	}
	r := call(t, "replay", report)
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "listing: unreadable: ")
	r = call(t, "replay", "-inputs", in, "-inputs", away, report)
	require.Equal(t, run{0, "pixels: the same\nfile: the same\n", ""}, r)
	require.NoError(t, os.Remove(filepath.Join(away, "a.jpeg")))
	require.Equal(t, exitFailed, call(t, "replay", "-inputs", away, report).code)

	// Reports that are not true, or do not say enough.
	change := func(name string, f func(r *realedit.Report)) string {
		rep := readReport(t, out, name)
		f(&rep)
		data, err := json.Marshal(rep)
		require.NoError(t, err)
		path := filepath.Join(out, "changed.report.json")
		require.NoError(t, os.WriteFile(path, data, 0o644))
		return path
	}
	for _, c := range []struct {
		change func(r *realedit.Report)
		code   int
		text   string
	}{
		{func(r *realedit.Report) { r.Output.PixelsSHA256 = "0" }, exitDifferent, "pixels: different"},
		{func(r *realedit.Report) { r.Output.Quality = 82 }, exitDifferent, "file: different"},
		{func(r *realedit.Report) { r.Stages[4].Options = map[string]any{"key": 0.4} }, exitDifferent, "pixels: different"},
		{func(r *realedit.Report) { r.Stages[4].Options = map[string]any{"keys": 0.4} }, exitFailed, "not_replayable"},
		{func(r *realedit.Report) { r.Stages[4].Options = map[string]any{"key": 0.9} }, exitQuarantined, "bad_option"},
		{func(r *realedit.Report) { r.Stages[2].Name = "host.own" }, exitFailed, "not_replayable"},
		{func(r *realedit.Report) { r.Inputs[0].Reference = false }, exitFailed, "not_replayable"},
		{func(r *realedit.Report) { r.Output = nil }, exitUsage, "not_replayable"},
		{func(r *realedit.Report) { r.Models = []realedit.ModelFacts{{Name: "m"}} }, exitFailed, "not_replayable"},
		{func(r *realedit.Report) { r.Output.Format = "gif" }, exitFailed, "not_replayable"},
		{func(r *realedit.Report) { r.Library = "realedit 0.0.1" }, exitDone, "the report is of realedit 0.0.1"},
	} {
		r := call(t, "replay", change("DSC00019", c.change))
		require.Equal(t, c.code, r.code, "%s %s", r.stdout, r.stderr)
		require.Contains(t, r.stdout+r.stderr, c.text)
	}
	require.Equal(t, exitDone, call(t, "replay", "-help").code)
	for _, args := range [][]string{{}, {report, report}, {"missing.json"}, {"-inputs", "missing", report}, {"-backend", "gpu", report}, {filepath.Join(in, "DSC00019.JPG")}} {
		require.Equal(t, exitUsage, call(t, append([]string{"replay"}, args...)...).code, "%v", args)
	}
}

// A picture that a host's stage took part in is made again where the host has registered it, sibling included.
func TestReplayOfAnAlteredPicture(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 3)
	c := &command{compose: after("hdr.tone", painting{})}
	require.Equal(t, exitDone, callWith(t, c, "-out", out, in).code)
	report := filepath.Join(out, "DSC00019.report.json")
	r := call(t, "replay", "-inputs", in, report)
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "listing: not_replayable: stage host.painting: ")
	registerPainting()
	r = call(t, "replay", "-inputs", in, report)
	require.Equal(t, run{0, "pixels: the same\nfile: the same\nunaltered sibling: the same\n", ""}, r)
}

var registerPainting = sync.OnceFunc(func() { pipeline.Register(painting{}.Name(), pipeline.Decode[painting]) })
