package ref

import (
	"testing"

	"github.com/realedit/realedit/kernels/kerneltest"
)

// Every case runs here at every size, on windows as on whole images, and repeats exactly.
func TestCases(t *testing.T) { kerneltest.Test(t, New(), New()) }

func TestInPlace(t *testing.T) { kerneltest.TestInPlace(t, New()) }
