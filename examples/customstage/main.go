// Customstage puts a stage of its own between two of the library's, and makes a picture again from its report.
//
//	go run ./examples/customstage PHOTO...
//
// It writes NAME.jpg, NAME.changes.png and NAME.report.json of each set into the current folder. The stage is in stage.go.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/pipeline"
)

func main() {
	if err := run(os.Stdout, ".", os.Args[1:]); err != nil {
		log.Fatal(realedit.CodeOf(err), ": ", err)
	}
}

func run(say io.Writer, dir string, files []string) error {
	var photos []*realedit.Photo
	for _, name := range files {
		p, err := realedit.Open(name, nil)
		if err != nil {
			return err
		}
		photos = append(photos, p)
	}
	sets, err := realedit.Group(photos, nil)
	if err != nil {
		return err
	}
	route, err := pipeline.Auto(nil)
	if err != nil {
		return err
	}
	// After tone and before quality control, which judges the stage's work too.
	if route, err = route.After("hdr.tone", Warmth{Share: 0.02}); err != nil {
		return err
	}
	editor, err := realedit.New(realedit.Config{}) // corrected only: an altered picture would need its sibling beside it
	if err != nil {
		return err
	}
	defer editor.Close()
	for _, set := range sets {
		report, err := edit(editor, route, set, dir)
		if err != nil {
			return err
		}
		again, err := pipeline.FromReport(report)
		if err != nil {
			return err
		}
		if set, err = realedit.SetFromReport(report, photos); err != nil {
			return err
		}
		result, err := editor.Process(context.Background(), again, set)
		if err != nil {
			return err
		}
		err = result.Encode(io.Discard, nil)
		fmt.Fprintf(say, "%s: %v, again the same: %v\n", set.ID, report.Class, result.Report.Output.SHA256 == report.Output.SHA256)
		result.Free()
		if err != nil {
			return err
		}
	}
	return nil
}

// edit writes a set's picture, its alteration map and its report, which names the two: listing verify can hold them against each other.
func edit(editor *realedit.Editor, route realedit.Stage, set realedit.Set, dir string) (*realedit.Report, error) {
	result, err := editor.Process(context.Background(), route, set)
	if err != nil {
		return nil, err
	}
	defer result.Free()
	var picture, changes bytes.Buffer
	if err := errors.Join(result.Encode(&picture, nil), result.EncodeChanges(&changes)); err != nil {
		return nil, err
	}
	r := result.Report
	r.Output.File, r.Changes.File = set.ID+".jpg", set.ID+".changes.png"
	text, err := json.MarshalIndent(r, "", "  ")
	for name, data := range map[string][]byte{r.Output.File: picture.Bytes(), r.Changes.File: changes.Bytes(), set.ID + realedit.ReportSuffix: text} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	return r, err
}
