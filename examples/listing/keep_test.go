package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/kernels"
)

// filesThere are files' contents, seconds and decodes aside.
func filesThere(t testing.TB, out string, names ...string) map[string]string {
	all := map[string]string{}
	for _, n := range names {
		data, err := os.ReadFile(filepath.Join(out, filepath.FromSlash(n)))
		require.NoError(t, err)
		all[n] = string(timed.ReplaceAll(data, []byte("$1")))
	}
	return all
}

// keptFiles are the kept pixels.
func keptFiles(t testing.TB, out string) []string {
	f, err := filepath.Glob(filepath.Join(out, stateDir, pixelsDir, "*"))
	require.NoError(t, err)
	return f
}

// Another quality, or another format of the same depth, is made of kept pixels: no photo is decoded, the bytes are those of a
// fresh run. What is broken or gone is made again.
func TestEncodedAgain(t *testing.T) {
	in := t.TempDir()
	put(t, in, 0, 3)
	painted := func() *command { return &command{compose: after("hdr.tone", painting{})} }
	args := func(out string, more ...string) []string {
		return append(append([]string{"-out", out, "-merge", "mertens"}, more...), in)
	}
	names := func(ext string) []string {
		return []string{"DSC00010" + ext, "DSC00010.report.json", "DSC00010.changes.png", "unaltered/DSC00010" + ext, "DSC00019" + ext, "DSC00019.report.json",
			".realedit/previews/DSC00010.before.jpg", ".realedit/previews/DSC00010.after.jpg"}
	}
	made := map[string]string{}
	fresh := func(more ...string) string {
		out, there := made[fmt.Sprint(more)]
		if there {
			return out
		}
		out = t.TempDir()
		made[fmt.Sprint(more)] = out
		r := callWith(t, painted(), args(out, append([]string{"-keep-pixels", "0"}, more...)...)...)
		require.Equal(t, exitDone, r.code, r.stderr)
		require.Empty(t, keptFiles(t, out))
		return out
	}
	out := t.TempDir()
	again := func(want bool, ext string, more ...string) {
		t.Helper()
		r := callWith(t, painted(), args(out, more...)...)
		require.Equal(t, exitDone, r.code, r.stderr)
		s := readBatch(t, out)
		for _, set := range s.Sets {
			require.Equal(t, want, set.Reencoded, set.Name)
		}
		decoded := map[string]int{"DSC00010": 3, "DSC00019": 1}
		for name, n := range decoded {
			if want {
				n = 0
			}
			require.Equal(t, n, readReport(t, out, name).Output.Decodes, name)
		}
		require.Equal(t, filesThere(t, fresh(more...), names(ext)...), filesThere(t, out, names(ext)...))
		noTemporaries(t, out)
	}
	again(false, ".jpg")
	require.Len(t, keptFiles(t, out), 2)
	again(true, ".jpg", "-quality", "60")
	again(true, ".png", "-format", "png")
	again(false, ".tif", "-format", "tiff") // 16 bits
	again(true, ".jpg", "-quality", "61")   // of 16 bits

	for _, harm := range []func(path string) error{
		os.Remove,
		func(path string) error { return os.Truncate(path, 1000) },
		func(path string) error { return os.WriteFile(path, nil, 0o644) },
		func(path string) error { // a header that wants more than there is
			data, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, bytes.Replace(data, []byte(`"height":`), []byte(`"height":1`), 1), 0o644)
			}
			return err
		},
		func(path string) error {
			data, err := os.ReadFile(path)
			if err == nil {
				data[len(data)-900] ^= 1
				err = os.WriteFile(path, data, 0o644)
			}
			return err
		},
	} {
		for _, f := range keptFiles(t, out) {
			require.NoError(t, harm(f))
		}
		facts, err := filepath.Glob(filepath.Join(out, stateDir, photosDir, "*"))
		require.NoError(t, err)
		require.Len(t, facts, 4)
		for _, f := range facts {
			require.NoError(t, harm(f))
		}
		again(false, ".jpg", "-quality", "62")
		again(true, ".jpg", "-quality", "63")
	}
	// Other pixels are not taken for these.
	require.False(t, func() bool {
		callWith(t, painted(), args(out, "-policy", "permissive")...)
		return readBatch(t, out).Sets[0].Reencoded
	}())
}

// What is kept stays within its bound: the oldest goes.
func TestKeptPixelsAreBounded(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 0, 1, 2, 3)
	run := func(keep string, more ...string) *summary {
		r := call(t, append(quick(out, append(more, "-keep-pixels", keep)...), in)...)
		require.Equal(t, exitDone, r.code, r.stderr)
		s := readBatch(t, out)
		return &s
	}
	run("2GiB")
	files := keptFiles(t, out)
	require.Len(t, files, 4)
	info, err := os.Stat(files[0])
	require.NoError(t, err)
	require.Greater(t, info.Size(), int64(shotWidth*shotWidth*2/3*3))
	require.Less(t, info.Size(), int64(shotWidth*shotWidth*2/3*3+60000))
	run("150KB", "-quality", "50")
	require.NotEmpty(t, keptFiles(t, out))
	require.Less(t, len(keptFiles(t, out)), 4)
	run("0", "-quality", "51")
	require.Empty(t, keptFiles(t, out))
	require.Equal(t, exitUsage, call(t, append(quick(out, "-keep-pixels", "some"), in)...).code)
}

// A disk that is too full for kept pixels costs no picture.
func TestKeptPixelsGiveWay(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 0, 3)
	c := &command{fault: func(path string, w io.Writer) io.Writer {
		if filepath.Base(filepath.Dir(path)) == pixelsDir {
			return full{}
		}
		return w
	}}
	r := callWith(t, c, append(quick(out), in)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Empty(t, keptFiles(t, out))
	noTemporaries(t, out)
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// The map goes through its runs and comes back.
func TestRuns(t *testing.T) {
	m, err := kernels.NewHostImage(nil, 1000, 7, 1, kernels.U8)
	require.NoError(t, err)
	for y := range 7 {
		for x := range m.RowU8(y) {
			m.RowU8(y)[x] = uint8((x*x*y/9000 + x/300) % 7)
		}
	}
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	require.NoError(t, writeRuns(w, m))
	require.NoError(t, w.Flush())
	require.Less(t, b.Len(), 5000)
	got, err := kernels.NewHostImage(nil, 1000, 7, 1, kernels.U8)
	require.NoError(t, err)
	require.NoError(t, readRuns(bufio.NewReader(bytes.NewReader(b.Bytes())), got))
	for y := range 7 {
		require.Equal(t, m.RowU8(y), got.RowU8(y))
	}
	for n := range b.Len() {
		require.Error(t, readRuns(bufio.NewReader(bytes.NewReader(b.Bytes()[:n])), got))
	}
}
