//go:build cgo

#include "vectorise.h"
#include "geometry.h"
#include "rows.h"

// sum = Σ w·row, first or further term; integers as stored.
RE_INLINE void add_row(int sf, const void *src, float w, int start, size_t n, float *restrict sum) {
	if (start) {
		if (sf == RE_U8) { const uint8_t *s = src; for (size_t i = 0; i < n; i++) sum[i] = w * s[i]; }
		else if (sf == RE_U16) { const uint16_t *s = src; for (size_t i = 0; i < n; i++) sum[i] = w * s[i]; }
		else if (sf == RE_F16) { const uint16_t *s = src; for (size_t i = 0; i < n; i++) sum[i] = w * re_half_float(s[i]); }
		else { const float *s = src; for (size_t i = 0; i < n; i++) sum[i] = w * s[i]; }
	} else {
		if (sf == RE_U8) { const uint8_t *s = src; for (size_t i = 0; i < n; i++) sum[i] += w * s[i]; }
		else if (sf == RE_U16) { const uint16_t *s = src; for (size_t i = 0; i < n; i++) sum[i] += w * s[i]; }
		else if (sf == RE_F16) { const uint16_t *s = src; for (size_t i = 0; i < n; i++) sum[i] += w * re_half_float(s[i]); }
		else { const float *s = src; for (size_t i = 0; i < n; i++) sum[i] += w * s[i]; }
	}
}

RE_INLINE void across(const float *restrict sum, re_taps t, int c, int dw, float *restrict line) {
	for (int x = 0; x < dw; x++) {
		const float *s = sum + (size_t)t.first[x] * c;
		const float *w = t.w + t.at[x];
		float a[4] = {0, 0, 0, 0};
		for (int k = 0; k < t.n[x]; k++)
			for (int j = 0; j < c; j++) a[j] += w[k] * s[k * c + j];
		for (int j = 0; j < c; j++) line[(size_t)x * c + j] = a[j];
	}
}

KERNEL(re_resize, (int df, int sf, void *dst, size_t ds, const void *src, size_t ss, int c, int sw, int dw, float scale,
	re_taps tx, re_taps ty, float *sum, float *line, int y0, int y1),
	(df, sf, dst, ds, src, ss, c, sw, dw, scale, tx, ty, sum, line, y0, y1), {
	for (int y = y0; y < y1; y++) {
		for (int k = 0; k < ty.n[y]; k++)
			add_row(sf, (const char *)src + (size_t)(ty.first[y] + k) * ss, ty.w[ty.at[y] + k], k == 0, (size_t)sw * c, sum);
		if (c == 1) across(sum, tx, 1, dw, line);
		else if (c == 3) across(sum, tx, 3, dw, line);
		else across(sum, tx, c, dw, line);
		re_store_raw(df, line, scale, (char *)dst + (size_t)y * ds, (size_t)dw * c);
	}
})
