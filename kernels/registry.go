package kernels

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
)

// Opener opens the backend that a spec's part after the colon names ("" for none).
type Opener func(arg string) (Backend, error)

// Lister lists a backend's devices here by what its Opener takes: "0", "1". None at all is ErrNoDevice.
type Lister func() ([]string, error)

type registration struct {
	open    Opener
	rank    int    // order in "auto": higher is tried first
	devices Lister // nil: the backend has no devices to choose from
}

var (
	registryMu sync.Mutex
	registry   = map[string]registration{}
	reference  *Ops
)

// elsewhere are the backends that a build may lack, and what to do then.
var elsewhere = map[string]string{
	"cuda": "this build has no cuda: it was built without -tags cuda",
}

// Register makes a backend available under a name. Backends call it from init.
// Open("auto") tries higher ranks first. A backend with several devices says which there are.
func Register(name string, rank int, open Opener, devices ...Lister) {
	registryMu.Lock()
	defer registryMu.Unlock()
	r := registration{open: open, rank: rank}
	if len(devices) > 0 {
		r.devices = devices[0]
	}
	registry[name] = r
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
// A name that this build does not have is ErrUnsupported; a device that is not there is ErrNoDevice.
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

// OpenAll opens the backends that a spec names: all devices of "cuda:all", those of "cuda:0,2", one for
// everything that Open takes. When one of them fails, none is left open.
func OpenAll(spec string) ([]Backend, error) {
	name, arg, _ := strings.Cut(spec, ":")
	args := []string{arg}
	if r, ok := registered(name); ok && r.devices != nil {
		if arg == "all" {
			var err error
			if args, err = r.devices(); err != nil {
				return nil, err
			}
			if len(args) == 0 {
				return nil, fmt.Errorf("kernels: %s: %w", name, ErrNoDevice)
			}
		} else {
			args = strings.Split(arg, ",")
		}
	}
	var all []Backend
	fail := func(err error) ([]Backend, error) {
		for _, b := range all {
			err = errors.Join(err, b.Close())
		}
		return nil, err
	}
	for i, a := range args {
		if len(args) > 1 && a == "" || slices.Contains(args[:i], a) {
			return fail(argErr("OpenAll", "spec", "%q names device %q twice or not at all", spec, a))
		}
		one := spec
		if len(args) > 1 || arg == "all" {
			one = name + ":" + a
		}
		b, err := Open(one)
		if err != nil {
			return fail(err)
		}
		all = append(all, b)
	}
	return all, nil
}

func registered(name string) (registration, bool) {
	registryMu.Lock()
	defer registryMu.Unlock()
	r, ok := registry[name]
	return r, ok
}

func open(name, arg string) (Backend, error) {
	r, ok := registered(name)
	if why := elsewhere[name]; !ok && why != "" {
		return nil, fmt.Errorf("kernels: %s (it has %s): %w", why, strings.Join(Names(), ", "), ErrUnsupported)
	}
	if !ok {
		return nil, fmt.Errorf("kernels: backend %q is not in this build (it has %s): %w", name, strings.Join(Names(), ", "), ErrUnsupported)
	}
	b, err := r.open(arg)
	if err != nil {
		return nil, err
	}
	if l, ok := b.(Limiter); ok {
		l.SetLimit(b.Caps().Free / 10 * 9)
	}
	return b, nil
}
