package main

import (
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

func written(t testing.TB, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// A bracket gives one set of masks under its reference photo's name, of the photo's size; the second run writes the same bytes.
func TestMasks(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 0)
	files, err := filepath.Glob(filepath.Join(in, "*"))
	require.NoError(t, err)
	args := append([]string{"masks", "-out", out}, files...)
	r := call(t, args...)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Equal(t, "DSC00010\n", r.stdout)
	want := []string{"DSC00010.scene.json", "DSC00010.sky.png", "DSC00010.window.png"}
	require.Equal(t, want, written(t, out))
	p, err := realedit.Open(files[0], nil)
	require.NoError(t, err)
	before := map[string][]byte{}
	for _, name := range want {
		before[name], err = os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		if filepath.Ext(name) != ".png" {
			continue
		}
		f, err := os.Open(filepath.Join(out, name))
		require.NoError(t, err)
		m, err := png.Decode(f)
		require.NoError(t, f.Close())
		require.NoError(t, err)
		require.IsType(t, &image.Gray{}, m)
		require.Equal(t, image.Pt(p.Facts.Width, p.Facts.Height), m.Bounds().Size())
	}
	var s scenery
	require.NoError(t, json.Unmarshal(before["DSC00010.scene.json"], &s))
	require.Contains(t, []realedit.SceneKind{realedit.SceneInterior, realedit.SceneExterior, realedit.SceneUnknown}, s.Scene)
	require.NotEmpty(t, s.Room)
	require.NotNil(t, s.Windows)
	require.Equal(t, exitDone, call(t, args...).code)
	for name, data := range before {
		again, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		require.Equal(t, data, again, name)
	}
}

// Files that are no photographs get their code and no masks; the others are done.
func TestMasksOfBadFiles(t *testing.T) {
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "masks")
	put(t, in, 0)
	good, err := filepath.Glob(filepath.Join(in, "*"))
	require.NoError(t, err)
	text, half := filepath.Join(in, "notes.txt"), filepath.Join(in, "half.jpg")
	data, err := os.ReadFile(good[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(text, []byte("no photograph"), 0o644))
	require.NoError(t, os.WriteFile(half, data[:len(data)/2], 0o644))
	r := call(t, "masks", "-out", out, text, half)
	require.Equal(t, exitQuarantined, r.code)
	require.Contains(t, r.stderr, "not_a_photo")
	require.Contains(t, r.stderr, "truncated")
	require.Empty(t, written(t, out))
	r = call(t, slices.Concat([]string{"masks", "-q", "-out", out, half}, good)...)
	require.Equal(t, exitQuarantined, r.code)
	require.Empty(t, r.stdout)
	require.Len(t, written(t, out), 3)
	for _, args := range [][]string{{}, {"-out"}, {"-jobs", "0", half}, {"-backend", "abacus", half}, {filepath.Join(in, "missing.jpg")}} {
		require.Equal(t, exitUsage, call(t, append([]string{"masks"}, args...)...).code, "%v", args)
	}
	require.Equal(t, exitDone, call(t, "masks", "-help").code)
}

// A disk that fails ends the run, and nothing half-written stays.
func TestMasksOnAFailingDisk(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 0)
	c := &command{fault: func(path string, w io.Writer) io.Writer {
		if filepath.Ext(path) == ".json" {
			return failingWriter{}
		}
		return w
	}}
	r := callWith(t, c, "masks", "-out", out, in)
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "write_failed")
	require.Empty(t, written(t, out))
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("the disk is gone") }
