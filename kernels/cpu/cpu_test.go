//go:build cgo

package cpu

import (
	"fmt"
	"testing"

	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// The same bits for every instruction set and number of threads.
func TestSameBits(t *testing.T) {
	best := ISA()
	defer ForceISA(best)
	want := kerneltest.Digests(t, New(2))
	for _, threads := range []int{1, 3} {
		kerneltest.RequireSame(t, fmt.Sprintf("%d threads", threads), want, kerneltest.Digests(t, New(threads)))
	}
	for isa := range best {
		ForceISA(isa)
		kerneltest.RequireSame(t, fmt.Sprintf("isa %d", isa), want, kerneltest.Digests(t, New(2)))
	}
}

func TestInPlace(t *testing.T) { kerneltest.TestInPlace(t, New(2)) }

// Every operation against the reference; TestSameBits carries it to the other instruction sets.
func TestAgainstReference(t *testing.T) { kerneltest.Test(t, ref.New(), New(2)) }
