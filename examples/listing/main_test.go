package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/draw"
)

// TestMain lets the test binary be the command itself, for tests that kill it.
func TestMain(m *testing.M) {
	if os.Getenv("REALEDIT_LISTING_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// shotWidth is the width of the test photos in pixels.
const shotWidth = 150

// shots are three brackets and a single of the sample listing, made small and renamed: file
// name → contents. They keep their EXIF.
var shots = sync.OnceValues(func() (map[string][]byte, error) {
	files := map[string][]byte{}
	for i, first := range []int{123, 137, 140, 126} {
		for k := range 3 {
			if i == 3 && k > 0 {
				break
			}
			data, err := os.ReadFile(fmt.Sprintf("../../testdata/listing/DSC%05d.JPG", first+k))
			if err != nil {
				return nil, err
			}
			m, err := jpeg.Decode(bytes.NewReader(data))
			if err != nil {
				return nil, err
			}
			small := image.NewRGBA(image.Rect(0, 0, shotWidth, 2*shotWidth/3))
			draw.BiLinear.Scale(small, small.Bounds(), m, m.Bounds(), draw.Src, nil)
			var b bytes.Buffer
			if err := jpeg.Encode(&b, small, &jpeg.Options{Quality: 92}); err != nil {
				return nil, err
			}
			// After the start marker stands the EXIF segment, whose length includes itself.
			exif := data[2 : 4+int(binary.BigEndian.Uint16(data[4:]))]
			files[fmt.Sprintf("DSC%05d.JPG", 10+3*i+k)] = slices.Concat(data[:2], exif, b.Bytes()[2:])
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

var timed = regexp.MustCompile(`"(seconds|decodes)": [0-9.e+-]+`)

// contents is every file under dir but for what differs from run to run: batch.json, journal, lock and what is kept to be quicker, and seconds and decodes in reports.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if first, _, _ := strings.Cut(filepath.ToSlash(strings.TrimPrefix(rel, stateDir+string(filepath.Separator))), "/"); first == pixelsDir || first == photosDir {
			return err // kept to be quicker
		}
		if err != nil || rel == "batch.json" || rel == filepath.Join(stateDir, journalName) || rel == filepath.Join(stateDir, "lock") {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.HasSuffix(path, ".report.json") {
			data = timed.ReplaceAll(data, []byte(`"$1": 0`))
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
