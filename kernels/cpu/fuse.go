//go:build cgo

package cpu

import (
	"fmt"

	"github.com/realedit/realedit/kernels"
)

func (b *backend) fuse(dst *kernels.Image, photos []*kernels.Image, o *kernels.FuseOptions) error {
	if o.Method == kernels.FuseMertens {
		return b.fuseMertens(dst, photos, &o.Mertens)
	}
	return fmt.Errorf("cpu: Fuse %v: %w", o.Method, kernels.ErrUnsupported)
}
