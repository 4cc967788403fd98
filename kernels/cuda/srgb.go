//go:build cuda && cgo

package cuda

import "github.com/realedit/realedit/kernels"

func (b *backend) decodeSRGB(dst, src *kernels.Image) error {
	return b.do("DecodeSRGB", func(c *call) {
		s := c.stream(dst, src, src.Width()*src.Channels())
		tables := 0
		if src.Format() == kernels.U8 {
			tables = 4 * 256
		}
		streamed(c, "srgb_decode_"+pair(src, dst), &s, sampleGroups, tables, &s)
	})
}

func (b *backend) encodeSRGB(dst, src *kernels.Image) error {
	return b.do("EncodeSRGB", func(c *call) {
		s := c.stream(dst, src, src.Width()*src.Channels())
		streamed(c, "srgb_encode_"+pair(src, dst), &s, sampleGroups, 0, &s)
	})
}
