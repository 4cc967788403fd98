//go:build cgo

#include "histogram.h"
#include "rows.h"

// Counting is scalar work whose enemy is a store that the next load waits for: 8-bit
// samples go to one of four sets of bins in turn, which are added up at the end.
RE_INLINE void count_u8(const uint8_t *restrict s, const uint8_t *mask, int w, uint32_t *restrict bins, int c) {
	for (int x = 0; x < w; x++) {
		if (mask && mask[x] < 128) continue;
		uint32_t *b = bins + (size_t)(x & 3) * c * 256;
		for (int k = 0; k < c; k++) b[k * 256 + s[(size_t)x * c + k]]++;
	}
}

RE_INLINE void count_u16(const uint16_t *restrict s, const uint8_t *mask, int w, uint32_t *restrict bins, int c) {
	for (int x = 0; x < w; x++) {
		if (mask && mask[x] < 128) continue;
		for (int k = 0; k < c; k++) bins[k * 65536 + s[(size_t)x * c + k]]++;
	}
}

#define COUNT(f, T)                                  \
	if (c == 1) f((const T *)s, m, w, counts, 1);      \
	else if (c == 2) f((const T *)s, m, w, counts, 2); \
	else if (c == 3) f((const T *)s, m, w, counts, 3); \
	else f((const T *)s, m, w, counts, 4);

// Adds the samples of rows [y0,y1) to counts: c·65536 bins, or for U8 four sets of c·256.
void re_histogram_rows(const void *src, ptrdiff_t stride, const uint8_t *mask, ptrdiff_t mstride, int format, int w, int c, int y0, int y1, uint32_t *counts) {
	for (int y = y0; y < y1; y++) {
		const char *s = (const char *)src + y * stride;
		const uint8_t *m = mask ? mask + y * mstride : NULL;
		if (format == RE_U8) {
			if (m) { COUNT(count_u8, uint8_t) } else { m = NULL; COUNT(count_u8, uint8_t) }
		} else {
			COUNT(count_u16, uint16_t)
		}
	}
}

// Samples through a table per channel; entries are of the destination's type.
#define TABLE(S, D, c)                                                                                 \
	{                                                                                                  \
		const S *restrict s = (const S *)((const char *)src + y * sstride);                            \
		D *restrict d = (D *)((char *)dst + y * dstride);                                              \
		const D *restrict t = tables;                                                                  \
		for (int x = 0; x < w; x++)                                                                    \
			for (int k = 0; k < c; k++) d[x * c + k] = t[(size_t)k * (sizeof(S) == 1 ? 256 : 65536) + s[x * c + k]]; \
	}
#define TABLE_C(S, D)                  \
	if (c == 1) TABLE(S, D, 1)         \
	else if (c == 2) TABLE(S, D, 2)    \
	else if (c == 3) TABLE(S, D, 3)    \
	else TABLE(S, D, 4)

// from and to are bytes per sample: 1 or 2, and 1, 2 or 4.
KERNEL(re_table_rows, (void *dst, ptrdiff_t dstride, const void *src, ptrdiff_t sstride, int from, int to, int w, int c, int y0, int y1, const void *tables),
	   (dst, dstride, src, sstride, from, to, w, c, y0, y1, tables), {
	for (int y = y0; y < y1; y++) {
		if (from == 1) {
			if (to == 1) { TABLE_C(uint8_t, uint8_t) }
			else if (to == 2) { TABLE_C(uint8_t, uint16_t) }
			else { TABLE_C(uint8_t, uint32_t) }
		} else {
			if (to == 1) { TABLE_C(uint16_t, uint8_t) }
			else if (to == 2) { TABLE_C(uint16_t, uint16_t) }
			else { TABLE_C(uint16_t, uint32_t) }
		}
	}
})
