package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels"
)

func readFailure(t testing.TB, dir string) failure {
	t.Helper()
	var f failure
	data, err := os.ReadFile(filepath.Join(dir, "error.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &f))
	return f
}

func TestBadPhotoGoesToQuarantineAndComesBack(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 0, 3)
	good, err := os.ReadFile(filepath.Join(in, "DSC00019.JPG"))
	require.NoError(t, err)
	for name, data := range map[string][]byte{"cut.jpg": good[:len(good)/2], "nothing.jpg": nil, "letter.jpg": []byte("Dear Sir or Madam"), "..jpg": good[:900]} {
		require.NoError(t, os.WriteFile(filepath.Join(in, name), data, 0o644))
	}
	require.NoError(t, os.Mkdir(filepath.Join(in, "x.jpg"), 0o755)) // a folder for all its name
	r := call(t, append(quick(out), in)...)
	require.Equal(t, exitQuarantined, r.code, r.stderr)
	s := readBatch(t, out)
	require.Equal(t, 2, s.Counts.Finished)
	require.Equal(t, 3, s.Counts.Quarantined, "%+v", s.Sets)
	for name, code := range map[string]realedit.Code{"cut": realedit.CodeTruncated, "nothing": realedit.CodeEmptyFile, "letter": realedit.CodeNotPhoto} {
		f := readFailure(t, filepath.Join(out, quarantineDir, name))
		require.Equal(t, code, f.Code)
		require.NotEmpty(t, f.Reason)
		require.Equal(t, "open", f.Stage)
		require.Len(t, f.Inputs, 1)
		sum, err := hashFile(filepath.Join(out, quarantineDir, name, name+".jpg"))
		require.NoError(t, err)
		require.Equal(t, sum, f.Inputs[0].SHA256)
	}
	before := contents(t, out)
	require.Equal(t, exitQuarantined, call(t, append(quick(out), in)...).code)
	require.Equal(t, before, contents(t, out), "what cannot be finished is there once")

	// Files named on the command line are never ignored, and a set that failed for its own reasons is kept whole.
	r = call(t, append(quick(t.TempDir()), filepath.Join(in, "..jpg"))...)
	require.Equal(t, exitQuarantined, r.code, r.stderr)
}

// A set that fails in a stage is kept with all its photos, and leaves quarantine when it succeeds.
func TestFailedSetLeavesQuarantine(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 0, 3)
	broken := &command{compose: after("hdr.merge", failing{set: "DSC00010"})}
	r := callWith(t, broken, append(quick(out), in)...)
	require.Equal(t, exitQuarantined, r.code, r.stderr)
	dir := filepath.Join(out, quarantineDir, "DSC00010")
	f := readFailure(t, dir)
	require.Equal(t, realedit.CodeInternal, f.Code)
	require.Equal(t, "host.failing", f.Stage)
	require.Len(t, f.Inputs, 3)
	for _, i := range f.Inputs {
		require.FileExists(t, filepath.Join(dir, i.Name))
		require.FileExists(t, filepath.Join(in, i.Name))
	}
	require.NoFileExists(t, filepath.Join(out, "DSC00010.jpg"))
	require.FileExists(t, filepath.Join(out, "DSC00019.jpg"))

	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	require.NoDirExists(t, dir)
	require.FileExists(t, filepath.Join(out, "DSC00010.jpg"))
	require.FileExists(t, filepath.Join(in, "DSC00010.JPG"))
}

// A photo cut at every kilobyte, beside a good set: each piece is refused with a code and kept, the set is finished.
func TestTruncationsAtEveryKilobyte(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 0)
	whole, err := os.ReadFile("../../testdata/listing/DSC00138.JPG")
	require.NoError(t, err)
	cuts := 0
	for n := 1024; n < len(whole)-2; n += 1024 { // the last two bytes only say that there is no more
		cuts++
		require.NoError(t, os.WriteFile(filepath.Join(in, fmt.Sprintf("cut%03d.jpg", cuts)), whole[:n], 0o644))
	}
	require.Greater(t, cuts, 50)
	r := call(t, append(quick(out), in)...)
	require.Equal(t, exitQuarantined, r.code, r.stderr)
	s := readBatch(t, out)
	require.Equal(t, 1, s.Counts.Finished)
	require.Equal(t, cuts, s.Counts.Quarantined)
	for n := 1; n <= cuts; n++ {
		name := fmt.Sprintf("cut%03d", n)
		require.Equal(t, realedit.CodeTruncated, readFailure(t, filepath.Join(out, quarantineDir, name)).Code, name)
		kept, err := os.ReadFile(filepath.Join(out, quarantineDir, name, name+".jpg"))
		require.NoError(t, err)
		require.Equal(t, whole[:1024*n], kept, name)
	}
	noTemporaries(t, out)
}

func TestMalformedFiles(t *testing.T) {
	root := phototest.Dir(t)
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 3)
	n := 1
	require.NoError(t, filepath.WalkDir(filepath.Join(root, "malformed"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n++
		return os.WriteFile(filepath.Join(in, strconv.Itoa(n)+"_"+e.Name()), data, 0o644)
	}))
	const limit = 512 << 20
	r := call(t, append(quick(out, "-memory", strconv.Itoa(limit)), in)...)
	require.Equal(t, exitQuarantined, r.code, r.stderr)
	s := readBatch(t, out)
	seen := map[string]int{}
	for _, o := range s.Sets {
		for _, p := range slices.Concat(o.Photos, o.Unused) {
			seen[p]++
		}
		if o.Code != "" {
			require.NotEqual(t, realedit.CodeInternal, o.Code, "%+v", o)
			require.FileExists(t, filepath.Join(out, o.Quarantine, "error.json"))
		}
	}
	for _, i := range s.Ignored {
		seen[filepath.Base(i.Path)]++
	}
	require.Len(t, seen, n, "every file is in a set or ignored")
	for f, k := range seen {
		require.Equal(t, 1, k, f)
	}
	require.Contains(t, names(s), "DSC00019")
	require.FileExists(t, filepath.Join(out, "DSC00019.jpg"))
	_, peak, _ := kernels.Host.Stats()
	require.LessOrEqual(t, peak, int64(max(limit, defaultMemory)))
	noTemporaries(t, out)
}
