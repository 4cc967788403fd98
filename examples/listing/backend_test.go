package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/kernels"
)

// gpus stand in for the backend cuda: doubles by number, made by open when they are asked for.
var gpus struct {
	sync.Mutex
	there int
	made  map[string]*offhost.Backend
	ready func(*offhost.Backend) // what to do with a new one; may be nil
}

// withGPUs puts n doubles in the place of the GPUs, for one test. "auto" does not take them.
func withGPUs(t *testing.T, n int, ready func(*offhost.Backend)) {
	gpus.there, gpus.made, gpus.ready = n, map[string]*offhost.Backend{}, ready
	kernels.Register("cuda", -1, func(arg string) (kernels.Backend, error) {
		gpus.Lock()
		defer gpus.Unlock()
		if arg == "" {
			arg = "0"
		}
		if i, err := strconv.Atoi(arg); err != nil || i >= gpus.there {
			return nil, fmt.Errorf("cuda: device %s of %d: %w", arg, gpus.there, kernels.ErrNoDevice)
		}
		host, err := kernels.Open("cpu")
		if err != nil {
			return nil, err
		}
		b := offhost.New(host, "cuda:"+arg, 1<<40)
		if gpus.ready != nil {
			gpus.ready(b)
		}
		gpus.made[arg] = b
		return b, nil
	}, func() (all []string, err error) {
		for i := range gpus.there {
			all = append(all, strconv.Itoa(i))
		}
		return all, nil
	})
	t.Cleanup(func() { gpus.there = 0 })
}

func readReport(t *testing.T, out, name string) (r realedit.Report) {
	data, err := os.ReadFile(filepath.Join(out, name+".report.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &r))
	return r
}

// The same pictures from several devices as from the processor, spread over them, named in the report; and a run on
// another device of the kind finds them finished.
func TestOnSeveralDevices(t *testing.T) {
	in, out, far := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, in, 0, 1, 2, 3)
	withGPUs(t, 2, nil)
	require.Equal(t, exitDone, call(t, append(quick(out, "-backend", "cpu"), in)...).code)
	r := call(t, append(quick(far, "-backend", "cuda:all", "-gpu-memory", "6GB"), in)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	s := readBatch(t, far)
	require.Equal(t, "cuda:0,cuda:1", s.Options["backend"])
	used := map[string]bool{}
	for _, o := range s.Sets {
		a, b := readReport(t, out, o.Name), readReport(t, far, o.Name)
		require.Equal(t, a.Output.PixelsSHA256, b.Output.PixelsSHA256)
		for _, st := range b.Stages {
			require.Regexp(t, `^cuda:[01]$`, st.Backend)
			require.Equal(t, "double", st.Device)
			used[st.Backend] = true
		}
	}
	require.Len(t, used, 2)
	for _, d := range gpus.made {
		require.True(t, d.Closed())
		require.Equal(t, int64(6e9), d.Limit())
		inUse, _ := d.Memory()
		require.Zero(t, inUse)
	}
	r = call(t, append(quick(far, "-backend", "cuda:1"), in)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Equal(t, 4, readBatch(t, far).Counts.Resumed)
}

// A device that fails in mid-run costs no picture, not even when it holds a finished one.
func TestDeviceLostInARun(t *testing.T) {
	in := t.TempDir()
	put(t, in, 0, 1, 3)
	for name, when := range map[string]func(call int, op string) bool{
		"at work":           func(call int, _ string) bool { return call > 40 },
		"as it gives back":  func(_ int, op string) bool { return op == "Convert" },
		"before everything": func(call int, _ string) bool { return call > 3 },
	} {
		out := t.TempDir()
		withGPUs(t, 2, func(b *offhost.Backend) {
			if b.Name() == "cuda:0" {
				b.Fault(func(call int, op string) error {
					if when(call, op) {
						return kernels.ErrDeviceLost
					}
					return nil
				})
			}
		})
		r := call(t, append(quick(out, "-backend", "cuda:0,1"), in)...)
		require.Equal(t, exitDone, r.code, "%s: %s", name, r.stderr)
		s := readBatch(t, out)
		require.Equal(t, 3, s.Counts.Finished, name)
		lost := 0
		for _, o := range s.Sets {
			for _, f := range readReport(t, out, o.Name).Findings {
				if f.Check == "backend_lost" {
					lost++
				}
			}
		}
		require.Positive(t, lost, name)
	}
}

// Without the device that was asked for nothing runs.
func TestNoDevice(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 3)
	withGPUs(t, 0, nil)
	for _, spec := range []string{"cuda", "cuda:all", "cuda:0", "cuda:0,1"} {
		r := call(t, append(quick(out, "-backend", spec), in)...)
		require.Equal(t, exitFailed, r.code, spec)
		require.Regexp(t, `^listing: no_device: -backend `+spec+`: `, r.stderr)
	}
	require.Empty(t, contents(t, out))
}
