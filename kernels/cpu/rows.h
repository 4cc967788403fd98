// Rows of samples in any format, to and from float rows in [0,1] units or stored scale.
//
// All functions are branch-free per sample, so that the compiler vectorises them in
// whatever body they are used, and use the same operations in the same order for
// every instruction set: the bits are the same.
#ifndef REALEDIT_ROWS_H
#define REALEDIT_ROWS_H

#include <string.h>

#include "simd.h"

// The values of kernels.Format.
enum { RE_U8 = 0, RE_U16 = 1, RE_F16 = 2, RE_F32 = 3 };

RE_INLINE float re_bits_float(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
RE_INLINE uint32_t re_float_bits(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }

// binary16 to binary32, exact; NaN stays NaN.
RE_INLINE float re_half_float(uint16_t h) {
	uint32_t e = (uint32_t)(h & 0x7fff) << 13;
	// The exponent is 112 too small; multiplying also puts subnormal numbers right.
	uint32_t u = re_float_bits(re_bits_float(e) * 0x1p112f);
	u = e >= 0x0f800000u ? e | 0x7f800000u : u;
	return re_bits_float(u | (uint32_t)(h & 0x8000) << 16);
}

// binary32 to binary16, nearest even; as kernels.HalfFrom.
RE_INLINE uint16_t re_float_half(float f) {
	uint32_t u = re_float_bits(f), s = u & 0x80000000u;
	u ^= s;
	uint32_t nan = u > 0x7f800000u ? 0x7e00u : 0x7c00u;
	// Subnormal result: adding ½ shifts the bits to their place and rounds them.
	uint32_t sub = re_float_bits(re_bits_float(u) + 0.5f) - 0x3f000000u;
	uint32_t nor = (u + 0xc8000fffu + (u >> 13 & 1)) >> 13;
	uint32_t h = u < 0x38800000u ? sub : nor;
	h = u >= 0x47800000u ? nan : h;
	return (uint16_t)(h | s >> 16);
}

// A stored value to an integer in [0,top], half up; NaN is 0. The comparison sends NaN to 0.
RE_INLINE int32_t re_level(float v, float top) {
	v = v > 0.0f ? v : 0.0f;
	v = v < top ? v : top;
	return (int32_t)(v + 0.5f);
}

// n samples as stored (integers not scaled) to floats.
RE_INLINE void re_load_raw(int f, const void *restrict src, float *restrict dst, size_t n) {
	if (f == RE_U8) { const uint8_t *s = src; for (size_t i = 0; i < n; i++) dst[i] = s[i]; }
	else if (f == RE_U16) { const uint16_t *s = src; for (size_t i = 0; i < n; i++) dst[i] = s[i]; }
	else if (f == RE_F16) { const uint16_t *s = src; for (size_t i = 0; i < n; i++) dst[i] = re_half_float(s[i]); }
	else memcpy(dst, src, n * 4);
}

// n floats times scale to samples as stored: integers half up and clamped, F16 nearest even.
RE_INLINE void re_store_raw(int f, const float *restrict src, float scale, void *restrict dst, size_t n) {
	if (f == RE_U8) { uint8_t *d = dst; for (size_t i = 0; i < n; i++) d[i] = (uint8_t)re_level(src[i] * scale, 255.0f); }
	else if (f == RE_U16) { uint16_t *d = dst; for (size_t i = 0; i < n; i++) d[i] = (uint16_t)re_level(src[i] * scale, 65535.0f); }
	else if (f == RE_F16) { uint16_t *d = dst; for (size_t i = 0; i < n; i++) d[i] = re_float_half(src[i] * scale); }
	else { float *d = dst; for (size_t i = 0; i < n; i++) d[i] = src[i] * scale; }
}

// n samples to floats in [0,1] units, correctly rounded.
RE_INLINE void re_load_unit(int f, const void *restrict src, float *restrict dst, size_t n) {
	if (f == RE_U8) { const uint8_t *s = src; for (size_t i = 0; i < n; i++) dst[i] = (float)s[i] / 255.0f; }
	else if (f == RE_U16) { const uint16_t *s = src; for (size_t i = 0; i < n; i++) dst[i] = (float)s[i] / 65535.0f; }
	else re_load_raw(f, src, dst, n);
}

// n floats in [0,1] units to samples.
RE_INLINE void re_store_unit(int f, const float *restrict src, void *restrict dst, size_t n) {
	re_store_raw(f, src, f == RE_U8 ? 255.0f : f == RE_U16 ? 65535.0f : 1.0f, dst, n);
}

#endif
