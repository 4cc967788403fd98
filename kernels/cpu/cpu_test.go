//go:build cgo

package cpu

import (
	"fmt"
	"testing"

	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

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
