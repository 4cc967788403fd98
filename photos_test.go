package realedit

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// photoDir is the folder of other people's photographs that REALEDIT_PHOTOS names.
func photoDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("REALEDIT_PHOTOS")
	if dir == "" {
		if slices.Contains(strings.Split(os.Getenv("REALEDIT_REQUIRE"), ","), "photos") {
			t.Fatal("REALEDIT_PHOTOS is not set, and REALEDIT_REQUIRE asks for it")
		}
		t.Skip("REALEDIT_PHOTOS does not name a folder of photographs")
	}
	return dir
}

// opened is every photograph in brackets, exterior and interior, by folder; decoded once for all tests.
var opened = sync.OnceValues(func() (map[string][]*Photo, error) {
	byDir := map[string][]*Photo{}
	root := os.Getenv("REALEDIT_PHOTOS")
	for _, top := range []string{"brackets", "exterior", "interior"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			p, err := Open(path, nil)
			switch CodeOf(err) {
			case CodeNotPhoto, CodeUnsupportedFormat:
				return nil
			case "":
				dir := filepath.Base(filepath.Dir(path))
				byDir[dir] = append(byDir[dir], p)
				return nil
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return byDir, nil
})

func photographs(t *testing.T) map[string][]*Photo {
	photoDir(t)
	m, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	return m
}
