package ort

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// EnvLibrary names the environment variable that says where the library lies: the file, or the folder it is in.
const EnvLibrary = "REALEDIT_ORT_LIB"

// MinVersion is the oldest ONNX Runtime that works: the first one with the version of its interface that the binding asks for.
const MinVersion = "1.24"

// DataFolder is the user's folder for what realedit is given beside its code, of which ort/ holds the library: $XDG_DATA_HOME/realedit, else
// ~/.local/share/realedit; "" where neither is known.
func DataFolder() string {
	if d := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "realedit")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "share", "realedit")
}

// place is a path that is tried. explicit: it was asked for, so nothing after it is.
type place struct {
	path     string
	explicit bool
	why      string // why it is no library, where that is known without opening it
}

// Find lists the absolute paths where the library is looked for, in order: the option (a file or its folder), or else what REALEDIT_ORT_LIB names,
// or else the libraries in DataFolder()/ort, then those in LD_LIBRARY_PATH and the system's library folders, the newest of a folder first.
func Find(option string) []string {
	var paths []string
	for _, p := range places(option) {
		paths = append(paths, p.path)
	}
	return paths
}

func places(option string) []place {
	for _, named := range []string{option, os.Getenv(EnvLibrary)} {
		if named == "" {
			continue
		}
		abs, err := filepath.Abs(named) // relative paths break the library's own search for its providers
		if err != nil {
			return []place{{named, true, err.Error()}}
		}
		info, err := os.Stat(abs)
		if err != nil {
			return []place{{abs, true, "it is not there"}}
		}
		if info.IsDir() {
			in := libraries(abs)
			if len(in) == 0 {
				return []place{{abs, true, "no " + libraryName() + " in it"}}
			}
			abs = in[0]
		}
		return []place{{abs, true, ""}}
	}
	var all []place
	for _, dir := range folders() {
		in := libraries(dir)
		for _, p := range in {
			all = append(all, place{p, false, ""})
		}
		if len(in) == 0 {
			all = append(all, place{filepath.Join(dir, libraryName()), false, "it is not there"})
		}
	}
	return all
}

func folders() []string {
	var dirs []string
	if d := DataFolder(); d != "" {
		dirs = append(dirs, filepath.Join(d, "ort"))
	}
	for _, d := range filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")) {
		if filepath.IsAbs(d) {
			dirs = append(dirs, d)
		}
	}
	dirs = append(dirs, "/usr/local/lib")
	switch runtime.GOOS {
	case "darwin":
		dirs = append(dirs, "/opt/homebrew/lib")
	case "linux":
		arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
		dirs = append(dirs, "/usr/lib/"+cmp.Or(arch, runtime.GOARCH)+"-linux-gnu", "/usr/lib64", "/usr/lib", "/opt/onnxruntime/lib")
	}
	return dirs
}

func libraryName() string {
	if runtime.GOOS == "darwin" {
		return "libonnxruntime.dylib"
	}
	return "libonnxruntime.so"
}

// libraries are the files of a folder that are called like the library, the newest version first.
func libraries(dir string) []string {
	pattern := "libonnxruntime.so*"
	if runtime.GOOS == "darwin" {
		pattern = "libonnxruntime*.dylib"
	}
	found, _ := filepath.Glob(filepath.Join(escapeGlob(dir), pattern))
	found = slices.DeleteFunc(found, func(p string) bool { return strings.Contains(filepath.Base(p), "providers") })
	slices.SortStableFunc(found, func(a, b string) int { return -compareVersions(filepath.Base(a), filepath.Base(b)) })
	return found
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// numbers are the numbers in a text: [1 31 1] of "libonnxruntime.so.1.31.1".
func numbers(s string) []int {
	var n []int
	for _, f := range strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		v, err := strconv.Atoi(f)
		if err != nil {
			v = 1 << 30
		}
		n = append(n, v)
	}
	return n
}

func compareVersions(a, b string) int { return slices.Compare(numbers(a), numbers(b)) }

// environment is the process's one ONNX Runtime.
var environment struct {
	sync.Mutex
	path, version string // of the library that is open
}

// Load opens the library now, which is else done when it is first needed. option is Options.Library. Once a library is open it stays; asking for
// another by name is ErrNoLibrary, as is one that is not there or too old. Without cgo it is kernels.ErrNoCgo.
func Load(option string) error {
	if errNative != nil {
		return errNative
	}
	environment.Lock()
	defer environment.Unlock()
	if open := environment.path; open != "" {
		if option != "" {
			if p := places(option)[0]; p.path != open && !sameFile(p.path, open) {
				return fmt.Errorf("%w: %s was asked for, but %s is open already, and a process has one", ErrNoLibrary, p.path, open)
			}
		}
		return nil
	}
	var tried []string
	for _, p := range places(option) {
		why := p.why
		if why == "" {
			version, err := openLibrary(p.path)
			if err == nil {
				environment.path, environment.version = p.path, version
				return nil
			}
			why = err.Error()
		}
		tried = append(tried, p.path+": "+why)
	}
	return fmt.Errorf("%w (%s or newer is needed; make ort in realedit's sources puts it in place, or %s names the file; docs/ort.md): %s",
		ErrNoLibrary, MinVersion, EnvLibrary, strings.Join(tried, "; "))
}

// Library is the path and version of the library that is open, "" while none is.
func Library() (path, version string) {
	environment.Lock()
	defer environment.Unlock()
	return environment.path, environment.version
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
