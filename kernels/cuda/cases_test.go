//go:build cuda && cgo

package cuda

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// gpu is the first GPU, real or emulated (make cuda-emu); the test is skipped where there is none, or fails where
// REALEDIT_REQUIRE names cuda.
func gpu(t testing.TB) *backend {
	t.Helper()
	clearPadding = os.Getenv("REALEDIT_CLEAR_PADDING") != "" // scripts/gpu.sh sanitize
	b, err := kernels.Open("cuda")
	if errors.Is(err, kernels.ErrNoDevice) {
		phototest.Need(t, "cuda", false)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b.(*backend)
}

// emulated tells whether the driver is the one of emu/, which fails as told by REALEDIT_EMU.
func emulated(b *backend) bool { return strings.HasPrefix(b.name, "emulated") }

// Nothing falls back to the processor.
func TestEveryOperation(t *testing.T) {
	b := gpu(t)
	for _, op := range kernels.OpNames() {
		if !b.Ops().Has(op) {
			t.Errorf("%s is missing", op)
		}
	}
}

func TestCases(t *testing.T) {
	b := gpu(t)
	kerneltest.Test(t, ref.New(), b)
}

func TestInPlace(t *testing.T) { kerneltest.TestInPlace(t, gpu(t)) }

// The same bits in every run, with two backends at work on the GPU at once.
func TestRepeats(t *testing.T) {
	a, b := gpu(t), gpu(t)
	n := 100
	if emulated(a) {
		n = 2
	}
	if testing.Short() {
		n = 3
	}
	kerneltest.TestRepeats(t, n, a, b)
}
