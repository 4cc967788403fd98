//go:build cgo

#include "vectorise.h"
#include "geometry.h"
#include "rows.h"

#define CHUNK 1024

// The mask's row chunk as one factor per sample.
RE_INLINE void factors(int mf, const void *m, size_t x, size_t n, int c, float *restrict px, float *restrict t) {
	re_load_unit(mf, (const char *)m + x * (mf == RE_U8 ? 1 : mf == RE_F32 ? 4 : 2), px, n);
	if (c == 3) for (size_t i = 0; i < n; i++) { t[3 * i] = px[i]; t[3 * i + 1] = px[i]; t[3 * i + 2] = px[i]; }
	else for (size_t i = 0; i < n; i++) for (int k = 0; k < c; k++) t[i * c + k] = px[i];
}

// NaN in the mask counts as 0; at 0 and 1 the sample's bits are copied.
#define BLEND(T, LOAD, STORE)                                           \
	{                                                                   \
		const T *pa = a, *pb = b;                                       \
		T *pd = dst;                                                    \
		for (size_t i = 0; i < n; i++) {                                \
			T va = pa[i], vb = pb[i];                                   \
			float f = t[i], r = LOAD(va) * (1.0f - f) + LOAD(vb) * f;   \
			T vr = (T)STORE(r);                                         \
			vr = f > 0.0f ? vr : va;                                    \
			pd[i] = f < 1.0f || f != f ? vr : vb;                       \
		}                                                               \
	}

#define PLAIN(v) (v)
#define LEVEL8(v) re_level(v, 255.0f)
#define LEVEL16(v) re_level(v, 65535.0f)

RE_INLINE void blend_row(int f, void *dst, const void *a, const void *b, const float *restrict t, size_t n) {
	if (f == RE_U8) BLEND(uint8_t, PLAIN, LEVEL8)
	else if (f == RE_U16) BLEND(uint16_t, PLAIN, LEVEL16)
	else if (f == RE_F16) BLEND(uint16_t, re_half_float, re_float_half)
	else BLEND(float, PLAIN, PLAIN)
}

KERNEL(re_blend, (int f, int mf, void *dst, size_t ds, const void *a, size_t as, const void *b, size_t bs, const void *m, size_t ms,
	int c, size_t w, size_t rows),
	(f, mf, dst, ds, a, as, b, bs, m, ms, c, w, rows), {
	float px[CHUNK], t[4 * CHUNK];
	size_t size = (f == RE_U8 ? 1 : f == RE_F32 ? 4 : 2) * (size_t)c;
	for (size_t y = 0; y < rows; y++)
		for (size_t x = 0; x < w; x += CHUNK) {
			size_t n = w - x < CHUNK ? w - x : CHUNK;
			factors(mf, (const char *)m + y * ms, x, n, c, px, t);
			blend_row(f, (char *)dst + y * ds + x * size, (const char *)a + y * as + x * size, (const char *)b + y * bs + x * size, t, n * c);
		}
})
