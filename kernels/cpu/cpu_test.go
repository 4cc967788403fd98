//go:build cgo

package cpu

import (
	"fmt"
	"strings"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// The same bits for every instruction set and number of threads, for every operation.
func TestSameBits(t *testing.T) {
	best := ISA()
	defer ForceISA(best)
	want := kerneltest.Digests(t, New(2))
	cases := map[string]int{}
	for name := range want {
		op, _, _ := strings.Cut(name, "/")
		cases[op]++
	}
	for _, op := range kernels.OpNames() {
		if cases[op] == 0 {
			t.Errorf("no case of %s ran", op)
		}
	}
	for isa := range best + 1 {
		ForceISA(isa)
		for threads := 1; threads <= 3; threads++ {
			if isa == best && threads == 2 {
				continue
			}
			kerneltest.RequireSame(t, fmt.Sprintf("isa %d, %d threads", isa, threads), want, kerneltest.Digests(t, New(threads)))
		}
	}
}

func TestInPlace(t *testing.T) { kerneltest.TestInPlace(t, New(2)) }

// Every operation against the reference; TestSameBits carries it to the other instruction sets.
func TestAgainstReference(t *testing.T) { kerneltest.Test(t, ref.New(), New(2)) }
