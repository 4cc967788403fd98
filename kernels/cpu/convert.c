//go:build cgo

#include "vectorise.h"
#include "formats.h"
#include "rows.h"

// A float sample to an integer, exactly as the definition: v·top has at most 40
// significant bits, so the product and the sum with ½ are exact in double.
#define TO_LEVEL(v, top)                                     \
	double t = (double)(v) * top;                            \
	t = t > 0.0 ? t : 0.0;                                   \
	t = t < top ? t : top;                                   \
	d[i] = (int32_t)(t + 0.5);

#define PAIR(f, t) ((f) * 4 + (t))

RE_INLINE void convert_row(int df, int sf, void *dst, const void *src, size_t n) {
	const uint8_t *s8 = src;
	const uint16_t *s16 = src;
	const float *s32 = src;
	switch (PAIR(sf, df)) {
	case PAIR(RE_U8, RE_U16): { uint16_t *d = dst; for (size_t i = 0; i < n; i++) d[i] = (uint16_t)(s8[i] * 257); break; }
	// ⌊v/257 + ½⌋ for every 16-bit v.
	case PAIR(RE_U16, RE_U8): { uint8_t *d = dst; for (size_t i = 0; i < n; i++) d[i] = (uint8_t)(((uint32_t)s16[i] * 255 + 32895) >> 16); break; }
	case PAIR(RE_U8, RE_F32): { float *d = dst; for (size_t i = 0; i < n; i++) d[i] = (float)s8[i] / 255.0f; break; }
	case PAIR(RE_U16, RE_F32): { float *d = dst; for (size_t i = 0; i < n; i++) d[i] = (float)s16[i] / 65535.0f; break; }
	case PAIR(RE_U8, RE_F16): { uint16_t *d = dst; for (size_t i = 0; i < n; i++) d[i] = re_float_half((float)s8[i] / 255.0f); break; }
	case PAIR(RE_U16, RE_F16): { uint16_t *d = dst; for (size_t i = 0; i < n; i++) d[i] = re_float_half((float)s16[i] / 65535.0f); break; }
	case PAIR(RE_F16, RE_F32): { float *d = dst; for (size_t i = 0; i < n; i++) d[i] = re_half_float(s16[i]); break; }
	case PAIR(RE_F32, RE_F16): { uint16_t *d = dst; for (size_t i = 0; i < n; i++) d[i] = re_float_half(s32[i]); break; }
	case PAIR(RE_F16, RE_U8): { uint8_t *d = dst; for (size_t i = 0; i < n; i++) { TO_LEVEL(re_half_float(s16[i]), 255.0) } break; }
	case PAIR(RE_F16, RE_U16): { uint16_t *d = dst; for (size_t i = 0; i < n; i++) { TO_LEVEL(re_half_float(s16[i]), 65535.0) } break; }
	case PAIR(RE_F32, RE_U8): { uint8_t *d = dst; for (size_t i = 0; i < n; i++) { TO_LEVEL(s32[i], 255.0) } break; }
	case PAIR(RE_F32, RE_U16): { uint16_t *d = dst; for (size_t i = 0; i < n; i++) { TO_LEVEL(s32[i], 65535.0) } break; }
	default: memcpy(dst, src, n * (sf == RE_U8 ? 1 : sf == RE_F32 ? 4 : 2));
	}
}

KERNEL(re_convert, (int df, int sf, void *dst, size_t ds, const void *src, size_t ss, size_t n, size_t rows),
	(df, sf, dst, ds, src, ss, n, rows), {
	for (size_t y = 0; y < rows; y++) convert_row(df, sf, (char *)dst + y * ds, (const char *)src + y * ss, n);
})

RE_INLINE void lookup_row(int dsize, int ssize, void *dst, const void *src, const void *table, size_t n) {
	const uint8_t *s8 = src;
	const uint16_t *s16 = src;
	// In place when the sizes agree, so no restrict here.
	if (dsize == 1) { const uint8_t *t = table; uint8_t *d = dst; if (ssize == 1) for (size_t i = 0; i < n; i++) d[i] = t[s8[i]]; else for (size_t i = 0; i < n; i++) d[i] = t[s16[i]]; }
	else if (dsize == 2) { const uint16_t *t = table; uint16_t *d = dst; if (ssize == 1) for (size_t i = 0; i < n; i++) d[i] = t[s8[i]]; else for (size_t i = 0; i < n; i++) d[i] = t[s16[i]]; }
	else { const uint32_t *t = table; uint32_t *d = dst; if (ssize == 1) for (size_t i = 0; i < n; i++) d[i] = t[s8[i]]; else for (size_t i = 0; i < n; i++) d[i] = t[s16[i]]; }
}

// Plain loads beat the gathers that wider instruction sets would use, so there is one body.
void re_lookup(int dsize, int ssize, void *dst, size_t ds, const void *src, size_t ss, const void *table, size_t n, size_t rows) {
	for (size_t y = 0; y < rows; y++) lookup_row(dsize, ssize, (char *)dst + y * ds, (const char *)src + y * ss, table, n);
}
