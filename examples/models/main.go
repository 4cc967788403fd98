// Command models shows how a network of one's own comes into an edit:
//
//  1. Put the .onnx file into a folder and describe it in that folder's models.json: name, kind (what it is for), file, SHA-256, licence, source, inputs,
//     outputs, and how a picture is prepared for it. docs/models.md has the schema and the kinds; testdata/models is such a folder.
//  2. Open the folder with realedit.OpenModels and give it to realedit.Config. Stages ask for models by kind; there is nothing else to call.
//  3. Where a model is missing, is not what models.json says, or answers nonsense, the stage does what it does without models, and a finding says so.
//
// It needs ONNX Runtime: make ort. From the repository's root, on the sample listing and tiny models that know nothing:
//
//	go run ./examples/models -models testdata/models testdata/listing/DSC0012[345].JPG
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/pipeline"
)

func main() {
	dir := flag.String("models", "testdata/models", "a folder with models.json")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *dir, flag.Args()); err != nil {
		log.Fatal(realedit.CodeOf(err), ": ", err)
	}
}

func run(ctx context.Context, out io.Writer, dir string, files []string) error {
	models, err := realedit.OpenModels(os.DirFS(dir), nil)
	if err != nil {
		return err
	}
	defer models.Close()
	for _, m := range models.All() {
		state := "ready"
		if err := models.Check(ctx, m.Kind); err != nil { // also done when a stage first asks: then it becomes a finding
			state = err.Error()
		}
		fmt.Fprintf(out, "%-13s %-18s %s\n", m.Kind, m.Name, state)
	}
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
	editor, err := realedit.New(realedit.Config{Policy: realedit.AB723, Models: models})
	if err != nil {
		return err
	}
	defer editor.Close()
	for _, set := range sets {
		result, err := editor.Process(ctx, route, set)
		if err != nil {
			return err
		}
		report := result.Report
		fmt.Fprintf(out, "%s: masks %v\n", set.ID, slices.Sorted(maps.Keys(result.Masks)))
		if s := report.Scene; s != nil {
			fmt.Fprintf(out, "  scene: %s, %s (%.2f, told by %s)\n", s.Scene, s.Room, s.Confidence, s.Source)
		}
		for _, m := range report.Models {
			fmt.Fprintf(out, "  asked: %s (%s)\n", m.Name, m.Licence)
		}
		for _, f := range report.Findings {
			fmt.Fprintf(out, "  %s: %s: %s\n", f.Severity, f.Check, f.Message)
		}
		result.Free()
	}
	return nil
}
