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
	for isa := 0; isa <= best; isa++ {
		ForceISA(isa)
		for threads := 1; threads <= 3; threads++ {
			kerneltest.RequireSame(t, fmt.Sprintf("isa %d, %d threads", isa, threads), want, kerneltest.Digests(t, New(threads)))
		}
	}
}

func TestInPlace(t *testing.T) { kerneltest.TestInPlace(t, New(2)) }

// Every operation against the reference; TestSameBits carries it to the other instruction sets.
func TestAgainstReference(t *testing.T) { kerneltest.Test(t, ref.New(), New(2)) }
