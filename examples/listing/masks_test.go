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
		if e.Name() != stateDir {
			all = append(all, e.Name())
		}
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

// Nothing is lost: what others put there stays, a mask that was worked on is set aside, photos of one name keep masks of their own over several runs, a
// second run waits outside, finished pictures in the same folder are left alone, and the folder of masks is no input.
func TestMasksReplaceOnlyMasks(t *testing.T) {
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	put(t, in, 3)
	photo := filepath.Join(in, setFiles(t, 3)[0])
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		return string(b)
	}
	require.NoError(t, os.MkdirAll(out, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(out, "DSC00019.window.png"), []byte("not ours"), 0o644))
	r := call(t, "masks", "-out", out, photo)
	require.Equal(t, run{0, "DSC00019-2\n", ""}, r)
	require.Equal(t, "not ours", read("DSC00019.window.png"))
	require.NoError(t, os.Remove(filepath.Join(out, "DSC00019.window.png")))
	sky := read("DSC00019-2.sky.png")
	require.NoError(t, os.WriteFile(filepath.Join(out, "DSC00019-2.sky.png"), []byte("painted"), 0o644))
	require.Equal(t, "DSC00019-2\n", call(t, "masks", "-out", out, photo).stdout, "a set keeps its name")
	require.Equal(t, sky, read("DSC00019-2.sky.png"))
	require.Equal(t, "painted", read("DSC00019-2.sky.kept-1.png"))

	other := filepath.Join(t.TempDir(), "DSC00019-2.JPG") // another photo, another run, the same name
	put(t, in, 1)
	data, err := os.ReadFile(filepath.Join(in, setFiles(t, 1)[0]))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(other, data, 0o644))
	require.Equal(t, "DSC00019-2-2\n", call(t, "masks", "-out", out, other).stdout)
	require.Equal(t, sky, read("DSC00019-2.sky.png"))

	require.Equal(t, exitDone, call(t, "-q", "-out", out, photo).code)
	picture := read("DSC00019.jpg")
	require.Equal(t, "DSC00019-2\n", call(t, "masks", "-out", out, photo).stdout)
	require.Equal(t, picture, read("DSC00019.jpg"))
	require.Equal(t, exitDone, call(t, "-q", "-out", out, photo).code)
	require.Equal(t, sky, read("DSC00019-2.sky.png"))

	lock, err := lockFile(filepath.Join(out, stateDir, "lock"))
	require.NoError(t, err)
	r = call(t, "masks", "-out", out, photo)
	require.NoError(t, lock.Close())
	require.Equal(t, exitFailed, r.code)

	inside := filepath.Join(in, "masks")
	require.Equal(t, exitDone, call(t, "masks", "-out", inside, photo, photo).code)
	r = call(t, "-q", "-out", filepath.Join(t.TempDir(), "finished"), in)
	require.Equal(t, run{0, "", ""}, r)
}

// A photo that is there twice under two names has masks once, and a line says so.
func TestMasksOfTheSamePhotoTwice(t *testing.T) {
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	put(t, in, 3)
	photo := filepath.Join(in, setFiles(t, 3)[0])
	data, err := os.ReadFile(photo)
	require.NoError(t, err)
	twin := filepath.Join(in, "twin.JPG")
	require.NoError(t, os.WriteFile(twin, data, 0o644))
	r := call(t, "masks", "-out", out, photo, twin)
	require.Equal(t, exitDone, r.code)
	require.Equal(t, "DSC00019\n", r.stdout)
	require.Contains(t, r.stderr, "its contents are those of ")
}

// Masks ask the models of -models; a model that answers nonsense is no reason to give none.
func TestMasksAskModels(t *testing.T) {
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	put(t, in, 3)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv(envModels, "")
	require.Equal(t, exitUsage, call(t, "masks", "-models", in, "-out", out, in).code)
	dir := skyModel(t, func(m *realedit.Model) { m.SHA256 = "00" + m.SHA256[2:] })
	require.Equal(t, exitDone, call(t, "masks", "-models", dir, "-out", out, in).code)
	require.Len(t, written(t, out), 3)
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
