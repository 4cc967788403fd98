package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/pipeline"
)

// timeRoute takes a folder's bracket from files to an encoded file in this process, reps times, and prints a line of
// JSON for each: seconds for decoding and grouping, by stage, and for encoding. The first run also loads what the
// later ones find there.
func timeRoute(dir, backend, profile string, reps int) error {
	backends, err := kernels.OpenAll(backend)
	if err != nil {
		return err
	}
	editor, err := realedit.New(realedit.Config{Backends: backends, Policy: realedit.AB723})
	if err != nil {
		return err
	}
	defer editor.Close()
	route, err := pipeline.Auto(nil)
	if err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	for i := range reps {
		if i == 1 && profile != "" {
			f, err := os.Create(profile)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := pprof.StartCPUProfile(f); err != nil {
				return err
			}
			defer pprof.StopCPUProfile()
		}
		start := time.Now()
		cache := realedit.NewPixelCache(8 << 30)
		photos, errs := make([]*realedit.Photo, len(names)), make([]error, len(names))
		var wg sync.WaitGroup
		for i, n := range names {
			wg.Go(func() { photos[i], errs[i] = realedit.Open(n, &realedit.DecodeOptions{Cache: cache}) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		sets, err := realedit.Group(photos, nil)
		if err != nil {
			return err
		}
		if len(sets) != 1 {
			return fmt.Errorf("%s: %d sets, want one bracket", dir, len(sets))
		}
		opened := time.Now()
		result, err := editor.Process(context.Background(), route, sets[0])
		if err != nil {
			return err
		}
		edited := time.Now()
		var file bytes.Buffer
		if err := result.Encode(&file, nil); err != nil {
			return err
		}
		done := time.Now()
		line := map[string]any{
			"backend": backend, "photos": len(photos), "bytes": file.Len(),
			"decode": opened.Sub(start).Seconds(), "edit": edited.Sub(opened).Seconds(), "encode": done.Sub(edited).Seconds(),
			"total": done.Sub(start).Seconds(),
		}
		for _, s := range result.Report.Stages {
			line["stage "+s.Name] = s.Seconds
		}
		result.Free()
		if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
			return err
		}
	}
	return nil
}
