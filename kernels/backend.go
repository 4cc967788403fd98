package kernels

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
)

// Backend is a place where pixels live and are worked on.
//
// Operations of one backend may be called from several goroutines at once.
// Close frees what the backend holds; its images must not be used afterwards.
type Backend interface {
	// Name is "ref", "cpu" or "cuda:0".
	Name() string
	// Caps describes the device and its memory.
	Caps() Caps
	// NewImage allocates w×h pixels of 1 to 4 channels with undefined contents.
	NewImage(w, h, channels int, f Format) (*Image, error)
	// Copy copies pixels between images of equal shape and format; either may lie
	// on the host or in this backend's memory.
	Copy(ctx context.Context, dst, src *Image) error
	// Ops is the table of operations; a nil field is not here. Use Complete for a table without gaps.
	Ops() *Ops
	// Sync waits until everything asked for has been done.
	Sync(ctx context.Context) error
	// Close releases the backend.
	Close() error
}

// Caps are the facts about a backend's device.
type Caps struct {
	Device  string // the device's own name
	Threads int    // worker threads, for processors
	Free    int64  // bytes free now
	Total   int64  // bytes in all
}

// Budget is how many bytes may be in use at once; 0 = ask the backend.
type Budget struct {
	Host   int64 // host memory for pixels
	Device int64 // device memory
}

// Opener opens the backend that a spec's part after the colon names ("" for none).
type Opener func(arg string) (Backend, error)

type registration struct {
	open Opener
	rank int // order in "auto": higher is tried first
}

var (
	registryMu sync.Mutex
	registry   = map[string]registration{}
	reference  *Ops
)

// Register makes a backend available under a name. Backends call it from init.
// Open("auto") tries higher ranks first.
func Register(name string, rank int, open Opener) {
	registryMu.Lock()
	defer registryMu.Unlock()
	registry[name] = registration{open, rank}
}

// RegisterReference names the operations that stand in for missing ones. Package ref calls it from init.
func RegisterReference(o *Ops) {
	registryMu.Lock()
	defer registryMu.Unlock()
	reference = o
}

// Names lists the registered backends, the ones "auto" prefers first.
func Names() []string {
	registryMu.Lock()
	defer registryMu.Unlock()
	names := make([]string, 0, len(registry))
	for n := range registry {
		names = append(names, n)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := registry[names[i]].rank, registry[names[j]].rank
		return a > b || a == b && names[i] < names[j]
	})
	return names
}

// Open opens a backend: "auto" (the best that works here), "ref", "cpu", "cuda" or "cuda:1".
// An unknown name is ErrUnsupported; a device that is not there is ErrNoDevice.
func Open(spec string) (Backend, error) {
	if spec == "" || spec == "auto" {
		var errs []error
		for _, n := range Names() {
			b, err := open(n, "")
			if err == nil {
				return b, nil
			}
			errs = append(errs, err)
		}
		return nil, fmt.Errorf("kernels: no backend works here: %w", errors.Join(append(errs, ErrUnsupported)...))
	}
	name, arg, _ := strings.Cut(spec, ":")
	return open(name, arg)
}

func open(name, arg string) (Backend, error) {
	registryMu.Lock()
	r, ok := registry[name]
	registryMu.Unlock()
	if !ok {
		return nil, fmt.Errorf("kernels: backend %q is not in this build (it has %s): %w", name, strings.Join(Names(), ", "), ErrUnsupported)
	}
	return r.open(arg)
}
