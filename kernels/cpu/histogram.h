#ifndef REALEDIT_HISTOGRAM_H
#define REALEDIT_HISTOGRAM_H

#include "simd.h"

void re_histogram_rows(const void *src, ptrdiff_t stride, const uint8_t *mask, ptrdiff_t mstride, int format, int w, int c, int y0, int y1, uint32_t *counts);
void re_table_rows(void *dst, ptrdiff_t dstride, const void *src, ptrdiff_t sstride, int from, int to, int w, int c, int y0, int y1, const void *tables);

#endif
