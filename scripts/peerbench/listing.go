package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// timeListing runs the built command on the bracket of JPEGs with its defaults, each time into a fresh
// folder, and reports wall time, the process's peak resident memory and the seconds of each stage.
func timeListing(dir, bin, merge string, reps int) error {
	m := measurement{Row: "listing", Side: "ours", Name: "listing, all defaults, to finished files"}
	if merge != "robust" {
		m.Name += ", -merge " + merge
	}
	for range reps {
		out, err := os.MkdirTemp(dir, "finished-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(out)
		c := exec.Command(bin, "-q", "-merge", merge, "-out", out, filepath.Join(dir, "tripod"))
		c.Stderr = os.Stderr
		start := time.Now()
		if err := c.Run(); err != nil {
			return fmt.Errorf("%s: %w", bin, err)
		}
		s := time.Since(start).Seconds()
		u := c.ProcessState.SysUsage().(*syscall.Rusage)
		m.Extra = max(m.Extra, float64(u.Maxrss)*1024/1e6)
		m.All = append(m.All, s)
		m.summarise()
		if s > m.Min {
			continue
		}
		m.CPU = float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
		if m.Info, err = listingInfo(out); err != nil {
			return err
		}
	}
	return m.print()
}

// listingInfo gathers what the command wrote about its time.
func listingInfo(out string) (map[string]any, error) {
	var batch struct {
		Times map[string]any
		Sets  []struct {
			Name, Status, Code, Why, Verdict string
			Seconds                          float64
		}
	}
	if err := readJSON(filepath.Join(out, "batch.json"), &batch); err != nil {
		return nil, err
	}
	if len(batch.Sets) != 1 || batch.Sets[0].Status != "finished" {
		return nil, fmt.Errorf("listing: not one finished set: %+v", batch.Sets)
	}
	var report struct {
		Stages []struct {
			Name    string  `json:"name"`
			Seconds float64 `json:"seconds"`
		}
	}
	if err := readJSON(filepath.Join(out, batch.Sets[0].Name+".report.json"), &report); err != nil {
		return nil, err
	}
	return map[string]any{"times": batch.Times, "set_seconds": batch.Sets[0].Seconds, "verdict": batch.Sets[0].Verdict, "stages": report.Stages}, nil
}

func readJSON(path string, v any) error {
	j, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(j, v)
}
