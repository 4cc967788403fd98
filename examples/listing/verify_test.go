package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/phototest"
)

// What the command writes is true, altered or not, in every format, and its photos are found.
func TestVerifyWhatWasWritten(t *testing.T) {
	in := t.TempDir()
	put(t, in, 0, 3)
	for _, format := range []string{"jpeg", "png", "tiff"} {
		for _, c := range []*command{{}, {compose: after("hdr.merge", painting{})}} {
			out := t.TempDir()
			r := callWith(t, c, append(quick(out, "-format", format), in)...)
			require.Equal(t, exitDone, r.code, r.stderr)
			reports, err := filepath.Glob(filepath.Join(out, "*.report.json"))
			require.NoError(t, err)
			require.Len(t, reports, 2)
			pictures, err := filepath.Glob(filepath.Join(out, "DSC*[0-9].[jpt][pni][gf]"))
			require.NoError(t, err)
			require.Len(t, pictures, 2)
			require.Equal(t, run{}, call(t, append([]string{"verify", "-inputs", in}, append(reports, pictures...)...)...))
			r = call(t, "verify", reports[0], "-json", "--", reports[1])
			require.Equal(t, exitDone, r.code, r.stderr)
			lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
			require.Len(t, lines, 2)
			var v verdict
			require.NoError(t, json.Unmarshal([]byte(lines[0]), &v))
			require.True(t, v.True && v.Checked)
			require.Equal(t, reports[0], v.Report)
			require.Equal(t, pictures[0], v.File)
			require.Contains(t, lines[0], `"problems":[]`)
		}
	}
}

func TestVerifySaysWhatIsNotTrue(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 0, 3)
	r := callWith(t, &command{compose: after("hdr.merge", painting{})}, append(quick(out), in)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	pic, good := filepath.Join(out, "DSC00010.jpg"), filepath.Join(out, "DSC00019.jpg")
	data, err := os.ReadFile(pic)
	require.NoError(t, err)
	data[len(data)-100] ^= 4
	require.NoError(t, os.WriteFile(pic, data, 0o644))
	r = call(t, "verify", good, pic)
	require.Equal(t, exitUntrue, r.code)
	require.Empty(t, r.stderr)
	require.True(t, strings.HasPrefix(r.stdout, pic+": file_hash: "), r.stdout)
	require.Contains(t, r.stdout, pic+": scan_hash: ")
	r = call(t, "verify", "-json", pic)
	require.Equal(t, exitUntrue, r.code)
	var v verdict
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &v))
	require.True(t, v.Checked)
	require.False(t, v.True)
	require.Equal(t, realedit.ProblemHash, v.Problems[0].Code)

	// The sibling is gone.
	require.NoError(t, os.Remove(filepath.Join(out, "unaltered", "DSC00019.jpg")))
	r = call(t, "verify", good)
	require.Equal(t, exitUntrue, r.code)
	require.Equal(t, filepath.Join(out, "unaltered", "DSC00019.jpg")+": file_missing: not there\n", r.stdout)

	// A photo of the listing that has been changed since.
	require.NoError(t, os.WriteFile(filepath.Join(in, "DSC00011.JPG"), nil, 0o644))
	r = call(t, "verify", "-inputs", in, filepath.Join(out, "DSC00010.report.json"))
	require.Equal(t, exitUntrue, r.code)
	require.Contains(t, r.stdout, ": input_hash: ")
}

func TestVerifyUsage(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 3)
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	photo := filepath.Join(in, "DSC00019.JPG")
	for _, args := range [][]string{{}, {"-nonsense", photo}, {filepath.Join(in, "missing.jpg")}, {in}, {"-inputs", photo, photo}, {"-inputs", filepath.Join(in, "missing"), photo}, {"-inputs"}} {
		r := call(t, append([]string{"verify"}, args...)...)
		require.Equal(t, exitUsage, r.code, "%v", args)
		require.Regexp(t, `^listing: (bad_option|unreadable): `, r.stderr, "%v", args)
		require.Empty(t, r.stdout)
	}
	r := call(t, "verify", "-help")
	require.Equal(t, exitDone, r.code)
	require.Contains(t, r.stdout, "-inputs")
	// A picture without a report cannot be checked; what is not true beside it counts for more.
	r = call(t, "verify", photo)
	require.Equal(t, exitFailed, r.code)
	require.True(t, strings.HasPrefix(r.stderr, "listing: "+photo+": unreadable: "), r.stderr)
	require.Empty(t, r.stdout)
	r = call(t, "verify", "-json", photo)
	var v verdict
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &v))
	require.Equal(t, [2]any{false, realedit.CodeUnreadable}, [2]any{v.Checked, v.Code})
	require.NoError(t, os.WriteFile(filepath.Join(out, "DSC00019.jpg"), nil, 0o644))
	require.Equal(t, exitUntrue, call(t, "verify", photo, filepath.Join(out, "DSC00019.jpg")).code)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stderr strings.Builder
	c := &command{stdout: &stderr, stderr: &stderr}
	require.Equal(t, exitFailed, c.run(ctx, []string{"verify", filepath.Join(out, "DSC00019.report.json")}))
	require.Contains(t, stderr.String(), "cancelled")
}

// Other people's broken files as FILE, with and without a report beside them.
func TestVerifyMalformedPhotos(t *testing.T) {
	dir := filepath.Join(phototest.Dir(t), "malformed")
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 3)
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	report, err := os.ReadFile(filepath.Join(out, "DSC00019.report.json"))
	require.NoError(t, err)
	n := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		r := call(t, "verify", path)
		require.Equal(t, exitFailed, r.code, path)
		require.Contains(t, r.stderr, ": unreadable: ")
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		beside := filepath.Join(t.TempDir(), "DSC00019.jpg")
		require.NoError(t, os.WriteFile(beside, data, 0o644))
		require.NoError(t, os.WriteFile(strings.TrimSuffix(beside, ".jpg")+".report.json", report, 0o644))
		r = call(t, "verify", beside)
		require.Equal(t, exitUntrue, r.code, path)
		require.Contains(t, r.stdout, beside+": file_hash: ", path)
		return os.RemoveAll(filepath.Dir(beside))
	}))
	require.Greater(t, n, 100)
}
