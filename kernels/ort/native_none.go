//go:build !cgo || windows

package ort

import (
	"context"
	"fmt"
	"runtime"

	"github.com/realedit/realedit/kernels"
)

// errNative is why nothing here can run.
var errNative = func() error {
	if runtime.GOOS == "windows" {
		return fmt.Errorf("ort: Windows: %w", kernels.ErrUnsupported)
	}
	return fmt.Errorf("ort: %w", kernels.ErrNoCgo)
}()

func openLibrary(string) (string, error) { return "", errNative }

type native struct{}

func newNative(*Model, []string, []string, Provider, *Options, int64) (*native, error) {
	return nil, errNative
}

func (*native) run(context.Context, []*Tensor, []*Tensor) error { return errNative }

func (*native) destroy() {}
