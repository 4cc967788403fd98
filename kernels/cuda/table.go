//go:build cuda && cgo

package cuda

import "github.com/realedit/realedit/kernels"

// table lists what is here; a new operation is its own .go, .h and .cu file and one line.
func (b *backend) table() kernels.Ops {
	return kernels.Ops{
		Convert:            b.convert,
		DecodeSRGB:         b.decodeSRGB,
		EncodeSRGB:         b.encodeSRGB,
		Luma:               b.luma,
		ColorMatrix:        b.colorMatrix,
		Curve:              b.curve,
		Resize:             b.resize,
		PyrDown:            b.pyrDown,
		PyrUp:              b.pyrUp,
		Warp:               b.warp,
		Feather:            b.feather,
		FusionWeights:      b.fusionWeights,
		Fuse:               b.fuse,
		SSIM:               b.ssim,
		DeltaE:             b.deltaE,
		Histogram:          b.histogram,
		MatchHistogram:     b.matchHistogram,
		BoxFilter:          b.boxFilter,
		GuidedFilter:       b.guidedFilter,
		GuidedCoefficients: b.guidedCoefficients,
		Gradient:           b.gradient,
		Edges:              b.edges,
		YCbCrToRGB:         b.yCbCrToRGB,
		Blend:              b.blend,
		LocalTone:          b.localTone,
	}
}
