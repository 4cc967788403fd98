//go:build cuda && cgo

package cuda

import "github.com/realedit/realedit/kernels"

// table lists what is here; a new operation is its own .go, .h and .cu file and one line.
func (b *backend) table() kernels.Ops {
	return kernels.Ops{
		Convert:     b.convert,
		DecodeSRGB:  b.decodeSRGB,
		EncodeSRGB:  b.encodeSRGB,
		YCbCrToRGB:  b.yCbCrToRGB,
		Luma:        b.luma,
		ColorMatrix: b.colorMatrix,
		Curve:       b.curve,
		Blend:       b.blend,
		LocalTone:   b.localTone,
	}
}
