// Command gen compiles kernels.cu with everything it includes into kernels.fatbin and
// writes kernels.json, which says from what. It runs on any machine: the compiler comes from
// Python's packages into the user's cache, or NVCC names one of the same version.
//
//	go generate ./kernels/cuda
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// The compiler, in the packages that hold its parts.
var packages = []string{
	"nvidia-cuda-nvcc==13.0.88", "nvidia-nvvm==13.0.88", "nvidia-cuda-crt==13.0.88", "nvidia-cuda-runtime==13.0.96",
}

const version = "V13.0.88"

// flags: machine code for Turing to Blackwell, and the newest as an intermediate form for what comes later.
var flags = strings.Fields("-std=c++17 -O3 -fatbin -Xfatbin -compress-all -Xfatbin -compress-mode=size --threads 0 " +
	"-gencode arch=compute_75,code=sm_75 -gencode arch=compute_80,code=sm_80 -gencode arch=compute_86,code=sm_86 -gencode arch=compute_89,code=sm_89 " +
	"-gencode arch=compute_90,code=sm_90 -gencode arch=compute_100,code=sm_100 -gencode arch=compute_120,code=sm_120 -gencode arch=compute_120,code=compute_120")

// Manifest is kernels.json.
type Manifest struct {
	Compiler string            `json:"compiler"`
	Flags    string            `json:"flags"`
	Sources  map[string]string `json:"sources"` // sha256 by name
	Fatbin   string            `json:"fatbin"`  // sha256
	Bytes    int               `json:"bytes"`
}

func main() {
	quick := flag.String("arch", "", "compile for one architecture only, such as sm_90, into -out, without a manifest")
	out := flag.String("out", "kernels.fatbin", "the fatbin")
	flag.Parse()
	if err := run(*quick, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(arch, out string) error {
	nvcc, err := compiler()
	if err != nil {
		return err
	}
	f := flags
	if arch != "" {
		f = strings.Fields("-std=c++17 -O3 -fatbin -arch=" + arch)
	}
	cmd := exec.Command(nvcc, append(append([]string{}, f...), "kernels.cu", "-o", out)...)
	cmd.Stderr, cmd.Stdout = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil || arch != "" {
		return err
	}
	m, err := manifest(out)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile("kernels.json", append(b, '\n'), 0o644)
}

// manifest describes the sources as they are and a fatbin made of them.
func manifest(fatbin string) (*Manifest, error) {
	m := &Manifest{Compiler: "nvcc " + version, Flags: strings.Join(flags, " "), Sources: map[string]string{}}
	var files []string
	for _, pattern := range []string{"*.cu", "*.cuh", "*.h"} {
		f, _ := filepath.Glob(pattern)
		files = append(files, f...)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		m.Sources[f] = hash(b)
	}
	b, err := os.ReadFile(fatbin)
	if err != nil {
		return nil, err
	}
	m.Fatbin, m.Bytes = hash(b), len(b)
	return m, nil
}

func hash(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// compiler is the path of nvcc in the right version.
func compiler() (string, error) {
	if nvcc := os.Getenv("NVCC"); nvcc != "" {
		return nvcc, right(nvcc)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "realedit", "nvcc-"+hash([]byte(strings.Join(packages, " ")))[:12])
	nvcc := filepath.Join(dir, "nvidia", "cu13", "bin", "nvcc")
	if right(nvcc) == nil {
		return nvcc, nil
	}
	args := append([]string{"-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--upgrade", "--target", dir}, packages...)
	if out, err := exec.Command("python3", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("the compiler's packages: %w\n%s", err, out)
	}
	// The packages forget that these are programs.
	for _, sub := range []string{"bin", "nvvm/bin"} {
		filepath.WalkDir(filepath.Join(dir, "nvidia", "cu13", sub), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				os.Chmod(path, 0o755)
			}
			return nil
		})
	}
	return nvcc, right(nvcc)
}

// right refuses another version: other compilers make other code.
func right(nvcc string) error {
	out, err := exec.Command(nvcc, "--version").Output()
	if err != nil {
		return err
	}
	if !bytes.Contains(out, []byte(version)) {
		return fmt.Errorf("%s is %s, want %s", nvcc, regexp.MustCompile(`V[\d.]+`).Find(out), version)
	}
	return nil
}
