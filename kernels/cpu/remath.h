// Elementary functions in float32 for vectorised bodies: no calls, no branches, the same
// operations for every instruction set. Polynomials interpolate at Chebyshev nodes.
#ifndef REALEDIT_REMATH_H
#define REALEDIT_REMATH_H

#include <math.h>

#include "rows.h"

// Without a word on errno (which nothing here reads), so that the compiler makes square roots instructions.
float sqrtf(float) __attribute__((const));

// log2 x for normal x > 0; absolute error below 2e-7 + ½ ulp.
RE_INLINE float re_log2(float x) {
	int32_t u = (int32_t)re_float_bits(x);
	int32_t e = (u - 0x3f3504f3) >> 23; // so that the mantissa lies in [√½, √2)
	float f = re_bits_float((uint32_t)(u - (int32_t)((uint32_t)e << 23))) - 1.0f;
	float p = -1.074978773e-01f;
	p = p * f + 1.847603241e-01f;
	p = p * f + -1.913883794e-01f;
	p = p * f + 2.048576498e-01f;
	p = p * f + -2.396081218e-01f;
	p = p * f + 2.885525613e-01f;
	p = p * f + -3.606965418e-01f;
	p = p * f + 4.808985203e-01f;
	p = p * f + -7.213473545e-01f;
	p = p * f + 1.442695040e+00f;
	return (float)e + f * p;
}

// 2^t, t clamped to [-126, 127]; relative error below 2e-7. NaN gives 2^-126.
RE_INLINE float re_exp2(float t) {
	t = t > -126.0f ? t : -126.0f;
	t = t < 127.0f ? t : 127.0f;
	float z = t + 12582912.0f; // 1.5·2^23: rounds to an integer, which stands in the low bits
	float f = t - (z - 12582912.0f);
	float p = 1.546144472e-04f;
	p = p * f + 1.340042818e-03f;
	p = p * f + 9.618056678e-03f;
	p = p * f + 5.550327227e-02f;
	p = p * f + 2.402265092e-01f;
	p = p * f + 6.931472067e-01f;
	p = p * f + 1.0f;
	return re_bits_float(re_float_bits(p) + (re_float_bits(z) << 23));
}

// ∛x for normal x > 0: a guess in the exponent, one step of Halley, one of Newton; about 1 ulp.
RE_INLINE float re_cbrt(float x) {
	float y = re_bits_float((uint32_t)(int32_t)((float)(int32_t)re_float_bits(x) * 0.33333333f) + 709921077u);
	float c = y * y * y;
	y = y * (c + (x + x)) / ((c + c) + x);
	return y - (y - x / (y * y)) * 0.33333333f;
}

// The angle of (x,y) in radians, (-π, π]; absolute error below 1e-6. (0,0) gives 0.
RE_INLINE float re_atan2(float y, float x) {
	float ax = fabsf(x), ay = fabsf(y);
	float big = ax > ay ? ax : ay, small = ax > ay ? ay : ax;
	float t = small / (big > 1e-30f ? big : 1e-30f), s = t * t;
	float p = -4.559791986e-03f;
	p = p * s + 2.378051860e-02f;
	p = p * s + -5.882975314e-02f;
	p = p * s + 9.868865458e-02f;
	p = p * s + -1.400329018e-01f;
	p = p * s + 1.996696183e-01f;
	p = p * s + -3.333181266e-01f;
	p = p * s + 9.999998820e-01f;
	p = p * t;
	p = ay > ax ? 1.570796327f - p : p;
	p = x < 0.0f ? 3.141592654f - p : p;
	return y < 0.0f ? -p : p;
}

// sin x for |x| ≤ π/3; absolute error below 1e-7.
RE_INLINE float re_sin_third(float x) {
	float s = x * x;
	float p = -1.924327584e-04f;
	p = p * s + 8.329239625e-03f;
	p = p * s + -1.666657676e-01f;
	p = p * s + 9.999999691e-01f;
	return p * x;
}

// The sRGB transfer functions (IEC 61966-2-1) on v clamped to [0,1]; NaN is 0.
RE_INLINE float re_srgb_linear(float v) {
	v = v > 0.0f ? v : 0.0f;
	v = v < 1.0f ? v : 1.0f;
	float p = re_exp2(2.4f * re_log2(v * 0.947867299f + 0.0521327014f));
	return v <= 0.04045f ? v * 0.0773993808f : p;
}

RE_INLINE float re_srgb_encode(float v) {
	v = v > 0.0f ? v : 0.0f;
	v = v < 1.0f ? v : 1.0f;
	float p = 1.055f * re_exp2(0.416666667f * re_log2(v > 0.001f ? v : 0.001f)) - 0.055f;
	return v <= 0.0031308f ? v * 12.92f : p;
}

#endif
