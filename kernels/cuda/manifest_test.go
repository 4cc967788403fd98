package cuda

import (
	"os"
	"os/exec"
	"testing"
)

// The fatbin that is embedded is of the sources that are here, on every machine and without a compiler.
func TestFatbinIsOfTheseSources(t *testing.T) {
	cmd := exec.Command("go", "run", "./gen", "-check")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
}
