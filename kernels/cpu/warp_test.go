//go:build cgo

package cpu

import (
	"testing"

	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

func TestWarpMaps(t *testing.T) { kerneltest.TestWarpMaps(t, ref.New(), New(2)) }
