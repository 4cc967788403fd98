// Command peerbench is this library's side of the comparison that scripts/bench_peers.sh runs: it makes
// the pictures, times the work on the cpu backend over exactly the files the peers read, and prints one
// JSON object per measurement.
//
//	peerbench data    -size 45 -out DIR          the bracket and what is made of it
//	peerbench row     -data DIR ROW              one of the rows in rows.go
//	peerbench route   -backend cuda FOLDER       files to file in this process, with a breakdown
//	peerbench listing -data DIR -bin LISTING     the built command, start to finish
//	peerbench window  -out DIR                   a bracket of a window, with its truth
//	peerbench fuse    -out FILE.png PHOTO...     the robust merge of the photos as they are
//	peerbench mefssim -fused FILE PHOTO...       MEF-SSIM of a merge
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"

	_ "github.com/realedit/realedit/kernels/cpu"
	_ "github.com/realedit/realedit/kernels/ref"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peerbench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("data, row, route, listing, window, fuse or mefssim")
	}
	f := flag.NewFlagSet(args[0], flag.ExitOnError)
	data := f.String("data", "", "folder that data wrote")
	switch args[0] {
	case "data":
		size, out := f.Int("size", 45, "megapixels: 45, 12 or 6"), f.String("out", "", "folder to write")
		f.Parse(args[1:])
		return makeData(*size, *out)
	case "row":
		reps := f.Int("reps", 7, "repetitions of work under 2 s; longer work gets 3")
		f.Parse(args[1:])
		return timeRow(*data, f.Arg(0), *reps)
	case "route":
		backend, reps := f.String("backend", "auto", "as -backend of listing"), f.Int("reps", 4, "runs in this process")
		profile := f.String("profile", "", "file for a processor profile of all runs but the first")
		f.Parse(args[1:])
		return timeRoute(f.Arg(0), *backend, *profile, *reps)
	case "listing":
		bin, reps, extra := f.String("bin", "", "the built command"), f.Int("reps", 3, "repetitions"), f.String("merge", "robust", "-merge")
		f.Parse(args[1:])
		return timeListing(*data, *bin, *extra, *reps)
	case "window":
		out := f.String("out", "", "folder to write")
		f.Parse(args[1:])
		return makeWindow(*out)
	case "fuse":
		out := f.String("out", "", "PNG to write")
		f.Parse(args[1:])
		return fusePhotos(*out, f.Args())
	case "mefssim":
		fused := f.String("fused", "", "the merged picture")
		f.Parse(args[1:])
		return scoreMEF(*fused, f.Args())
	}
	return fmt.Errorf("%q is no command", args[0])
}

// measurement is one line of output; scripts/peers/common.py prints the same keys.
type measurement struct {
	Row    string         `json:"row"`
	Side   string         `json:"side"`
	Name   string         `json:"name"`
	Min    float64        `json:"min_s"`
	Median float64        `json:"median_s"`
	All    []float64      `json:"all_s"`
	CPU    float64        `json:"cpu_s"`    // user and system time of the quickest run
	Extra  float64        `json:"extra_mb"` // resident memory at its highest, beyond what was there before the work
	Pool   float64        `json:"pool_mb,omitempty"`
	Info   map[string]any `json:"info,omitempty"`
}

func (m measurement) print() error { return json.NewEncoder(os.Stdout).Encode(m) }
