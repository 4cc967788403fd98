package main

import (
	"encoding/json"
	"image"
	_ "image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

func TestWritesEverythingOnce(t *testing.T) {
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "finished")
	put(t, in, 0, 1, 2, 3)
	require.NoError(t, os.WriteFile(filepath.Join(in, "notes.txt"), []byte("call the agent"), 0o644))
	r := call(t, append(quick(out), in)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Empty(t, r.stdout)
	s := readBatch(t, out)
	require.Equal(t, counts{Files: 11, Photos: 10, Sets: 4, Finished: 4, Ignored: 1}, s.Counts)
	require.NotNil(t, s.Listings[0].Spread)
	for _, name := range []string{"DSC00010", "DSC00013", "DSC00016", "DSC00019"} {
		data, err := os.ReadFile(filepath.Join(out, name+".report.json"))
		require.NoError(t, err)
		var rep realedit.Report
		require.NoError(t, json.Unmarshal(data, &rep))
		require.Equal(t, name, rep.Set)
		require.Equal(t, realedit.Unaltered, rep.Class)
		require.Equal(t, "fuse", rep.Route)
		require.Equal(t, realedit.AB723, rep.Policy)
		require.Equal(t, name+".jpg", rep.Output.File)
		sum, err := hashFile(filepath.Join(out, name+".jpg"))
		require.NoError(t, err)
		require.Equal(t, sum, rep.Output.SHA256)
		p, err := realedit.Open(filepath.Join(out, name+".jpg"), nil)
		require.NoError(t, err)
		require.Equal(t, [2]int{rep.Output.Width, rep.Output.Height}, [2]int{p.Facts.Width, p.Facts.Height})
		f, err := os.Open(filepath.Join(out, name+".changes.png"))
		require.NoError(t, err)
		m, _, err := image.Decode(f)
		require.NoError(t, err)
		require.IsType(t, &image.Paletted{}, m)
		require.NoError(t, f.Close())
	}
	page, err := os.ReadFile(filepath.Join(out, "index.html"))
	require.NoError(t, err)
	require.Equal(t, 8, strings.Count(string(page), "data:image/jpeg;base64,"), "before and after of four sets")
	require.NotRegexp(t, `(src|href)="(https?:)?//|url\(|@import|ZgotmplZ`, string(page), "the page needs nothing from elsewhere")
	noTemporaries(t, out)

	before := contents(t, out)
	r = call(t, append(quick(out, "-json"), in)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Equal(t, 4, readBatch(t, out).Counts.Resumed, "a second run finds everything finished")
	require.Equal(t, before, contents(t, out))
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	require.Len(t, lines, 4)
	for _, l := range lines {
		var o outcome
		require.NoError(t, json.Unmarshal([]byte(l), &o))
		require.Equal(t, "finished", o.Status)
		require.True(t, o.Resumed)
	}
}

func TestQuietPrintsNothing(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 3)
	r := call(t, append(quick(out, "-q"), in)...)
	require.Equal(t, run{}, r)
}

func TestGroupsPrintsSetsAndWritesNothing(t *testing.T) {
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "finished")
	put(t, in, 0, 3)
	r := call(t, append(quick(out, "-groups", "-json"), in)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.NoFileExists(t, out)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	require.Len(t, lines, 2)
	var g groupLine
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &g))
	require.Equal(t, "DSC00010", g.Name)
	require.Equal(t, "DSC00010.JPG", g.Reference)
	require.Len(t, g.Photos, 3)
	require.Positive(t, g.Confidence)
	require.NotEmpty(t, g.Reason)
	text := call(t, append(quick(out, "-groups"), in)...)
	require.Contains(t, text.stdout, "DSC00010  "+string(g.Reason))
}

func TestSetsOption(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 0, 1)
	for mode, want := range map[string]int{"auto": 2, "folder": 1, "2": 3} {
		r := call(t, append(quick(out, "-groups", "-json", "-sets", mode), in)...)
		require.Equal(t, want, strings.Count(r.stdout, "\n"), "-sets %s: %s", mode, r.stdout)
	}
}

func TestFormats(t *testing.T) {
	in := t.TempDir()
	put(t, in, 3)
	for format, ext := range map[string]string{"png": ".png", "tiff": ".tif"} {
		out := t.TempDir()
		r := call(t, append(quick(out, "-format", format), in)...)
		require.Equal(t, exitDone, r.code, r.stderr)
		p, err := realedit.Open(filepath.Join(out, "DSC00019"+ext), nil)
		require.NoError(t, err)
		require.Equal(t, shotWidth, p.Facts.Width)
	}
}

// The number of jobs decides when things are done, not what comes out.
func TestJobsDoNotShow(t *testing.T) {
	in := t.TempDir()
	put(t, in, 0, 1, 3)
	pictures := func(jobs string) map[string]string {
		out := t.TempDir()
		require.Equal(t, exitDone, call(t, "-out", out, "-jobs", jobs, in).code)
		all := contents(t, out)
		delete(all, "batch.json") // it says how many jobs there were
		delete(all, filepath.Join(stateDir, journalName))
		return all
	}
	want := pictures("1")
	require.Contains(t, want, "DSC00010.jpg")
	require.Contains(t, want, "DSC00010.report.json")
	for _, jobs := range []string{"2", "7"} {
		require.Equal(t, want, pictures(jobs), "-jobs %s", jobs)
	}
}

func TestUsage(t *testing.T) {
	in := t.TempDir()
	put(t, in, 3)
	for _, args := range [][]string{
		{}, {"-quality", "101", in}, {"-route", "attic", in}, {"-merge", "x", in}, {"-sets", "0", in}, {"-policy", "none", in}, {"-format", "gif", in},
		{"-backend", "gpu", in}, {"-backend", "cpu:2", in}, {"-backend", "cuda:", in}, {"-backend", "cuda:1,", in}, {"-backend", "cuda:some", in}, {"-gpu-memory", "lots", in}, {"-gpu-memory", "-1GB", in}, {"-gpu-memory", "0.5", in}, {"-jobs", "0", in}, {"-memory", "lots", in}, {"-memory", "1MiB", in}, {"-memory", "900TiB", in}, {"-nonsense", in},
		{filepath.Join(in, "missing")}, {"-out", in, in}, {in, "-out"}, {"-out", in, filepath.Join(in, "DSC00019.JPG")},
	} {
		r := call(t, args...)
		require.Equal(t, exitUsage, r.code, "%v", args)
		require.Regexp(t, `^listing: (bad_option|unreadable): `, r.stderr, "%v", args)
	}
	require.Equal(t, exitDone, call(t, "-help").code)
	require.Len(t, contents(t, in), 1, "nothing was written")
}

func TestCodeOfWhatEndsARun(t *testing.T) {
	in := t.TempDir()
	put(t, in, 3)
	r := call(t, "-backend", "cuda:99", "-out", t.TempDir(), in)
	require.Equal(t, exitFailed, r.code)
	require.Regexp(t, `^listing: (no_device|unsupported|no_cgo): `, r.stderr)
}

func TestParseBytes(t *testing.T) {
	for s, want := range map[string]int64{"2GiB": 2 << 30, "512MiB": 512 << 20, "1.5GB": 1500000000, "700m": 700 << 20, "1073741824": 1 << 30, "3 GiB": 3 << 30, "1e9B": 1e9} {
		n, err := parseBytes("-memory", s)
		require.NoError(t, err)
		require.Equal(t, want, n, s)
	}
	for _, s := range []string{"", "GiB", "-1GiB", "0", "0.5", "NaN", "inf", "2XiB", "1e300GiB"} {
		_, err := parseBytes("-memory", s)
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err), s)
	}
}
