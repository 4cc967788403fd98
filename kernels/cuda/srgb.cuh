// The sRGB transfer functions (IEC 61966-2-1) on v clamped to [0,1]; NaN is 0.
//
// The fast forms are within 6e-7 of the definition (special function unit), the exact ones within 2e-7: a power of x = m·2⁻ᵉ,
// m in [√½, √2), is a minimax polynomial in m−1 (relative error below 3e-8) times the same power of 2⁻ᵉ, a product over e's bits.
#ifndef RE_SRGB_CUH
#define RE_SRGB_CUH

#include "fastmath.cuh"

namespace srgb {

RE_DEVICE float decode_fast(float v) {
	v = __saturatef(v);
	const float p = fast_exp2(2.4f * fast_log2(__fmaf_rn(v, 1.0f / 1.055f, 0.055f / 1.055f)));
	return v <= 0.04045f ? v * (1.0f / 12.92f) : p;
}

// encode_fast is the encoded value times scale, plus offset.
RE_DEVICE float encode_fast(float v, float scale, float offset) {
	v = __saturatef(v);
	const float p = fast_exp2((1.0f / 2.4f) * fast_log2(v));
	return v <= 0.0031308f ? __fmaf_rn(v, 12.92f * scale, offset) : __fmaf_rn(p, 1.055f * scale, offset - 0.055f * scale);
}

// split gives e and m − 1.
RE_DEVICE unsigned split(float x, float &m) {
	const unsigned u = __float_as_uint(x), e = (0x3f3504f3u + 0x7fffffu - u) >> 23;
	m = __uint_as_float(u + (e << 23)) - 1.0f;
	return e;
}

RE_DEVICE float decode_exact(float v) {
	v = __saturatef(v);
	float m;
	const unsigned e = split(__fmaf_rn(v, 1.0f / 1.055f, 0.055f / 1.055f), m); // at most 3 beyond the linear part
	float r = -0.00437906012f;
	r = __fmaf_rn(r, m, 0.0112172849f);
	r = __fmaf_rn(r, m, -0.0336540416f);
	r = __fmaf_rn(r, m, 0.223972663f);
	r = __fmaf_rn(r, m, 1.68000162f);
	r = __fmaf_rn(r, m, 2.40000033f);
	r = __fmaf_rn(r, m, 1.0f);
	r *= (e & 1 ? 0.189464569f : 1.0f) * (e & 2 ? 0.0358968228f : 1.0f);
	return v <= 0.04045f ? v * (1.0f / 12.92f) : r;
}

RE_DEVICE float encode_exact(float v) {
	v = __saturatef(v);
	float m;
	const unsigned e = split(v, m); // at most 8 beyond the linear part
	float r = 0.0153238773f;
	r = __fmaf_rn(r, m, -0.0255037528f);
	r = __fmaf_rn(r, m, 0.0303893555f);
	r = __fmaf_rn(r, m, -0.0412555151f);
	r = __fmaf_rn(r, m, 0.0641032159f);
	r = __fmaf_rn(r, m, -0.121531308f);
	r = __fmaf_rn(r, m, 0.416667104f);
	r = __fmaf_rn(r, m, 1.0f);
	const float s = (e & 1 ? 0.749153554f : 1.0f) * (e & 2 ? 0.561231017f : 1.0f);
	r *= s * (e & 8 ? 0.0992125645f : e & 4 ? 0.314980268f : 1.0f);
	return v <= 0.0031308f ? 12.92f * v : __fmaf_rn(1.055f, r, -0.055f);
}

} // namespace srgb

#endif
