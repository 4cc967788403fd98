package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/pipeline"
)

// A bracket through the whole route and into a file.
func ExampleAuto() {
	var set realedit.Set
	set.ID = "DSC00123"
	for _, name := range []string{"DSC00124", "DSC00123", "DSC00125"} { // darkest first
		p, err := realedit.Open("../testdata/listing/"+name+".JPG", nil)
		if err != nil {
			log.Fatal(err)
		}
		set.Photos = append(set.Photos, p)
	}
	set.Reference = 1

	route, err := pipeline.Auto(nil)
	if err != nil {
		log.Fatal(err)
	}
	editor, err := realedit.New(realedit.Config{Policy: realedit.AB723})
	if err != nil {
		log.Fatal(err)
	}
	defer editor.Close()
	result, err := editor.Process(context.Background(), route, set)
	if err != nil {
		log.Fatal(err)
	}
	defer result.Free()
	if err := result.Encode(io.Discard, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Report.Class, result.Report.Output.Width, result.Report.Output.Height)
	for _, s := range result.Report.Stages {
		fmt.Println(s.Name)
	}
	// A house under a good sky: windows are no matter, and another sky is not needed.

	// Output:
	// corrected 1200 800
	// hdr.align
	// hdr.merge
	// segment.scene
	// segment.sky
	// hdr.tone
	// segment.replacesky
	// qc
	// ladder
}

// Wiring errors come when a pipeline is made.
func ExamplePipeline_Without() {
	auto, err := pipeline.Auto(nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = auto.Without("hdr.align")
	fmt.Println(realedit.CodeOf(err))
	// Output: bad_wiring
}
