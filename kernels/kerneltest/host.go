package kerneltest

import (
	"testing"

	"github.com/realedit/realedit/kernels"
)

// Host opens a backend whose pixels tests may read wherever they run: the processor's, "auto" may be a device.
func Host(t testing.TB) kernels.Backend {
	t.Helper()
	b, err := kernels.Open("cpu")
	if err != nil {
		b, err = kernels.Open("ref")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}
