#ifndef REALEDIT_FUSIONWEIGHTS_H
#define REALEDIT_FUSIONWEIGHTS_H

#include "fusion.h"

void re_fusion_weights(const re_weighing *q, const void *src, ptrdiff_t stride, float *dst, ptrdiff_t dstride, int w, int h, int y0, int y1, float *scratch);

#endif
