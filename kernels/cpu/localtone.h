#ifndef REALEDIT_LOCALTONE_H
#define REALEDIT_LOCALTONE_H

#include "simd.h"

typedef struct {
	const void *src;
	void *dst;
	ptrdiff_t sstride, dstride; // bytes
	int sf, df, w, h;
	const float *linear; // 256 or 65536 linear values of the integers; NULL for F32
	float matrix[9];
	const float *base, *gain, *tint; // grids, or NULL
	ptrdiff_t bstride, gstride, tstride; // bytes
	int bw, bh, gw, gh, tw, th;
	const float *curve; // or NULL
	int entries;
	const float *share; // pairs, or NULL
	int pairs;
	float detail, limit, shoulder;
} re_tone;

void re_tone_rows(const re_tone *t, int y0, int y1, float *scratch);

#endif
