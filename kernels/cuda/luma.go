//go:build cuda && cgo

package cuda

import "github.com/realedit/realedit/kernels"

func (b *backend) luma(dst, src *kernels.Image) error {
	return b.do("Luma", func(c *call) {
		s := c.stream(dst, src, src.Width())
		streamed(c, "luma_"+pair(src, dst), &s, pixelGroups, 0, &s)
	})
}
