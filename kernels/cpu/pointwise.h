#ifndef REALEDIT_POINTWISE_H
#define REALEDIT_POINTWISE_H

#include "simd.h"

void re_color_matrix_rows(void *dst, ptrdiff_t dstride, int df, const void *src, ptrdiff_t sstride, int sf, int w, int y0, int y1, const float *m);
void re_curve_rows(void *dst, ptrdiff_t dstride, int df, const float *src, ptrdiff_t sstride, int w, int c, int y0, int y1, const float *tables, const int *starts);

#endif
