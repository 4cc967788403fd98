//go:build cuda && cgo

package cuda

import "github.com/realedit/realedit/kernels"

func (b *backend) convert(dst, src *kernels.Image) error {
	return b.do("Convert", func(c *call) {
		s := c.stream(dst, src, src.Width()*src.Channels())
		streamed(c, "convert_"+pair(src, dst), &s, sampleGroups, 0, &s)
	})
}

// pair names the formats of two images as kernels' names do.
func pair(src, dst *kernels.Image) string { return src.Format().String() + "_" + dst.Format().String() }
