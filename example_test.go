package realedit_test

import (
	"fmt"
	"log"
	"path/filepath"

	"github.com/realedit/realedit"
)

// A folder's photos sorted into brackets and singles, with the evidence.
func ExampleGroup() {
	names, err := filepath.Glob("testdata/listing/*.JPG")
	if err != nil {
		log.Fatal(err)
	}
	var photos []*realedit.Photo
	for _, name := range names {
		p, err := realedit.Open(name, nil)
		if err != nil {
			log.Fatal(realedit.CodeOf(err), err)
		}
		photos = append(photos, p)
	}
	sets, err := realedit.Group(photos, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range sets {
		fmt.Println(s.ID, len(s.Photos), s.Reason)
	}
	// Unordered output:
	// DSC00123 3 ev-run
	// DSC00126 1 single
	// DSC00127 5 ev-run
	// DSC00132 5 ev-run
	// DSC00137 3 ev-run
	// DSC00140 3 ev-run
	// DSC00143 3 ev-run
}

// Every error has a code; messages may change.
func ExampleCodeOf() {
	_, err := realedit.Open("testdata", nil)
	fmt.Println(realedit.CodeOf(err))
	_, err = realedit.Open("testdata/README.md", nil)
	fmt.Println(realedit.CodeOf(err))
	// Output:
	// unreadable
	// not_a_photo
}
