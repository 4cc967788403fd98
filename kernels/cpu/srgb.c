//go:build cgo

#include "vectorise.h"
#include "formats.h"
#include "rows.h"

// x ≤ 1 is m·2⁻ᵉ with m in [√½, √2). A power of m is a minimax polynomial in m−1
// (relative error below 3e-8), and the same power of 2⁻ᵉ a product over e's bits.
RE_INLINE uint32_t split(float x, float *m) {
	uint32_t u = re_float_bits(x), e = (0x3f3504f3u + 0x7fffffu - u) >> 23;
	*m = re_bits_float(u + (e << 23)) - 1.0f;
	return e;
}

// x^(5/12) for x in [2⁻¹⁵, 1]; finite for less.
RE_INLINE float pow_5_12(float x) {
	float m;
	uint32_t e = split(x, &m);
	float r = 0.0153238773f;
	r = r * m - 0.0255037528f;
	r = r * m + 0.0303893555f;
	r = r * m - 0.0412555151f;
	r = r * m + 0.0641032159f;
	r = r * m - 0.121531308f;
	r = r * m + 0.416667104f;
	r = r * m + 1.0f;
	float s = ((e & 1) ? 0.749153554f : 1.0f) * ((e & 2) ? 0.561231017f : 1.0f);
	float q = ((e & 4) ? 0.314980268f : 1.0f) * ((e & 8) ? 0.0992125645f : 1.0f);
	return r * (s * q);
}

// x^2.4 for x in [2⁻⁷, 1]; finite for less.
RE_INLINE float pow_12_5(float x) {
	float m;
	uint32_t e = split(x, &m);
	float r = -0.00437906012f;
	r = r * m + 0.0112172849f;
	r = r * m - 0.0336540416f;
	r = r * m + 0.223972663f;
	r = r * m + 1.68000162f;
	r = r * m + 2.40000033f;
	r = r * m + 1.0f;
	float s = ((e & 1) ? 0.189464569f : 1.0f) * ((e & 2) ? 0.0358968228f : 1.0f);
	return r * (s * ((e & 4) ? 0.00128858199f : 1.0f));
}

// Clamped to [0,1]; NaN is 0.
RE_INLINE float clamp01(float v) {
	v = v > 0.0f ? v : 0.0f;
	return v < 1.0f ? v : 1.0f;
}

RE_INLINE float decode(float v) {
	v = clamp01(v);
	float p = pow_12_5((v + 0.055f) / 1.055f), l = v / 12.92f;
	return v <= 0.04045f ? l : p;
}

RE_INLINE float encode(float v) {
	v = clamp01(v);
	float p = 1.055f * pow_5_12(v) - 0.055f, l = 12.92f * v;
	return v <= 0.0031308f ? l : p;
}

// In place is allowed: each chunk is read before it is written.
KERNEL(re_decode_srgb, (int df, void *dst, size_t ds, const void *src, size_t ss, size_t n, size_t rows),
	(df, dst, ds, src, ss, n, rows), {
	for (size_t y = 0; y < rows; y++) {
		const float *s = (const float *)((const char *)src + y * ss);
		char *d = (char *)dst + y * ds;
		float buf[1024];
		for (size_t x = 0; x < n; x += 1024) {
			size_t m = n - x < 1024 ? n - x : 1024;
			for (size_t i = 0; i < m; i++) buf[i] = decode(s[x + i]);
			re_store_unit(df, buf, d + x * (df == RE_F32 ? 4 : 2), m);
		}
	}
})

KERNEL(re_encode_srgb, (int df, void *dst, size_t ds, const void *src, size_t ss, size_t n, size_t rows),
	(df, dst, ds, src, ss, n, rows), {
	for (size_t y = 0; y < rows; y++) {
		const float *s = (const float *)((const char *)src + y * ss);
		char *d = (char *)dst + y * ds;
		float buf[1024];
		for (size_t x = 0; x < n; x += 1024) {
			size_t m = n - x < 1024 ? n - x : 1024;
			for (size_t i = 0; i < m; i++) buf[i] = encode(s[x + i]);
			re_store_unit(df, buf, d + x * (df == RE_U8 ? 1 : df == RE_F32 ? 4 : 2), m);
		}
	}
})
