// Fusion weights of one row, shared by FusionWeights and Fuse.
//
// Where all photos are flat or grey their weights are rounding noise of binary32, and which photo
// then wins is up to it. So that a merge is OpenCV's there too, luma, Laplacian and saturation are computed
// in the very operations it uses, its one fused multiply-add included. Pixels are planar and as stored.
#ifndef REALEDIT_FUSION_H
#define REALEDIT_FUSION_H

#include <math.h>

#include "rows.h"

// Without errno the compiler may use the square root instruction and vectorise it.
float sqrtf(float) __attribute__((const));

typedef struct {
	int format;
	float top;                               // the stored value of 1.0
	float contrast, saturation, exposedness; // exponents
} re_weighing;

// Folds i into [0,n) about the centres of the edge samples.
static inline int re_mirror(int i, int n) {
	if (n == 1) return 0;
	int p = 2 * (n - 1);
	i %= p;
	if (i < 0) i += p;
	return i < p - i ? i : p - i;
}

// 2^2t for −125 ≤ t ≤ 0, relative error below 4e-7. Pixels lie in [0,1], so that exposedness is
// at least 2^−136 whatever its exponent; the square goes that far without a branch.
RE_INLINE float re_exp2_twice(float t) {
	float z = t + 12582912.0f; // 1.5·2^23: rounds to an integer, which stands in the low bits
	float f = t - (z - 12582912.0f);
	float p = 1.535336188e-4f;
	p = p * f + 1.339887440e-3f;
	p = p * f + 9.618437357e-3f;
	p = p * f + 5.550332471e-2f;
	p = p * f + 2.402264791e-1f;
	p = p * f + 6.931472028e-1f;
	p = p * f + 1.0f;
	p = re_bits_float(re_float_bits(p) + (re_float_bits(z) << 23));
	return p * p;
}

// Weights of n pixels from x on. up, mid and down are rows of luma, with a valid sample on either side.
#define RE_WEIGHTS(name, S)                                                                                     \
	RE_INLINE void name(const S *restrict r, const S *restrict g, const S *restrict b,                          \
						const float *restrict up, const float *restrict mid, const float *restrict down,        \
						const re_weighing *q, float *restrict out, int n) {                                     \
		float unit = 1.0f / q->top, third = 1.0f / 3.0f, power = -q->exposedness * 1.442695041f / 0.16f;        \
		if (q->contrast == 1.0f && q->saturation == 1.0f) {                                                     \
			for (int x = 0; x < n; x++) {                                                                       \
				float R = r[x] * unit, G = g[x] * unit, B = b[x] * unit, mean = (R + G + B) * third;            \
				float dr = R - 0.5f, dg = G - 0.5f, db = B - 0.5f, sr = R - mean, sg = G - mean, sb = B - mean; \
				float e = re_exp2_twice(power * (dr * dr + dg * dg + db * db));                                 \
				float c = fabsf((up[x] + mid[x - 1]) - 4.0f * mid[x] + mid[x + 1] + down[x]);                   \
				float s = sqrtf(sr * sr + sg * sg + sb * sb);                                                   \
				out[x] = c * s * e + 1e-12f;                                                                    \
			}                                                                                                   \
			return;                                                                                             \
		}                                                                                                       \
		for (int x = 0; x < n; x++) {                                                                           \
			float R = r[x] * unit, G = g[x] * unit, B = b[x] * unit, mean = (R + G + B) * third;                \
			float dr = R - 0.5f, dg = G - 0.5f, db = B - 0.5f, sr = R - mean, sg = G - mean, sb = B - mean;     \
			float w = re_exp2_twice(power * (dr * dr + dg * dg + db * db));                                     \
			float c = fabsf((up[x] + mid[x - 1]) - 4.0f * mid[x] + mid[x + 1] + down[x]);                       \
			float s = sqrtf(sr * sr + sg * sg + sb * sb);                                                       \
			if (q->contrast != 0.0f) w *= q->contrast == 1.0f ? c : powf(c, q->contrast);                       \
			if (q->saturation != 0.0f) w *= q->saturation == 1.0f ? s : powf(s, q->saturation);                 \
			out[x] = w + 1e-12f;                                                                                \
		}                                                                                                       \
	}

RE_WEIGHTS(re_weights_u8, uint8_t)
RE_WEIGHTS(re_weights_f32, float)

// Pads a row of luma for the Laplacian.
RE_INLINE void re_pad_luma(float *luma, int w) {
	luma[-1] = luma[re_mirror(-1, w)];
	luma[w] = luma[re_mirror(w, w)];
}

// a·b + c, rounded once: the product of two binary32 numbers is exact in binary64.
RE_INLINE float re_fused(float a, float b, float c) { return (float)((double)a * (double)b + (double)c); }

// Luma in [0,1] of a row of pixels as stored.
#define RE_LUMA(name, S)                                                                                      \
	RE_INLINE void name(const S *restrict r, const S *restrict g, const S *restrict b, float top,             \
						float *restrict luma, int w) {                                                        \
		float unit = 1.0f / top;                                                                              \
		for (int x = 0; x < w; x++)                                                                           \
			luma[x] = re_fused(b[x] * unit, 0.114f, re_fused(r[x] * unit, 0.299f, g[x] * unit * 0.587f));     \
		re_pad_luma(luma, w);                                                                                 \
	}
RE_LUMA(re_luma_u8, uint8_t)
RE_LUMA(re_luma_f32, float)

// A row of interleaved pixels to planes of bytes.
RE_INLINE void re_planes_u8(const uint8_t *restrict src, uint8_t *restrict r, uint8_t *restrict g, uint8_t *restrict b, int w) {
	for (int x = 0; x < w; x++) {
		r[x] = src[3 * x];
		g[x] = src[3 * x + 1];
		b[x] = src[3 * x + 2];
	}
}

// A row of any format to planes of floats as stored; F32 is clamped to [0,1], NaN is 0.
RE_INLINE float re_unit(float v) {
	v = v > 0.0f ? v : 0.0f;
	return v < 1.0f ? v : 1.0f;
}

RE_INLINE void re_planes_f32(int format, const void *restrict src, float *restrict r, float *restrict g, float *restrict b, int w) {
	if (format == RE_U8) {
		const uint8_t *s = src;
		for (int x = 0; x < w; x++) { r[x] = s[3 * x]; g[x] = s[3 * x + 1]; b[x] = s[3 * x + 2]; }
	} else if (format == RE_U16) {
		const uint16_t *s = src;
		for (int x = 0; x < w; x++) { r[x] = s[3 * x]; g[x] = s[3 * x + 1]; b[x] = s[3 * x + 2]; }
	} else {
		const float *s = src;
		for (int x = 0; x < w; x++) { r[x] = re_unit(s[3 * x]); g[x] = re_unit(s[3 * x + 1]); b[x] = re_unit(s[3 * x + 2]); }
	}
}

#endif
