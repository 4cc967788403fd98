//go:build !cgo

// Package cpu is the operations of kernels.Ops in C; this build has no cgo, so its
// backend only says so.
package cpu

import (
	"fmt"

	"github.com/realedit/realedit/kernels"
)

func init() {
	kernels.Register("cpu", 10, func(string) (kernels.Backend, error) {
		return nil, fmt.Errorf("cpu: %w", kernels.ErrNoCgo)
	})
}
