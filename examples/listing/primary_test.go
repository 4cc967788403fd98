package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

// The primary photo's set is held to its own policy, by whatever name it is called; the others keep theirs.
func TestPrimary(t *testing.T) {
	in := t.TempDir()
	put(t, in, 0, 1, 3)
	painted := func() *command { return &command{compose: after("hdr.tone", painting{})} }
	for _, name := range []string{"DSC00010", "DSC00012", "DSC00011.JPG", in + "/DSC00010", in + "/DSC00012.JPG"} {
		out := t.TempDir()
		r := callWith(t, painted(), "-out", out, "-merge", "mertens", "-primary", name, in)
		require.Equal(t, exitDone, r.code, r.stderr)
		for set, want := range map[string]realedit.Policy{"DSC00010": realedit.Primary, "DSC00013": realedit.AB723, "DSC00019": realedit.AB723} {
			rep := readReport(t, out, set)
			require.Equal(t, want, rep.Policy, set)
			refused := map[bool]realedit.Class{true: realedit.Corrected, false: realedit.Altered}
			require.Equal(t, refused[want == realedit.Primary], rep.Class, set)
			sibling := filepath.Join(out, "unaltered", set+".jpg")
			if want == realedit.Primary {
				require.NoFileExists(t, sibling)
			} else {
				require.FileExists(t, sibling)
			}
		}
		// Another primary photo: two sets change, the third is finished.
		r = callWith(t, painted(), "-out", out, "-merge", "mertens", "-primary", "DSC00013", in)
		require.Equal(t, exitDone, r.code, r.stderr)
		require.Equal(t, 1, readBatch(t, out).Counts.Resumed)
		require.Equal(t, realedit.AB723, readReport(t, out, "DSC00010").Policy)
	}
}

func TestPrimaryUsage(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	put(t, a, 0, 1)
	put(t, b, 0)
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"-primary", "DSC99999", a}, exitUsage},
		{[]string{"-primary", "", a}, exitUsage},
		{[]string{"-primary", "DSC00010", "-primary", "DSC00013", a}, exitUsage},
		{[]string{"-primary", "DSC00011", a, b}, exitUsage},
		{[]string{"-primary", "DSC00010", "-primary", "DSC00011.JPG", a}, exitDone}, // the same set
		{[]string{"-primary", a + "/DSC00011", "-primary", b + "/DSC00011.JPG", a, b}, exitDone},
	} {
		r := call(t, append(quick(t.TempDir(), "-groups"), c.args...)...)
		require.Equal(t, c.code, r.code, "%v: %s", c.args, r.stderr)
	}
}
