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

// long skips a test where there is little time and the driver is the emulated one, which is slow.
func long(t *testing.T, b *backend) {
	if emulated(b) && testing.Short() {
		t.Skip("long")
	}
}

// Nothing falls back to the processor.
func TestEveryOperation(t *testing.T) {
	b := gpu(t)
	for _, op := range kernels.OpNames() {
		if !b.Ops().Has(op) {
			t.Errorf("%s is missing", op)
		}
	}
}

// fewer lets the emulated driver, which is slow, run at fewer sizes: one pixel, less than a block, several blocks.
func fewer(t *testing.T, b *backend) {
	if !emulated(b) {
		return
	}
	all, repeats := kerneltest.Sizes, kerneltest.RepeatSizes
	t.Cleanup(func() { kerneltest.Sizes, kerneltest.RepeatSizes = all, repeats })
	kerneltest.Sizes = [][2]int{{1, 1}, {5, 4}, {97, 70}}
	if testing.Short() {
		kerneltest.Sizes = [][2]int{{1, 1}, {67, 35}}
	}
	kerneltest.RepeatSizes = [][2]int{{67, 35}}
}

func TestCases(t *testing.T) {
	b := gpu(t)
	fewer(t, b)
	kerneltest.Test(t, ref.New(), b)
}

func TestInPlace(t *testing.T) {
	b := gpu(t)
	fewer(t, b)
	kerneltest.TestInPlace(t, b)
}

// Every operation at the shapes that are hardest on a grid of blocks; emulated kernels are only checked as they start.
func TestExtremeShapes(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	b, done := gpu(t), map[string]bool{}
	if emulated(b) {
		fails(t, "dry=1")
	}
	for _, c := range kerneltest.Cases() {
		name := c.Op
		robust := strings.HasPrefix(c.Name, "robust")
		if robust {
			name = "FuseRobust"
		}
		switch {
		case done[name], robust && emulated(b): // the host's part of FuseRobust wants results
			continue
		case c.Op == "Feather" && c.Name != "f32→f32 one tile", c.Op == "Fuse" && !robust && c.Name != "mertens f32→u16": // too many tiles, many photos
			continue
		}
		done[name] = true
		t.Run(name, func(t *testing.T) {
			for _, size := range [][2]int{{1, kernels.MaxSide - 8}, {kernels.MaxSide - 8, 1}} {
				var err error
				if emulated(b) {
					m := kerneltest.NewMaker(b, 1)
					_, err = c.Run(m, b.Ops(), size[0], size[1])
					m.Close()
				} else {
					_, err = kerneltest.Compare(ref.New(), b, c, size[0], size[1])
				}
				if err != nil {
					t.Errorf("%v: %v", size, err)
				}
			}
		})
	}
}

// The same bits in every run, with two backends at work on the GPU at once.
func TestRepeats(t *testing.T) {
	a, b := gpu(t), gpu(t)
	long(t, a)
	fewer(t, a)
	n := 100
	if testing.Short() {
		n = 3
	}
	if emulated(a) { // it does one thing at a time
		kerneltest.TestRepeats(t, 2, a)
		return
	}
	kerneltest.TestRepeats(t, n, a, b)
}
