// Arithmetic on luma that both steps before local contrast and those of it need.
#ifndef REALEDIT_FUSE_ROBUST_LIMIT_H
#define REALEDIT_FUSE_ROBUST_LIMIT_H

#include "fuse_robust.h"
#include "remath.h"

// x^(−1/3) and x^(−1/4) for normal x > 0: a guess in the exponent within 4 %, two steps of Householder of the third order; relative error
// below 1.5e-7.
RE_INLINE float re_inverse_cbrt(float x) {
	float y = re_bits_float((uint32_t)(int32_t)((float)(int32_t)re_float_bits(x) * -0.33333333f + 1419938304.0f));
	float h = 1.0f - x * (y * y * y);
	y = y + y * h * (0.333333333f + h * (0.222222222f + h * 0.172839506f));
	h = 1.0f - x * (y * y * y);
	return y + y * h * (0.333333333f + h * (0.222222222f + h * 0.172839506f));
}

RE_INLINE float re_inverse_root4(float x) {
	float y = re_bits_float((uint32_t)(int32_t)((float)(int32_t)re_float_bits(x) * -0.25f + 1331192192.0f)), s = y * y;
	float h = 1.0f - x * (s * s);
	y = y + y * h * (0.25f + h * (0.15625f + h * 0.1171875f));
	s = y * y;
	h = 1.0f - x * (s * s);
	return y + y * h * (0.25f + h * (0.15625f + h * 0.1171875f));
}

// A step of local contrast on a luma; rest is offset + Σ photos' shares.
RE_INLINE float re_robust_limit(float luma, float self, float mean, float own, float rest) {
	float m = mean + self * luma;
	m = m > 0.0f ? m : 0.0f;
	m = m < 0.985f ? m : 0.985f;
	float d = rest + own * luma - m, room = d > 0.0f ? 0.985f - m : 0.92f * m;
	room = room > 1e-4f ? room : 1e-4f;
	float r = room * room, s = d * d, y = m + d * room * re_inverse_root4(r * r + s * s);
	y = y > 0.0f ? y : 0.0f;
	return y < 0.985f ? y : 0.985f;
}

#endif
