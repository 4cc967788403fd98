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

// Every operation, for every instruction set this processor has, against the reference.
func TestAgainstReference(t *testing.T) {
	best := ISA()
	defer ForceISA(best)
	for isa := 0; isa <= best; isa++ {
		t.Run(fmt.Sprintf("isa%d", isa), func(t *testing.T) {
			ForceISA(isa)
			kerneltest.Test(t, ref.New(), New(2))
		})
	}
}
