//go:build cgo && !windows

package ort

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Libraries are found in a folder and where Python's packages have them below it, the newest that opens.
func TestOpenFirst(t *testing.T) {
	for i, under := range []string{"", "a/lib", "nvidia/a/lib"} {
		dir, name := t.TempDir(), "librealedit_test.so"
		require.False(t, openFirst([]string{dir}, name))
		at := filepath.Join(dir, under)
		touch(t, filepath.Join(at, name+".10")) // newer, and none
		require.False(t, openFirst([]string{dir}, name))
		fake(t, filepath.Join(at, name+".9"), "")
		require.True(t, openFirst([]string{"/nowhere", dir}, name), "%d", i)
		require.NoError(t, os.RemoveAll(at))
	}
}
