#ifndef REALEDIT_DELTAE_H
#define REALEDIT_DELTAE_H

#include "simd.h"

// Bins of the histogram: the upper bits of the float, sign left out, 2⁻⁹ relative width, up to 256.
#define RE_DELTAE_SHIFT 14
#define RE_DELTAE_BINS (0x43800000 >> RE_DELTAE_SHIFT)

typedef struct {
	const void *a, *b;
	const uint8_t *mask; // or NULL
	float *out;          // the map, or NULL
	ptrdiff_t astride, bstride, mstride, ostride; // bytes
	const float *linear; // 256 or 65536 linear values of the integers; NULL for F32
	int format, w;
} re_deltae_images;

typedef struct {
	double sum;
	int64_t n;
	float max;
} re_deltae_stats;

void re_deltae_rows(const re_deltae_images *m, int y0, int y1, re_deltae_stats *stats, uint32_t *histogram);

#endif
