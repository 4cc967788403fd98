package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/internal/scene"
)

// TestMain lets the test binary be the command itself, for tests that kill it.
func TestMain(m *testing.M) {
	if os.Getenv("REALEDIT_LISTING_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// shotWidth is the width of the test photos in pixels: rendering them takes most of the tests' time.
const shotWidth = 150

// shots are three small brackets and a single, rendered once: file name → contents.
var shots = sync.OnceValues(func() (map[string][]byte, error) {
	files := map[string][]byte{}
	at := time.Date(2025, 5, 14, 10, 0, 0, 0, time.UTC)
	for i, room := range []scene.InteriorOptions{{Sun: true}, {Room: scene.Kitchen, Wall: scene.Red, View: 1}, {Room: scene.Bedroom, Wall: scene.Sage}, {View: 1}} {
		room.W, room.H = shotWidth, 2*shotWidth/3
		o := scene.BracketOptions{EVs: []float64{0, -2, 2}, Base: -0.7, Start: at.Add(time.Duration(i) * 5 * time.Minute), FileNumber: 10 + 3*i, Seed: uint32(i)}
		if i == 3 {
			o.EVs = []float64{0}
		}
		b := scene.Interior(room).Bracket(o)
		for k := range b.Photos {
			data, err := scene.EncodeJPEG(&b.Photos[k], 92)
			if err != nil {
				return nil, err
			}
			files[b.Photos[k].EXIF.FileName()] = data
		}
	}
	return files, nil
})

// set n of shots are the files of one bracket (0, 1, 2) or the single (3).
func setFiles(t testing.TB, n int) []string {
	var names []string
	for k := range 3 {
		if n < 3 || k == 0 {
			names = append(names, fmt.Sprintf("DSC%05d.JPG", 10+3*n+k))
		}
	}
	return names
}

// put writes sets of shots into a folder.
func put(t testing.TB, dir string, sets ...int) {
	t.Helper()
	files, err := shots()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for _, n := range sets {
		for _, name := range setFiles(t, n) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), files[name], 0o644))
		}
	}
}

type run struct {
	code           int
	stdout, stderr string
}

func call(t testing.TB, args ...string) run { return callWith(t, &command{}, args...) }

func callWith(t testing.TB, c *command, args ...string) run {
	t.Helper()
	var out, err bytes.Buffer
	c.stdout, c.stderr = &out, &err
	code := c.run(context.Background(), args)
	return run{code, out.String(), err.String()}
}

// quick are the flags of most tests: the route that takes the least time.
func quick(out string, more ...string) []string {
	return append([]string{"-out", out, "-route", "fuse", "-merge", "mertens"}, more...)
}

func readBatch(t testing.TB, out string) summary {
	t.Helper()
	var s summary
	data, err := os.ReadFile(filepath.Join(out, "batch.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &s))
	return s
}

var timed = regexp.MustCompile(`"seconds": [0-9.e+-]+`)

// contents is every file under dir but for what differs from run to run: batch.json, journal and lock, and times in reports.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || rel == "batch.json" || rel == filepath.Join(stateDir, journalName) || rel == filepath.Join(stateDir, "lock") {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.HasSuffix(path, ".report.json") {
			data = timed.ReplaceAll(data, []byte(`"seconds": 0`))
		}
		files[filepath.ToSlash(rel)] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	}))
	return files
}

// noTemporaries holds that nothing half-written lies about.
func noTemporaries(t testing.TB, dir string) {
	t.Helper()
	for f := range contents(t, dir) {
		require.NotContains(t, f, tempPrefix)
	}
}
