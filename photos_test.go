package realedit

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/realedit/realedit/internal/phototest"
)

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
	phototest.Dir(t)
	m, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	return m
}
