// Command cudaenv prepares what a build with -tags cuda needs, once, and prints the
// environment for it as lines for a shell:
//
//	eval "$(go run github.com/realedit/realedit/kernels/cuda/cudaenv)"
//	go build -tags cuda ./...
//
// It needs a C compiler and, where no CUDA 12 headers are installed, python3 with pip,
// whose package of the headers it takes. It needs neither a GPU nor a driver, nor
// does the program that is built: see lib/head.txt.
package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

//go:generate go run gen.go

//go:embed lib/libcuda.c
var library []byte

// The package of headers: gorgonia.org/cu compiles against CUDA 12's, not 13's.
const (
	headers = "nvidia-cuda-runtime-cu12==12.9.79"
	sha     = "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3"
)

func main() {
	dir := flag.String("dir", "", "where headers and library are kept; empty = the user's cache")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "cudaenv:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		sum := sha256.Sum256(append(library, sha...))
		dir = filepath.Join(cache, "realedit", "cuda-"+hex.EncodeToString(sum[:6]))
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	include := installed()
	if include == "" {
		include = filepath.Join(dir, "include")
		if err := fetch(dir, include); err != nil {
			return err
		}
	}
	if err := compile(dir); err != nil {
		return err
	}
	set := func(name, before, add string) {
		if v, ok := os.LookupEnv(name); ok {
			before = v
		}
		if !strings.Contains(before, add) {
			before = strings.TrimSpace(before + " " + add)
		}
		fmt.Printf("export %s='%s'\n", name, before)
	}
	set("CGO_CFLAGS", "-O2 -g", "-I"+include)
	set("CGO_LDFLAGS", "-O2 -g", "-L"+dir+" -ldl -lpthread")
	return nil
}

// installed is the folder of installed CUDA 12 headers, "" where there are none.
func installed() string {
	version := regexp.MustCompile(`(?m)^#define\s+CUDA_VERSION\s+12\d\d\d`)
	for _, home := range []string{os.Getenv("CUDA_HOME"), os.Getenv("CUDA_PATH"), "/usr/local/cuda"} {
		if home == "" {
			continue
		}
		include := filepath.Join(home, "include")
		if b, err := os.ReadFile(filepath.Join(include, "cuda.h")); err == nil && version.Match(b) {
			return include
		}
	}
	return ""
}

// fetch puts the headers into include, through Python's package client.
func fetch(dir, include string) error {
	if _, err := os.Stat(filepath.Join(include, "cuda.h")); err == nil {
		return nil
	}
	tmp, err := os.MkdirTemp(dir, "fetch")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	// Headers are the same for all processors: always the one package whose hash is known.
	if err := command("python3", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--platform", "manylinux2014_x86_64",
		"--platform", "manylinux_2_17_x86_64", "--dest", tmp, headers); err != nil {
		return fmt.Errorf("CUDA's headers: %w (or set CUDA_HOME to an installed CUDA 12)", err)
	}
	files, _ := filepath.Glob(filepath.Join(tmp, "*.whl"))
	if len(files) != 1 {
		return fmt.Errorf("pip gave %d files for %s", len(files), headers)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != sha {
		return fmt.Errorf("%s has sha256 %x, want %s", filepath.Base(files[0]), sum, sha)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	part := filepath.Join(tmp, "include")
	for _, f := range z.File {
		_, name, ok := strings.Cut(f.Name, "/include/")
		if !ok || !strings.HasSuffix(name, ".h") || !filepath.IsLocal(name) {
			continue
		}
		if err := extract(f, filepath.Join(part, name)); err != nil {
			return err
		}
	}
	os.RemoveAll(include)
	return os.Rename(part, include)
}

func extract(f *zip.File, name string) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o644)
}

// compile makes libcuda.a, unless the one there is of the same source.
func compile(dir string) error {
	source, archive := filepath.Join(dir, "libcuda.c"), filepath.Join(dir, "libcuda.a")
	if old, err := os.ReadFile(source); err == nil && bytes.Equal(old, library) {
		if _, err := os.Stat(archive); err == nil {
			return nil
		}
	}
	// Made beside and moved into place, for several may do this at once.
	tmp, err := os.MkdirTemp(dir, "compile")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	made := func(name string) string { return filepath.Join(tmp, name) }
	if err := os.WriteFile(made("libcuda.c"), library, 0o644); err != nil {
		return err
	}
	cc := strings.Fields(env("CC", "cc"))
	if err := command(cc[0], append(cc[1:], "-O2", "-fPIC", "-c", made("libcuda.c"), "-o", made("libcuda.o"))...); err != nil {
		return err
	}
	if err := command(env("AR", "ar"), "rcs", made("libcuda.a"), made("libcuda.o")); err != nil {
		return err
	}
	if err := os.Rename(made("libcuda.a"), archive); err != nil {
		return err
	}
	return os.Rename(made("libcuda.c"), source)
}

func env(name, without string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return without
}

// command runs a program; what it says belongs to the error, not to our output.
func command(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}
