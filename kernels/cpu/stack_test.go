//go:build cgo && linux

package cpu

import (
	"os"
	"os/exec"
	"testing"

	"github.com/realedit/realedit/kernels/kerneltest"
)

// musl gives threads 128 KiB of stack. Here they get as much by the limit that glibc reads as the
// process starts; what needs more crashes.
func TestThreadsWithLittleStack(t *testing.T) {
	if os.Getenv("REALEDIT_LITTLE_STACK") != "" {
		kerneltest.Digests(t, New(2))
		return
	}
	c := exec.Command("sh", "-c", `ulimit -s 128 && exec "$0" -test.run '^TestThreadsWithLittleStack$'`, os.Args[0])
	c.Env = append(os.Environ(), "REALEDIT_LITTLE_STACK=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%.2000s", err, out)
	}
}
