// Package phototest tells tests where other people's photographs lie, which are not part of the repository.
package phototest

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Dir is the folder that REALEDIT_PHOTOS names. Without it the test is skipped, or fails where REALEDIT_REQUIRE asks for photos.
func Dir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("REALEDIT_PHOTOS")
	Need(t, "photos", dir != "")
	return dir
}

// Need skips the test unless what is here; it fails instead where REALEDIT_REQUIRE, a list with commas, names it.
func Need(t testing.TB, what string, here bool) {
	t.Helper()
	if here {
		return
	}
	how := map[string]string{"photos": "REALEDIT_PHOTOS names their folder", "ort": "make ort puts the library in place"}[what]
	if slices.Contains(strings.Split(os.Getenv("REALEDIT_REQUIRE"), ","), what) {
		t.Fatalf("%s: REALEDIT_REQUIRE asks for it, and it is not here; %s", what, how)
	}
	t.Skipf("%s: not here; %s", what, how)
}
