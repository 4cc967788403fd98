package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func names(s summary) []string {
	var n []string
	for _, o := range s.Sets {
		n = append(n, o.Name)
	}
	slices.Sort(n)
	return n
}

func TestSameNamesAcrossFoldersAndListings(t *testing.T) {
	files, err := shots()
	require.NoError(t, err)
	root := t.TempDir()
	write := func(rel string, from string) {
		path := filepath.Join(root, rel)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, files[from], 0o644))
	}
	// Four pictures that all want to be IMG, one of them in another case, and one called like a suffixed one.
	write("a/one/IMG.JPG", "DSC00010.JPG")
	write("a/two/img.jpg", "DSC00013.JPG")
	write("b/IMG.JPG", "DSC00016.JPG")
	write("b/IMG-2.JPG", "DSC00019.JPG")
	write("c/IMG.JPG", "DSC00010.JPG") // the very photo of a/one, in another listing
	out := filepath.Join(root, "out")
	args := append(quick(out), filepath.Join(root, "a"), filepath.Join(root, "b"), filepath.Join(root, "c"))
	require.Equal(t, exitDone, call(t, args...).code)
	s := readBatch(t, out)
	require.Equal(t, []string{"IMG", "IMG-2", "IMG-4", "IMG-5", "img-3"}, names(s))
	for _, o := range s.Sets {
		require.FileExists(t, filepath.Join(out, o.File))
	}
	before := contents(t, out)
	require.Equal(t, exitDone, call(t, args...).code)
	require.Equal(t, 5, readBatch(t, out).Counts.Resumed)
	require.Equal(t, before, contents(t, out))
}

func TestForeignFilesStay(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 3)
	mine := filepath.Join(out, "DSC00019.jpg")
	require.NoError(t, os.WriteFile(mine, []byte("a picture of mine"), 0o644))
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	require.Equal(t, []string{"DSC00019-2"}, names(readBatch(t, out)))
	data, err := os.ReadFile(mine)
	require.NoError(t, err)
	require.Equal(t, "a picture of mine", string(data))

	// What somebody made of a finished picture is set aside, not lost.
	require.NoError(t, os.WriteFile(filepath.Join(out, "DSC00019-2.jpg"), []byte("retouched"), 0o644))
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	require.Equal(t, []string{"DSC00019-2"}, names(readBatch(t, out)))
	require.Equal(t, 0, readBatch(t, out).Counts.Resumed)
	data, err = os.ReadFile(filepath.Join(out, "DSC00019-2.kept-1.jpg"))
	require.NoError(t, err)
	require.Equal(t, "retouched", string(data))

	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "index.html"), []byte("my site"), 0o644))
	r := call(t, append(quick(other), in)...)
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.stderr, "bad_option")
}

// Two listings after one another into one folder: the second takes no name of the first.
func TestListingsShareAFolder(t *testing.T) {
	files, err := shots()
	require.NoError(t, err)
	a, b, out := t.TempDir(), t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(a, "IMG.JPG"), files["DSC00010.JPG"], 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(b, "IMG.JPG"), files["DSC00019.JPG"], 0o644))
	require.Equal(t, exitDone, call(t, append(quick(out), a)...).code)
	first := contents(t, out)["IMG.jpg"]
	require.Equal(t, exitDone, call(t, append(quick(out), b)...).code)
	require.Equal(t, []string{"IMG-2"}, names(readBatch(t, out)))
	require.Equal(t, first, contents(t, out)["IMG.jpg"])
}

// Finished pictures are no input, wherever -out lies.
func TestOutputIsNoInput(t *testing.T) {
	in := t.TempDir()
	put(t, in, 3)
	inner, older := filepath.Join(in, "finished"), filepath.Join(in, "older")
	for _, out := range []string{older, inner, inner} {
		require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
		require.Equal(t, 1, readBatch(t, out).Counts.Photos)
	}
	r := call(t, append(quick(inner), filepath.Join(inner, "DSC00019.jpg"))...)
	require.Equal(t, exitUsage, r.code)
}

func TestHiddenTemporaryAndLinkedFilesAreIgnored(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 3)
	data, err := os.ReadFile(filepath.Join(in, "DSC00019.JPG"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(in, ".trash"), 0o755))
	for _, name := range []string{"._DSC00019.JPG", "upload.jpg.part", "x.tmp", ".trash/old.jpg", "again.jpg"} {
		require.NoError(t, os.WriteFile(filepath.Join(in, name), data, 0o644))
	}
	require.NoError(t, os.Symlink(filepath.Join(in, "DSC00019.JPG"), filepath.Join(in, "link.jpg")))
	require.NoError(t, os.Symlink("/", filepath.Join(in, "root")))
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	s := readBatch(t, out)
	require.Equal(t, 1, s.Counts.Sets)
	require.Equal(t, 7, s.Counts.Ignored, "%+v", s.Ignored) // the copy too, as a duplicate
}
