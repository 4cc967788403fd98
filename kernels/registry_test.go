package kernels

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// fake is a device of a backend called "fake".
type fake struct {
	Backend
	name          string
	limit, closed int64
}

func (f *fake) Name() string         { return f.name }
func (f *fake) Caps() Caps           { return Caps{Free: 1000} }
func (f *fake) SetLimit(bytes int64) { f.limit = bytes }
func (f *fake) Close() error         { f.closed++; return nil }

// withFakes registers "fake" with the devices listed, of which the good ones open, for one test.
func withFakes(t *testing.T, rank int, devices []string, good ...string) *[]*fake {
	var opened []*fake
	Register("fake", rank, func(arg string) (Backend, error) {
		if arg == "" {
			arg = "0"
		}
		if !slices.Contains(good, arg) {
			return nil, fmt.Errorf("fake: device %q: %w", arg, ErrNoDevice)
		}
		f := &fake{name: "fake:" + arg}
		opened = append(opened, f)
		return f, nil
	}, func() ([]string, error) {
		if devices == nil {
			return nil, ErrNoDevice
		}
		return devices, nil
	})
	t.Cleanup(func() { delete(registry, "fake") })
	return &opened
}

func TestOpenAll(t *testing.T) {
	withFakes(t, 5, []string{"0", "1", "2"}, "0", "1", "2")
	for spec, want := range map[string]string{
		"fake:all": "fake:0 fake:1 fake:2", "fake:2,0": "fake:2 fake:0", "fake:1": "fake:1", "fake": "fake:0", "auto": "fake:0", "": "fake:0",
	} {
		all, err := OpenAll(spec)
		if err != nil {
			t.Fatalf("%q: %v", spec, err)
		}
		var names []string
		for _, b := range all {
			names = append(names, b.Name())
			if l := b.(*fake).limit; l != 900 {
				t.Errorf("%q: the limit is %d, want nine tenths of what is free", spec, l)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q opens %s, want %s", spec, got, want)
		}
	}
	if _, err := OpenAll("fake:1,1"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a device twice: %v", err)
	}
	if _, err := OpenAll("fake:0,,1"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a device without a name: %v", err)
	}
}

func TestOpenAllOrNone(t *testing.T) {
	opened := withFakes(t, 5, []string{"0", "1"}, "0")
	for _, spec := range []string{"fake:all", "fake:0,1"} {
		*opened = nil
		all, err := OpenAll(spec)
		if !errors.Is(err, ErrNoDevice) || all != nil {
			t.Errorf("%s: %v, %v", spec, all, err)
		}
		if len(*opened) != 1 || (*opened)[0].closed != 1 {
			t.Errorf("%s: what was opened before the failure was not closed", spec)
		}
	}
	withFakes(t, 5, nil)
	if _, err := OpenAll("fake:all"); !errors.Is(err, ErrNoDevice) {
		t.Errorf("without a device: %v", err)
	}
}

// "auto" passes over what does not work here; what was asked for by name is never replaced.
func TestAutoAndNamed(t *testing.T) {
	withFakes(t, 5, nil)
	Register("plain", 1, func(string) (Backend, error) { return &fake{name: "plain"}, nil })
	t.Cleanup(func() { delete(registry, "plain") })
	if b, err := Open("auto"); err != nil || b.Name() != "plain" {
		t.Errorf("auto is %v, %v", b, err)
	}
	if _, err := Open("fake"); !errors.Is(err, ErrNoDevice) {
		t.Errorf("by name: %v", err)
	}
	if _, err := Open("nonsense"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("an unknown name: %v", err)
	}
	if _, err := OpenAll("cuda:all"); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "-tags cuda") {
		t.Errorf("cuda in a build without it: %v", err)
	}
}
