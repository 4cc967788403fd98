package kernels

import (
	"image"
	"strconv"
)

// Ops is one backend's table of operations; a nil field is not here (Complete fills
// it from the reference). The comment of each field is its definition, and the body
// in package ref is that definition in Go.
//
// Common rules. Images are interleaved; dst and src must not overlap unless the
// operation says "in place". Every operation works on sub-images and on any size
// from 1×1. Arguments are checked before anything is written; a wrong one is an
// *ArgError. Luma is Y = 0.299 R + 0.587 G + 0.114 B on encoded values and
// luminance is Y = 0.2126 R + 0.7152 G + 0.0722 B on linear ones. Where borders
// are mirrored it is about the edge pixel's centre (reflect-101: …2 1 0 1 2…),
// folded as often as a small image needs. Integers are written round-half-up,
// clamped; NaN becomes 0. Results do not depend on the number of threads.
type Ops struct {
	// Convert copies src to dst, changing the format: v·Max(dst)/Max(src), clamped
	// for integer dst. Sizes equal, channels equal, any formats. F16 rounds to nearest even.
	Convert func(dst, src *Image) error

	// DecodeSRGB takes sRGB-encoded samples to linear light (IEC 61966-2-1):
	// v ≤ 0.04045 ? v/12.92 : ((v+0.055)/1.055)^2.4. src any format, dst F16 or F32.
	// Values outside [0,1] are clamped first (NaN to 0). In place where formats agree.
	DecodeSRGB func(dst, src *Image) error

	// EncodeSRGB is the inverse: v ≤ 0.0031308 ? 12.92 v : 1.055 v^(1/2.4) − 0.055,
	// on v clamped to [0,1] (NaN to 0). src F16 or F32, dst any format. In place where formats agree.
	EncodeSRGB func(dst, src *Image) error

	// YCbCrToRGB turns JPEG's planes (full-range BT.601, U8, 1 channel each) into
	// dst (U8, 3 channels). The chroma planes may be ⌈W/2⌉ wide and ⌈H/2⌉ high (each
	// direction on its own); they are then interpolated with the triangle filter
	// (¾ of the nearer and ¼ of the farther sample, per direction; edges replicated).
	YCbCrToRGB func(dst, y, cb, cr *Image) error

	// Luma is dst = Y of src; src 3 channels of any format, dst 1 channel of any format.
	Luma func(dst, src *Image) error

	// ColorMatrix is dst = M·(R,G,B)ᵀ + t per pixel, in [0,1] units: rows of M at
	// m[0:3], m[4:7], m[8:11], offsets at m[3], m[7], m[11]. 3 channels, any
	// formats. In place where formats agree.
	ColorMatrix func(dst, src *Image, m *[12]float32) error

	// Curve applies a 1-D table per channel: position v·(len−1) on v clamped to
	// [0,1], linear between entries, result in [0,1] units. Tables have 2 to 65536
	// entries; one table serves all channels, or there is one for each. Any formats.
	// In place where formats agree.
	Curve func(dst, src *Image, tables [][]float32) error

	// Resize scales src to dst's size: area average (each dst pixel is the mean of
	// the src area it covers, fractions counted) in a direction that shrinks,
	// linear interpolation between pixel centres (edges replicated) in one that
	// grows. Same channels; any formats.
	Resize func(dst, src *Image) error

	// PyrDown is the Gaussian pyramid step: (1 4 6 4 1)/16 in both directions,
	// mirrored borders, even rows and columns kept; dst is ⌈W/2⌉×⌈H/2⌉. src F32, or U8
	// or U16 (which are scaled to [0,1]); dst F32; same channels. As OpenCV's pyrDown.
	PyrDown func(dst, src *Image) error

	// PyrUp is the step back: zeros between samples, (1 4 6 4 1)/8 in both
	// directions, mirrored about the borders of the 2W×2H picture of samples and zeros; dst is
	// 2W or 2W−1 wide (then the last column is left out), likewise high. F32. As OpenCV's pyrUp.
	PyrUp func(dst, src *Image) error

	// Warp resamples src under the homography h (row-major 3×3, from dst pixel
	// centres to src pixel centres, x' = (h0 x + h1 y + h2)/(h6 x + h7 y + h8)) with
	// Keys' bicubic kernel (a = −½, Catmull-Rom), src's edges replicated. valid (U8,
	// 1 channel, dst's size; may be nil) becomes 255 where the position lies within
	// src's pixel centres, else 0. Same channels and format: U8, U16 or F32.
	// Integer formats are clamped. Positions are computed in binary64 as
	// (h0·x + (h1·y + h2)) · (1/(h6·x + (h7·y + h8))); one that is no number counts as far above and left.
	// h is finite. As scikit-image's warp with order=3, mode="edge".
	Warp func(dst, valid, src *Image, h *[9]float64) error

	// FusionWeights are the quality weights of Mertens, Kautz, Van Reeth 2009 as
	// OpenCV computes them: contrast = |Laplacian of Y| (4-neighbour, mirrored
	// border), saturation = √Σ(v−mean)² over v = R, G, B (not divided by 3), exposedness =
	// Π exp(−(v−½)²/(2·0.2²)); weight = contrast^wc · saturation^ws · exposedness^we
	// + 1e-12, a factor with exponent 0 left out; nil or zero p means exponents 1, 1, 1. src U8,
	// U16 or F32 of 3 channels in [0,1] units (F32 is clamped to them, NaN taken as 0); dst
	// F32, 1 channel.
	FusionWeights func(dst, src *Image, p *MertensParams) error

	// Fuse merges aligned photos of one size and format (U8, U16 or F32, 3 channels) into
	// dst (U8, U16 or F32). See FuseOptions. Working memory
	// grows with the number of photos by planes of reduced size only (FuseRobust: 10 MB a photo at
	// 45 megapixels). The order of photos does not change the result beyond rounding.
	Fuse func(dst *Image, photos []*Image, o *FuseOptions) error

	// Histogram counts the samples of each channel: 256 bins for U8, 65536 for U16.
	// mask (U8, 1 channel, may be nil) selects pixels with a value above 127.
	Histogram func(src, mask *Image) ([][]uint64, error)

	// MatchHistogram maps each channel of src so that its distribution becomes that
	// of ref (scikit-image's match_histograms: source quantiles interpolated in ref's
	// quantile function over the values that occur). U8 or U16, same channels; ref may have
	// another size. The masks (may be nil) restrict which pixels are counted; every
	// pixel is mapped (a value that no counted pixel has follows the next lower one that has). A mask
	// that selects nothing is an *ArgError. The result is cut to an integer, not rounded, as
	// scikit-image's is: MatchTable. dst: src's format, in place allowed.
	MatchHistogram func(dst, src, ref, srcMask, refMask *Image) error

	// Blend is dst = a·(1−α) + b·α with α = mask (1 channel U8, U16 or F32, in [0,1] units).
	// a, b and dst: same size, channels and format. In place on a or b. Where α is 0
	// or 1 the result is a's or b's bits exactly (α is clamped to [0,1], NaN to 0).
	Blend func(dst, a, b, mask *Image) error

	// Feather assembles overlapping tiles: dst = Σ wᵢ tᵢ / Σ wᵢ over the tiles that cover a pixel, with
	// wᵢ = min(1,(d_x+1)/(o+1))·min(1,(d_y+1)/(o+1)), d the distance in pixels to the nearest tile
	// edge in that direction (0 on the edge) and o the overlap; an edge that lies on dst's border does
	// not ramp. Tiles: U8, U16, F16 or F32, all one format, dst's channels; dst any format.
	// Every tile lies within dst; 1 to MaxTiles tiles. A pixel that no tile covers is an *ArgError.
	Feather func(dst *Image, tiles []Tile, overlap int) error

	// BoxFilter is the mean over (2r+1)² pixels, windows cut off at the borders
	// (divided by the pixels they hold). F32, 1 to 4 channels.
	BoxFilter func(dst, src *Image, radius int) error

	// GuidedFilter is He, Sun, Tang 2013: with box means over radius r,
	// a = cov(I,p)/(var(I)+ε), b = mean(p) − a·mean(I), dst = mean(a)·I + mean(b).
	// guide I, src p and dst: F32, 1 channel, same size.
	GuidedFilter func(dst, guide, src *Image, radius int, eps float64) error

	// GuidedCoefficients is the same up to its coefficients: dst (F32, 2 channels) is
	// (mean(a), mean(b)), to be applied to a guide of any resolution (the fast guided filter).
	GuidedCoefficients func(dst, guide, src *Image, radius int, eps float64) error

	// Gradient is Sobel/8 in both directions, mirrored borders: dst (F32, 2 channels) =
	// (∂x, ∂y) in units of src per pixel. src: 1 channel, any format, [0,1] units.
	Gradient func(dst, src *Image) error

	// Edges marks strong edges: dst (U8) = 255 where the gradient's magnitude is at
	// least threshold and no smaller than both neighbours along its direction (quantised
	// to 4; border mirrored), else 0. src: 1 channel, any format; threshold in [0,1] units per pixel, in (0, 2].
	Edges func(dst, src *Image, threshold float64) error

	// SSIM is Wang et al. 2004 with Gaussian windows (11×11, σ 1.5, K1 0.01, K2 0.03,
	// data range 1 in [0,1] units), as scikit-image's structural_similarity with
	// gaussian_weights=True, use_sample_covariance=False: borders mirrored with the
	// edge pixel repeated (scipy "reflect"), means over the pixels 5 or more from the
	// border (over all where a side is under 11). a, b: same
	// shape and format, U8, U16 or F32, 1 to 4 channels. m (F32, a's channels, may be nil)
	// receives the map: full SSIM, or its contrast–structure part.
	SSIM func(a, b, m *Image, o *SSIMOptions) (SSIMResult, error)

	// DeltaE is CIEDE2000 (Sharma, Wu, Dalal 2005, kL=kC=kH=1) between sRGB-encoded
	// images through CIELAB (D65, 2° observer). a, b: 3 channels, U8, U16 or F32, same
	// shape. m (F32, 1 channel, may be nil) receives the map. mask (U8, may be nil)
	// selects the pixels (above 127) the statistics count; with none, the result is all 0. Samples are
	// clamped to [0,1]; matrix and white are scikit-image's rgb2lab.
	DeltaE func(a, b, m, mask *Image) (DeltaEResult, error)

	// LocalTone is the bounded tone adjustment: see LocalToneParams. src and dst: 3
	// channels, sRGB-encoded, U8, U16 or F32. In place where formats agree.
	LocalTone func(dst, src *Image, p *LocalToneParams) error
}

// MertensParams are the exponents of the three quality measures; OpenCV's defaults are 1, 1, 1.
type MertensParams struct {
	Contrast, Saturation, Exposedness float64 // each in [0, 10]
}

// FuseMethod is how photos are merged.
type FuseMethod uint8

// The merges.
const (
	// FuseRobust is this library's merge: luma a monotone function of the mean over the photos plus detail around
	// an edge-stopped base, locally brought to the contrast of the photos that have most, colour from the photos that show that level best. No channel exceeds 0.99 of the range; one photo, or one that
	// is not clipped over 98 %, is copied. docs/merge.md derives it.
	FuseRobust FuseMethod = iota
	// FuseMertens is OpenCV's MergeMertens, formula by formula, its result clamped to [0,1].
	FuseMertens
)

// String is "robust" or "mertens".
func (m FuseMethod) String() string {
	if m == FuseMertens {
		return "mertens"
	}
	return "robust"
}

// MarshalText writes the method's name.
func (m FuseMethod) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads "robust" or "mertens".
func (m *FuseMethod) UnmarshalText(b []byte) error {
	for _, k := range []FuseMethod{FuseRobust, FuseMertens} {
		if k.String() == string(b) {
			*m = k
			return nil
		}
	}
	return &ArgError{Op: "FuseMethod", Arg: "name", Msg: strconv.Quote(string(b)) + " is neither robust nor mertens"}
}

// FuseOptions steer Ops.Fuse; nil means the zero value.
type FuseOptions struct {
	Method FuseMethod
	// Mertens are the exponents for FuseMertens; the zero value means 1, 1, 1.
	Mertens MertensParams
	// Valid holds one image per photo (or is nil), U8, 1 channel, the photos' size:
	// 255 = use the pixel, 0 = it takes no part, between = scaled. An entry may be nil (all
	// valid). A pixel that no photo claims uses all photos. FuseRobust only.
	Valid []*Image
}

// Tile is one piece of a picture for Ops.Feather: its pixels and where its corner lies in the whole.
type Tile struct {
	Image *Image
	At    image.Point
}

// SSIMOptions steer Ops.SSIM; nil means the zero value.
type SSIMOptions struct {
	// ContrastStructure leaves the luminance term out of the map and Mean: (2σxy+C2)/(σx²+σy²+C2).
	ContrastStructure bool
}

// SSIMResult holds the mean of each channel and over all channels.
type SSIMResult struct {
	Mean     float64
	Channels []float64
}

// DeltaEResult holds CIEDE2000 statistics. P95 is the 95th percentile, linear
// between order statistics, from a histogram with bins of at most 2⁻⁹ relative width.
type DeltaEResult struct {
	Mean, P95, Max float64
	N              int64 // pixels counted
}

// LocalToneParams describe Ops.LocalTone. With v a pixel in linear light
// (sRGB decoded), per pixel at position (x,y):
//
//	q = Matrix·v · 2^τ(x,y)                   white balance and exposure, linear; τ per channel
//	u = (1−h)·q + h·Y(q)·c/Y(c)               near white the correction stops at neutral
//	Y = luminance of u, ℓ = log2(max(Y, 2⁻¹⁶))
//	(a,b) = Base sampled bilinearly at (x,y)  (Base spans the picture whatever its size; edges replicated)
//	β = clamp(a·ℓ + b, −16, 4)                the edge-aware local level
//	g = Curve(β) + Detail·clamp(ℓ−β, −1, 1) + Gain(x,y)      gain in stops
//	u' = u · 2^clamp(g, −MaxGain, MaxGain)
//	out = sRGB-encoded u', after Shoulder
//
// Near white, channels are clipped in the photo and dividing a cast out would turn lamps cyan:
// with h = smoothstep(0.70, 0.95, max(R,G,B) of v) and cᵢ the median of vᵢ/Y(v), qᵢ/Y(q) and 1, no channel
// moves past neutral or away from it there. A matrix that is a multiple of the identity is not affected. In Y(·) luminance is at least 2⁻¹⁶.
//
// τ is Tint without Share; with it τ_G = Tint_G and τ_c = Tint_G + Share_c(max(R,G,B) of v)·(Tint_c − Tint_G) for R and B: a camera's shoulder
// and a merge pull bright colours towards white, and what is no longer there must not be taken out.
//
// Shoulder keeps hue at the top: with s = Shoulder in (0,1] and m = max(R,G,B) of u',
// m > s is mapped to s + (1−s)·t/(1+t), t = (m−s)/(1−s), and all three channels are scaled by the ratio;
// s = 1 clips instead.
type LocalToneParams struct {
	Matrix [9]float32 // row-major 3×3, linear sRGB to linear sRGB
	// Base is F32 with 2 channels, guided-filter coefficients of log2 luminance after Matrix; nil means β = ℓ.
	Base *Image
	// Curve is gain in stops over β from −16 to 4, evenly spaced, linear between; 2 to 4096 entries; nil means 0.
	Curve []float32
	// Detail is extra local contrast, −1..1.
	Detail float32
	// Gain is F32 with 1 channel, stops, sampled like Base; nil means 0.
	Gain *Image
	// Tint is F32 with 3 channels, log2 gains of R, G, B, sampled like Base; nil means 0.
	Tint *Image
	// Share is how much of Tint a pixel gets by its level, pairs for R and B over a linear level from 0 to 1, evenly
	// spaced, linear between, replicated above; 2 to 1024 pairs; nil means 1.
	Share []float32
	// MaxGain bounds the gain either way, stops, in (0, 8].
	MaxGain float32
	// Shoulder is where highlights begin to roll off, in (0, 1].
	Shoulder float32
}
