package cuda

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// The fatbin that is embedded is of the sources that are here: checked on every machine, without a compiler.
func TestFatbinIsOfTheseSources(t *testing.T) {
	hash := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := sha256.Sum256(b)
		return hex.EncodeToString(s[:])
	}
	b, err := os.ReadFile("kernels.json")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Sources map[string]string
		Fatbin  string
	}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, pattern := range []string{"*.cu", "*.cuh", "*.h"} {
		f, _ := filepath.Glob(pattern)
		files = append(files, f...)
	}
	if len(files) != len(m.Sources) {
		t.Errorf("%d sources, %d in kernels.json", len(files), len(m.Sources))
	}
	for _, f := range files {
		if m.Sources[f] != hash(f) {
			t.Errorf("%s has changed since kernels.fatbin was made", f)
		}
	}
	if m.Fatbin != hash("kernels.fatbin") {
		t.Error("kernels.fatbin is not the one that kernels.json describes")
	}
	if t.Failed() {
		t.Log("go generate ./kernels/cuda")
	}
}
