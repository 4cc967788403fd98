// Command gen renders the sample listing. From the repository's root,
//
//	go run ./testdata/gen
//
// writes testdata/listing again, byte for byte.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/realedit/realedit/internal/scene"
)

func main() {
	out := flag.String("out", filepath.Join("testdata", "listing"), "folder to write")
	quality := flag.Int("quality", 88, "JPEG quality")
	flag.Parse()
	if err := run(*out, *quality); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(out string, quality int) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	total := 0
	for _, t := range scene.Listing() {
		b := t.Scene(t.W, t.H).Bracket(t.Bracket)
		for i := range b.Photos {
			p := &b.Photos[i]
			data, err := scene.EncodeJPEG(p, quality)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(out, p.EXIF.FileName()), data, 0o644); err != nil {
				return err
			}
			total += len(data)
			fmt.Printf("%s  %-24s EV %+.1f  %7d bytes\n", p.EXIF.FileName(), t.Name, p.EV, len(data))
		}
	}
	fmt.Printf("%d bytes in all\n", total)
	return nil
}
