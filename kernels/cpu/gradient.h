#ifndef REALEDIT_GRADIENT_H
#define REALEDIT_GRADIENT_H

#include "simd.h"

void re_gradient_rows(float *dst, ptrdiff_t dstride, const void *src, ptrdiff_t sstride, int format, int w, int h, int y0, int y1, float *scratch);
void re_edge_rows(uint8_t *dst, ptrdiff_t dstride, const void *src, ptrdiff_t sstride, int format, int w, int h, double least, int y0, int y1, double *scratch);

#endif
