#ifndef REALEDIT_SSIM_H
#define REALEDIT_SSIM_H

#include "simd.h"

// Two images to compare and where the map goes (or NULL), with the range the sums are taken over.
typedef struct {
	const void *a, *b;
	float *out;
	ptrdiff_t astride, bstride, mstride; // bytes
	int format, w, h, c;
	int x0, x1, y0, y1; // pixels that count
	int structure;      // leave the luminance term out
	float top;          // the stored value of 1.0
} re_ssim_images;

// Floats of scratch that re_ssim_rows needs.
#define RE_SSIM_SCRATCH (34 * 4 * 768 + 4 * 832)

void re_ssim_rows(const re_ssim_images *m, int y0, int y1, double *sums, float *scratch);

#endif
