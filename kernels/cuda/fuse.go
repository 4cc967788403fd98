//go:build cuda && cgo

package cuda

import (
	"fmt"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) fuse(dst *kernels.Image, photos []*kernels.Image, o *kernels.FuseOptions) error {
	if o.Method == kernels.FuseRobust {
		return b.fuseRobust(dst, photos, o)
	}
	return fmt.Errorf("Fuse: method %v: %w", o.Method, kernels.ErrUnsupported)
}
