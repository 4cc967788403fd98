//go:build cuda && cgo

package cuda

import "github.com/realedit/realedit/kernels"

func (b *backend) fuse(dst *kernels.Image, photos []*kernels.Image, o *kernels.FuseOptions) error {
	if o.Method == kernels.FuseMertens {
		return b.fuseMertens(dst, photos, &o.Mertens)
	}
	return b.fuseRobust(dst, photos, o)
}
