#ifndef REALEDIT_BOX_H
#define REALEDIT_BOX_H

#include "simd.h"

void re_box_rows(float *dst, ptrdiff_t dstride, const float *src, ptrdiff_t sstride, int w, int h, int c, int r, int y0, int y1, double *scratch);
void re_guided_rows(float *dst, ptrdiff_t dstride, int coefficients, const float *guide, ptrdiff_t gstride, const float *src, ptrdiff_t sstride,
					int w, int h, int r, double eps, int y0, int y1, int ring, double *scratch);

#endif
